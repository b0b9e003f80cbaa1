"""From a row of a file to what may be written in a customer's record.

Rule: pure but for the codes it is given; a row gives either a record or reasons, in words that name the
column. An empty cell says nothing: it changes nothing and empties nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from crm_core.customers.custom_values import Definition, judge
from crm_core.customers.fields import CustomerFields
from crm_core.exchange import values
from crm_core.exchange.values import Cell
from crm_core.search_text import plain


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes by what people may write for them: the code itself, and the names in both languages."""

    levels: Mapping[str, str]
    price_policies: Mapping[str, str]
    payment_terms: Mapping[str, str]
    salespeople: Mapping[str, int]
    custom: Mapping[str, Definition]


@dataclass(frozen=True, slots=True)
class Record:
    """A row that can be taken in; `parent` is how the file names the customer above."""

    row: int
    cells: Sequence[Cell]
    fields: CustomerFields
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    row: int
    cells: Sequence[Cell]
    reasons: tuple[str, ...]
    waits: bool = False


@dataclass(slots=True)
class _Draft:
    given: dict[str, Any] = field(default_factory=dict)
    phones: list[str] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)
    parent: str | None = None
    reasons: list[str] = field(default_factory=list)


class Reader:
    """Reads rows of a file whose columns mean `plan` (the field of each header)."""

    def __init__(self, headers: Sequence[str], plan: Mapping[str, str], codes: Codes) -> None:
        self._columns = [(index, name, plan.get(name)) for index, name in enumerate(headers)]
        self._codes = codes
        self._special: Mapping[str, Callable[[_Draft, Cell], None]] = {
            "phones": self._phones,
            "level": self._coded("level_code", codes.levels),
            "price_policy": self._coded("price_policy_code", codes.price_policies),
            "payment_terms": self._coded("payment_terms_code", codes.payment_terms),
            "salesperson": self._coded("salesperson_id", codes.salespeople),
            "parent": self._parent,
            "address": self._address,
            "contact": self._contact,
            "credit_limit": self._read("credit_limit", values.number),
            "credit_overdue": self._read("credit_overdue", values.number),
            "birthday": self._read("birthday", values.day),
            "anniversary": self._read("anniversary", values.day),
            "opt_outs": self._read("opt_outs", values.ways),
            "province": self._place("province"),
            "city": self._place("city"),
        }

    def read(self, row: int, cells: Sequence[Cell]) -> Record | Refused:
        """The record of a row, or why there is none."""
        draft = _Draft()
        for index, header, name in self._columns:
            cell = cells[index] if index < len(cells) else None
            if name is None or values.text(cell) is None:
                continue
            try:
                self._take(draft, name, cell)
            except ValueError as error:
                draft.reasons.append(f"{header}: {error}")
        if draft.phones:
            draft.given["phones"] = tuple(draft.phones)
        if draft.custom:
            draft.given["custom"] = draft.custom
        return self._record(row, cells, draft)

    def _record(self, row: int, cells: Sequence[Cell], draft: _Draft) -> Record | Refused:
        if not draft.reasons:
            try:
                fields = CustomerFields.model_validate(draft.given)
                return Record(row, cells, fields, draft.parent)
            except ValidationError as error:
                draft.reasons += [_said(each) for each in error.errors()]
        return Refused(row, cells, tuple(draft.reasons))

    def _take(self, draft: _Draft, name: str, cell: Cell) -> None:
        if name.startswith("custom."):
            self._custom(draft, name.removeprefix("custom."), cell)
        elif name in self._special:
            self._special[name](draft, cell)
        else:
            draft.given[name] = values.text(cell)

    def _phones(self, draft: _Draft, cell: Cell) -> None:
        draft.phones += values.several(cell)

    def _parent(self, draft: _Draft, cell: Cell) -> None:
        draft.parent = values.text(cell)

    def _address(self, draft: _Draft, cell: Cell) -> None:
        draft.given["addresses"] = ({"detail": values.text(cell)},)

    def _contact(self, draft: _Draft, cell: Cell) -> None:
        draft.given["contacts"] = ({"name": values.text(cell)},)

    def _custom(self, draft: _Draft, code: str, cell: Cell) -> None:
        known = self._codes.custom.get(code)
        if known is None:
            raise ValueError("there is no such field (any more)")
        value = _READ[known.type](cell)
        judge(known, value)
        draft.custom[code] = value

    def _coded(self, name: str, known: Mapping[str, object]) -> Callable[[_Draft, Cell], None]:
        def take(draft: _Draft, cell: Cell) -> None:
            written = values.text(cell) or ""
            found = known.get(plain(written))
            if found is None:
                raise ValueError(f"there is no “{written[:40]}”")
            draft.given[name] = found

        return take

    def _read(self, name: str, read: Callable[[Cell], Any]) -> Callable[[_Draft, Cell], None]:
        def take(draft: _Draft, cell: Cell) -> None:
            draft.given[name] = read(cell)

        return take

    def _place(self, name: str) -> Callable[[_Draft, Cell], None]:
        """河北省 and 河北, 石家庄市 and 石家庄 are the same."""

        def take(draft: _Draft, cell: Cell) -> None:
            written = values.text(cell) or ""
            shorter = written.removesuffix("省").removesuffix("市")
            draft.given[name] = shorter if len(shorter) > 1 else written

        return take


def _date(cell: Cell) -> str | None:
    day = values.day(cell)
    return day.isoformat() if day else None


_READ: Mapping[str, Callable[[Cell], Any]] = {
    "text": values.text,
    "number": values.number,
    "date": _date,
    "yes_no": values.yes_no,
    "choice": values.text,
    "choices": values.several,
}


def _said(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"] if not isinstance(part, int))
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"
