"""The dialler: what is due is dialled when an agent is reserved for it, and never without one.

Rule: progressive, one call for one reserved agent. Rules are asked at the moment of dialling; the
ledger row is committed before the number goes out; an attempt ends once, whoever notices first.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from acd.events import AgentChanged, CallAnswered, CallEnded, CallStarted
from crm_core.bus import Bus
from crm_core.errors import DatabaseUnavailable
from crm_core.numbers import normalise
from dialer.errors import DoNotCallNumber, NotDialable
from dialer.events import AttemptEnded, AttemptMade, CallbackChanged, CallbackView
from dialer.policy import DialRules, Result, classify, may_dial
from dialer.ports import Agents, Answered, NotAnswered, OutboundLine
from dialer.store import DialerStore, DueItem, NewCallback, until_stored

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S = 1.0
_BATCH = 50
_LOOK_BACK = timedelta(days=1)

Live = Callable[[str], bool | None]
"""Of a call by its id: None when it is over, else whether an agent has spoken to the callee."""


@dataclass
class _Out:
    """A call that is out: `reached` once an agent spoke to the callee."""

    item: DueItem
    answered: bool = False
    reached: bool = False


class Dialer:
    """Keeps call-backs and runs campaigns through the ACD's agents."""

    def __init__(
        self,
        store: DialerStore,
        agents: Agents,
        line: OutboundLine,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        rules: DialRules | None = None,
    ) -> None:
        self._store = store
        self._agents = agents
        self._line = line
        self._bus = bus
        self._clock = clock
        self._rules = rules or DialRules()
        self._out: dict[str, _Out] = {}
        self._callers: dict[str, str] = {}
        self._spoken: set[str] = set()
        self._short = False
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[object]] = set()
        self._stops: list[Callable[[], None]] = []

    async def start(self, live: Live = lambda _: None) -> None:
        """Close the attempts an earlier daemon left open, but for calls that are alive; then dial."""
        self._stops = [
            self._bus.subscribe(self._on_agent, AgentChanged),
            self._bus.subscribe(self._on_started, CallStarted),
            self._bus.subscribe(self._on_answered, CallAnswered),
            self._bus.subscribe(self._on_ended, CallEnded),
        ]
        self._spawn(self._work(live))

    async def close(self) -> None:
        """Stop dialling; calls that are out go on."""
        while self._stops:
            self._stops.pop()()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def request(
        self,
        number: str,
        queue: str,
        *,
        source: str,
        due_at: datetime | None = None,
        customer_id: int | None = None,
        agent_id: int | None = None,
        call_id: str | None = None,
        note: str | None = None,
    ) -> CallbackView:
        """Ask for a call-back, now or at `due_at`.

        Raises NotDialable, DoNotCallNumber, CallbackExists (the number already waits).
        """
        dialable = normalise(number)
        if dialable is None:
            raise NotDialable(
                "This is not a telephone number that can be dialled: check its digits."
            )
        now = self._clock()
        listed, _ = await self._store.history(dialable, now)
        if listed:
            raise DoNotCallNumber("This number is on the do-not-call list and is never dialled.")
        made = await self._store.add_callback(
            NewCallback(
                dialable, queue, source, due_at or now, customer_id, agent_id, call_id, note
            )
        )
        log.info("callback_requested", callback=made.id, queue=queue, source=source)
        self._tell(made)
        return made

    async def callbacks(self, *, limit: int = 100) -> list[CallbackView]:
        return await self._store.callbacks(limit=limit)

    async def call_now(self, callback_id: int, agent_id: int) -> CallbackView:
        """Make the call-back as soon as this agent, who asked for it, is ready."""
        view = await self._store.make_due(callback_id, agent_id, self._clock())
        self._tell(view)
        return view

    async def close_callback(self, callback_id: int) -> CallbackView:
        """Nobody needs to call any more."""
        view = await self._store.close_callback(callback_id, self._clock())
        log.info("callback_closed", callback=callback_id, status=view.status)
        self._tell(view)
        return view

    async def _work(self, live: Live) -> None:
        recovered = False
        while True:
            self._wake.clear()
            try:
                if not recovered:
                    await self._recover(live)
                    recovered = True
                await self._close_answered()
                await self._call_back_abandoned()
                await self._dial_what_is_due()
            except DatabaseUnavailable:
                log.info("dialler_waits_for_the_database")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN_S):
                    await self._wake.wait()

    async def _recover(self, live: Live) -> None:
        for attempt in await self._store.open_attempts():
            reached = live(attempt.call_id)
            if reached is None:
                await self._finish(attempt.call_id, "unknown", None, None)
            else:
                item = DueItem(attempt.purpose, attempt.item_id, attempt.number, "", None, None)
                self._out[attempt.call_id] = _Out(item, answered=True, reached=reached)

    async def _close_answered(self) -> None:
        """Before anything is dialled: who called again and was spoken to waits no more."""
        spoken, self._spoken = self._spoken, set()
        if not spoken:
            return
        try:
            closed = await self._store.close_answered(spoken, self._clock())
        except BaseException:
            self._spoken |= spoken
            raise
        for view in closed:
            log.info("callback_kept_by_the_caller", callback=view.id)
            self._tell(view)

    async def _call_back_abandoned(self) -> None:
        for view in await self._store.add_abandoned(self._clock() - _LOOK_BACK):
            log.info("callback_for_abandoned_call", callback=view.id, queue=view.queue)
            self._tell(view)

    async def _dial_what_is_due(self) -> None:
        self._short = False
        for item in await self._store.due(self._clock(), limit=_BATCH):
            await self._try(item)

    async def _try(self, item: DueItem) -> None:
        now = self._clock()
        listed, earlier = await self._store.history(item.number, now)
        verdict = may_dial(item.purpose, now, rules=self._rules, on_list=listed, earlier=earlier)
        if not verdict.allowed:
            log.info("not_dialled", purpose=item.purpose, item=item.id, reason=verdict.reason)
            await self._store.postpone(item, verdict.retry_at, verdict.reason)
            return
        call_id = uuid.uuid4().hex
        agent_id = self._agents.reserve(call_id, queue=item.queue, agent_id=item.agent_id)
        if agent_id is None:
            self._short = True
            return
        try:
            rules = self._rules.describe(item.purpose)
            taken = await self._store.begin_attempt(item, call_id, agent_id, rules, now)
        except BaseException:
            self._agents.release(call_id)
            raise
        if not taken:
            self._agents.release(call_id)
            return
        self._out[call_id] = _Out(item)
        self._bus.publish(AttemptMade(call_id, item.purpose, item.number, agent_id, now))
        log.info("dialled", purpose=item.purpose, item=item.id, call=call_id, agent=agent_id)
        self._spawn(self._dial(call_id, item))

    async def _dial(self, call_id: str, item: DueItem) -> None:
        fate = await self._line.dial(call_id, item.number, purpose=item.purpose, queue=item.queue)
        if isinstance(fate, Answered):
            self._out[call_id].answered = True
            await self._store.attempt_answered(call_id, fate.at)
            return
        self._agents.release(call_id)
        if isinstance(fate, NotAnswered):
            await self._finish(call_id, classify(fate.cause), fate.cause, fate.tech_cause)
        else:
            await self._finish(call_id, "unknown", None, None)

    async def _finish(
        self, call_id: str, result: Result, cause: int | None, tech: str | None
    ) -> None:
        """Write how the attempt ended, as soon as the database takes it."""
        out = self._out.pop(call_id, None)
        now = self._clock()
        view = await until_stored(
            lambda: self._store.end_attempt(call_id, result, now, cause=cause, tech=tech)
        )
        log.info("attempt_ended", call=call_id, result=result, cause=cause)
        if out is not None:
            number = out.item.number
            self._bus.publish(AttemptEnded(call_id, out.item.purpose, number, result, now))
        if view is not None:
            self._tell(view)

    def _on_agent(self, event: AgentChanged) -> None:
        if self._short and event.state == "ready":
            self._wake.set()

    def _on_started(self, event: CallStarted) -> None:
        if event.direction == "inbound" and event.caller is not None:
            self._callers[event.call_id] = event.caller

    def _on_answered(self, event: CallAnswered) -> None:
        if event.call_id in self._out:
            self._out[event.call_id].reached = True
        elif event.call_id in self._callers:
            self._spoken.add(self._callers[event.call_id])

    def _on_ended(self, event: CallEnded) -> None:
        self._callers.pop(event.call_id, None)
        out = self._out.get(event.call_id)
        if out is not None:
            result: Result = "reached" if out.reached else "abandoned"
            self._spawn(self._finish(event.call_id, result, None, None))

    def _tell(self, view: CallbackView) -> None:
        self._bus.publish(CallbackChanged(view))
        self._wake.set()

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("dialler_task_failed", exc_info=task.exception())
