"""SQL of deliveries. Rule: of a subject only the earliest open delivery is taken, and what became of it is
written only by the attempt that took it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text, update

from crm_core.db import Database
from orders.connections.feed import Event, event_of, events
from orders.connections.retrying import RetryRules
from orders.connections.tables import IntegrationEvent, Webhook, WebhookDelivery

_CLAIM = text("""
WITH due AS (
    SELECT d.id
    FROM webhooks w
    CROSS JOIN LATERAL (
        SELECT d.id FROM webhook_deliveries d
        WHERE d.webhook_id = w.id AND d.state = 'pending'
          AND (d.next_at <= :now OR d.next_at > :furthest)
          AND NOT EXISTS (
            SELECT 1 FROM webhook_deliveries b
            WHERE b.webhook_id = d.webhook_id AND b.subject = d.subject
              AND b.subject_key = d.subject_key AND b.id < d.id
              AND b.state IN ('pending', 'sending'))
        ORDER BY d.id LIMIT :each FOR UPDATE SKIP LOCKED
    ) d
    WHERE w.active AND w.paused_reason IS NULL
      AND (w.quiet_until IS NULL OR w.quiet_until <= :now OR w.quiet_until > :furthest)
)
UPDATE webhook_deliveries d
SET state = 'sending', attempts = d.attempts + 1, lease_until = :lease_until
FROM due, webhooks w WHERE d.id = due.id AND w.id = d.webhook_id
RETURNING d.id, d.webhook_id, d.event_id, d.attempts, w.name, w.url, w.owner_id, w.rights,
          w.secret, w.old_secret, w.old_secret_until
""")
_LEASES = text("""
UPDATE webhook_deliveries SET state = 'pending', lease_until = NULL, next_at = :now
WHERE state = 'sending' AND lease_until < :now
""")
_SET_BACK = text("""
UPDATE webhook_deliveries SET lease_until = :lease_until
WHERE state = 'sending' AND lease_until > :lease_until
""")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this attempt may send; `event` None is a ping."""

    id: int
    webhook_id: int
    attempts: int
    webhook: str
    url: str
    owner_id: int
    rights: frozenset[str]
    secrets: tuple[str, ...]
    event: Event | None

    @property
    def message_id(self) -> str:
        """The same at every attempt."""
        return f"ping_{self.id}" if self.event is None else f"evt_{self.event.id}"


@dataclass(frozen=True, slots=True)
class Settled:
    """`next_at` is when to try again, for the state pending."""

    state: str
    at: datetime
    status: int | None = None
    reason: str | None = None
    next_at: datetime | None = None


class DeliveryStore:
    """One method, one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, now: datetime, rules: RetryRules, each: int) -> tuple[Claimed, ...]:
        """What is due, of every receiver at most `each`; what a dead daemon held is due again, and so is what was put
        off before the clock was set back.
        """
        lease_until, furthest = now + rules.lease, now + rules.longest_wait
        values = {"now": now, "furthest": furthest, "lease_until": lease_until, "each": each}
        async with self._database.begin() as session:
            await session.execute(_LEASES, {"now": now})
            await session.execute(_SET_BACK, {"lease_until": lease_until})
            rows = (await session.execute(_CLAIM, values)).all()
            wanted = [row.event_id for row in rows if row.event_id is not None]
            found = await session.execute(events().where(IntegrationEvent.id.in_(wanted)))
            by_id = {row.id: event_of(row) for row in found}
        return tuple(_claimed(row, by_id.get(row.event_id), now) for row in rows)

    async def settle(self, claimed: Claimed, result: Settled) -> bool:
        """False when somebody else decided about it."""
        values: dict[str, Any] = {
            "state": result.state,
            "lease_until": None,
            "status": result.status,
            "reason": result.reason,
            "settled_at": None if result.state == "pending" else result.at,
        }
        if result.next_at is not None:
            values["next_at"] = result.next_at
        async with self._database.begin() as session:
            done = await session.scalar(
                update(WebhookDelivery)
                .where(
                    WebhookDelivery.id == claimed.id,
                    WebhookDelivery.state == "sending",
                    WebhookDelivery.attempts == claimed.attempts,
                )
                .values(values)
                .returning(WebhookDelivery.id)
            )
        return done is not None

    async def well(self, webhook_id: int) -> None:
        """The receiver answers."""
        async with self._database.begin() as session:
            await session.execute(
                update(Webhook)
                .where(Webhook.id == webhook_id, Webhook.failing_since.is_not(None))
                .values(failures=0, failing_since=None, quiet_until=None)
            )

    async def failing(
        self, webhook_id: int, now: datetime, rules: RetryRules, asked: timedelta
    ) -> bool:
        """One more failure: it is not asked for a while. True when it has failed for too long.

        What failed in the same round counts once.
        """
        async with self._database.begin() as session:
            held = await session.get_one(Webhook, webhook_id, with_for_update=True)
            quiet = held.quiet_until
            if quiet is not None and now < quiet <= now + rules.longest_wait:
                return False
            held.failures += 1
            held.failing_since = held.failing_since or now
            held.quiet_until = now + max(rules.wait(held.failures), asked)
            return now - held.failing_since >= rules.gives_up


def _claimed(row: Any, event: Event | None, now: datetime) -> Claimed:
    old = row.old_secret if row.old_secret and row.old_secret_until > now else None
    return Claimed(
        row.id,
        row.webhook_id,
        row.attempts,
        row.name,
        row.url,
        row.owner_id,
        frozenset(row.rights),
        (row.secret, *([old] if old else [])),
        event,
    )
