"""A full disk ends the recordings that are under way, and nothing else of their calls."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from acd.errors import NotRecorded
from acd.recording_space import Limits, RecordingSpace
from acd.recording_stops import RecordingStops
from acd.records import CallStart
from acd.rows import StepRow, decode, only, split
from ami_bridge.commands import StopRecording
from crm_core.db import Database
from tests.acd.test_acd_pausing import AGENT, CALL, MUTED, Room

LIMITS = Limits(warn_below=1000, stop_below=100)
STOP = StopRecording(channel="1.1")


@dataclass
class Disk:
    """What the operating system says is free; None: it does not say."""

    free: int | None = 5000

    def look(self, _: Path) -> int:
        if self.free is None:
            raise OSError("stale file handle")
        return self.free


@dataclass
class House:
    """A talk that is recorded, a disk, and what looks after both."""

    room: Room
    disk: Disk

    def __post_init__(self) -> None:
        self.space = RecordingSpace(self.room.folder, LIMITS, look=self.disk.look)
        self.stops = RecordingStops(self.room.acd, self.room.pausing, self.space)

    async def round(self, free: int | None) -> int:
        """The disk has so much left, and everybody has looked."""
        self.disk.free = free
        await self.space.run_once()
        return await self.stops.run_once()

    def stopped(self) -> list[dict[str, object]]:
        lines = [
            line
            for file in sorted((self.room.folder / "journal").glob("*.journal"))
            for line in file.read_bytes().splitlines(keepends=True)
        ]
        steps = only(StepRow, [decode(split(line)) for line in lines])
        return [step.detail for step in steps if step.kind == "recording_stopped"]


@pytest.fixture
async def house(tmp_path: Path, database: Database) -> AsyncIterator[House]:
    async with database.begin() as session:
        await session.execute(text("TRUNCATE calls, call_steps, agent_states"))
    room = Room(tmp_path, database)
    await room.open()
    yield House(room, Disk())
    await room.close()


async def test_a_full_disk_ends_the_recording_once_and_the_talk_goes_on(house: House) -> None:
    record, _, _ = await house.room.talk()
    assert await house.round(100) == 0
    assert house.room.sent == []
    assert await house.round(99) == 1
    assert await house.round(50) == 0
    assert house.room.sent == [STOP]
    assert (record.row.recording, record.row.ended_at) == ("off", None)
    agent = house.room.acd.agent_view(AGENT)
    assert agent is not None
    assert (agent.state, agent.call_id) == ("talking", CALL)
    assert house.stopped() == [{"by": None, "cause": "disk_full"}]
    assert house.room.heard[-1].state == "off"


async def test_with_room_again_the_call_stays_unrecorded_so_that_its_file_is_not_begun_anew(
    house: House,
) -> None:
    record, _, _ = await house.room.talk()
    await house.round(10)
    assert await house.round(5000) == 0
    assert record.row.recording == "off"
    with pytest.raises(NotRecorded):
        await house.room.pausing.pause(record, AGENT, "asked")
    assert house.room.sent == [STOP]


async def test_a_pause_ends_with_the_recording_and_nothing_is_unmuted(house: House) -> None:
    record, ticket, offer = await house.room.talk()
    await house.room.pausing.pause(record, AGENT, "payment")
    assert await house.round(10) == 1
    assert (record.row.recording, record.row.pause_reason) == ("off", None)
    ticket.finished(offer, "ANSWER", 3)
    await house.room.pausing.look()
    assert house.room.sent == [MUTED, STOP]


async def test_what_asterisk_did_not_stop_is_asked_for_again(house: House) -> None:
    record, _, _ = await house.room.talk()
    house.room.cut = True
    assert await house.round(10) == 0
    assert record.row.recording == "on"
    house.room.cut = False
    assert await house.round(10) == 1
    assert record.row.recording == "off"


async def test_a_disk_that_does_not_answer_ends_no_recording(house: House) -> None:
    record, _, _ = await house.room.talk()
    assert await house.round(None) == 0
    assert house.space.space == "full"
    assert (record.row.recording, house.room.sent) == ("on", [])


async def test_calls_that_are_not_recorded_are_left_alone(house: House) -> None:
    other = CallStart("d" * 32, "2.1", "pbx1", "inbound", None, "4006001001")
    house.room.acd.begin_call(other).recording_is("off", "recording_not_begun", "queue")
    assert await house.round(10) == 0
    assert house.room.sent == []


async def test_the_next_daemon_ends_what_an_earlier_one_began(house: House) -> None:
    await house.room.talk()
    await house.room.close()
    await house.room.open()
    assert await House(house.room, house.disk).round(10) == 1
    assert house.room.sent == [STOP]
    assert house.room.record.row.recording == "off"
