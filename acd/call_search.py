"""Finding calls: by customer, agent, number, days and what became of them.

Rule: nobody finds a call of a customer whom they may not see; a page goes on exactly where the one before ended.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Select, and_, literal, select

from acd.events import Direction
from acd.rows import CallRow
from acd.store import call_row, seen
from acd.tables import Call, Recording
from crm_core.db import Database
from crm_core.fields import CallId, Id, Limit, Moment, Text
from crm_core.numbers import normalise
from crm_core.people.tables import User
from crm_core.rights import Actor
from crm_core.timeline import Place, newest_first

_PLACE = (Call.started_at, literal("call"), Call.id)


class CallQuery(BaseModel):
    """Every condition must hold. `number` is the caller's in full; `until` is not included; `after` is what the page
    before gave.
    """

    customer_id: Id | None = None
    agent_id: Id | None = None
    call_id: CallId | None = None
    number: Annotated[Text, Field(max_length=40)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    queue: Annotated[Text, Field(max_length=50)] | None = None
    direction: Direction | None = None
    outcome: Annotated[Text, Field(max_length=30)] | None = None
    recorded: Literal["yes", "no", "held", "removed"] | None = None
    after: Annotated[Text, Field(max_length=200)] | None = None
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class FoundCall:
    """`recorded_s`: how long the sound is that can be heard, None where there is none (any more)."""

    row: CallRow
    agent_name: str | None
    recorded_s: float | None


@dataclass(frozen=True, slots=True)
class CallPage:
    """The newest first; `after` is for the next page, None on the last."""

    items: tuple[FoundCall, ...]
    after: str | None


async def find_calls(database: Database, actor: Actor, query: CallQuery) -> CallPage:
    """Raises Invalid for a place that no page gave."""
    statement = _statement(actor, query).order_by(*newest_first(*_PLACE)).limit(query.limit + 1)
    async with database.begin() as session:
        found = [
            FoundCall(call_row(call), name, None if seconds is None else float(seconds))
            for call, name, seconds in await session.execute(statement)
        ]
    items = tuple(found[: query.limit])
    last = items[-1].row if len(found) > query.limit else None
    return CallPage(items, None if last is None else str(Place(last.started_at, "call", last.id)))


def _statement(actor: Actor, query: CallQuery) -> Select[Call, str, float]:
    heard = and_(Recording.call_id == Call.id, Recording.removed_at.is_(None))
    found = (
        select(Call, User.name, Recording.seconds)
        .outerjoin(User, User.id == Call.agent_id)
        .outerjoin(Recording, heard)
        .where(seen(actor))
    )
    equal = {
        Call.customer_id: query.customer_id,
        Call.agent_id: query.agent_id,
        Call.id: query.call_id,
        Call.caller: None if query.number is None else normalise(query.number) or query.number,
        Call.queue: query.queue,
        Call.direction: query.direction,
        Call.outcome: query.outcome,
    }
    for column, value in equal.items():
        if value is not None:
            found = found.where(column == value)
    if query.since is not None:
        found = found.where(Call.started_at >= query.since)
    if query.until is not None:
        found = found.where(Call.started_at < query.until)
    if query.after is not None:
        found = found.where(Place.read(query.after).is_after(*_PLACE))
    return _recorded(found, query)


def _recorded(found: Select[Call, str, float], query: CallQuery) -> Select[Call, str, float]:
    match query.recorded:
        case "yes":
            return found.where(Recording.call_id.is_not(None))
        case "no":
            return found.where(Recording.call_id.is_(None))
        case "held":
            return found.where(Recording.held_at.is_not(None))
        case "removed":
            gone = select(Recording.call_id).where(Recording.removed_at.is_not(None))
            return found.where(Call.id.in_(gone))
        case None:
            return found
