"""Events as other programs read them. Rule: data are the subject's as it is when it is told, in the words
of the API and by the eyes of whoever is told; the number says which of two tellings is the newer one.

A receiver keeps, for each subject, the highest `sequence` and what came with it; then it does not matter
how often or in which order it hears of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import aliased

from crm_core.db import Database
from crm_core.errors import Forbidden
from crm_core.fields import Command
from crm_core.rights import Principal, Right
from orders.connections.kinds import RIGHTS
from orders.connections.tables import IntegrationEvent

FORMAT = 1
_MOST = 100
Describe = Callable[[Principal, str, str], Awaitable[dict[str, Any] | None]]


class EventQuery(Command):
    """Those after this number, the earliest first."""

    after: Annotated[int, Field(ge=0, le=9_007_199_254_740_991)] = 0
    limit: Annotated[int, Field(ge=1, le=_MOST)] = 50


@dataclass(frozen=True, slots=True)
class Event:
    """`previous` is the number of the event before this one about the same subject."""

    id: int
    kind: str
    subject: str
    subject_key: str
    from_status: str | None
    to_status: str | None
    at: datetime
    previous: int | None


@dataclass(frozen=True, slots=True)
class Telling:
    """An event with what it is about; `data` None: it is gone, or not to be seen."""

    event: Event
    data: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Page:
    """`last`: ask for those after it next."""

    items: tuple[Telling, ...]
    last: int


def events() -> Select[*tuple[Any, ...]]:
    """Every event with the number of its predecessor."""
    before = aliased(IntegrationEvent)
    previous = (
        select(func.max(before.id))
        .where(
            before.subject == IntegrationEvent.subject,
            before.subject_key == IntegrationEvent.subject_key,
            before.id < IntegrationEvent.id,
        )
        .scalar_subquery()
    )
    return select(
        IntegrationEvent.id,
        IntegrationEvent.kind,
        IntegrationEvent.subject,
        IntegrationEvent.subject_key,
        IntegrationEvent.from_status,
        IntegrationEvent.to_status,
        IntegrationEvent.at,
        previous.label("previous"),
    )


def event_of(row: Row[*tuple[Any, ...]]) -> Event:
    return Event(*row)


def envelope(event: Event, data: dict[str, Any] | None) -> dict[str, Any]:
    """What is sent and listed; `format` grows when a reader of the old form would misunderstand it."""
    return {
        "id": f"evt_{event.id}",
        "type": event.kind,
        "format": FORMAT,
        "timestamp": event.at.isoformat(),
        "sequence": event.id,
        "previous": event.previous,
        "subject": {"type": event.subject, "id": event.subject_key},
        "change": {"from_status": event.from_status, "to_status": event.to_status},
        "data": data,
    }


def visible_kinds(who: Principal) -> frozenset[str]:
    """What this person may be told of."""
    return frozenset(str(kind) for kind, right in RIGHTS.items() if who.may(right))


class EventFeed:
    """Events since a number, for whoever missed some."""

    def __init__(self, database: Database, describe: Describe) -> None:
        self._database = database
        self._describe = describe

    async def after(self, who: Principal, wanted: EventQuery) -> Page:
        """Without those about what `who` may not see. Raises Forbidden."""
        kinds = visible_kinds(who)
        if not kinds:
            raise Forbidden(
                "Your role sees neither orders nor customers.",
                fields={"right": str(Right.ORDER_VIEW)},
            )
        async with self._database.reading() as connection:
            rows = await connection.execute(
                events()
                .where(IntegrationEvent.id > wanted.after, IntegrationEvent.kind.in_(kinds))
                .order_by(IntegrationEvent.id)
                .limit(wanted.limit)
            )
            found = [event_of(row) for row in rows]
        told = await self._told(who, found)
        return Page(told, found[-1].id if found else wanted.after)

    async def _told(self, who: Principal, found: Sequence[Event]) -> tuple[Telling, ...]:
        data: dict[tuple[str, str], dict[str, Any] | None] = {}
        for each in found:
            subject = each.subject, each.subject_key
            if subject not in data:
                data[subject] = await self._describe(who, *subject)
        told = (Telling(each, data[each.subject, each.subject_key]) for each in found)
        return tuple(each for each in told if each.data is not None)
