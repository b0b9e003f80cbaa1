"""A party's own statement, row by row. Rule: pure but for the reading of the file; a row that cannot be understood,
or names a reference a second time, is refused with the reason, and keeps no other back.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from crm_core.exchange import values
from crm_core.exchange.sheets import read_sheet
from crm_core.exchange.values import Cell, Row
from crm_core.text import printable
from orders.money import to_fen
from orders.settlement.codes import ItemKind, PartyKind
from orders.settlement.errors import BadPartyStatement
from orders.settlement.views import RefusedLine

MOST_ROWS = 200_000
_MOST_AMOUNT = Decimal(10) ** 10
_LONGEST_REFERENCE = 40
_SHOWN_REFUSED = 1000
_REFERENCE = "reference"
_COURIER: Mapping[str, tuple[str, ...]] = {
    _REFERENCE: ("运单号", "邮件号", "邮件号码", "快递单号", "物流单号", "waybill", "number"),
    ItemKind.COD: ("代收货款", "代收金额", "实收金额", "应返货款", "collected", "cod"),
    ItemKind.FREIGHT: ("运费", "邮费", "资费", "快递费", "freight"),
    ItemKind.COD_FEE: ("代收手续费", "手续费", "服务费", "fee", "cod_fee"),
}
_SUPPLIER: Mapping[str, tuple[str, ...]] = {
    _REFERENCE: ("送货单号", "单据号", "单号", "reference", "number"),
    ItemKind.GOODS: ("货款", "金额", "应付金额", "amount", "goods"),
    ItemKind.GOODS_RETURNED: ("退货", "退货金额", "returned"),
    ItemKind.REBATE: ("返利", "返利金额", "rebate"),
}
COLUMNS = {PartyKind.COURIER: _COURIER, PartyKind.SUPPLIER: _SUPPLIER}
"""The headers that such files usually have."""


@dataclass(frozen=True, slots=True)
class Line:
    row: int
    reference: str
    kind: ItemKind
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PartyStatement:
    """`rows` were understood, `kinds` are what the file has columns for; amounts of nothing are no lines."""

    rows: int
    kinds: tuple[ItemKind, ...]
    lines: tuple[Line, ...]
    refused: tuple[RefusedLine, ...]


def read(path: Path, kind: PartyKind) -> PartyStatement:
    """Raises Invalid (no table), BadPartyStatement (a column missing, too long)."""
    sheet = read_sheet(path)
    if sheet.total > MOST_ROWS:
        raise BadPartyStatement(
            f"The file has more than {MOST_ROWS} rows: divide it.", fields={"rows": sheet.total}
        )
    places = _places(sheet.headers, COLUMNS[kind])
    lines: list[Line] = []
    refused: list[RefusedLine] = []
    seen: dict[str, int] = {}
    for row in sheet.rows():
        try:
            reference, found = _row(row, places, seen)
        except ValueError as error:
            if len(refused) < _SHOWN_REFUSED:
                told = tuple(values.text(cell) or "" for cell in row.cells)
                refused.append(RefusedLine(row.number, told, str(error)))
            continue
        seen[reference] = row.number
        lines += found
    kinds = tuple(ItemKind(field) for field in places if field != _REFERENCE)
    return PartyStatement(len(seen), kinds, tuple(lines), tuple(refused))


def _places(headers: Sequence[str], known: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    there = {_plain(header): place for place, header in reversed(list(enumerate(headers)))}
    found = {
        field: place
        for field, names in known.items()
        if (place := next((there[_plain(n)] for n in names if _plain(n) in there), None))
        is not None
    }
    wanted = [_REFERENCE] if _REFERENCE not in found else []
    if len(found) - (_REFERENCE in found) < 1:
        wanted.append("amount")
    if wanted:
        raise BadPartyStatement(
            f"The file has no column for {', '.join(wanted)}: its headers may be"
            f" {'; '.join('/'.join(names[:2]) for names in known.values())}.",
            fields=dict.fromkeys(wanted, "column_missing"),
        )
    return found


def _row(
    row: Row, places: Mapping[str, int], seen: Mapping[str, int]
) -> tuple[str, tuple[Line, ...]]:
    def cell(field: str) -> Cell:
        place = places[field]
        return row.cells[place] if place < len(row.cells) else None

    if row.fault:
        raise ValueError(row.fault)
    reference = printable((values.text(cell(_REFERENCE)) or "").strip())
    if not reference:
        raise ValueError("the number is missing")
    if len(reference) > _LONGEST_REFERENCE:
        raise ValueError(f"the number is longer than {_LONGEST_REFERENCE} characters")
    if reference in seen:
        raise ValueError(f"“{reference}” stands in row {seen[reference]} already")
    lines = []
    for field in places:
        if field == _REFERENCE:
            continue
        amount = _amount(cell(field))
        if amount:
            lines.append(Line(row.number, reference, ItemKind(field), amount))
    return reference, tuple(lines)


def _amount(cell: Cell) -> Decimal:
    found = values.number(cell)
    if found is None:
        return Decimal(0)
    if not 0 <= found < _MOST_AMOUNT:
        raise ValueError(f"{found} is no amount of a statement")
    if found != (amount := to_fen(found)):
        raise ValueError(f"{found} is no whole number of fen")
    return amount


def _plain(word: str) -> str:
    return unicodedata.normalize("NFKC", word).strip().casefold()
