"""SQL of the outbox. Rule: a message is taken by one statement that skips what others hold, and its
result is written only by the attempt that took it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, select, update

from crm_core.db import Database
from crm_core.outbox.ports import Message
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.views import MessageView, message_view


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message this attempt may send."""

    id: int
    subject: str
    subject_id: int
    channel: str
    attempts: int
    message: Message


@dataclass(frozen=True, slots=True)
class Lost:
    """A message whose sender died; `state` is what it became."""

    id: int
    subject: str
    subject_id: int
    channel: str
    state: str


@dataclass(frozen=True, slots=True)
class Result:
    """`next_at` is when to try again, for the state pending."""

    state: str
    at: datetime
    reference: str | None = None
    reason: str | None = None
    next_at: datetime | None = None


class OutboxStore:
    """One method, one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, channels: Collection[str], now: datetime, lease_until: datetime, limit: int
    ) -> tuple[Claimed, ...]:
        """Take what is due, oldest first."""
        due = (
            select(OutboxMessage.id)
            .where(
                OutboxMessage.state == "pending",
                OutboxMessage.next_at <= now,
                OutboxMessage.channel.in_(channels),
            )
            .order_by(OutboxMessage.next_at, OutboxMessage.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.begin() as session:
            rows = await session.scalars(
                update(OutboxMessage)
                .where(OutboxMessage.id.in_(due.scalar_subquery()))
                .values(
                    state="sending", attempts=OutboxMessage.attempts + 1, lease_until=lease_until
                )
                .returning(OutboxMessage)
                .execution_options(synchronize_session=False)
            )
            return tuple(_claimed(row) for row in rows.all())

    async def finish(self, claimed: Claimed, result: Result) -> bool:
        """False when the lease was over and somebody else decided about it."""
        values: dict[str, object] = {
            "state": result.state,
            "lease_until": None,
            "reference": result.reference,
            "reason": result.reason,
            "sent_at": result.at if result.state == "sent" else None,
        }
        if result.next_at is not None:
            values["next_at"] = result.next_at
        async with self._database.begin() as session:
            done = await session.scalar(
                update(OutboxMessage)
                .where(
                    OutboxMessage.id == claimed.id,
                    OutboxMessage.state == "sending",
                    OutboxMessage.attempts == claimed.attempts,
                )
                .values(values)
                .returning(OutboxMessage.id)
            )
        return done is not None

    async def find_lost(self, repeatable: Collection[str], now: datetime) -> tuple[Lost, ...]:
        """Leases that ran out: sent again where the provider removes doubles, else unknown."""
        again = OutboxMessage.channel.in_(repeatable)
        async with self._database.begin() as session:
            rows = await session.execute(
                update(OutboxMessage)
                .where(OutboxMessage.state == "sending", OutboxMessage.lease_until < now)
                .values(
                    state=case((again, "pending"), else_="unknown"),
                    lease_until=None,
                    next_at=now,
                    reason="the daemon ended while sending",
                )
                .returning(
                    OutboxMessage.id,
                    OutboxMessage.subject,
                    OutboxMessage.subject_id,
                    OutboxMessage.channel,
                    OutboxMessage.state,
                )
                .execution_options(synchronize_session=False)
            )
            return tuple(Lost(*row) for row in rows.all())

    async def unsettled(self, *, limit: int = 100) -> tuple[MessageView, ...]:
        """Failed and unknown ones, the newest first: a person decides."""
        async with self._database.begin() as session:
            rows = await session.scalars(
                select(OutboxMessage)
                .where(OutboxMessage.state.in_(("failed", "unknown")))
                .order_by(OutboxMessage.id.desc())
                .limit(limit)
            )
            return tuple(message_view(row) for row in rows.all())

    async def send_again(self, message_id: int, now: datetime) -> bool:
        """A person decided that it is to be sent once more; False when it needs no decision."""
        async with self._database.begin() as session:
            done = await session.scalar(
                update(OutboxMessage)
                .where(
                    OutboxMessage.id == message_id,
                    OutboxMessage.state.in_(("failed", "unknown")),
                )
                .values(state="pending", attempts=0, next_at=now, reason=None)
                .returning(OutboxMessage.id)
            )
        return done is not None


def _claimed(row: OutboxMessage) -> Claimed:
    message = Message(row.token, row.kind, row.recipient, row.language, row.params)
    return Claimed(row.id, row.subject, row.subject_id, row.channel, row.attempts, message)
