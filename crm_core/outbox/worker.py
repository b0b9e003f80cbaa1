"""The worker that tells customers. Rule: a message is sent at most once unless the provider removes
doubles; when nobody can say whether it went out, it is `unknown` and a person decides.

Messages set out as soon as their provider has room, so that a slow provider holds up nobody else's.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from crm_core.bus import Bus
from crm_core.clock import Steady
from crm_core.errors import DatabaseUnavailable
from crm_core.outbox.events import MessageFailed, MessageSent
from crm_core.outbox.flow import Flow, Pace
from crm_core.outbox.outcome import Claimed, OutboxRules, Outcomes, Result
from crm_core.outbox.ports import MaybeSent, Message, Notifier, NotNow, NotSent
from crm_core.outbox.store import SENDER_DIED, OutboxStore

log = structlog.get_logger(__name__)


Beside = Callable[[str, int, str, datetime], Mapping[str, str]]
"""Of a message's subject, its id, the channel and when it was queued: what it says besides its params."""


class _Way:
    """A provider, with how fast it is served and what becomes of its messages."""

    def __init__(self, notifier: Notifier, pace: Pace, rules: OutboxRules, now: float) -> None:
        self.notifier = notifier
        self.flow = Flow(pace, now)
        limit = rules if pace.attempts is None else replace(rules, attempts=pace.attempts)
        self.outcomes = Outcomes(limit, notifier.removes_doubles_within)


