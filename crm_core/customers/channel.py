"""What the sales channel is made of: levels, price policies, payment terms.

Rule: one that is in use cannot be removed, only changed, and an edit names the version it was made from; a
level's rank cannot change while customers stand at it, because the tree was checked by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers import tree
from crm_core.customers.fields import Money
from crm_core.customers.tables import Customer, Level, PaymentTerms, PricePolicy
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.fields import Text
from crm_core.rights import Actor, Right

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
_Label = Annotated[Text, Field(min_length=1, max_length=50)]


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    name_zh: _Label
    name_en: _Label


class LevelContent(_Content):
    """A step of the channel; rank 1 stands next to the company. The other codes and `credit_limit` are those of a customer
    who is entered at this level and given no other; those who are there keep theirs.
    """

    rank: Annotated[int, Field(ge=1, le=100)]
    is_vip: bool = False
    price_policy_code: Code | None = None
    payment_terms_code: Code | None = None
    credit_limit: Money = Decimal(0)


class PolicyContent(_Content):
    """`discount` is the share of the list price that is paid: 0.95 is 95折."""

    discount: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)]


class TermsContent(_Content):
    """Paid `days` after delivery; 0 is on delivery, or before it when `prepaid`."""

    days: Annotated[int, Field(ge=0, le=365)]
    prepaid: bool = False


ContentT = TypeVar("ContentT", bound=_Content)


@dataclass(frozen=True, slots=True)
class Kept(Generic[ContentT]):
    content: ContentT
    version: int


class Kinds(Generic[ContentT]):
    """One of the three lists, for everybody to read and for `rules.manage` to change."""

    def __init__(self, database: Database, table: type[Any], content: type[ContentT]) -> None:
        self._database = database
        self._table = table
        self._content = content
        self._name = table.__tablename__

    async def all(self) -> dict[str, Kept[ContentT]]:
        """By code, in the order of the codes."""
        async with self._database.reading_entities() as session:
            rows = await session.scalars(select(self._table).order_by(self._table.code))
            return {row.code: self._kept(row) for row in rows}

    async def put(
        self, actor: Actor, code: str, content: ContentT, version: int | None = None
    ) -> None:
        """Make it without a version, else change that version.

        Raises Forbidden, NotFound, Invalid (it names what is not there), Conflict (there already, edited since, the rank
        of a level in use).
        """
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            await tree.lock(session)
            kept = await self._get(session, code)
            before = kept.content if kept else None
            values = content.model_dump()
            try:
                if version is None:
                    await self._make(session, code, values)
                else:
                    await self._change(session, code, kept, content, version)
            except IntegrityError as error:
                raise _unknown(error) from error
            was = before.model_dump() if before else {}
            differs, became = trail.changes(was, values)
            await trail.record(
                session,
                actor.user_id,
                f"{self._name}.put",
                self._name,
                code,
                before=differs if before else None,
                after=became,
            )

    async def remove(self, actor: Actor, code: str) -> None:
        """Raises Forbidden, NotFound, Conflict (in use)."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            kept = await self._get(session, code)
            if kept is None:
                raise NotFound(f"There is no “{code}”.")
            try:
                await session.execute(delete(self._table).where(self._table.code == code))
            except IntegrityError as error:
                raise Conflict(
                    "This is in use: give those who use it another one first."
                ) from error
            await trail.record(
                session,
                actor.user_id,
                f"{self._name}.remove",
                self._name,
                code,
                before=kept.content.model_dump(),
            )

    async def _make(self, session: AsyncSession, code: str, values: Mapping[str, object]) -> None:
        made = await session.scalar(
            upsert(self._table)
            .values(code=code, **values)
            .on_conflict_do_nothing()
            .returning(self._table.code)
        )
        if made is None:
            raise Conflict(
                f"“{code}” is there already: look at it, and name its version to change it.",
                fields={"code": "taken"},
            )

    async def _change(
        self,
        session: AsyncSession,
        code: str,
        kept: Kept[ContentT] | None,
        content: ContentT,
        version: int,
    ) -> None:
        if kept is None:
            raise NotFound(f"There is no “{code}”.")
        if kept.version != version:
            raise Conflict(
                f"“{code}” was changed since you opened it: look again.",
                fields={"version": kept.version},
            )
        await self._check(session, code, kept.content, content)
        table = self._table
        values = content.model_dump() | {"version": version + 1}
        await session.execute(update(table).where(table.code == code).values(**values))

    async def _get(self, session: AsyncSession, code: str) -> Kept[ContentT] | None:
        row = await session.get(self._table, code, with_for_update=True)
        if row is None:
            return None
        session.expunge(row)
        return self._kept(row)

    def _kept(self, row: Any) -> Kept[ContentT]:
        return Kept(self._content.model_validate(row), row.version)

    async def _check(
        self, session: AsyncSession, code: str, before: ContentT, after: ContentT
    ) -> None:
        if getattr(before, "rank", None) == getattr(after, "rank", None):
            return
        used = select(Customer.id).where(Customer.level_code == code).limit(1)
        if await session.scalar(used) is not None:
            raise Conflict(
                "Customers stand at this level: make a new level for another rank.",
                fields={"rank": "in use"},
            )


def _unknown(error: IntegrityError) -> Exception:
    for field in ("price_policy_code", "payment_terms_code"):
        if f"fk_levels_{field}" in str(error.orig):
            return Invalid(f"There is no such {field}.", fields={field: "unknown"})
    return error


class ChannelService:
    """The three lists."""

    def __init__(self, database: Database) -> None:
        self.levels = Kinds(database, Level, LevelContent)
        self.price_policies = Kinds(database, PricePolicy, PolicyContent)
        self.payment_terms = Kinds(database, PaymentTerms, TermsContent)
