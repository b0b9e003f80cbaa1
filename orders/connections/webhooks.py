"""Webhooks, for those who hold `connection.manage`.

Rule: a secret is made here, leaves here once and is kept encrypted; a webhook never sees more than its
owner may at that moment, nor more than the owner might when it was made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import Principal, Right
from crm_core.vault import Vault
from orders.connections import signing
from orders.connections.addresses import checked_url
from orders.connections.errors import NotInThisState
from orders.connections.kinds import PING, RIGHTS, EventKind
from orders.connections.tables import Webhook, WebhookDelivery
from orders.connections.webhook_views import (
    ChangedWebhook,
    DeliveryQuery,
    DeliveryView,
    NewWebhook,
    WebhookView,
    deliveries,
    webhook_view,
    webhooks,
)

log = structlog.get_logger(__name__)

BOTH_SECRETS_FOR = timedelta(days=1)
_ENTITY = "webhook"


@dataclass(frozen=True, slots=True)
class WithSecret:
    """The secret is shown this once."""

    webhook: WebhookView
    secret: str


class WebhookService:
    """Every method may raise Forbidden and DatabaseUnavailable; those with an id NotFound."""

    def __init__(self, database: Database, vault: Vault, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def all(self, who: Principal) -> tuple[WebhookView, ...]:
        who.require(Right.CONNECTION_MANAGE)
        async with self._database.reading() as connection:
            rows = await connection.execute(webhooks().order_by(Webhook.id))
            return tuple(webhook_view(row) for row in rows)

    async def add(self, who: Principal, new: NewWebhook) -> WithSecret:
        """Whoever adds it owns it. Raises Invalid, Conflict (name), SecretsUnavailable."""
        who.require(Right.CONNECTION_MANAGE)
        _check(who, new.kinds, new.url)
        secret = signing.new_secret()
        values = new.model_dump(mode="json") | {
            "kinds": sorted(new.kinds),
            "owner_id": who.user_id,
            "rights": sorted(who.rights),
            "created_at": self._clock(),
        }
        async with self._database.begin() as session:
            made = await session.scalar(
                upsert(Webhook)
                .values(values | {"secret": self._vault.seal(_ENTITY, secret)})
                .on_conflict_do_nothing(index_elements=["name"])
                .returning(Webhook.id)
            )
            if made is None:
                raise Conflict("Another webhook has this name.", fields={"name": "taken"})
            await trail.record(
                session, who.user_id, "webhook.create", _ENTITY, made, after=_told(values)
            )
            view = await _read(session, made)
        return WithSecret(view, secret)

    async def change(self, who: Principal, webhook_id: int, new: ChangedWebhook) -> WebhookView:
        """Its owner stays the owner. Raises Invalid, Conflict (name, version)."""
        who.require(Right.CONNECTION_MANAGE)
        _check(who, new.kinds, new.url)
        try:
            async with self._database.begin() as session:
                held = await _held(session, webhook_id)
                if held.version != new.version:
                    raise Conflict(
                        "Somebody else has changed this webhook: look at it as it is now.",
                        fields={"version": held.version},
                    )
                values = new.model_dump(mode="json", exclude={"version"})
                values["kinds"] = sorted(new.kinds)
                was, became = trail.changes({name: getattr(held, name) for name in values}, values)
                await session.execute(
                    update(Webhook)
                    .where(Webhook.id == webhook_id)
                    .values(**values, version=Webhook.version + 1)
                )
                await trail.record(
                    session,
                    who.user_id,
                    "webhook.update",
                    _ENTITY,
                    webhook_id,
                    before=was,
                    after=became,
                )
                return await _read(session, webhook_id)
        except IntegrityError as error:
            raise Conflict("Another webhook has this name.", fields={"name": "taken"}) from error

    async def rotate(self, who: Principal, webhook_id: int) -> WithSecret:
        """A new secret; for a day requests are signed with the old one as well."""
        who.require(Right.CONNECTION_MANAGE)
        secret, until = signing.new_secret(), self._clock() + BOTH_SECRETS_FOR
        async with self._database.begin() as session:
            held = await _held(session, webhook_id)
            await session.execute(
                update(Webhook)
                .where(Webhook.id == webhook_id)
                .values(
                    secret=self._vault.seal(_ENTITY, secret),
                    old_secret=held.secret,
                    old_secret_until=until,
                )
            )
            await trail.record(session, who.user_id, "webhook.rotate", _ENTITY, webhook_id)
            view = await _read(session, webhook_id)
        return WithSecret(view, secret)

    async def resume(self, who: Principal, webhook_id: int) -> WebhookView:
        """It is asked again at once, from where it stopped."""
        who.require(Right.CONNECTION_MANAGE)
        async with self._database.begin() as session:
            held = await _held(session, webhook_id)
            await session.execute(
                update(Webhook)
                .where(Webhook.id == webhook_id)
                .values(paused_reason=None, failing_since=None, failures=0, quiet_until=None)
            )
            await trail.record(
                session,
                who.user_id,
                "webhook.resume",
                _ENTITY,
                webhook_id,
                before={"paused_reason": held.paused_reason},
            )
            return await _read(session, webhook_id)

    async def ping(self, who: Principal, webhook_id: int) -> int:
        """The id of a delivery that says hello; its result stands among the deliveries."""
        who.require(Right.CONNECTION_MANAGE)
        async with self._database.begin() as session:
            await _held(session, webhook_id)
            number = select(func.count()).where(WebhookDelivery.webhook_id == webhook_id)
            delivery = WebhookDelivery(
                webhook_id=webhook_id,
                subject=PING,
                subject_key=str(await session.scalar(number)),
                next_at=self._clock(),
            )
            session.add(delivery)
            await session.flush()
        return delivery.id

    async def deliveries(self, who: Principal, wanted: DeliveryQuery) -> tuple[DeliveryView, ...]:
        """Those that failed wait here for a person."""
        who.require(Right.CONNECTION_MANAGE)
        async with self._database.reading() as connection:
            rows = await connection.execute(deliveries(wanted))
            return tuple(DeliveryView(*row) for row in rows)

    async def send_again(self, who: Principal, delivery_id: int) -> None:
        """One that failed, or was sent and is missed there. Raises NotInThisState."""
        who.require(Right.CONNECTION_MANAGE)
        async with self._database.begin() as session:
            held = await session.get(WebhookDelivery, delivery_id, with_for_update=True)
            if held is None:
                raise NotFound(f"There is no delivery {delivery_id}.")
            if held.state in ("pending", "sending"):
                raise NotInThisState(held.state)
            held.state, held.attempts, held.next_at = "pending", 0, self._clock()
            held.settled_at = held.status = held.reason = None
            await trail.record(
                session, who.user_id, "webhook.send_again", _ENTITY, held.webhook_id,
                after={"delivery_id": delivery_id},
            )  # fmt: skip


def _check(who: Principal, kinds: frozenset[EventKind], url: str) -> None:
    checked_url(url)
    missing = sorted({str(RIGHTS[kind]) for kind in kinds if not who.may(RIGHTS[kind])})
    if missing:
        raise Forbidden(
            f"A webhook is told no more than its owner sees, and you lack {', '.join(missing)}.",
            fields={"right": missing[0]},
        )
    if not kinds:
        raise Invalid("Choose at least one kind of event.", fields={"kinds": "missing"})


async def _held(session: AsyncSession, webhook_id: int) -> Webhook:
    held = await session.get(Webhook, webhook_id, with_for_update=True)
    if held is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return held


async def _read(holder: AsyncSession | AsyncConnection, webhook_id: int) -> WebhookView:
    return webhook_view((await holder.execute(webhooks().where(Webhook.id == webhook_id))).one())


def _told(values: dict[str, object]) -> dict[str, object]:
    return {name: values[name] for name in ("name", "url", "kinds", "owner_id")}
