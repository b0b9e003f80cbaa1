"""Events, for programs that missed some: what happened since a number."""

from datetime import datetime
from typing import Any

from crm_core.rights import Right
from orders.connections.feed import EventFeed, EventQuery, Telling, envelope
from webui.asked import Asked, Model, Nothing
from webui.described import describer
from webui.routing import Route, needs
from webui.views import View


class EventSearch(EventQuery, Model):
    """Events after this number; the answer's `last` is the next `after`."""


class EventSubject(View):
    type: str
    id: str


class EventChange(View):
    from_status: str | None
    to_status: str | None


class EventItem(View):
    """As webhooks send it; of a subject the event with the highest `sequence` counts."""

    id: str
    type: str
    format: int
    timestamp: datetime
    sequence: int
    previous: int | None
    subject: EventSubject
    change: EventChange
    data: dict[str, Any] | None


class EventList(View):
    items: tuple[EventItem, ...]
    last: int


async def since(asked: Asked[Nothing, EventSearch]) -> EventList:
    """Events about what you may see, the earliest first."""
    services = asked.services
    describe = describer(services.database, services.crm, services.trade)
    page = await EventFeed(services.database, describe).after(asked.principal, asked.query)
    return EventList(items=tuple(map(_item, page.items)), last=page.last)


def _item(told: Telling) -> EventItem:
    return EventItem.model_validate(envelope(told.event, told.data))


ROUTES = (
    Route(
        "GET",
        "/api/events",
        since,
        needs(Right.ORDER_VIEW, Right.CUSTOMER_VIEW),
        query=EventSearch,
        answer=EventList,
    ),
)
