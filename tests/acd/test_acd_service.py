"""The service: tickets, events on the bus, what Asterisk tells, and starting again after a kill."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from acd.events import (
    AgentChanged,
    CallAnswered,
    CallEnded,
    CallLeftQueue,
    CallOffered,
    CallOverflowed,
    OfferFailed,
    PhoneRinging,
    QueueChanged,
    Reason,
)
from acd.journal import Journal
from acd.lineplan_file import read_plan
from acd.located import parse
from acd.records import CallerFacts, CallRecord, CallStart
from acd.routing import CallFacts, route
from acd.rows import Line, decode, encode, split
from acd.service import AcdService
from acd.store import AcdStore
from acd.tickets import Offer, Overflow, QueueEntry, Ticket
from ami_bridge.events import (
    ChannelHungUp,
    ChannelSnapshot,
    ChannelState,
    DeviceChanged,
    LinkUp,
)
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import SYSTEM

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
PLAN = read_plan(
    parse("""\
queues:
  north: {label_zh: 华北, label_en: North, target_s: 20, overflow: [{after_s: 30, to: east}]}
  east: {label_zh: 华东, label_en: East}
dids:
  4006001001: {medium: 电视广告, menu: main}
routes:
  - {name: wine, when: {level: gold}, skills: {wine: 3}, relax: [{after_s: 40}]}
  - {name: default, queue: north}
