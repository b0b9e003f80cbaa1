"""Who stands in for whom (代理人): for a salesperson who is away, or too long busy, callers go to the deputies.

Rule: deputies stand in their order, each for certain days or always; the user's record carries them, so that they
change with its version.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.expression import ScalarSelect

from crm_core.errors import Invalid
from crm_core.fields import Id
from crm_core.people.tables import Deputy, User


class DeputyEntry(BaseModel):
    """A user who stands in from one day to another, both included, or always."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deputy_id: Id
    valid_from: date | None = None
    valid_until: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from: exchange the two days")
        return self


Deputies = Annotated[tuple[DeputyEntry, ...], Field(max_length=20)]


async def put(session: AsyncSession, user_id: int, wanted: Sequence[DeputyEntry]) -> None:
    """In place of those there were. Raises Invalid (unknown, deactivated, the user's own self)."""
    asked = {each.deputy_id for each in wanted}
    if user_id in asked:
        raise Invalid("Nobody stands in for themselves.", fields={"deputies": "own"})
    there = select(User.id).where(User.id.in_(asked), User.active)
    unknown = asked - set(await session.scalars(there.with_for_update(key_share=True)))
    if unknown:
        raise Invalid(
            f"There is no active user {', '.join(map(str, sorted(unknown)))}: choose others.",
            fields={"deputies": "unknown"},
        )
    await session.execute(delete(Deputy).where(Deputy.user_id == user_id))
    rows = [
        {"user_id": user_id, "place": place, **each.model_dump()}
        for place, each in enumerate(wanted)
    ]
    if rows:
        await session.execute(insert(Deputy), rows)


def listed() -> ScalarSelect[object]:
    """The deputies of each row of users, as JSON."""
    entry = func.jsonb_build_object(
        "deputy_id",
        Deputy.deputy_id,
        "valid_from",
        Deputy.valid_from,
        "valid_until",
        Deputy.valid_until,
    )
    in_order = func.jsonb_agg(aggregate_order_by(entry, Deputy.place))
    return (
        select(func.coalesce(in_order, func.jsonb_build_array(), type_=JSONB))
        .where(Deputy.user_id == User.id)
        .correlate(User)
        .scalar_subquery()
    )
