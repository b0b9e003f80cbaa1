"""How many callers of a PBX hear something at once: each of them costs it a packet every 20 ms, whoever rings on or waits in
silence nothing (figures: docs/performance.md).

Rule: first come, first served. Music goes before words, and both before a call.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Places:
    """Of one PBX: for callers in menus and whoever hears a prompt in the line, and for music."""

    words: asyncio.Semaphore
    music: asyncio.Semaphore


class Voices:
    """`words` and `music` are the places that each PBX has."""

    def __init__(self, *, words: int, music: int) -> None:
        self._words, self._music = words, music
        self._places: dict[str, Places] = {}

    def at(self, node: str) -> Places:
        """Those of a PBX."""
        found = self._places.get(node)
        if found is None:
            made = Places(asyncio.Semaphore(self._words), asyncio.Semaphore(self._music))
            found = self._places[node] = made
        return found


@contextlib.asynccontextmanager
async def room_in(
    places: asyncio.Semaphore, *, until: asyncio.Future[Any] | None = None
) -> AsyncIterator[bool]:
    """A place for as long as the block lasts; False when `until` is done before there is one."""
    taken = asyncio.ensure_future(places.acquire())
    try:
        await asyncio.wait(
            {taken, until} if until else {taken}, return_when=asyncio.FIRST_COMPLETED
        )
        yield taken.done()
    finally:
        if taken.done():
            places.release()
        else:
            taken.cancel()
