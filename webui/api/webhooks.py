"""Webhooks: where events are sent, and what became of each."""

from datetime import datetime

from crm_core.rights import Right
from orders.connections.webhook_views import ChangedWebhook, DeliveryQuery, NewWebhook
from orders.connections.webhooks import WebhookService
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedWebhook(NewWebhook, Model):
    """`url` is https, or http to a network that the settings name."""


class WantedWebhookChange(ChangedWebhook, Model):
    """The whole webhook anew, made from `version`."""


class DeliverySearch(DeliveryQuery, Model):
    """Which deliveries to list; `before` is the last id of the page before."""


class WebhookItem(View):
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


class WebhookList(View):
    items: tuple[WebhookItem, ...]


class WebhookAnswer(View):
    webhook: WebhookItem


class NewWebhookAnswer(WebhookAnswer):
    """`secret` is shown this once; signatures are made with it (Standard Webhooks)."""

    secret: str


class DeliveryItem(View):
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


class DeliveryList(View):
    items: tuple[DeliveryItem, ...]


class PingAnswer(View):
    delivery_id: int


async def all_webhooks(asked: Asked[Nothing, Nothing]) -> WebhookList:
    """Every webhook, with how many deliveries wait and how many failed."""
    found = await _service(asked).all(asked.principal)
    return WebhookList(items=tuple(map(WebhookItem.model_validate, found)))


async def create(asked: Asked[WantedWebhook, Nothing]) -> NewWebhookAnswer:
    """A new webhook; it is told what you may see, from now on."""
    made = await _service(asked).add(asked.principal, asked.body)
    return NewWebhookAnswer.model_validate(made)


async def change(asked: Asked[WantedWebhookChange, Nothing]) -> WebhookAnswer:
    """Change or end a webhook."""
    made = await _service(asked).change(asked.principal, int(asked.id), asked.body)
    return WebhookAnswer(webhook=WebhookItem.model_validate(made))


async def rotate(asked: Asked[Nothing, Nothing]) -> NewWebhookAnswer:
    """A new secret; for a day the old one signs as well."""
    return NewWebhookAnswer.model_validate(
        await _service(asked).rotate(asked.principal, int(asked.id))
    )


async def resume(asked: Asked[Nothing, Nothing]) -> WebhookAnswer:
    """Ask a paused webhook again, from where it stopped."""
    made = await _service(asked).resume(asked.principal, int(asked.id))
    return WebhookAnswer(webhook=WebhookItem.model_validate(made))


async def ping(asked: Asked[Nothing, Nothing]) -> PingAnswer:
    """Send a ping; what became of it stands among the deliveries."""
    return PingAnswer(delivery_id=await _service(asked).ping(asked.principal, int(asked.id)))


async def deliveries(asked: Asked[Nothing, DeliverySearch]) -> DeliveryList:
    """Deliveries, the newest first; those that failed wait for a person."""
    found = await _service(asked).deliveries(asked.principal, asked.query)
    return DeliveryList(items=tuple(map(DeliveryItem.model_validate, found)))


async def send_again(asked: Asked[Nothing, Nothing]) -> None:
    """Send a delivery once more."""
    await _service(asked).send_again(asked.principal, int(asked.id))


def _service(asked: Asked[Model, Model]) -> WebhookService:
    return asked.services.trade.connections.webhooks


_MANAGE = needs(Right.CONNECTION_MANAGE)
_PATH = "/api/webhooks"
_ONE = f"{_PATH}/{NUMBER}"

ROUTES = (
    Route("GET", _PATH, all_webhooks, _MANAGE, answer=WebhookList),
    Route("POST", _PATH, create, _MANAGE, WantedWebhook, answer=NewWebhookAnswer, status=201),
    Route("PUT", _ONE, change, _MANAGE, WantedWebhookChange, answer=WebhookAnswer),
    Route("POST", f"{_ONE}/secret", rotate, _MANAGE, answer=NewWebhookAnswer),
    Route("POST", f"{_ONE}/resume", resume, _MANAGE, answer=WebhookAnswer),
    Route("POST", f"{_ONE}/ping", ping, _MANAGE, answer=PingAnswer, once=True),
    Route(
        "GET",
        "/api/webhook-deliveries",
        deliveries,
        _MANAGE,
        query=DeliverySearch,
        answer=DeliveryList,
    ),
    Route("POST", f"/api/webhook-deliveries/{NUMBER}/again", send_again, _MANAGE, status=204),
)
