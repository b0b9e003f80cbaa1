"""The dialler: what is due is dialled when an agent is reserved for it, and never without one.

Rule: one call for one reserved agent. A call-back holds a place in the ACD's line and is dialled when its turn comes;
campaigns take agents whom nobody waits for. The rules are asked when the place is taken and again at the moment of
dialling. Nobody is dialled who is calling at that moment. However much happens, the rounds leave most of the time to calls.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from acd.events import AgentChanged, CallAnswered, CallEnded, CallStarted, PlaceReached
from acd.tickets import KeptPlace
from ami_bridge.events import ChannelHungUp
from ami_bridge.originations import OURS
from crm_core.bus import Bus
from crm_core.errors import DatabaseUnavailable, Invalid
from crm_core.numbers import normalise
from dialer.attempts import Attempts, Live
from dialer.errors import DoNotCallNumber, NotDialable
from dialer.events import CallbackChanged, CallbackView, NumberRefused
from dialer.law import Law
from dialer.places import Places
from dialer.policy import FURTHEST_ASKED, Purpose
from dialer.ports import Agents, OutboundLine
from dialer.rules.verdict import Verdict
from dialer.store import DialerStore, DueCallback, DueItem, NewCallback

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S = 1.0
_SOON_S = 0.5
_RESTS = 2.0
_BATCH = 50
_LOOK_BACK = timedelta(days=1)


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
        law: Law | None = None,
    ) -> None:
        self._store = store
        self._agents = agents
        self._bus = bus
        self._clock = clock
        self._law = law or Law()
        self._attempts = Attempts(
            store, agents, line, bus, clock=clock, law=self._law, changed=self._tell
        )
        self._places = Places(agents)
        self._turns: set[int] = set()
        self._callers: dict[str, str] = {}
        self._spoken: set[str] = set()
        self._short = False
        self._wake = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._stops: list[Callable[[], None]] = []

    async def start(self, live: Live = lambda _: None) -> None:
        """Take up the attempts that an earlier daemon left open; then dial."""
        self._callers = dict(self._agents.calling())
        self._stops = [
            self._bus.subscribe(self._on_agent, AgentChanged),
            self._bus.subscribe(self._on_started, CallStarted),
            self._bus.subscribe(self._on_answered, CallAnswered),
            self._bus.subscribe(self._on_ended, CallEnded),
            self._bus.subscribe(self._on_turn, PlaceReached),
            self._bus.subscribe(self._on_hung_up, ChannelHungUp),
            self._bus.subscribe(self._on_refused, NumberRefused),
        ]
        self._attempts.spawn(self._work(live))

    async def close(self) -> None:
        """Stop dialling; calls that are out go on."""
        while self._stops:
            self._stops.pop()()
        if self._soon is not None:
            self._soon.cancel()
        await self._attempts.close()

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
        """Ask for a call-back, now or at `due_at`. Whoever waits in the line with `call_id` keeps the place.

        Raises NotDialable, DoNotCallNumber, CallbackExists (the number already waits), Invalid (too far ahead).
        """
        dialable = normalise(number)
        if dialable is None:
            raise NotDialable(
                "This is not a telephone number that can be dialled: check its digits."
            )
        now = self._clock()
        known = await self._store.standings([dialable], self._law.wanted("callback", now))
        if known[dialable].listed:
            raise DoNotCallNumber("This number is on the do-not-call list and is never dialled.")
        if due_at is not None and due_at > now + FURTHEST_ASKED:
            raise Invalid(
                f"A call-back may be asked for {FURTHEST_ASKED.days} days ahead: choose an earlier day.",
                fields={"due_at": "too_late"},
            )
        entry = self._agents.entry(call_id) if call_id and due_at is None else None
        made = await self._store.add_callback(
            NewCallback(
                dialable,
                queue,
                source,
                due_at or now,
                (entry.place_at or entry.joined_at) if entry else max(now, due_at or now),
                customer_id,
                agent_id,
                call_id,
                note,
                entry.priority if entry else 0,
                entry.first_asked if entry else None,
                entry.skills_by if entry else None,
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

    async def kept_place(self, number: str) -> KeptPlace | None:
        """What somebody who calls in, and was to be called back, has waited for; None also without the database."""
        try:
            return await self._store.kept_place(number, self._clock())
        except DatabaseUnavailable:
            return None

    async def _work(self, live: Live) -> None:
        recovered = False
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            began = loop.time()
            try:
                if not recovered:
                    await self._attempts.recover(live)
                    recovered = True
                await self._close_answered()
                await self._call_back_abandoned()
                await self._take_places()
                await self._dial_contacts()
            except DatabaseUnavailable:
                log.info("dialler_waits_for_the_database")
                self._places.give_up()
            except Exception:
                log.exception("dialler_round_failed")
            await asyncio.sleep(min(_LOOK_AGAIN_S, _RESTS * (loop.time() - began)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN_S):
                    await self._wake.wait()

    def _wake_soon(self) -> None:
        """Something may be due that does not press; much of it is one round."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_SOON_S, self._wake_now)

    def _wake_now(self) -> None:
        self._soon = None
        self._wake.set()

    async def _close_answered(self) -> None:
        """Before anything is dialled: who called again and was spoken to waits no more."""
        out = self._attempts.numbers()
        spoken = self._spoken - out
        if not spoken:
            return
        closed = await self._store.close_answered(spoken, self._clock())
        self._spoken -= spoken
        for view in closed:
            log.info("callback_kept_by_the_caller", callback=view.id)
            self._tell(view)

    async def _call_back_abandoned(self) -> None:
        since, waits = self._clock() - _LOOK_BACK, self._agents.abandoned_waits()
        for view in await self._store.add_abandoned(since, waits):
            log.info("callback_for_abandoned_call", callback=view.id, queue=view.queue)
            self._tell(view)

    # ---- call-backs -------------------------------------------------------------------------------

    async def _take_places(self) -> None:
        """The line holds a place for each call-back that is due and may be dialled now, and for no other."""
        now = self._clock()
        due = await self._store.due_callbacks(now)
        numbers = [each.number for each in due]
        known = await self._store.standings(numbers, self._law.wanted("callback", now))
        not_now: dict[Verdict, list[int]] = {}
        may: list[DueCallback] = []
        for each in due:
            verdict = self._law.verdict("callback", now, known[each.number])
            if verdict.allowed:
                may.append(each)
            else:
                not_now.setdefault(verdict, []).append(each.id)
        for verdict, ids in not_now.items():
            await self._postpone("callback", ids, verdict)
        busy, calling = self._turns | self._attempts.callbacks(), set(self._callers.values())
        more = self._places.agree(
            each for each in may if each.id not in busy and each.number not in calling
        )
        if more:
            self._wake.set()

    def _on_turn(self, event: PlaceReached) -> None:
        wanted = self._places.reached(event.call_id)
        if wanted is None:
            self._agents.release(event.call_id)
            return
        self._turns.add(wanted.id)
        self._attempts.spawn(self._dial(wanted.item, event.call_id, event.agent_id))

    async def _dial(self, item: DueItem, call_id: str, agent_id: int) -> None:
        try:
            begun = await self._begin(item, call_id, agent_id)
        except DatabaseUnavailable:
            self._places.give_up()
        else:
            if not begun:
                self._wake.set()
        finally:
            self._turns.discard(item.id)

    # ---- campaigns --------------------------------------------------------------------------------

    async def _dial_contacts(self) -> None:
        self._short = False
        for item in await self._store.due_contacts(self._clock(), limit=_BATCH):
            if item.number in self._callers.values():
                continue
            call_id = uuid.uuid4().hex
            agent_id = self._agents.reserve(call_id, queue=item.queue, agent_id=None)
            if agent_id is None:
                self._short = True
                return
            await self._begin(item, call_id, agent_id)

    # ---- both -------------------------------------------------------------------------------------

    async def _begin(self, item: DueItem, call_id: str, agent_id: int) -> bool:
        """Dial if the rules allow it at this moment, else give the agent back."""
        if item.number in self._callers.values():
            self._agents.release(call_id)
            return False
        verdict = await self._attempts.begin(item, call_id, agent_id)
        if verdict is not None and not verdict.allowed:
            await self._postpone(item.purpose, [item.id], verdict)
        return verdict is not None and verdict.allowed

    async def _postpone(self, purpose: Purpose, ids: list[int], verdict: Verdict) -> None:
        log.info("not_dialled", purpose=purpose, items=len(ids), reason=verdict.reason)
        for view in await self._store.postpone(purpose, ids, verdict.retry_at, verdict.reason):
            self._bus.publish(CallbackChanged(view))

    # ---- what the bus tells -----------------------------------------------------------------------

    def _on_agent(self, event: AgentChanged) -> None:
        if self._short and event.state == "ready":
            self._wake.set()

    def _on_started(self, event: CallStarted) -> None:
        if event.direction == "inbound" and event.caller is not None:
            self._callers[event.call_id] = event.caller
            self._places.give_up(event.caller)
            self._attempts.called_in(event.caller)

    def _on_answered(self, event: CallAnswered) -> None:
        if self._attempts.is_out(event.call_id):
            self._attempts.spoken(event)
        elif event.call_id in self._callers:
            self._spoken.add(self._callers[event.call_id])

    def _on_ended(self, event: CallEnded) -> None:
        if self._callers.pop(event.call_id, None) is not None:
            self._wake_soon()
        if self._attempts.is_out(event.call_id):
            self._attempts.ended(event)

    def _on_hung_up(self, event: ChannelHungUp) -> None:
        if event.uniqueid.startswith(OURS):
            self._attempts.hung_up(event.uniqueid.removeprefix(OURS))

    def _on_refused(self, event: NumberRefused) -> None:
        self._attempts.refused(event.number, event.campaign_id)
        if event.campaign_id is None:
            self._places.give_up(event.number)
        self._wake.set()

    def _tell(self, view: CallbackView) -> None:
        self._bus.publish(CallbackChanged(view))
        self._wake.set()
