"""The worker that tells customers. Rule: a message is sent at most once unless the provider removes
doubles by our token; when nobody can say whether it went out, it is `unknown` and a person decides.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from crm_core.bus import Bus
from crm_core.errors import DatabaseUnavailable
from crm_core.outbox.events import MessageFailed, MessageSent
from crm_core.outbox.ports import MaybeSent, Notifier, NotSent
from crm_core.outbox.store import Claimed, OutboxStore, Result

log = structlog.get_logger(__name__)

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class OutboxRules:
    """`lease` must be longer than any connector waits for its provider."""

    attempts: int = 6
    first_wait: timedelta = timedelta(seconds=15)
    longest_wait: timedelta = timedelta(hours=1)
    lease: timedelta = timedelta(seconds=120)
    batch: int = 20
    look_again_s: float = 2.0

    def wait(self, attempts: int) -> timedelta:
        """How long after that many attempts: each wait is four times the one before."""
        return min(self.first_wait * int(4 ** (attempts - 1)), self.longest_wait)


class OutboxWorker:
    """Sends what is due, and finds what a dead daemon left."""

    def __init__(
        self,
        store: OutboxStore,
        notifiers: Sequence[Notifier],
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        wakes_on: Sequence[type] = (),
        rules: OutboxRules | None = None,
    ) -> None:
        """`wakes_on` are the events after which something is likely to be due."""
        self._store = store
        self._notifiers = {notifier.channel: notifier for notifier in notifiers}
        self._bus = bus
        self._clock = clock
        self._wakes_on = tuple(wakes_on)
        self._rules = rules or OutboxRules()
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        self._unsubscribe = self._bus.subscribe(lambda _: self._wake.set(), *self._wakes_on)
        self._task = asyncio.create_task(self._work())

    async def close(self, *, grace_s: float = 10.0) -> None:
        """Take nothing new and let what is out end; after `grace_s` it is left to be unknown."""
        self._closing = True
        self._wake.set()
        if self._unsubscribe:
            self._unsubscribe()
        if self._task:
            await asyncio.wait([self._task], timeout=grace_s)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run_once(self) -> int:
        """One round; returns how many messages were handled. Raises DatabaseUnavailable."""
        now = self._clock()
        await self._find_lost(now)
        claimed = await self._store.claim(
            self._notifiers, now, now + self._rules.lease, self._rules.batch
        )
        await asyncio.gather(*(self._deliver(each) for each in claimed))
        return len(claimed)

    async def _work(self) -> None:
        while not self._closing:
            self._wake.clear()
            try:
                handled = await self.run_once()
            except DatabaseUnavailable:
                handled = 0
            except Exception:
                log.exception("outbox_round_failed")
                handled = 0
            if not handled and not self._closing:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._rules.look_again_s)

    async def _find_lost(self, now: datetime) -> None:
        repeatable = [name for name, each in self._notifiers.items() if each.removes_doubles]
        for lost in await self._store.find_lost(repeatable, now):
            log.warning("message_sender_died", message_id=lost.id, state=lost.state)
            if lost.state == "unknown":
                self._bus.publish(
                    MessageFailed(
                        lost.id,
                        lost.subject,
                        lost.subject_id,
                        lost.channel,
                        lost.state,
                        "sender died",
                        now,
                    )
                )

    async def _deliver(self, claimed: Claimed) -> None:
        result = await self._send(claimed)
        while True:
            try:
                kept = await self._store.finish(claimed, result)
                break
            except DatabaseUnavailable:
                await asyncio.sleep(self._rules.look_again_s)
        if kept:
            self._tell(claimed, result)

    async def _send(self, claimed: Claimed) -> Result:
        notifier = self._notifiers[claimed.channel]
        try:
            reference = await notifier.send(claimed.message)
        except NotSent as error:
            return self._not_sent(claimed, error.reason, permanent=error.permanent)
        except MaybeSent as error:
            if notifier.removes_doubles:
                return self._not_sent(claimed, error.reason, permanent=False)
            return Result("unknown", self._clock(), reason=error.reason[:_LONGEST_REASON])
        except Exception as error:
            log.exception("notifier_failed", channel=claimed.channel)
            return Result("unknown", self._clock(), reason=repr(error)[:_LONGEST_REASON])
        return Result("sent", self._clock(), reference=reference[:200])

    def _not_sent(self, claimed: Claimed, reason: str, *, permanent: bool) -> Result:
        now, short = self._clock(), reason[:_LONGEST_REASON]
        if permanent or claimed.attempts >= self._rules.attempts:
            return Result("failed", now, reason=short)
        wait = self._rules.wait(claimed.attempts)
        return Result("pending", now, reason=short, next_at=now + wait)

    def _tell(self, claimed: Claimed, result: Result) -> None:
        log.info(
            "message_handled", message_id=claimed.id, channel=claimed.channel, state=result.state
        )
        if result.state == "sent":
            self._bus.publish(
                MessageSent(
                    claimed.id, claimed.subject, claimed.subject_id, claimed.channel, result.at
                )
            )
        elif result.state != "pending":
            self._bus.publish(
                MessageFailed(
                    claimed.id,
                    claimed.subject,
                    claimed.subject_id,
                    claimed.channel,
                    result.state,
                    result.reason or "",
                    result.at,
                )
            )
