"""Values of the fields that a business added: judged by the field's type, kept in typed columns.

Rule: `judge` is pure and says in a sentence what is wrong; what it lets through the table keeps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import CustomField, CustomValue
from crm_core.customers.words import of_value
from crm_core.errors import Invalid

_EARLIEST, _LATEST = date(1900, 1, 1), date(2199, 12, 31)
_TOO_MUCH, _PLACES = Decimal(10) ** 14, 6


@dataclass(frozen=True, slots=True)
class Definition:
    """A custom field. `options` are the choices; `least` and `most` bound numbers."""

    id: int
    code: str
    label_zh: str
    label_en: str
    type: str
    required: bool
    options: tuple[str, ...]
    least: Decimal | None
    most: Decimal | None
    place: int
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of `custom_values`; exactly one is set, `words` with a text."""

    string: str | None = None
    number: Decimal | None = None
    day: date | None = None
    words: str | None = None


def judge(field: Definition, value: object) -> tuple[Stored, ...]:
    """The rows that keep this value. Raises ValueError with what is wrong."""
    return _JUDGES[field.type](field, value)


def _text(_: Definition, value: object) -> tuple[Stored, ...]:
    if not isinstance(value, str) or not value:
        raise ValueError("write some text")
    return (Stored(string=value, words=of_value(value)),)


def _number(field: Definition, value: object) -> tuple[Stored, ...]:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("write a number") from None
    if not number.is_finite() or abs(number) >= _TOO_MUCH:
        raise ValueError("write a number of at most 14 digits before the point")
    number = round(number, _PLACES)
    if field.least is not None and number < field.least:
        raise ValueError(f"the least is {field.least.normalize():f}")
    if field.most is not None and number > field.most:
        raise ValueError(f"the most is {field.most.normalize():f}")
    return (Stored(number=number),)


def _day(_: Definition, value: object) -> tuple[Stored, ...]:
    try:
        day = value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        raise ValueError("write a date as 2026-03-31") from None
    if not _EARLIEST <= day <= _LATEST:
        raise ValueError("the year must lie between 1900 and 2199")
    return (Stored(day=day),)


def _yes_no(_: Definition, value: object) -> tuple[Stored, ...]:
    if not isinstance(value, bool):
        raise ValueError("say true or false")  # noqa: TRY004
    return (Stored(number=Decimal(int(value))),)


def _choice(field: Definition, value: object) -> tuple[Stored, ...]:
    if value not in field.options:
        raise ValueError(f"choose one of {'、'.join(field.options)}")
    return (Stored(string=str(value)),)


def _choices(field: Definition, value: object) -> tuple[Stored, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError("give a list of choices")  # noqa: TRY004
    return tuple(_choice(field, each)[0] for each in dict.fromkeys(value))


_JUDGES: Mapping[str, Callable[[Definition, object], tuple[Stored, ...]]] = {
    "text": _text,
    "number": _number,
    "date": _day,
    "yes_no": _yes_no,
    "choice": _choice,
    "choices": _choices,
}
TYPES = tuple(_JUDGES)


async def definitions(
    holder: AsyncSession | AsyncConnection, *, only_active: bool = True
) -> Mapping[str, Definition]:
    """Every custom field by its code, in the order in which screens show them."""
    table: Any = CustomField.__table__
    query = select(table).order_by(table.c.place, table.c.id)
    rows = await holder.execute(query.where(table.c.active) if only_active else query)
    return {row.code: definition(row._mapping) for row in rows}  # noqa: SLF001


def definition(row: RowMapping) -> Definition:
    """A row of the table."""
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    return Definition(**values | {"options": tuple(row["options"])})


def judged(
    known: Mapping[str, Definition], custom: Mapping[str, object]
) -> Mapping[int, Sequence[Stored]]:
    """The rows of each field by its id, none for one that is emptied. Raises Invalid."""
    wrong: dict[str, str] = {}
    rows: dict[int, Sequence[Stored]] = {}
    for code, value in custom.items():
        field, is_empty = known.get(code), value in (None, "", ())
        if field is None:
            wrong[f"custom.{code}"] = "there is no such field"
        elif is_empty and field.required:
            wrong[f"custom.{code}"] = "this field must be filled in"
        else:
            try:
                rows[field.id] = () if is_empty else judge(field, value)
            except ValueError as error:
                wrong[f"custom.{code}"] = str(error)
    if wrong:
        raise Invalid("Something was filled in wrongly: see the fields.", fields=wrong)
    return rows


async def write(
    session: AsyncSession, customer_id: int, custom: Mapping[str, object], *, is_new: bool
) -> None:
    """Raises Invalid naming each wrong field; a new customer needs the required ones."""
    known = await definitions(session)
    missing = {code: None for code, field in known.items() if is_new and field.required}
    rows = judged(known, missing | dict(custom))
    if not rows:
        return
    own = CustomValue.customer_id == customer_id
    await session.execute(delete(CustomValue).where(own, CustomValue.field_id.in_(rows)))
    values = [
        {
            "customer_id": customer_id,
            "field_id": field_id,
            "place": place,
            "string": each.string,
            "number": each.number,
            "day": each.day,
            "search_text": each.words,
        }
        for field_id, stored in rows.items()
        for place, each in enumerate(stored)
    ]
    if values:
        await session.execute(insert(CustomValue), values)
