"""Full collections of garbage keep away from calls, and what is garbage goes all the same."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from zongji import collector
from zongji.collector import Collector


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.me = self


def garbage() -> "weakref.ref[Ring]":
    """A ring that nobody has, and that the young collections have left behind."""
    made = Ring()
    found = weakref.ref(made)
    gc.collect(1)
    del made
    return found


@asynccontextmanager
async def collecting(calls: int) -> AsyncIterator[None]:
    made = Collector(lambda: calls, every_s=0.001)
    made.start()
    yield
    await made.close()


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0.002)


async def test_garbage_goes_while_few_calls_are_under_way():
    async with collecting(calls=0):
        ring = garbage()
        async with asyncio.timeout(10):
            while ring() is not None:
                await asyncio.sleep(0.001)


async def test_while_many_are_under_way_it_stays_but_not_for_ever(monkeypatch: pytest.MonkeyPatch):
    async with collecting(calls=1_000):
        ring = garbage()
        await turns(3)
        assert ring() is not None
        monkeypatch.setattr(collector, "_MOST_ROUNDS", 1)
        async with asyncio.timeout(10):
            while ring() is not None:
                await asyncio.sleep(0.001)


async def test_what_there_is_at_the_start_is_not_looked_at_again_and_all_is_as_before_at_the_end():
    before = gc.get_threshold()
    async with collecting(calls=0):
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() != before
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)
