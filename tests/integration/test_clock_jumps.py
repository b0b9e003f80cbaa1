"""The clock of the machine is set while callers wait and talk: nobody loses a place, and no time runs out for it."""

import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.workplace import Workplace, finish_wrap_up, kinds, pop_of
from zongji.stack import DaemonProcess

NUMBER = "022777703{:02d}"
_NEAR = timedelta(minutes=5)


class DaemonsClock:
    """Ahead of the machine's by what a file says."""

    def __init__(self, file: Path, daemon: DaemonProcess) -> None:
        self._file = file
        self._daemon = daemon

    async def start(self) -> None:
        self._file.write_text("0")
        await self._daemon.start(program=("-m", "tests.integration.clocked", str(self._file)))

    def set(self, ahead: timedelta) -> None:
        self._file.write_text(f"{ahead.total_seconds():.0f}")
        self._daemon.signal(signal.SIGUSR1)


@pytest.fixture
async def clock(work: Workplace) -> AsyncIterator[DaemonsClock]:
    """A daemon with a clock that can be set; afterwards one without."""
    clock = DaemonsClock(work.stack.installation.var / "clock", work.stack.daemon)
    await work.stack.daemon.stop()
    await clock.start()
    await work.look_at_board()
    yield clock
    await work.stack.daemon.stop()
    await work.restart_daemon()


@pytest.mark.parametrize(("hours", "tens"), [(1, 0), (-1, 1)])
async def test_a_clock_that_is_set_moves_nobody_in_the_line_and_ends_no_talk(
    work: Workplace, clock: DaemonsClock, hours: int, tens: int
) -> None:
    numbers = [NUMBER.format(10 * tens + each) for each in range(3)]
    agent = await work.agent("agent1")
    talk = await work.call_by_area(numbers[0])
    talking = await pop_of(agent, "talking")
    await work.call_by_area(numbers[1])
    first = await work.queued(numbers[1])

    ahead = timedelta(hours=hours)
    clock.set(ahead)
    await work.call_by_area(numbers[2])
    _, second = line = await work.in_line(2)
    assert line[0]["call_id"] == first
    since = datetime.fromisoformat(second["since"])
    assert abs(since - datetime.now(UTC) - ahead) < _NEAR
    assert (await pop_of(agent, "talking"))["call_id"] == talking["call_id"]

    await work.hang_up(talk)
    await finish_wrap_up(agent)
    assert (await pop_of(agent, "talking"))["call_id"] == first
    helper = await work.agent("agent3")
    assert (await pop_of(helper, "talking"))["call_id"] == second["call_id"]
    clock.set(timedelta())
    record = await work.record(numbers[1], has=lambda found: "answered" in kinds(found))
    assert {"overflowed", "diverted", "offer_failed"}.isdisjoint(kinds(record))
