"""From a row of a file to what may be written in a customer's record.

Rule: pure but for the codes it is given; a row gives either a record or reasons, in words that name the
column. An empty cell says nothing: it changes nothing and empties nothing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from crm_core.customers.custom_values import Definition, judge
from crm_core.customers.fields import CustomerFields
from crm_core.exchange import values
from crm_core.exchange.columns import ADDRESS, CONTACT, OF_MAIN_ADDRESS
from crm_core.exchange.values import Cell
from crm_core.search_text import plain


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes by what people may write for them: the code itself, and the names in both languages.

    `namesakes`: the log-ins of people who share a name, so that nobody has to guess.
    """

    levels: Mapping[str, str]
    price_policies: Mapping[str, str]
    payment_terms: Mapping[str, str]
    salespeople: Mapping[str, int]
    namesakes: Mapping[str, tuple[str, ...]]
    custom: Mapping[str, Definition]


@dataclass(frozen=True, slots=True)
class Record:
    """A row that can be taken in; `parent` is how the file names the customer above.

    `main_address`: the first of the addresses is meant to be the main one.
    """

    row: int
    cells: Sequence[Cell]
    fields: CustomerFields
    parent: str | None = None
    main_address: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    row: int
    cells: Sequence[Cell]
    reasons: tuple[str, ...]
    waits: bool = False


@dataclass(slots=True)
class _Draft:
    given: dict[str, Any] = field(default_factory=dict)
    phones: list[Mapping[str, str]] = field(default_factory=list)
    address: dict[str, str | None] = field(default_factory=dict)
    more: list[Mapping[str, str | None]] = field(default_factory=list)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    parent: str | None = None
    parent_code: str | None = None
    reasons: list[str] = field(default_factory=list)


# A telephone with its label; digits in brackets belong to the number.
_LABELLED = re.compile(
    r"(?P<number>[^()（）]*\d)\s*[(（](?P<label>[^()（）]*[^\d()（）\s][^()（）]*)[)）]"
)


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
            "salesperson": self._salesperson,
            "parent": self._parent,
            "parent_code": self._parent_code,
            "territories": self._territories,
            "address": self._address_part("detail"),
            **{name: self._address_part(part) for name, part in OF_MAIN_ADDRESS.items()},
            "more_addresses": self._more_addresses,
            "contact": self._contact,
            "contact_details": self._contact_details,
            "credit_limit": self._read("credit_limit", values.number),
            "overdue_entered": self._read("overdue_entered", values.number),
            "birthday": self._read("birthday", values.day),
            "anniversary": self._read("anniversary", values.day),
            "told_by": self._read("told_by", values.channels),
            "opt_outs": self._read("opt_outs", values.ways),
            "province": self._place("province"),
            "city": self._place("city"),
        }

    def read(self, row: int, cells: Sequence[Cell], fault: str | None = None) -> Record | Refused:
        """The record of a row, or why there is none; `fault`: why the row itself cannot be read."""
        if fault:
            return Refused(row, cells, (fault,))
        draft = _Draft()
        for index, header, name in self._columns:
            cell = cells[index] if index < len(cells) else None
            if name is None or values.text(cell) is None:
                continue
            try:
                self._take(draft, name, cell)
            except (ValueError, ArithmeticError) as error:
                draft.reasons.append(f"{header}: {error}")
        return self._record(row, cells, draft)

    def _record(self, row: int, cells: Sequence[Cell], draft: _Draft) -> Record | Refused:
        if draft.address and "detail" not in draft.address:
            draft.reasons.append("there is no address to which its other columns could belong")
        if not draft.reasons:
            main = [draft.address] if draft.address else []
            lists = {
                "phones": draft.phones,
                "addresses": [*main, *draft.more],
                "contacts": list(draft.contacts.values()),
                "custom": draft.custom,
            }
            given = draft.given | {name: value for name, value in lists.items() if value}
            try:
                fields = CustomerFields.model_validate(given)
                above = draft.parent_code or draft.parent
                return Record(row, cells, fields, above, main_address=bool(main))
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
        for written in values.several(cell):
            labelled = _LABELLED.fullmatch(written)
            found = labelled.groupdict() if labelled else {"number": written}
            draft.phones.append(found)

    def _parent(self, draft: _Draft, cell: Cell) -> None:
        draft.parent = values.text(cell)

    def _parent_code(self, draft: _Draft, cell: Cell) -> None:
        draft.parent_code = values.text(cell)

    def _salesperson(self, draft: _Draft, cell: Cell) -> None:
        written = values.text(cell) or ""
        logins = self._codes.namesakes.get(plain(written))
        if logins is not None:
            raise ValueError(
                f"several people are called “{written[:40]}”: write the login ({', '.join(logins)})"
            )
        self._coded("salesperson_id", self._codes.salespeople)(draft, cell)

    def _territories(self, draft: _Draft, cell: Cell) -> None:
        found = []
        for written in values.several(cell):
            province, _, city = (part.strip() for part in written.partition("-"))
            found.append(
                {"province": _shorter(province)} | ({"city": _shorter(city)} if city else {})
            )
        draft.given["territories"] = found

    def _address_part(self, part: str) -> Callable[[_Draft, Cell], None]:
        shorter = part in ("province", "city")

        def take(draft: _Draft, cell: Cell) -> None:
            written = values.text(cell) or ""
            draft.address[part] = _shorter(written) if shorter else written

        return take

    def _more_addresses(self, draft: _Draft, cell: Cell) -> None:
        draft.more += (_named(ADDRESS, parts) for parts in values.lines(cell))

    def _contact(self, draft: _Draft, cell: Cell) -> None:
        for name in values.several(cell):
            draft.contacts.setdefault(name, {"name": name})

    def _contact_details(self, draft: _Draft, cell: Cell) -> None:
        for parts in values.lines(cell):
            found: dict[str, Any] = _named(CONTACT, parts)
            if "birthday" in found:
                found["birthday"] = values.day(found["birthday"])
            draft.contacts[found.get("name", "")] = found

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
            draft.given[name] = _shorter(values.text(cell) or "")

        return take


def _shorter(place: str) -> str:
    shorter = place.removesuffix("省").removesuffix("市")
    return shorter if len(shorter) > 1 else place


def _named(names: Sequence[str], parts: Sequence[str | None]) -> dict[str, Any]:
    """The parts of a line by their names. Raises ValueError when there are more than names."""
    if len(parts) > len(names):
        raise ValueError(f"a line has at most {len(names)} parts: {' | '.join(names)}")
    return {name: part for name, part in zip(names, parts, strict=False) if part is not None}


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
