"""One browser page's websocket, as the daemon holds it.

Rule: what waits for a page is bounded. A page that falls behind loses its backlog and is sent the
snapshot instead, which is also the first thing every page is sent.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from crm_core.rights import Principal

PageKind = Literal["sidebar", "board"]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much may wait for one page."""

    messages: int = 256
    size: int = 1_000_000


class Page:
    """Messages on their way to one page, in order."""

    def __init__(
        self,
        kind: PageKind,
        principal: Principal,
        token: str,
        *,
        send: Callable[[bytes], Awaitable[None]],
        close: Callable[[int], None],
        backlog: Backlog,
    ) -> None:
        self.kind = kind
        self.principal = principal
        self.token = token
        self.close = close
        self._send = send
        self._limit = backlog
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._behind = True
        self._wake = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Queue a message; never waits. A page that waits for its snapshot needs no changes."""
        if self._behind:
            return
        self._waiting.append(message)
        self._size += len(message)
        if len(self._waiting) > self._limit.messages or self._size > self._limit.size:
            self.send_snapshot()
        self._wake.set()

    def send_snapshot(self) -> None:
        """Forget what waits; the snapshot of the moment of sending comes next."""
        self._waiting.clear()
        self._size = 0
        self._behind = True
        self._wake.set()

    async def run(self, snapshot: Callable[[], bytes]) -> None:
        """Send until cancelled or until the socket is lost (ConnectionError)."""
        while True:
            if self._behind:
                self._behind = False
                await self._send(snapshot())
            elif self._waiting:
                message = self._waiting.popleft()
                self._size -= len(message)
                await self._send(message)
            else:
                self._wake.clear()
                await self._wake.wait()
