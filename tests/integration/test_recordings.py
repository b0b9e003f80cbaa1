"""What is recorded of a real call, and what is not."""

import array
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path

from tests.integration.workplace import Workplace, kinds, pop_of, state_of, until

NUMBER = "02266660001"
UNRECORDED, ENDED = "02266660002", "02266660003"
MORE_THAN_THERE_IS = "\n[recording]\nwarn_below_mb = 1000000000\nstop_below_mb = 1000000000\n"
SECOND = 32_000
"""Bytes of a raw file: two sides, two bytes, 8,000 times a second."""
TENTH = 1_600
"""Samples of both sides."""


async def test_a_pause_keeps_both_sides_out_of_the_sound_even_across_the_daemons_death(
    work: Workplace,
) -> None:
    agent = await work.agent("agent2")
    caller = await work.call_by_area(NUMBER)
    pop = await pop_of(agent, "talking")
    assert pop["recording"] == "on"
    path = f"/api/calls/{pop['call_id']}/recording"
    raw = await until(lambda: _raw(work, pop["call_id"]))
    await _grown(raw, SECOND)
    assert await agent.request("POST", f"{path}/pause", {"reason": "payment"}) == {
        "state": "paused",
        "pause_reason": "payment",
    }
    await _grown(raw, SECOND)
    work.stack.daemon.kill()
    await work.restart_daemon()
    agent = await work.reopen("agent2")
    assert (await pop_of(agent, "talking"))["recording"] == "paused"
    await _grown(raw, SECOND)
    await agent.request("POST", f"{path}/resume", {})
    await _grown(raw, 2 * SECOND)
    await work.hang_up(caller)
    record = await work.record(NUMBER, has=lambda found: found["recording"] is not None)
    heard = ["recording_begun", "recording_paused", "recording_resumed"]
    assert [kind for kind in kinds(record) if kind in heard] == heard
    (sound,) = (work.stack.installation.var / "recordings").rglob(f"{pop['call_id']}.wav")
    runs = list(_runs(sound))
    (silence,) = [place for place, (quiet, tenths) in enumerate(runs) if quiet and tenths >= 15]
    assert any(not quiet for quiet, _ in runs[:silence])
    assert any(not quiet for quiet, _ in runs[silence + 1 :])


async def test_on_a_full_disk_calls_go_on_without_being_recorded(work: Workplace) -> None:
    async with _full_disk(work):
        assert work.board.page.state["system"]["recording"]["room"] is False
        agent = await work.agent("agent2")
        caller = await work.call_by_area(UNRECORDED)
        pop = await pop_of(agent, "talking")
        assert pop["recording"] == "off"
        await work.phone_talks("agent2")
        await work.hang_up(caller)
        record = await work.ended(UNRECORDED)
        assert record["call"]["outcome"] == "answered"
        why = [step["detail"] for step in record["steps"] if step["kind"] == "recording_not_begun"]
        assert [each["cause"] for each in why] == ["disk_full"]
        assert await _raw(work, pop["call_id"]) is None
        await state_of(agent, "wrap_up")
        await agent.command("log_out")

    await work.call_by_area(NUMBER)
    pop = await pop_of(await work.agent("agent3"), "talking")
    assert pop["recording"] == "on"
    assert await until(lambda: _raw(work, pop["call_id"]))


async def test_a_full_disk_ends_the_recording_of_a_talk_that_goes_on(work: Workplace) -> None:
    agent = await work.agent("agent2")
    caller = await work.call_by_area(ENDED)
    pop = await pop_of(agent, "talking")
    raw = await until(lambda: _raw(work, pop["call_id"]))
    await _grown(raw, SECOND)
    async with _full_disk(work):
        record = await work.record(ENDED, has=lambda found: found["call"]["recording"] == "off")
        size = raw.stat().st_size
        assert ("recording_stopped" in kinds(record), record["call"]["ended_at"]) == (True, None)
        agent = await work.reopen("agent2")
        assert (await pop_of(agent, "talking"))["recording"] == "off"
        await work.phone_talks("agent2")
        assert raw.stat().st_size == size
        await work.hang_up(caller)
        record = await work.record(ENDED, has=lambda found: found["recording"] is not None)
        assert record["call"]["outcome"] == "answered"
        assert record["recording"]["seconds"] >= 1
        await state_of(agent, "wrap_up")
        await agent.command("log_out")


@asynccontextmanager
async def _full_disk(work: Workplace) -> AsyncIterator[None]:
    """A daemon that wants more room than any disk has."""
    settings = work.stack.installation.settings_file
    before = settings.read_text(encoding="utf-8")
    settings.write_text(before + MORE_THAN_THERE_IS, encoding="utf-8")
    try:
        work.stack.daemon.kill()
        await work.restart_daemon()
        yield
    finally:
        settings.write_text(before, encoding="utf-8")
        work.stack.daemon.kill()
        await work.restart_daemon()


async def _raw(work: Workplace, call_id: str) -> Path | None:
    folder = work.stack.installation.var / "recordings"
    return next(iter(folder.rglob(f"*{call_id}.raw")), None)


async def _grown(raw: Path, by: int) -> None:
    wanted = raw.stat().st_size + by

    async def is_there() -> bool:
        return raw.stat().st_size >= wanted

    await until(is_there)


def _runs(path: Path) -> Iterator[tuple[bool, int]]:
    """Stretches of the sound in tenths of a second: whether neither side is heard in it, and how long it is."""
    with wave.open(str(path)) as sound:
        samples = array.array("h", sound.readframes(sound.getnframes()))
    quiet = [not any(samples[start : start + TENTH]) for start in range(0, len(samples), TENTH)]
    for is_quiet, run in groupby(quiet):
        yield is_quiet, len(list(run))
