"""What the sales channel is made of: levels, price policies, payment terms.

Rule: one that is in use cannot be removed, only changed; a level's rank cannot change while customers
stand at it, because the tree was checked by it.
"""

from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.tables import Customer, Level, PaymentTerms, PricePolicy
from crm_core.db import Database
from crm_core.errors import Conflict, NotFound
from crm_core.fields import Text
from crm_core.rights import Actor, Right

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
_Label = Annotated[Text, Field(min_length=1, max_length=50)]


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    name_zh: _Label
    name_en: _Label


class LevelContent(_Content):
    """A step of the channel; rank 1 stands next to the company."""

    rank: Annotated[int, Field(ge=1, le=100)]
    is_vip: bool = False


class PolicyContent(_Content):
    """`discount` is the share of the list price that is paid: 0.95 is 95折."""

    discount: Annotated[Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4)]


class TermsContent(_Content):
    """Paid `days` after delivery; 0 is on delivery, or before it when `prepaid`."""

    days: Annotated[int, Field(ge=0, le=365)]
    prepaid: bool = False


ContentT = TypeVar("ContentT", bound=_Content)


class Kinds(Generic[ContentT]):
    """One of the three lists, for everybody to read and for `rules.manage` to change."""

    def __init__(self, database: Database, table: type[Any], content: type[ContentT]) -> None:
        self._database = database
        self._table = table
        self._content = content
        self._name = table.__tablename__

    async def all(self) -> dict[str, ContentT]:
        """By code, in the order of the codes."""
        async with self._database.reading_entities() as session:
            rows = await session.scalars(select(self._table).order_by(self._table.code))
            return {row.code: self._content.model_validate(row) for row in rows}

    async def put(self, actor: Actor, code: str, content: ContentT) -> None:
        """Make it, or change it. Raises Forbidden, Conflict (the rank of a level in use)."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            before = await self._get(session, code)
            values = content.model_dump()
            if before is None:
                await session.execute(insert(self._table).values(code=code, **values))
            else:
                await self._check(session, code, before, content)
                await session.execute(
                    update(self._table).where(self._table.code == code).values(**values)
                )
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
            before = await self._get(session, code)
            if before is None:
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
                before=before.model_dump(),
            )

    async def _get(self, session: AsyncSession, code: str) -> ContentT | None:
        row = await session.get(self._table, code, with_for_update=True)
        if row is None:
            return None
        found = self._content.model_validate(row)
        session.expunge(row)
        return found

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


class ChannelService:
    """The three lists."""

    def __init__(self, database: Database) -> None:
        self.levels = Kinds(database, Level, LevelContent)
        self.price_policies = Kinds(database, PricePolicy, PolicyContent)
        self.payment_terms = Kinds(database, PaymentTerms, TermsContent)
