"""A courier's file of events, row by row. Rule: pure but for the reading of the file; a row that cannot be
understood is refused with the reason, and keeps no other back.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from pydantic import ValidationError

from crm_core.errors import Invalid
from crm_core.exchange import values
from crm_core.exchange.sheets import read_sheet
from crm_core.exchange.values import Cell
from orders.delivery.codes import EventCode
from orders.delivery.commands import Report
from orders.delivery.views import CourierView, RefusedRow

MOST_ROWS = 5_000
# The headers that couriers' files usually have.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "number": ("运单号", "邮件号", "邮件号码", "快递单号", "物流单号", "waybill", "number"),
    "code": ("状态", "物流状态", "邮件状态", "处理动作", "status", "code"),
    "at": ("时间", "操作时间", "处理时间", "签收时间", "time", "at"),
    "place": ("地点", "操作地点", "处理机构", "place"),
    "signer": ("签收人", "收件人签名", "signer"),
    "note": ("备注", "说明", "原因", "note"),
    "collected": ("代收金额", "实收金额", "代收货款", "collected"),
}
_NEEDED = ("number", "code", "at")
_CODES: Mapping[str, EventCode] = {
    **dict.fromkeys(("收寄", "已收寄", "揽收", "已揽收", "已揽件"), EventCode.ACCEPTED),
    **dict.fromkeys(("运输中", "在途", "到达", "离开", "封发", "已发出"), EventCode.IN_TRANSIT),
    **dict.fromkeys(
        ("派送中", "派件中", "投递中", "安排投递", "正在投递"), EventCode.OUT_FOR_DELIVERY
    ),
    **dict.fromkeys(("未妥投", "投递失败", "派送失败", "再投"), EventCode.NOT_DELIVERED),
    **dict.fromkeys(("妥投", "已妥投", "签收", "已签收", "已交付"), EventCode.DELIVERED),
    **dict.fromkeys(("拒收", "已拒收", "拒签"), EventCode.REFUSED),
    **dict.fromkeys(("丢失", "遗失", "已丢失"), EventCode.LOST),
    **dict.fromkeys(("退回", "已退回", "退回妥投"), EventCode.RETURNED),
    **{str(code): code for code in EventCode},
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row as Excel counts it."""

    row: int
    cells: tuple[str, ...]
    report: Report


@dataclass(frozen=True, slots=True)
class Rows:
    good: tuple[Row, ...]
    refused: tuple[RefusedRow, ...]


def read(path: Path, courier: CourierView, zone: tzinfo) -> Rows:
    """Times without a zone are the company's. Raises Invalid (no table, a column missing, too long)."""
    sheet = read_sheet(path)
    if sheet.total > MOST_ROWS:
        raise Invalid(
            f"The file has more than {MOST_ROWS} rows: divide it.", fields={"rows": sheet.total}
        )
    places = _places(sheet.headers, courier.feedback_columns)
    codes = dict(_CODES) | {
        _plain(word): EventCode(c) for word, c in courier.feedback_codes.items()
    }
    good: list[Row] = []
    refused: list[RefusedRow] = []
    for number, cells, fault in sheet.rows():
        told = tuple(values.text(cell) or "" for cell in cells)
        if fault:
            refused.append(RefusedRow(number, told, fault))
            continue
        try:
            good.append(Row(number, told, _report(cells, places, codes, zone)))
        except ValidationError as error:
            refused.append(RefusedRow(number, told, _sentence(error)))
        except ValueError as error:
            refused.append(RefusedRow(number, told, str(error)))
    return Rows(tuple(good), tuple(refused))


def _places(headers: Sequence[str], own: Mapping[str, str]) -> dict[str, int]:
    """The column of each field."""
    there = {_plain(header): place for place, header in reversed(list(enumerate(headers)))}
    found: dict[str, int] = {}
    for field, usual in _COLUMNS.items():
        names = (own[field],) if field in own else usual
        place = next((there[_plain(name)] for name in names if _plain(name) in there), None)
        if place is not None:
            found[field] = place
    if missing := [field for field in _NEEDED if field not in found]:
        raise Invalid(
            f"The file has no column for {', '.join(missing)}: name it in the courier's columns.",
            fields=dict.fromkeys(missing, "column_missing"),
        )
    return found


def _report(
    cells: Sequence[Cell], places: Mapping[str, int], codes: Mapping[str, EventCode], zone: tzinfo
) -> Report:
    def cell(field: str) -> Cell:
        place = places.get(field)
        return cells[place] if place is not None and place < len(cells) else None

    word = values.text(cell("code")) or ""
    if (code := codes.get(_plain(word))) is None:
        raise ValueError(f"“{word[:40]}” is no state that we know: enter it with the courier")
    return Report(
        number=values.text(cell("number")) or "",
        code=code,
        at=values.moment(cell("at"), zone),
        place=values.text(cell("place")),
        signer=values.text(cell("signer")),
        note=values.text(cell("note")),
        collected=values.number(cell("collected")),
    )


def _plain(word: str) -> str:
    return unicodedata.normalize("NFKC", word).strip().casefold()


def _sentence(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