class OutboxWorker:
    """Sends what is due, and finds what a dead daemon left."""

    def __init__(
        self,
        store: OutboxStore,
        notifiers: Sequence[Notifier],
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        steady: Steady = time.monotonic,
        wakes_on: Sequence[type] = (),
        rules: OutboxRules | None = None,
        paces: Mapping[str, Pace] | None = None,
        beside: Beside | None = None,
    ) -> None:
        """`wakes_on` are the events after which something is likely to be due; `beside` is asked when a message
        is sent, for what must not lie in the database, such as a link that opens something.
        """
        self._store = store
        self._bus = bus
        self._clock = clock
        self._steady = steady
        self._beside = beside
        self._wakes_on = tuple(wakes_on)
        self._rules = rules or OutboxRules()
        paces, now = paces or {}, steady()
        self._ways = {
            each.channel: _Way(each, paces.get(each.channel, Pace()), self._rules, now)
            for each in notifiers
        }
        self._done: list[tuple[Claimed, Result]] = []
        self._out: dict[asyncio.Task[None], int] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        self._unsubscribe = self._bus.subscribe(lambda _: self._wake.set(), *self._wakes_on)
        self._task = asyncio.create_task(self._work(), name="outbox")

    async def close(self, *, grace_s: float = 10.0) -> None:
        """Take nothing new and let what is out end; after `grace_s` it is left to be unknown."""
        self._closing = True
        self._wake.set()
        if self._unsubscribe:
            self._unsubscribe()
        if self._task:
            await asyncio.wait([self._task], timeout=grace_s)
            for task in (self._task, *self._out):
                task.cancel()
            await asyncio.gather(self._task, *self._out, return_exceptions=True)

    async def run_once(self) -> int:
        """One round; returns how many messages were handled. Raises DatabaseUnavailable."""
        await self._find_lost()
        begun = await self._begin()
        await asyncio.gather(*self._out)
        await self._keep()
        return begun

    async def _work(self) -> None:
        """Until it is closed and everything that was out has come back."""
        look_for_lost = self._steady()
        while not self._closing or self._out or self._done:
            self._wake.clear()
            busy = 0
            try:
                await self._keep()
                if self._steady() >= look_for_lost:
                    await self._find_lost()
                    look_for_lost = self._steady() + self._rules.look_again_s
                if not self._closing:
                    busy = await self._begin()
            except DatabaseUnavailable:
                log.info("outbox_waits_for_the_database")
                await asyncio.sleep(self._rules.look_again_s)
            except Exception:
                log.exception("outbox_round_failed")
                await asyncio.sleep(self._rules.look_again_s)
            if not busy:
                await self._pause()

    async def _pause(self) -> None:
        """Until a message comes back, one is written, or a provider has room again."""
        now = self._steady()
        waits = [way.flow.next_in(now).total_seconds() for way in self._ways.values()]
        soonest = min((wait for wait in waits if wait > 0), default=self._rules.look_again_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), min(soonest, self._rules.look_again_s))

    async def _begin(self) -> int:
        """Let set out what is due and has room; how many."""
        steady = self._steady()
        room = {
            channel: count
            for channel, way in self._ways.items()
            if (count := way.flow.room(steady)) > 0
        }
        if not room:
            return 0
        now = self._clock()
        claimed = await self._store.claim(room, now, now + self._rules.lease)
        for each in claimed:
            self._ways[each.channel].flow.set_out(1)
            task = asyncio.create_task(self._deliver(each))
            self._out[task] = each.id
            task.add_done_callback(self._out.pop)
        return len(claimed)

    async def _deliver(self, claimed: Claimed) -> None:
        result = await self._send(claimed)
        self._done.append((claimed, result))
        self._wake.set()

    async def _keep(self) -> None:
        """Write down what came back. Raises DatabaseUnavailable, and then it is tried again."""
        if not self._done:
            return
        done, self._done = self._done, []
        try:
            kept = await self._store.finish(done)
        except BaseException:
            self._done = done + self._done
            raise
        for claimed, result in done:
            if claimed.id in kept:
                self._tell(claimed, result)

    async def _find_lost(self) -> None:
        now = self._clock()
        ours = [*self._out.values(), *(claimed.id for claimed, _ in self._done)]
        windows = {name: way.notifier.removes_doubles_within for name, way in self._ways.items()}
        for lost in await self._store.find_lost(windows, now, self._rules.lease, ours):
            log.warning("message_sender_died", message_id=lost.id, state=lost.state)
            if lost.state == "unknown":
                subject = (lost.id, lost.subject, lost.subject_id, lost.channel)
                self._bus.publish(MessageFailed(*subject, lost.state, SENDER_DIED, now))

    async def _send(self, claimed: Claimed) -> Result:
        way = self._ways[claimed.channel]
        if (late := way.outcomes.too_late(claimed)) is not None:
            way.flow.untried()
            return late
        try:
            reference = await way.notifier.send(self._whole(claimed))
        except NotSent as error:
            way.flow.went_well()
            return way.outcomes.not_sent(claimed, error, self._clock())
        except NotNow as error:
            return self._not_now(way, claimed, error)
        except MaybeSent as error:
            way.flow.fault(self._steady())
            return way.outcomes.maybe_sent(claimed, error, self._clock())
        except Exception as error:
            log.exception("notifier_failed", channel=claimed.channel)
            way.flow.fault(self._steady())
            return way.outcomes.maybe_sent(claimed, MaybeSent(repr(error)), self._clock())
        way.flow.went_well()
        return way.outcomes.sent(claimed, reference, self._clock())

    def _whole(self, claimed: Claimed) -> Message:
        message = claimed.message
        if self._beside is None:
            return message
        more = self._beside(claimed.subject, claimed.subject_id, claimed.channel, claimed.queued_at)
        return replace(message, params={**message.params, **more})

    def _not_now(self, way: _Way, claimed: Claimed, error: NotNow) -> Result:
        now = self._clock()
        if error.everybody:
            wait = way.flow.fault(self._steady(), error.wait)
        else:
            way.flow.untried()
            wait = error.wait or self._rules.first_wait
        return way.outcomes.not_now(claimed, error, now, now + wait)

    def _tell(self, claimed: Claimed, result: Result) -> None:
        log.info(
            "message_handled", message_id=claimed.id, channel=claimed.channel, state=result.state
        )
        subject = (claimed.id, claimed.subject, claimed.subject_id, claimed.channel)
        if result.state == "sent":
            self._bus.publish(MessageSent(*subject, result.at))
        elif result.state != "pending":
            reason = result.reason or ""
            self._bus.publish(MessageFailed(*subject, result.state, reason, result.at))
