"""The ACD as the rest of the daemon sees it: the single owner of agents, lines and call records.

Rule: everything happens on one event loop, at once, in the order in which it is told; what needs
waiting for (the database) is done by tasks of its own and holds up no call.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType

import structlog

from acd.core_types import Caller, Command, Login, Reserved
from acd.counters import Counters
from acd.desk import Desk
from acd.ear import AsteriskEar
from acd.errors import UnknownAgent
from acd.events import QueueChanged
from acd.floor_clock import FloorClock
from acd.journal import Journal
from acd.lineplan import BreakPlan, LinePlan
from acd.phones import Leg
from acd.records import CallBook, CallRecord, CallStart
from acd.restore import restore
from acd.rows import Row
from acd.store import AcdStore
from acd.tickets import HeldPlace, QueueEntry, Ticket
from acd.views import AgentView, WaitingView, agent_view, queue_changed, waiting_view
from acd.writer import JournalWriter
from ami_bridge.events import AsteriskEvent
from crm_core.bus import Bus
from crm_core.clock import Steady
from crm_core.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_SOON_S = 0.1  # queues that change together are published together
_RETRY_S = 5.0
_LONGEST_SLEEP_S = 60.0
_NO_SKILLS: Mapping[str, int] = MappingProxyType({})


class AcdService:
    """Construct, `start`, use, `close`. `zone` is where the day's figures begin at midnight."""

    def __init__(
        self,
        plan: LinePlan,
        *,
        bus: Bus,
        store: AcdStore,
        journal: Journal,
        zone: tzinfo,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Steady = time.monotonic,
    ) -> None:
        self._plan = plan
        self._bus = bus
        self._store = store
        self._journal = journal
        self._clock = clock
        self._book = CallBook(journal, bus, clock)
        self._counters = Counters(zone, clock())
        self._desk = Desk(
            plan,
            bus=bus,
            journal=journal,
            book=self._book,
            counters=self._counters,
            time=FloorClock(clock, steady),
            on_change=self._changed,
        )
        self._ear = AsteriskEar(self._desk, self._book, bus)
        self._writer = JournalWriter(journal, store)
        self._dirty: set[str] = set()
        self._soon: asyncio.TimerHandle | None = None
        self._woken = asyncio.Event()
        self._sleeping_until = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up where the last daemon stopped; works without PostgreSQL."""
        recovered = await asyncio.to_thread(self._journal.recover)
        queues = self._plan.queue_by_name
        await restore(recovered, self._store, self._desk, self._book, queues)
        for agent in self._desk.core.agents():
            self._ear.knows(agent.login.extension, agent.agent_id)
        self._journal.open(self._current_rows)
        await self._writer.start()
        self._tasks = [
            asyncio.create_task(self._keep_time(), name="acd-time"),
            asyncio.create_task(self._count_earlier(), name="acd-counts"),
        ]
        self._changed(queues)

    async def close(self) -> None:
        """Stop the tasks; states and records stay in the journal."""
        if self._soon is not None:
            self._soon.cancel()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._writer.close()
        with contextlib.suppress(DatabaseUnavailable, TimeoutError):
            async with asyncio.timeout(2):
                await self._writer.flush()
        self._journal.close()

    @property
    def skills_asked(self) -> frozenset[str]:
        """The skills that a route of the line asks for."""
        return frozenset(skill for route in self._plan.routes for skill in route.skills)

    def adopt(self, plan: LinePlan) -> None:
        """Another plan from now on; a queue that is gone is shown while somebody waits in it."""
        gone = self._shown()
        self._plan = plan
        self._desk.adopt(plan)
        self._changed({*gone, *self._shown()})

    # ---- agents -----------------------------------------------------------------------------------

    async def log_in(
        self,
        agent_id: int,
        name: str,
        extension: str,
        queues: Iterable[str],
        skills: Mapping[str, int] = _NO_SKILLS,
    ) -> AgentView:
        """`skills` are levels from 1 to 5. Raises ExtensionTaken, UnknownQueue, NotAllowedNow."""
        login = Login(agent_id, name, extension, tuple(queues), skills)
        self._desk.log_in(login)
        self._ear.knows(extension, agent_id)
        return self._view(agent_id)

    async def log_out(self, agent_id: int) -> AgentView:
        """At once, or after the call. Raises UnknownAgent, NotAllowedNow, like all below."""
        return self._command(agent_id, "log_out")

    async def take_break(self, agent_id: int, reason: str) -> AgentView:
        """At once, or after the call and its wrap-up."""
        return self._command(agent_id, "break", reason)

    async def become_ready(self, agent_id: int) -> AgentView:
        """From break or unavailable; while busy it takes back a break or log-out asked for."""
        return self._command(agent_id, "ready")

    async def finish_wrap_up(self, agent_id: int) -> AgentView:
        return self._command(agent_id, "finish_wrap_up")

    def supervise(
        self, agent_id: int, command: Command, reason: str | None = None, *, by: int
    ) -> AgentView:
        """A supervisor (`by`) sets somebody else's state. Raises UnknownAgent, NotAllowedNow."""
        self._desk.command(agent_id, command, reason, by=by)
        return self._view(agent_id)

    def break_reasons(self) -> tuple[BreakPlan, ...]:
        """Why agents take breaks, as the line says now."""
        return self._plan.breaks

    def allowed(self, agent_id: int) -> tuple[Command, ...]:
        """The buttons that may be pressed now."""
        return self._desk.core.allowed(agent_id)

    def reserve(self, call_id: str, *, queue: str, agent_id: int | None = None) -> int | None:
        """Keep a ready agent for a call about to be dialled; None when none is ready."""
        now, known = self._desk.seconds(), self._planned(queue)
        decided = self._desk.core.reserve(call_id, now, queue=known, agent_id=agent_id)
        self._desk.carry_out(decided)
        return next((d.agent_id for d in decided if isinstance(d, Reserved)), None)

    def hold(self, place: HeldPlace) -> None:
        """Keep a place in the line for a call-back; `PlaceReached` tells of its turn."""
        rule = self._plan.route_by_name.get(place.skills_by or "")
        caller = Caller(
            place.call_id,
            self._planned(place.queue),
            place.priority,
            self._desk.time.of(place.joined_at),
            place.preferred,
            skills=rule.needs if rule else (),
            relax=rule.relaxing if rule else (),
            held=True,
            only_preferred=place.agent_id is not None,
        )
        self._desk.hold(caller)

    def release(self, call_id: str) -> None:
        """Give a reserved agent back, or a held place up; nothing when the call has used the reservation."""
        self._desk.release(call_id)

    def calling(self) -> Mapping[str, str]:
        """The numbers of those who are calling now, by call."""
        return {
            record.call_id: record.row.caller
            for record in self._book.open()
            if record.row.direction == "inbound" and record.row.caller is not None
        }

    def abandoned_waits(self) -> Mapping[str, float | None]:
        """For each queue how many seconds somebody must have waited before giving up to be called back by itself;
        None: never.
        """
        return {queue.name: queue.callback_after_s for queue in self._plan.queues}

    # ---- calls ------------------------------------------------------------------------------------

    def begin_call(self, start: CallStart) -> CallRecord:
        """A record of the call; the same one again when the call outlived a daemon."""
        return self._book.begin(start)

    def record(self, call_id: str) -> CallRecord | None:
        """The record of a call that is not over."""
        return self._book.find(call_id)

    def open_records(self) -> tuple[CallRecord, ...]:
        """The records of all calls that are not over."""
        return self._book.open()

    def recent_record(self, call_id: str) -> CallRecord | None:
        """The record of a call that is not over or ended lately."""
        return self._book.find_recent(call_id)

    def caller_is_there(self, record: CallRecord) -> bool:
        """Whether the caller's channel lives, as far as Asterisk has told; then its end will be told, too."""
        return self._ear.hears_of(record.row.node, record.row.linkedid)

    def enter(self, entry: QueueEntry) -> Ticket:
        """Put a caller in the line. Raises UnknownQueue."""
        return self._desk.enter(entry)

    def entry(self, call_id: str) -> QueueEntry | None:
        """What a caller in the line came with."""
        return self._desk.entry(call_id)

    def on_asterisk_event(self, event: AsteriskEvent) -> None:
        """Every event of every node, in order."""
        self._ear.hear(event)

    # ---- views ------------------------------------------------------------------------------------

    def agent_view(self, agent_id: int) -> AgentView | None:
        agent = self._desk.core.agent(agent_id)
        return agent_view(agent, self.allowed(agent_id), self._desk.time) if agent else None

    def at_extension(self, extension: str) -> AgentView | None:
        """Who is logged in there."""
        here = (view for view in self.agent_views() if view.extension == extension)
        return next((view for view in here if view.state != "offline"), None)

    def leg_in_talk(self, agent_id: int, record: CallRecord) -> Leg | None:
        """The channel of the agent's telephone that talks with the caller."""
        agent = self.agent_view(agent_id)
        return None if agent is None else self._ear.in_talk(agent.extension, record.row.linkedid)

    def has_survey(self, queue: str | None) -> bool:
        """Whether callers of the queue are asked for an opinion after the talk."""
        plan = self._plan.queue_by_name.get(queue or "")
        return plan is not None and plan.survey is not None

    def agent_views(self) -> tuple[AgentView, ...]:
        return tuple(
            agent_view(a, self.allowed(a.agent_id), self._desk.time)
            for a in self._desk.core.agents()
        )

    def queue_views(self) -> tuple[QueueChanged, ...]:
        """Each queue's figures as they would be published now."""
        return tuple(self._queue(name) for name in self._shown())

    def waiting_views(self) -> tuple[WaitingView, ...]:
        found = []
        for now in self._desk.core.callers():
            if now.caller.held:
                continue
            call_id = now.caller.call_id
            entry = self._desk.entry(call_id)
            estimate_s = self._desk.core.estimate_s(call_id, self._desk.seconds())
            found.append(waiting_view(now, estimate_s, entry.why if entry else (), self._desk.time))
        return tuple(found)

    # ---- time -------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Do what has fallen due; the service does so by itself when the time comes."""
        if self._counters.turn(self._clock()):
            self._changed(self._plan.queue_by_name)
        self._desk.carry_out(self._desk.core.tick(self._desk.seconds()))

    def publish_queues(self) -> None:
        """Publish the queues that changed; the service does so by itself soon after a change."""
        self._soon = None
        dirty, self._dirty = self._dirty, set()
        for name in dirty:
            self._bus.publish(self._queue(name))

    async def _keep_time(self) -> None:
        while True:
            self._woken.clear()
            due = self._next_due()
            now = self._desk.seconds()
            self._sleeping_until = min(due, now + _LONGEST_SLEEP_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._sleeping_until - now)):
                    await self._woken.wait()
            try:
                self.tick()
            except Exception:
                log.exception("acd_tick_failed")

    def _next_due(self) -> float:
        left = self._counters.next_midnight() - self._clock()
        midnight = self._desk.seconds() + left.total_seconds()
        deadline = self._desk.core.next_deadline()
        return midnight if deadline is None else min(deadline, midnight)

    async def _count_earlier(self) -> None:
        """Add what was counted today before this daemon began, as soon as it can be read."""
        while True:
            try:
                await self._writer.flush()
                counters = self._counters
                counts = await self._store.counts(counters.midnight, counters.began)
            except (DatabaseUnavailable, OSError):
                await asyncio.sleep(_RETRY_S)
                continue
            self._counters.add_earlier(counts)
            self._changed(self._plan.queue_by_name)
            return

    def _changed(self, queues: Iterable[str]) -> None:
        self._dirty.update(queues)
        if self._dirty and self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_SOON_S, self.publish_queues)
        deadline = self._desk.core.next_deadline()
        if deadline is not None and deadline < self._sleeping_until:
            self._woken.set()

    def _planned(self, queue: str) -> str:
        """The queue, or the first one when it is gone."""
        return queue if queue in self._plan.queue_by_name else self._plan.queues[0].name

    def _command(self, agent_id: int, command: Command, reason: str | None = None) -> AgentView:
        self._desk.command(agent_id, command, reason)
        return self._view(agent_id)

    def _view(self, agent_id: int) -> AgentView:
        view = self.agent_view(agent_id)
        if view is None:
            raise UnknownAgent(f"Agent {agent_id} is not logged in. Log in first.")
        return view

    def _shown(self) -> tuple[str, ...]:
        waiting = (now.caller.queue for now in self._desk.core.callers())
        return tuple(dict.fromkeys((*self._plan.queue_by_name, *waiting)))

    def _queue(self, name: str) -> QueueChanged:
        plan = self._desk.queue(name)
        line, day = self._desk.core.line(name), self._counters.of(name)
        return queue_changed(plan, line, day, self._clock(), self._desk.time)

    def _current_rows(self) -> Iterable[Row]:
        """What a new journal file opens with."""
        for record in self._book.open():
            yield record.row
        yield from self._desk.latest.values()
