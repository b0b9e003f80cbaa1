"""What customers can be searched by, in any combination.

Rule: a field is a line of `FIELDS`; its kind says which operators it has and how a value is read. A field
that a role may not see cannot be searched by it either, or its values could be guessed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from crm_core.customers.custom_values import Definition
from crm_core.customers.insight_tables import CustomerInsight
from crm_core.customers.tables import (
    Customer,
    CustomerAddress,
    CustomerContact,
    CustomerPhone,
    CustomValue,
    Territory,
)
from crm_core.errors import Invalid
from crm_core.fields import Text
from crm_core.numbers import normalise
from crm_core.people.tables import User
from crm_core.search_text import contains

Operator = Literal["is", "in", "not", "contains", "from", "to", "empty"]
Value = StrictBool | Decimal | Annotated[Text, Field(max_length=200)]


class Condition(BaseModel):
    """One condition; all of a search must hold.

    `in` and `not` take a list; `from` (at least) and `to` (at most) a number or date; `empty` true or false.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z][a-z0-9_]*)?$", max_length=60)]
    op: Operator = "is"
    value: Value | Annotated[tuple[Value, ...], Field(max_length=500)]


Conditions = Annotated[tuple[Condition, ...], Field(max_length=20)]
Clause = ColumnElement[bool]
SHOWN_DIGITS = 4
_FRAGMENT = 3
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of a field are read, and which operators it has."""

    read: Callable[[object], object]
    operators: frozenset[str]


def _string(value: object) -> str:
    if isinstance(value, bool):
        raise ValueError("write a text")  # noqa: TRY004
    return str(value)


def _whole(value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise ValueError("write a whole number") from None
    if not 0 < number < 2**31:
        raise ValueError("this number is out of range")
    return number


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("write a number") from None
    if isinstance(value, bool) or not number.is_finite() or abs(number) >= 10**14:
        raise ValueError("write a number")
    return number


def _day(value: object) -> date:
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("write a date as 2026-03-31") from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"the year must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return day


_CODE = Kind(_string, frozenset({"is", "in", "not", "empty"}))
_WORDS = Kind(_string, frozenset({"contains"}))
_TEXT = Kind(_string, _CODE.operators | {"contains"})
_REFERENCE = Kind(_whole, frozenset({"is", "in", "not", "empty"}))
_NUMBER = Kind(_number, frozenset({"is", "from", "to", "empty"}))
_DAY = Kind(_day, frozenset({"is", "from", "to", "empty"}))
_MONTH = Kind(_whole, frozenset({"is", "in"}))

Build = Callable[[str, Any], Clause]


@dataclass(frozen=True, slots=True)
class Searched:
    """A field: how its values are read, and the clause of an operator with a value that was read; `masked`: that for
    who sees masked numbers.
    """

    kind: Kind
    build: Build
    masked: Build | None = None

    def seen(self, *, unmasked: bool) -> Build:
        return self.build if unmasked else self.masked or self.build


def _column(kind: Kind, column: Any) -> Searched:
    def build(op: str, value: Any) -> Clause:
        return _compare(column, op, value)

    return Searched(kind, build)


def _compare(column: Any, op: str, value: Any) -> Clause:
    clauses: Mapping[str, Callable[[], Any]] = {
        "is": lambda: column == value,
        "in": lambda: column.in_(value),
        "not": lambda: column.is_(None) | column.not_in(value),
        "from": lambda: column >= value,
        "to": lambda: column <= value,
        "empty": lambda: column.is_(None) if value else column.is_not(None),
    }
    clause: Clause = clauses[op]()
    return clause


def _moment(column: Any) -> Searched:
    """A time searched by day, in UTC; both ends belong to it."""

    def build(op: str, value: Any) -> Clause:
        if op == "empty":
            return _compare(column, op, value)
        begins = datetime(value.year, value.month, value.day, tzinfo=UTC)
        ends = begins + timedelta(days=1)
        clauses: Mapping[str, Clause] = {
            "is": (column >= begins) & (column < ends),
            "from": column >= begins,
            "to": column < ends,
        }
        return clauses[op]

    return Searched(_DAY, build)


def _insight(inner: Searched) -> Searched:
    """A figure worked out from orders and calls; who has none yet counts as empty."""

    def build(op: str, value: Any) -> Clause:
        absent = op == "not" or (op == "empty" and value)
        sure = {"not": "in"}.get(op, op)
        held = inner.build(sure, False if op == "empty" else value)
        known = Customer.id.in_(select(CustomerInsight.customer_id).where(held))
        return ~known if absent else known

    return Searched(inner.kind, build)


def _part(column: InstrumentedAttribute[str], owner: Any) -> Searched:
    """Words in one of the lists that belong to a customer."""

    def build(_: str, value: Any) -> Clause:
        return Customer.id.in_(select(owner).where(_words(column, value)))

    return Searched(_WORDS, build)


def _words(column: Any, value: Any) -> Clause:
    found = contains(column, value)
    if found is None:
        raise ValueError("write at least one Chinese sign or two letters")
    return found


def _name(_: str, value: Any) -> Clause:
    return _words(Customer.search_text, value)


def _worded(column: Any, other: Build) -> Build:
    """A column whose text, as it was written, is also searched by a part of it."""

    def build(op: str, value: Any) -> Clause:
        return _words(func.lower(column), value) if op == "contains" else other(op, value)

    return build


def _numbers(column: InstrumentedAttribute[Any], owner: Any) -> Searched:
    """Numbers in one of the lists that belong to a customer."""

    def held(which: Clause) -> Clause:
        return Customer.id.in_(select(owner).where(which))

    def build(op: str, value: Any, *, unmasked: bool = True) -> Clause:
        if op == "is":
            return held(column == (normalise(value) or value))
        return held(number_holds(column, value, unmasked=unmasked))

    kind = Kind(_string, frozenset({"is", "contains"}))
    return Searched(kind, build, partial(build, unmasked=False))


def number_holds(column: InstrumentedAttribute[Any], written: str, *, unmasked: bool) -> Clause:
    """That a column of numbers has these digits; for who sees masked numbers: the digits that are seen, or the
    whole number. Raises ValueError for too few digits.
    """
    digits = "".join(filter(str.isdecimal, normalise(written) or written))
    if not unmasked:
        known = _known(column, digits)
        if known is None:
            raise ValueError("write the last four digits, or the whole number")
        return known
    found = contains(column, digits)
    if found is None or len(digits) < _FRAGMENT:
        raise ValueError("write at least three digits")
    return found


def _known(column: InstrumentedAttribute[Any], digits: str) -> Clause | None:
    """From longer and longer fragments a masked number could be guessed."""
    if len(digits) != SHOWN_DIGITS:
        return column.in_((digits, f"+{digits}")) if len(digits) > SHOWN_DIGITS else None
    end = contains(column, digits)
    assert end is not None
    return end & column.endswith(digits)


def coded(codes: Sequence[str]) -> Clause:
    """Customers of these codes; that of a record that was merged leads to the one it became part of."""
    record = aliased(Customer)
    meant = func.coalesce(record.merged_into_id, record.id)
    return Customer.id.in_(select(meant).where(record.code.in_(codes)))


def _code(op: str, value: Any) -> Clause:
    codes = {"is": (value,), "in": value}.get(op)
    return coded(codes) if codes is not None else _compare(Customer.code, op, value)


def _under(_: str, value: Any) -> Clause:
    return Customer.path.contains([value])


def _unit(op: str, value: Any) -> Clause:
    staff = select(User.id).where(_compare(User.unit_id, op, value))
    return Customer.salesperson_id.in_(staff)


def _territory(op: str, value: Any) -> Clause:
    """By province or city; one who sells in a whole province is not found by its cities."""
    table = Territory
    if op == "contains":
        held = or_(*(c.contains(value, autoescape=True) for c in (table.province, table.city)))
    else:
        held = _compare(table.province, op, value) | _compare(table.city, op, value)
    return Customer.id.in_(select(table.customer_id).where(held))


def _month(column: Any) -> Searched:
    def build(op: str, value: Any) -> Clause:
        return _compare(func.extract("month", column), op, value)

    return Searched(_MONTH, build)


def _warning(op: str, value: Any) -> Clause:
    wanted = [value] if op == "is" else value
    table = CustomerInsight
    given = or_(false(), *(table.warnings.contains([{"code": code}]) for code in wanted))
    return Customer.id.in_(select(table.customer_id).where(given))


def _opt_outs(op: str, value: Any) -> Clause:
    """Who wants no notice by one of these ways."""
    found: Clause = Customer.opt_outs.overlap([value] if op == "is" else list(value))
    return found


FIELDS: Mapping[str, Searched] = {
    "name": Searched(_WORDS, _name),
    "code": Searched(_TEXT, _worded(Customer.code, _code)),
    "phones": _numbers(CustomerPhone.number, CustomerPhone.customer_id),
    "addresses": _part(CustomerAddress.search_text, CustomerAddress.customer_id),
    "address_phones": _numbers(CustomerAddress.phone, CustomerAddress.customer_id),
    "contacts": _part(CustomerContact.search_text, CustomerContact.customer_id),
    "territories": Searched(Kind(_string, frozenset({"is", "in", "contains"})), _territory),
    "level": _column(_CODE, Customer.level_code),
    "parent": _column(_REFERENCE, Customer.parent_id),
    "under": Searched(Kind(_whole, frozenset({"is"})), _under),
    "salesperson": _column(_REFERENCE, Customer.salesperson_id),
    "unit": Searched(Kind(_whole, frozenset({"is", "in"})), _unit),
    "area_code": _column(_CODE, Customer.area_code),
    "province": _column(_CODE, Customer.province),
    "city": _column(_CODE, Customer.city),
    "language": _column(_CODE, Customer.language),
    "fax": _column(_CODE, Customer.fax),
    "wecom": _column(_CODE, Customer.wecom),
    "opt_outs": Searched(Kind(_string, frozenset({"is", "in"})), _opt_outs),
    "email": Searched(_TEXT, _worded(Customer.email, _column(_TEXT, Customer.email).build)),
    "note": Searched(
        Kind(_string, frozenset({"contains", "empty"})),
        _worded(Customer.note, _column(_TEXT, Customer.note).build),
    ),
    "price_policy": _column(_CODE, Customer.price_policy_code),
    "payment_terms": _column(_CODE, Customer.payment_terms_code),
    "credit_limit": _column(_NUMBER, Customer.credit_limit),
    "credit_used": _column(_NUMBER, Customer.credit_used),
    "credit_overdue": _column(_NUMBER, Customer.credit_overdue),
    "credit_available": _column(_NUMBER, Customer.credit_limit - Customer.credit_used),
    "birthday": _column(_DAY, Customer.birthday),
    "birthday_month": _month(Customer.birthday),
    "anniversary": _column(_DAY, Customer.anniversary),
    "created": _moment(Customer.created_at),
    "updated": _moment(Customer.updated_at),
    "grade": _insight(_column(_CODE, CustomerInsight.grade_code)),
    "segment": _insight(_column(_CODE, CustomerInsight.segment_code)),
    "warning": Searched(Kind(_string, frozenset({"is", "in"})), _warning),
    "last_order": _insight(_moment(CustomerInsight.last_order_at)),
    "last_contact": _insight(_moment(CustomerInsight.last_contact_at)),
}
_LISTS = frozenset({"in", "not"})
_CUSTOM = {
    "text": (_TEXT, CustomValue.string),
    "choice": (_CODE, CustomValue.string),
    "choices": (_CODE, CustomValue.string),
    "number": (_NUMBER, CustomValue.number),
    "date": (_DAY, CustomValue.day),
    "yes_no": (
        Kind(lambda value: Decimal(bool(value)), frozenset({"is", "empty"})),
        CustomValue.number,
    ),
}


def clause(
    condition: Condition, custom: Mapping[str, Definition], *, unmasked: bool = True
) -> Clause:
    """The condition as SQL on `customers`; `unmasked`: for who sees whole telephone numbers.

    Raises Invalid naming the field.
    """
    name = condition.field
    searched = _custom(custom.get(name[7:])) if name.startswith("custom.") else FIELDS.get(name)
    if searched is None:
        raise Invalid(f"Customers cannot be searched by {name}.", fields={name: "unknown"})
    try:
        return searched.seen(unmasked=unmasked)(condition.op, _read(searched.kind, condition))
    except ValueError as error:
        raise Invalid(f"{name}: {error}.", fields={name: str(error)}) from error


def _read(kind: Kind, condition: Condition) -> Any:
    op, value = condition.op, condition.value
    if op not in kind.operators:
        raise ValueError(f"use one of {', '.join(sorted(kind.operators))} with this field")
    if op == "empty":
        if not isinstance(value, bool):
            raise ValueError("say true or false")
        return value
    if (op in _LISTS) != isinstance(value, tuple):
        raise ValueError("give a list" if op in _LISTS else "give one value")
    return tuple(map(kind.read, value)) if isinstance(value, tuple) else kind.read(value)


def _custom(field: Definition | None) -> Searched | None:
    if field is None:
        return None
    kind, column = _CUSTOM[field.type]

    def build(op: str, value: Any) -> Clause:
        rows = select(CustomValue.customer_id).where(CustomValue.field_id == field.id)
        if op in ("not", "empty"):
            held = true() if op == "empty" else column.in_(value)
            absent = Customer.id.not_in(rows.where(held))
            return absent if value is not False else ~absent
        if op == "contains":
            return Customer.id.in_(rows.where(_words(CustomValue.search_text, value)))
        return Customer.id.in_(rows.where(_compare(column, op, value)))

    return Searched(kind, build)


def fields(custom: Mapping[str, Definition]) -> dict[str, frozenset[str]]:
    """The operators of every field that customers can be searched by, the business's own among them."""
    own = {f"custom.{code}": _CUSTOM[each.type][0] for code, each in custom.items()}
    known = {name: each.kind for name, each in FIELDS.items()}
    return {name: kind.operators for name, kind in (known | own).items()}
