"""Webhooks and deliveries as people see them. Rule: no secret, and nothing of what a receiver answered but
its status.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Select, func, select

from crm_core.fields import PAGE, Command, Limit, Text, Versioned
from orders.connections.kinds import EventKind
from orders.connections.tables import IntegrationEvent, Webhook, WebhookDelivery

Name = Annotated[Text, Field(min_length=1, max_length=50)]
Url = Annotated[Text, Field(min_length=1, max_length=500)]
Kinds = Annotated[frozenset[EventKind], Field(min_length=1)]
_LONGEST_ID = 9_007_199_254_740_991


class NewWebhook(Command):
    name: Name
    url: Url
    kinds: Kinds


class ChangedWebhook(Versioned):
    """The whole webhook anew."""

    name: Name
    url: Url
    kinds: Kinds
    active: bool


class DeliveryQuery(Command):
    """`before`: the last delivery of the page before this one; the newest come first."""

    webhook_id: Annotated[int, Field(ge=1, le=999_999_999)] | None = None
    state: Annotated[str, Field(pattern="^(pending|sending|sent|skipped|failed)$")] | None = None
    before: Annotated[int, Field(ge=1, le=_LONGEST_ID)] | None = None
    limit: Limit = PAGE


@dataclass(frozen=True, slots=True)
class WebhookView:
    """`waiting` and `failed` count deliveries."""

    id: int
    name: str
    url: str
    kinds: tuple[str, ...]
    owner_id: int
    active: bool
    paused_reason: str | None
    failing_since: datetime | None
    quiet_until: datetime | None
    old_secret_until: datetime | None
    waiting: int
    failed: int
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """`status` is what the receiver answered; a ping has no event."""

    id: int
    webhook_id: int
    event_id: int | None
    kind: str
    subject_key: str
    state: str
    attempts: int
    next_at: datetime
    settled_at: datetime | None
    status: int | None
    reason: str | None


def _count(*states: str) -> Any:
    return (
        select(func.count())
        .where(WebhookDelivery.webhook_id == Webhook.id, WebhookDelivery.state.in_(states))
        .scalar_subquery()
    )


def webhooks() -> Select[*tuple[Any, ...]]:
    return select(
        Webhook.id,
        Webhook.name,
        Webhook.url,
        Webhook.kinds,
        Webhook.owner_id,
        Webhook.active,
        Webhook.paused_reason,
        Webhook.failing_since,
        Webhook.quiet_until,
        Webhook.old_secret_until,
        _count("pending", "sending").label("waiting"),
        _count("failed").label("failed"),
        Webhook.version,
        Webhook.created_at,
    )


def webhook_view(row: Any) -> WebhookView:
    return WebhookView(**{**row._asdict(), "kinds": tuple(row.kinds)})


def deliveries(wanted: DeliveryQuery) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            WebhookDelivery.id,
            WebhookDelivery.webhook_id,
            WebhookDelivery.event_id,
            func.coalesce(IntegrationEvent.kind, WebhookDelivery.subject).label("kind"),
            WebhookDelivery.subject_key,
            WebhookDelivery.state,
            WebhookDelivery.attempts,
            WebhookDelivery.next_at,
            WebhookDelivery.settled_at,
            WebhookDelivery.status,
            WebhookDelivery.reason,
        )
        .outerjoin(IntegrationEvent, IntegrationEvent.id == WebhookDelivery.event_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(wanted.limit)
    )
    if wanted.webhook_id is not None:
        query = query.where(WebhookDelivery.webhook_id == wanted.webhook_id)
    if wanted.state is not None:
        query = query.where(WebhookDelivery.state == wanted.state)
    if wanted.before is not None:
        query = query.where(WebhookDelivery.id < wanted.before)
    return query
