"""The worker that tells webhooks. Rule: nothing is lost and of each subject nothing is overtaken; what
fails is tried again ever more rarely, and a receiver that stays away is paused, with a to-do for its owner.

A receiver may hear the same event twice (we died after it had answered): the id is the same then.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import update

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.people import principals
from crm_core.rights import SYSTEM, Principal
from crm_core.todos import writing as todos
from crm_core.todos.commands import NewTodo, TodoSource
from crm_core.vault import SecretsUnavailable, Vault
from crm_core.worker import Worker
from orders.connections import signing
from orders.connections.delivery_store import Claimed, DeliveryStore, Settled
from orders.connections.events import WebhookPaused
from orders.connections.feed import Describe, envelope, visible_kinds
from orders.connections.outgoing import Answer, NoAnswer, Outgoing
from orders.connections.retrying import RetryRules
from orders.connections.tables import Webhook

log = structlog.get_logger(__name__)

_EVERY_S = 1.0
_EACH = 10
_GONE, _TOO_MANY, _TIMEOUT, _SERVER = 410, 429, 408, 500
_ANSWER_BYTES = 1024
_PAUSED_ZH = "Webhook “{name}” 已暂停 ({reason}): 请检查对方地址后恢复"


class WebhookDeliverer(Worker):
    """Sends what is due; `describe` gives the data as the API shows them to somebody."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        outgoing: Outgoing,
        describe: Describe,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        rules: RetryRules | None = None,
    ) -> None:
        super().__init__("webhook-deliverer", every_s=_EVERY_S, batch=_EACH)
        self._database = database
        self._store = DeliveryStore(database)
        self._vault = vault
        self._outgoing = outgoing
        self._describe = describe
        self._bus = bus
        self._clock = clock
        self._rules = rules or RetryRules()

    async def run_once(self) -> int:
        """One round; how many were handled. Raises DatabaseUnavailable."""
        claimed = await self._store.claim(self._clock(), self._rules, _EACH)
        await asyncio.gather(*(self._deliver(each) for each in claimed))
        return len(claimed)

    async def _deliver(self, claimed: Claimed) -> None:
        owner = await self._owner(claimed)
        if owner is None:
            await self._pause(claimed, "owner_gone")
            await self._store.settle(claimed, self._later(claimed, "its owner is gone"))
            return
        body = await self._body(claimed, owner)
        if body is None:
            await self._store.settle(claimed, Settled("skipped", self._clock()))
            return
        try:
            answer = await self._post(claimed, body)
        except (NoAnswer, SecretsUnavailable) as error:
            await self._failed(claimed, str(error), None)
            return
        if answer.status // 100 == 2:  # noqa: PLR2004
            await self._store.settle(claimed, Settled("sent", self._clock(), answer.status))
            await self._store.well(claimed.webhook_id)
            return
        await self._failed(claimed, f"answered {answer.status}", answer)

    async def _owner(self, claimed: Claimed) -> Principal | None:
        async with self._database.reading() as connection:
            owner = await principals.of_user(connection, claimed.owner_id)
        if owner is None:
            return None
        return replace(owner, rights=owner.rights & claimed.rights)

    async def _body(self, claimed: Claimed, owner: Principal) -> bytes | None:
        """None when its owner may not know of it, or it is gone."""
        event = claimed.event
        if event is None:
            told: dict[str, object] = {"id": claimed.message_id, "type": "ping"}
            return json.dumps(told).encode()
        if event.kind not in visible_kinds(owner):
            return None
        data = await self._describe(owner, event.subject, event.subject_key)
        if data is None:
            return None
        return json.dumps(envelope(event, data), ensure_ascii=False).encode()

    async def _post(self, claimed: Claimed, body: bytes) -> Answer:
        keys = [self._vault.open("webhook", each) for each in claimed.secrets]
        headers = signing.headers(claimed.message_id, self._clock(), body, keys)
        return await self._outgoing.ask(
            "POST",
            claimed.url,
            body=body,
            headers={**headers, "Content-Type": "application/json"},
            most=_ANSWER_BYTES,
        )

    async def _failed(self, claimed: Claimed, reason: str, answer: Answer | None) -> None:
        """An answer of 4xx is about this event; all else is about the receiver as a whole."""
        status = None if answer is None else answer.status
        result = self._later(claimed, reason, status)
        if not await self._store.settle(claimed, result):
            return
        log.info("webhook_failed", webhook=claimed.webhook_id, delivery=claimed.id, reason=reason)
        if status == _GONE:
            await self._pause(claimed, "gone")
        elif status is None or status in (_TIMEOUT, _TOO_MANY) or status >= _SERVER:
            asked = self._rules.asked(answer.headers.get("Retry-After") if answer else None)
            await self._be_quiet(claimed, asked)

    def _later(self, claimed: Claimed, reason: str, status: int | None = None) -> Settled:
        now = self._clock()
        if claimed.attempts >= self._rules.attempts or claimed.event is None:
            return Settled("failed", now, status, reason[:300])
        wait = self._rules.wait(claimed.attempts)
        return Settled("pending", now, status, reason[:300], now + wait)

    async def _be_quiet(self, claimed: Claimed, asked: timedelta) -> None:
        now = self._clock()
        if await self._store.failing(claimed.webhook_id, now, self._rules, asked):
            await self._pause(claimed, "failing")

    async def _pause(self, claimed: Claimed, reason: str) -> None:
        now = self._clock()
        async with self._database.begin() as session:
            paused = await session.scalar(
                update(Webhook)
                .where(Webhook.id == claimed.webhook_id, Webhook.paused_reason.is_(None))
                .values(paused_reason=reason)
                .returning(Webhook.id)
            )
            if paused is None:
                return
            await trail.record(
                session, None, "webhook.pause", "webhook", paused, after={"paused_reason": reason}
            )
            if reason != "owner_gone":
                title = _PAUSED_ZH.format(name=claimed.webhook, reason=reason)
                source = TodoSource(kind="webhook_paused", reference=f"{paused}:{now.isoformat()}")
                new = NewTodo(title=title, due_at=now, assignee_id=claimed.owner_id)
                with contextlib.suppress(Invalid):  # the owner may be given no to-dos
                    await todos.add(session, SYSTEM, new, source, now)
        log.warning("webhook_paused", webhook=paused, reason=reason)
        self._bus.publish(WebhookPaused(paused, claimed.webhook, reason, now))
