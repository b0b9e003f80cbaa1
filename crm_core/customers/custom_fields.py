"""The fields that a business adds to its customers' records, without code.

Rule: a field's code and type never change, because values are kept by them; a field that is no longer
wanted is made inactive, and its values come back with it.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.custom_values import Definition, definition, definitions
from crm_core.customers.tables import CustomField
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.fields import Text
from crm_core.rights import Actor, Right

_Label = Annotated[Text, Field(min_length=1, max_length=50)]
_Options = Annotated[
    tuple[Annotated[Text, Field(min_length=1, max_length=100)], ...], Field(max_length=200)
]
_Bound = Annotated[Decimal, Field(max_digits=20, decimal_places=6)]


class CustomFieldChange(BaseModel):
    """Only what is given is changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label_zh: _Label = ""
    label_en: _Label = ""
    required: bool = False
    options: _Options = ()
    least: _Bound | None = None
    most: _Bound | None = None
    place: Annotated[int, Field(ge=0, le=10_000)] = 0
    active: bool = True


class NewCustomField(CustomFieldChange):
    """`code` is the name in the API and in imports; `type` says what may be written."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
    type: Literal["text", "number", "date", "yes_no", "choice", "choices"]
    label_zh: _Label
    label_en: _Label


class CustomFieldService:
    """Definitions of custom fields."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, *, only_active: bool = True) -> tuple[Definition, ...]:
        """In the order in which screens show them."""
        async with self._database.reading() as connection:
            found = await definitions(connection, only_active=only_active)
        return tuple(found.values())

    async def create(self, actor: Actor, new: NewCustomField) -> Definition:
        """Raises Forbidden, Invalid, Conflict (code or label taken)."""
        actor.require(Right.RULES_MANAGE)
        _check(new.type, new.options, new.least, new.most)
        values = new.model_dump() | {"options": list(new.options)}
        async with self._database.begin() as session:
            try:
                made = await session.scalar(
                    insert(CustomField).values(values).returning(CustomField.id)
                )
            except IntegrityError as error:
                raise _taken(error) from error
            found = await _get(session, made or 0)
            await trail.record(
                session,
                actor.user_id,
                "custom_field.create",
                "custom_field",
                new.code,
                after=values,
            )
        return found

    async def update(
        self, actor: Actor, field_id: int, version: int, change: CustomFieldChange
    ) -> Definition:
        """Raises Forbidden, NotFound, Conflict (edited since, label taken), Invalid."""
        actor.require(Right.RULES_MANAGE)
        given = change.model_dump(exclude_unset=True)
        async with self._database.begin() as session:
            before = await _get(session, field_id, for_update=True)
            if before.version != version:
                raise Conflict(
                    "Somebody else has changed this field since you opened it: look again.",
                    fields={"version": before.version},
                )
            wanted = {name: given.get(name, getattr(before, name)) for name in _CHECKED}
            _check(before.type, wanted["options"], wanted["least"], wanted["most"])
            if "options" in given:
                given["options"] = list(given["options"])
            try:
                await session.execute(
                    update(CustomField)
                    .where(CustomField.id == field_id)
                    .values(**given, version=version + 1)
                )
            except IntegrityError as error:
                raise _taken(error) from error
            was, became = trail.changes({key: getattr(before, key) for key in given}, given)
            await trail.record(
                session,
                actor.user_id,
                "custom_field.update",
                "custom_field",
                before.code,
                before=was,
                after=became,
            )
            return await _get(session, field_id)


_CHECKED = ("options", "least", "most")


def _check(
    kind: str, options: tuple[str, ...], least: Decimal | None, most: Decimal | None
) -> None:
    chooses = kind in ("choice", "choices")
    if chooses != bool(options):
        raise Invalid(
            "A field of choices needs options, any other field has none.",
            fields={"options": "missing" if chooses else "unexpected"},
        )
    if len(set(options)) < len(options):
        raise Invalid("An option stands there twice.", fields={"options": "double"})
    bounds = [each for each in (least, most) if each is not None]
    if bounds and kind != "number":
        raise Invalid("Only a number has bounds.", fields={"least": "unexpected"})
    if len(bounds) == 2 and bounds != sorted(bounds):  # noqa: PLR2004
        raise Invalid("The least is more than the most.", fields={"least": "above most"})


async def _get(session: AsyncSession, field_id: int, *, for_update: bool = False) -> Definition:
    query = select(CustomField.__table__).where(CustomField.id == field_id)
    row = (await session.execute(query.with_for_update() if for_update else query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no custom field {field_id}.")
    return definition(row._mapping)  # noqa: SLF001


def _taken(error: IntegrityError) -> Conflict:
    name = "label_zh" if "label_zh" in str(error.orig) else "code"
    return Conflict(f"Another field has this {name}: choose another one.", fields={name: "taken"})
