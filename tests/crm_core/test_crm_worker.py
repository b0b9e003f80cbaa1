"""What goes on in the background goes on, whatever happens in a round."""

import asyncio
from collections.abc import Sequence

import pytest

from crm_core.errors import DatabaseUnavailable
from crm_core.worker import Worker


class Rounds(Worker):
    """Does what it is told, round by round."""

    def __init__(self, outcomes: Sequence[int | Exception], **more: float) -> None:
        super().__init__("rounds", **({"every_s": 0.0} | more))
        self._outcomes = list(outcomes)
        self.done: list[int | Exception] = []
        self.over = asyncio.Event()

    async def run_once(self) -> int:
        if not self._outcomes:
            self.over.set()
            return 0
        self.done.append(outcome := self._outcomes.pop(0))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def finished(rounds: Rounds) -> list[int | Exception]:
    rounds.start()
    async with asyncio.timeout(10):
        await rounds.over.wait()
    await rounds.close()
    return rounds.done


async def test_a_round_that_fails_comes_again():
    outcomes = [1, DatabaseUnavailable("away"), ValueError("a fault"), 2]
    assert await finished(Rounds(outcomes)) == outcomes


async def test_a_full_batch_is_followed_by_the_next_one_at_once():
    assert await finished(Rounds([5, 5, 7], every_s=0.0, batch=5)) == [5, 5, 7]
    hurried = Rounds([5, 5], every_s=3600, batch=5)
    hurried.start()
    async with asyncio.timeout(10):
        await hurried.over.wait()
    await hurried.close()


async def test_one_that_has_much_to_do_rests_for_a_multiple_of_the_time_it_worked(
    monkeypatch: pytest.MonkeyPatch,
):
    times = iter([100.0, 100.5, 200.0, 209.0, 300.0])
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("crm_core.worker._now", lambda: next(times, 0.0))
    monkeypatch.setattr("crm_core.worker.asyncio.sleep", pause)
    assert await finished(Rounds([5, 5, 3], every_s=20.0, batch=5, rests=4.0)) == [5, 5, 3]
    assert pauses[:3] == [2.0, 20.0, 20.0]


async def test_one_that_was_never_started_is_closed():
    await Rounds([]).close()
