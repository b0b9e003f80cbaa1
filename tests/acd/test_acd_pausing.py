"""Pauses of recordings: written down first, muted really, and over in time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from acd.errors import NotRecorded, PauseUncertain
from acd.events import RecordingChanged
from acd.journal import Journal
from acd.lineplan_file import read_plan
from acd.located import parse
from acd.pausing import Pausing
from acd.records import CallRecord, CallStart
from acd.service import AcdService
from acd.store import AcdStore
from acd.tickets import Offer, QueueEntry, Ticket
from ami_bridge.commands import Action, MuteRecording
from ami_bridge.errors import LinkDown
from ami_bridge.events import LinkUp
from crm_core.bus import Bus
from crm_core.db import Database

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
CALL, AGENT = "c" * 32, 7
PLAN = read_plan(
    parse("""\
queues:
  north: {label_zh: 华北, label_en: North}
dids:
  4006001001: {medium: 电视, queue: north}
routes:
  - {name: default, queue: north}
""")
)
MUTED = MuteRecording(channel="1.1", muted=True)
HEARD = MuteRecording(channel="1.1", muted=False)


@dataclass
class Room:
    """An ACD with a recorded talk in it, and an Asterisk that can be cut off."""

    folder: Path
    database: Database
    now: datetime = NOON
    cut: bool = False
    sent: list[Action] = field(default_factory=list)
    heard: list[RecordingChanged] = field(default_factory=list)

    async def send(self, _: str, action: Action) -> None:
        if self.cut:
            raise LinkDown("cut", sent=True)
        self.sent.append(action)

    async def open(self) -> None:
        """A daemon begins."""
        self.bus = Bus()
        self.bus.subscribe(self.heard.append, RecordingChanged)
        clock = lambda: self.now  # noqa: E731
        self.acd = AcdService(
            PLAN,
            bus=self.bus,
            store=AcdStore(self.database),
            journal=Journal(self.folder / "journal"),
            zone=ZoneInfo("UTC"),
            clock=clock,
        )
        await self.acd.start()
        self.pausing = Pausing(self.acd, self.send, bus=self.bus, clock=clock)
        await self.pausing.start()

    async def close(self) -> None:
        await self.pausing.close()
        await self.acd.close()

    async def talk(self) -> tuple[CallRecord, Ticket, Offer]:
        await self.acd.log_in(AGENT, "agent", "1001", ("north",))
        record = self.acd.begin_call(CallStart(CALL, "1.1", "pbx1", "inbound", None, "4006001001"))
        ticket = self.acd.enter(QueueEntry(CALL, "north", 0, self.now))
        offer = ticket.take()
        assert isinstance(offer, Offer)
        record.recording_is("on", "recording_begun", "talk")
        ticket.answered(offer)
        return record, ticket, offer

    @property
    def record(self) -> CallRecord:
        found = self.acd.record(CALL)
        assert found is not None
        return found


async def soon(condition: object) -> None:
    async with asyncio.timeout(5):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.002)


@pytest.fixture
async def room(tmp_path: Path, database: Database) -> AsyncIterator[Room]:
    async with database.begin() as session:
        await session.execute(text("TRUNCATE calls, call_steps, agent_states"))
    made = Room(tmp_path, database)
    await made.open()
    yield made
    await made.close()


async def test_a_pause_mutes_and_says_by_whom_and_why_until_it_is_ended(room: Room):
    record, _, _ = await room.talk()
    await room.pausing.pause(record, AGENT, "asked")
    row = record.row
    assert room.sent == [MUTED]
    assert (row.recording, row.paused_by, row.pause_reason) == ("paused", AGENT, "asked")
    assert row.paused_at == NOON
    await room.pausing.resume(record, AGENT)
    assert room.sent == [MUTED, HEARD]
    assert (record.row.recording, record.row.paused_at) == ("on", None)
    assert [(each.state, each.reason) for each in room.heard[1:]] == [
        ("paused", "asked"),
        ("on", None),
    ]


async def test_the_end_of_a_payment_does_not_end_a_pause_that_was_asked_for(room: Room):
    record, _, _ = await room.talk()
    await room.pausing.pause(record, AGENT, "payment")
    await room.pausing.pause(record, AGENT, "asked")
    await room.pausing.pause(record, AGENT, "payment")
    await room.pausing.resume(record, AGENT, "payment")
    assert (record.row.recording, record.row.pause_reason) == ("paused", "asked")
    assert HEARD not in room.sent


async def test_what_is_not_recorded_and_what_is_no_talk_cannot_pause(room: Room):
    record, ticket, offer = await room.talk()
    record.recording_is("off", "recording_not_begun", "queue")
    with pytest.raises(NotRecorded):
        await room.pausing.pause(record, AGENT, "asked")
    record.recording_is("on", "recording_begun", "talk")
    ticket.finished(offer, "ANSWER", 3)
    with pytest.raises(NotRecorded, match="while an agent talks"):
        await room.pausing.pause(record, AGENT, "asked")
    assert room.sent == []


async def test_the_end_of_the_talk_ends_the_pause(room: Room):
    record, ticket, offer = await room.talk()
    await room.pausing.pause(record, AGENT, "payment")
    ticket.finished(offer, "ANSWER", 3)
    await soon(lambda: record.row.recording == "on")
    assert room.sent[-1] == HEARD


async def test_a_pause_that_is_forgotten_ends_at_its_limit(room: Room):
    record, _, _ = await room.talk()
    await room.pausing.pause(record, AGENT, "asked")
    room.now += timedelta(minutes=9)
    await room.pausing.look()
    assert record.row.recording == "paused"
    room.now += timedelta(minutes=1)
    await room.pausing.look()
    assert record.row.recording == "on"


async def test_a_pause_that_asterisk_did_not_confirm_is_asked_for_until_it_does(room: Room):
    record, _, _ = await room.talk()
    room.cut = True
    with pytest.raises(PauseUncertain, match="what is said is recorded"):
        await room.pausing.pause(record, AGENT, "payment")
    assert record.row.recording == "paused"
    room.cut = False
    await room.pausing.look()
    assert room.sent == [MUTED]


async def test_an_end_that_asterisk_did_not_confirm_leaves_the_pause(room: Room):
    record, _, _ = await room.talk()
    await room.pausing.pause(record, AGENT, "asked")
    room.cut = True
    with pytest.raises(PauseUncertain):
        await room.pausing.resume(record, AGENT)
    assert record.row.recording == "paused"


async def test_the_next_daemon_mutes_again_what_was_paused_and_keeps_to_its_limit(room: Room):
    record, _, _ = await room.talk()
    await room.pausing.pause(record, AGENT, "payment")
    await room.close()
    room.sent.clear()
    await room.open()
    room.bus.publish(LinkUp(node="pbx1", at=room.now, channels=()))
    await soon(lambda: room.sent)
    assert room.sent == [MUTED]
    assert (room.record.row.recording, room.record.row.paused_at) == ("paused", NOON)
    room.now += timedelta(minutes=10)
    await room.pausing.look()
    assert (room.sent[-1], room.record.row.recording) == (HEARD, "on")


async def test_a_call_that_ends_while_it_pauses_says_that_the_pause_is_over(room: Room):
    record, _, _ = await room.talk()
    await room.pausing.pause(record, AGENT, "asked")
    record.end("answered")
    assert (record.row.recording, record.row.paused_at) == ("on", None)