""")
)


@dataclass
class Office:
    """An ACD in a folder, with a clock set by hand and everything it publishes."""

    folder: Path
    store: AcdStore
    now: datetime = NOON
    set_by: timedelta = timedelta()
    heard: list[object] = field(default_factory=list)

    def open(self) -> "Office":
        self.bus = Bus()
        self.bus.subscribe(self.heard.append, object)
        self.acd = AcdService(
            PLAN,
            bus=self.bus,
            store=self.store,
            journal=Journal(self.folder),
            zone=SHANGHAI,
            clock=lambda: self.now + self.set_by,
            steady=self._steady,
        )
        return self

    def _steady(self) -> float:
        return self.now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.acd.tick()

    def call(self, number: int = 1) -> CallRecord:
        start = CallStart(
            call_id=f"{number:032x}",
            linkedid=f"{number}.0",
            node="pbx1",
            direction="inbound",
            caller="13800138000",
            did="4006001001",
        )
        return self.acd.begin_call(start)

    def queue(self, number: int = 1, level: str | None = None) -> Ticket:
        record = self.call(number)
        chosen = route(PLAN, CallFacts("4006001001", level=level))
        record.routed(chosen, ("1",))
        return self.acd.enter(chosen.entry(record.call_id, self.now))

    async def agent(self, agent_id: int = 1, *queues: str, **skills: int) -> None:
        name, extension = f"A{agent_id}", f"800{agent_id}"
        await self.acd.log_in(agent_id, name, extension, queues or ("north",), skills)

    def last(self, kind: type) -> object:
        return next(event for event in reversed(self.heard) if isinstance(event, kind))

    def channel(self, state: str, *, number: int = 1, agent: int = 1) -> None:
        self.acd.on_asterisk_event(
            ChannelState(
                node="pbx1",
                at=self.now,
                channel=f"PJSIP/800{agent}-0000000{number}",
                uniqueid=f"{number}.{agent}",
                linkedid=f"{number}.0",
                state=state,
            )
        )

    def hang_up(self, uniqueid: str, *, number: int = 1, agent: int = 1) -> None:
        name = f"PJSIP/800{agent}-0000000{number}" if uniqueid != f"{number}.0" else "PJSIP/trunk-1"
        self.acd.on_asterisk_event(
            ChannelHungUp(
                node="pbx1",
                at=self.now,
                channel=name,
                uniqueid=uniqueid,
                linkedid=f"{number}.0",
                cause=16,
                cause_text="Normal Clearing",
                tech_cause=None,
            )
        )

    def link_up(self, *channels: ChannelSnapshot) -> None:
        self.acd.on_asterisk_event(LinkUp(node="pbx1", at=self.now, channels=channels))

    def state(self, agent_id: int = 1) -> str:
        view = self.acd.agent_view(agent_id)
        assert view is not None
        return view.state


def snapshot(name: str, uniqueid: str, linkedid: str) -> ChannelSnapshot:
    return ChannelSnapshot(
        node="pbx1",
        channel=name,
        uniqueid=uniqueid,
        linkedid=linkedid,
        state="up",
        caller=None,
        exten="",
        bridge_id=None,
        call_id=None,
        seconds=5,
    )


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> AsyncIterator[Office]:
    async with database.begin() as session:
        await session.execute(text("TRUNCATE calls, call_steps, agent_states, recordings"))
    found = Office(tmp_path / "journal", AcdStore(database)).open()
    await found.acd.start()
    yield found
    await found.acd.close()


def taken(ticket: Ticket) -> Offer:
    offer = ticket.take()
    assert isinstance(offer, Offer)
    return offer


async def test_the_screen_hears_of_the_caller_before_the_ticket_wakes(office: Office):
    woken_before: list[bool] = []
    ticket = office.queue()
    office.bus.subscribe(lambda _: woken_before.append(ticket.wake.done()), CallOffered)
    await office.agent()
    assert woken_before == [False]
    await asyncio.wait_for(ticket.wake, 1)
    offer = taken(ticket)
    assert (offer.extension, offer.why[-1].code) == ("8001", "first_in_line")
    assert not ticket.wake.done()


async def test_a_waiting_caller_is_woken_when_an_agent_becomes_free(office: Office):
    ticket = office.queue()
    assert not ticket.wake.done()
    await office.agent()
    await asyncio.wait_for(ticket.wake, 1)
    assert taken(ticket).agent_id == 1


async def test_asterisk_tells_of_ringing_answer_and_end(office: Office):
    await office.agent()
    offer = taken(ticket := office.queue())
    office.channel("ringing")
    assert office.last(PhoneRinging).agent_id == 1
    office.pass_time(4)
    office.channel("up")
    assert office.last(CallAnswered).waited_s == 4
    assert office.state() == "talking"
    ticket.answered(offer)
    assert sum(isinstance(event, CallAnswered) for event in office.heard) == 1
    office.hang_up("1.1")
    assert office.state() == "wrap_up"
    ticket.finished(offer, "ANSWER", 30)
    assert office.state() == "wrap_up"
    office.pass_time(15)
    assert office.state() == "ready"


async def test_without_events_the_ticket_alone_tells_the_outcome(office: Office):
    await office.agent()
    offer = taken(ticket := office.queue())
    office.now += timedelta(seconds=60)
    ticket.finished(offer, "ANSWER", 50)
    assert office.last(CallAnswered).waited_s == 10
    assert office.state() == "wrap_up"


async def test_another_call_on_the_agents_telephone_answers_no_offer(office: Office):
    await office.agent()
    taken(office.queue())
    office.channel("up", number=9)
    assert office.state() == "ringing"


async def test_no_answer_takes_the_agent_out_and_the_next_one_is_asked(office: Office):
    await office.agent(1)
    offer = taken(ticket := office.queue())
    await office.agent(2)
    ticket.ringing_failed(offer, "NOANSWER")
    assert office.last(OfferFailed).dial_status == "NOANSWER"
    assert office.acd.agent_view(1).reason == "no_answer"
    assert taken(ticket).agent_id == 2
    ticket.ringing_failed(offer, "NOANSWER")
    assert office.state(2) == "ringing"


async def test_a_caller_who_gives_up_while_it_rings_leaves_the_agent_ready(office: Office):
    await office.agent()
    offer = taken(ticket := office.queue())
    ticket.finished(offer, "CANCEL", 0)
    ticket.leave("abandoned")
    assert office.state() == "ready"
    assert office.last(CallLeftQueue).reason == "abandoned"


async def test_overflow_reaches_the_ticket_and_the_screens(office: Office):
    ticket = office.queue()
    office.pass_time(30)
    assert isinstance(ticket.take(), Overflow)
    assert office.last(CallOverflowed).to_queue == "east"


async def test_prompts_are_cut_short_for_an_agent_and_for_nothing_less(office: Office):
    ticket = office.queue()
    office.pass_time(50)
    assert ticket.wake.done()
    assert not ticket.pressing.done()
    await office.agent()
    assert ticket.pressing.done()
    while ticket.take():
        pass
    assert not ticket.pressing.done()


async def test_what_falls_due_is_done_without_anybody_asking(office: Office):
    await asyncio.sleep(0)
    ticket = office.queue()
    office.now += timedelta(seconds=30)
    await office.agent(2, "east")
    await asyncio.wait_for(ticket.wake, 5)
    assert isinstance(ticket.take(), Overflow)
    assert taken(ticket).agent_id == 2


async def test_the_figures_of_a_queue_count_from_local_midnight(office: Office):
    await office.agent()
    taken(office.queue(1))
    office.channel("up")
    office.queue(2).leave("abandoned")
    north = office.acd.queue_views()[0]
    assert (north.calls_today, north.answered_today, north.abandoned_today) == (2, 1, 1)
    assert (north.within_target_today, north.busy, north.waiting) == (1, 1, 0)
    office.pass_time(12 * 3600)
    assert office.acd.queue_views()[0].calls_today == 0


async def test_the_dialler_reserves_and_gives_back(office: Office):
    await office.agent()
    assert office.acd.reserve("out", queue="north") == 1
    assert office.acd.reserve("more", queue="north") is None
    office.acd.release("out")
    assert office.state() == "ready"
    assert office.acd.reserve("of a queue that is gone", queue="gone", agent_id=1) == 1


async def test_who_logs_in_while_on_the_telephone_is_talking(office: Office):
    office.channel("up", number=9)
    await office.agent()
    assert office.state() == "talking"
    office.hang_up("9.1", number=9)
    assert office.state() == "wrap_up"


async def test_an_offer_that_lapsed_before_anybody_took_it_is_not_dialled(office: Office):
    office.link_up()
    await office.agent(1)
    ticket = office.queue()
    await office.agent(2)
    office.pass_time(60)
    assert office.state(1) == "unavailable"
    words = []
    while (word := ticket.take()) is not None:
        words.append(word)
    assert [word.agent_id for word in words if isinstance(word, Offer)] == [2]


async def test_a_lost_telephone_takes_its_agent_out(office: Office):
    await office.agent()
    for reachable, state in ((False, "unavailable"), (True, "ready")):
        office.acd.on_asterisk_event(
            DeviceChanged(node="pbx1", at=office.now, device="PJSIP/8001", reachable=reachable)
        )
        assert office.state() == state


async def test_a_caller_who_is_made_a_customer_after_the_call_is_in_its_record(office: Office):
    record = office.call()
    record.end("answered")
    await office.acd._writer.flush()
    assert office.acd.record(record.call_id) is None
    late = office.acd.recent_record(record.call_id)
    assert late is not None
    late.identified(CallerFacts(customer_id=6, customer_name="李大海"))
    await office.acd._writer.flush()
    found = await office.store.call(SYSTEM, record.call_id)
    assert found is not None
    assert (found.customer_id, found.customer_name, found.outcome) == (6, "李大海", "answered")


async def test_the_record_of_a_call_tells_its_whole_life(office: Office):
    await office.agent()
    record = office.call()
    record.identified(CallerFacts(customer_id=5, customer_name="王小明", level="gold"))
    offer = taken(ticket := office.queue())
    office.channel("up")
    ticket.finished(offer, "ANSWER", 3)
    record.end("answered")
    record.end("again")
    await office.acd._writer.flush()
    found = await office.store.call(SYSTEM, record.call_id)
    assert (found.outcome, found.agent_id, found.customer_name) == ("answered", 1, "王小明")
    assert found.menu_path == ("1",)
    kinds = [step.kind for step in await office.store.steps(record.call_id)]
    expected = [
        "started",
        "identified",
        "resumed",
        "routed",
        "queued",
        "offered",
        "answered",
        "ended",
    ]
    assert kinds == expected


# ---- after a kill: nothing is closed, another daemon starts on the same folder ---------------------


async def killed(office: Office) -> Office:
    """The daemon is gone without a word; the next one starts."""
    for task in (*office.acd._tasks, office.acd._writer._task):
        task.cancel()
    if office.acd._soon:
        office.acd._soon.cancel()
    office.heard.clear()
    office.open()
    await office.acd.start()
    return office


async def test_agents_are_what_they_were_before_the_kill(office: Office):
    await office.agent(1)
    await office.agent(2)
    await office.acd.take_break(2, "lunch")
    taken(office.queue())
    await killed(office)
    assert office.state(1) == "ready"
    assert (office.state(2), office.acd.agent_view(2).reason) == ("break", "lunch")
    assert office.acd.allowed(2) == ("ready", "log_out")


async def test_agents_have_their_skills_and_calls_after_the_kill(office: Office):
    await office.agent(1)
    await office.agent(2, wine=3)
    ticket = office.queue(1, "gold")
    assert taken(ticket).agent_id == 2
    office.channel("up", agent=2)
    office.hang_up("1.2", agent=2)
    office.pass_time(15)
    for folder in (office.folder, office.folder.parent / "new"):  # then from the database
        office.folder = folder
        await killed(office)
        agent = office.acd._desk.core.agent(2)
        assert (agent.state, agent.login.skills, agent.calls) == ("ready", {"wine": 3}, 1)
        assert office.acd._desk.core.agent(1).login.skills == {}
        await office.acd._writer.flush()
    office.now += timedelta(seconds=1)
    assert taken(office.queue(2, "gold")).agent_id == 2


async def test_a_state_written_before_there_were_skills_is_read_as_without(office: Office):
    await office.agent(1, wine=2)
    line = split(encode(office.acd._desk.latest[1]))
    values = json.loads(line.json)
    del values["skills"], values["calls"]
    values["seq"] += 1
    old = Line(line.table, f"1/{values['seq']}", json.dumps(values))
    await office.store.write([old])
    assert [(r.skills, r.calls) for r in await office.store.agent_states()] == [(None, None)]
    assert decode(old) == replace(
        office.acd._desk.latest[1], seq=values["seq"], skills=None, calls=None
    )


async def test_a_caller_whose_needs_were_relaxed_has_it_in_the_record(office: Office):
    await office.agent(1)
    ticket = office.queue(1, "gold")
    assert ticket.take() is None
    office.pass_time(40)
    words = [word for word in (ticket.take(), ticket.take()) if isinstance(word, Offer)]
    assert [word.agent_id for word in words] == [1]
    codes = [reason.code for reason in words[0].why]
    assert codes == ["vip_level", "skills_needed", "default_route", "longest_idle"]
    await office.acd._writer.flush()
    steps = await office.store.steps(f"{1:032x}")
    assert [step.detail for step in steps if step.kind == "skills_relaxed"] == [{"skills": ""}]


async def test_a_resumed_caller_keeps_record_and_place(office: Office):
    first = office.queue(1)
    office.now += timedelta(seconds=5)
    office.queue(2)
    joined = office.now - timedelta(seconds=5)
    await killed(office)
    office.now += timedelta(seconds=1)
    office.queue(2)
    record = office.call(1)
    office.acd.enter(QueueEntry(first.call_id, "north", 0, joined, why=(Reason("resumed"),)))
    assert {v.call_id: v.position for v in office.acd.waiting_views()} == {
        first.call_id: 1,
        f"{2:032x}": 2,
    }
    assert record.row.steps > 4


async def test_a_bridged_call_that_outlives_the_daemon_ends_when_it_hangs_up(office: Office):
    await office.agent()
    taken(office.queue())
    office.channel("up")
    await killed(office)
    office.link_up(snapshot("PJSIP/8001-1", "1.1", "1.0"), snapshot("PJSIP/trunk-1", "1.0", "1.0"))
    assert office.state() == "talking"
    office.now += timedelta(seconds=60)
    office.hang_up("1.1")
    office.hang_up("1.0")
    assert office.state() == "wrap_up"
    assert office.last(CallEnded) == CallEnded(f"{1:032x}", "answered", 1, office.now)


async def test_after_a_reconnect_states_and_records_agree_with_the_channels(office: Office):
    await office.agent(1)
    taken(office.queue())
    office.channel("up")
    await office.agent(2)
    answered_at = office.now
    await killed(office)
    office.now += timedelta(seconds=300)
    office.link_up(snapshot("PJSIP/8002-7", "7.2", "7.0"))
    assert office.state(1) == "wrap_up"
    assert office.state(2) == "talking"
    assert office.last(CallEnded) == CallEnded(f"{1:032x}", "lost", 1, answered_at)


async def test_a_caller_whom_the_plain_queue_brought_to_an_agent_was_answered(office: Office):
    await office.agent()
    await office.acd.take_break(1, "meal")
    office.queue()
    await killed(office)
    office.now += timedelta(seconds=15)
    office.link_up(snapshot("PJSIP/8001-1", "1.1", "1.0"), snapshot("PJSIP/trunk-1", "1.0", "1.0"))
    assert office.state() == "talking"
    assert office.last(CallAnswered) == CallAnswered(f"{1:032x}", 1, 15.0, office.now)
    office.hang_up("1.1")
    office.hang_up("1.0")
    assert office.last(CallEnded) == CallEnded(f"{1:032x}", "answered", 1, office.now)


async def test_the_day_is_counted_on_across_a_kill(office: Office):
    office.queue(1).leave("abandoned")
    office.call(1).end("abandoned")
    office.now += timedelta(seconds=5)
    await killed(office)
    counted = asyncio.Event()
    office.bus.subscribe(lambda e: e.abandoned_today and counted.set(), QueueChanged)
    await asyncio.wait_for(counted.wait(), 5)
    office.queue(2)
    assert office.acd.queue_views()[0].calls_today == 2


async def test_the_acd_starts_and_works_without_postgresql(tmp_path: Path):
    nowhere = Database("postgresql://nobody:x@127.0.0.1:1/none", connect_timeout_s=0.2)
    office = Office(tmp_path / "journal", AcdStore(nowhere)).open()
    await office.acd.start()
    await office.agent()
    taken(office.queue())
    await killed(office)
    assert office.state() == "ready"
    await office.acd.close()
    await nowhere.close()


async def test_every_change_of_an_agent_is_published_whole(office: Office):
    await office.agent()
    await office.acd.take_break(1, "lunch")
    changed = office.last(AgentChanged)
    assert (changed.state, changed.reason, changed.queues) == ("break", "lunch", ("north",))


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(hours=5), timedelta(days=400)])
async def test_a_clock_that_is_set_neither_stalls_the_floor_nor_ends_all_at_once(
    office: Office, jump: timedelta
):
    await office.agent(1)
    await office.agent(2)
    first = office.queue(1)
    offered = taken(first)
    first.answered(offered)
    first.finished(offered, "ANSWER", 3)
    second = office.queue(2)
    rung = taken(second)
    office.set_by = jump
    office.pass_time(5)
    assert office.state(offered.agent_id) == "wrap_up"
    assert second._desk.is_current(rung), "the telephone goes on ringing"
    view = office.acd.agent_view(offered.agent_id)
    assert view is not None
    assert view.since == NOON + jump, "told by the clock as it is now"
    office.pass_time(10)
    assert office.state(offered.agent_id) == "ready"
    second.answered(rung)
    answered = office.last(CallAnswered)
    assert isinstance(answered, CallAnswered)
    assert answered.waited_s == 15


async def test_a_wrap_up_from_before_the_clock_was_set_back_lasts_no_longer(office: Office):
    await office.agent(1)
    ticket = office.queue(1)
    offer = taken(ticket)
    ticket.answered(offer)
    ticket.finished(offer, "ANSWER", 3)
    await office.acd.close()
    office.now -= timedelta(hours=5)
    await office.open().acd.start()
    assert office.state() == "wrap_up"
    office.pass_time(15)
    assert office.state() == "ready"
