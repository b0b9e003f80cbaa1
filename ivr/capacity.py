"""How many callers of a PBX hear something at once: each of them costs it a packet every 20 ms, whoever rings on or waits in
silence nothing (figures: docs/performance.md).

Rule: first come, first served. Music goes before words, and both before a call.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass


class Room:
    """`places` of one kind. `taken` and `wanted` count the callers who have one, and who ring on until they do."""

    def __init__(self, places: int) -> None:
        self._free = asyncio.Semaphore(places)
        self.taken = self.wanted = 0

    @property
    def is_full(self) -> bool:
        return self._free.locked()

    async def take(self) -> None:
        """At once unless it is full."""
        self.wanted += 1
        try:
            await self._free.acquire()
        finally:
            self.wanted -= 1
        self.taken += 1

    def give_back(self) -> None:
        self.taken -= 1
        self._free.release()


@dataclass(frozen=True, slots=True)
class Rooms:
    """Of one PBX: for callers in menus and whoever hears a prompt in the line, and for music."""

    words: Room
    music: Room


class Capacity:
    """`words` and `music` are the places that each PBX has."""

    def __init__(self, *, words: int, music: int) -> None:
        self._words, self._music = words, music
        self._rooms: dict[str, Rooms] = {}

    def at(self, node: str) -> Rooms:
        """Those of a PBX."""
        found = self._rooms.get(node)
        if found is None:
            found = self._rooms[node] = Rooms(Room(self._words), Room(self._music))
        return found

    def kinds(self) -> Iterator[tuple[str, Mapping[str, Room]]]:
        """By PBX, those that had calls, and by name."""
        for node, rooms in self._rooms.items():
            yield node, {"words": rooms.words, "music": rooms.music}


@contextlib.asynccontextmanager
async def place_in(
    room: Room, *, until: Callable[[], Coroutine[None, None, None]] | None = None
) -> AsyncIterator[bool]:
    """A place for as long as the block lasts; False when `until` ends before there is one."""
    if until is None or not room.is_full:
        await room.take()
        there = True
    else:
        there = await _taken(room, until())
    try:
        yield there
    finally:
        if there:
            room.give_back()


async def _taken(room: Room, until: Coroutine[None, None, None]) -> bool:
    taken, given_up = asyncio.ensure_future(room.take()), asyncio.ensure_future(until)
    try:
        await asyncio.wait({taken, given_up}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        if taken.done():
            room.give_back()
        raise
    finally:
        there = taken.done()
        taken.cancel()
        given_up.cancel()
    return there
