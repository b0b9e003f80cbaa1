"""One FastAGI connection: commands written, replies matched in order, the end noticed.

Rule: every command has exactly one reply and they come in order; a command whose caller no longer
waits still consumes its reply. After the hang-up every command fails with CallerHungUp.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from ami_bridge.agi_framing import (
    DEAD_CHANNEL,
    SUCCESS,
    AgiEnvironment,
    AgiFramer,
    AgiLimits,
    AgiMessage,
    AgiReply,
    HungUp,
)
from ami_bridge.errors import AgiRefused, CallerHungUp, PeerError

_CHUNK = 65_536


class AgiConnection:
    """`pump` must run while commands are asked."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: AgiLimits
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = AgiFramer(limits)
        self._early: list[AgiMessage] = []
        self._replies: deque[asyncio.Future[AgiReply]] = deque()
        self.hung_up = False

    async def environment(self) -> AgiEnvironment | None:
        """What the peer says first; None when it left before. Raises PeerError."""
        while data := await self._reader.read(_CHUNK):
            messages = self._framer.feed(data)
            if messages:
                first, *self._early = messages
                if isinstance(first, AgiEnvironment):
                    return first
        return None

    async def pump(self, gone: Callable[[], object]) -> None:
        """Hand out replies until the channel is gone; `gone` hears of it first. Raises PeerError."""
        try:
            for message in self._early:
                self._take(message)
            while not self.hung_up and (data := await self._reader.read(_CHUNK)):
                for message in self._framer.feed(data):
                    self._take(message)
        except ConnectionError:
            return
        finally:
            gone()
            self._end()

    def begin(self, line: bytes) -> asyncio.Future[AgiReply]:
        """Write a command; its reply comes through the future. Raises CallerHungUp."""
        if self.hung_up:
            raise CallerHungUp("the channel is gone")
        reply: asyncio.Future[AgiReply] = asyncio.get_running_loop().create_future()
        self._replies.append(reply)
        self._writer.write(line)
        return reply

    @property
    def idle(self) -> bool:
        """Whether no command waits for its reply."""
        return not self._replies

    def checked(self, reply: AgiReply) -> AgiReply:
        """The reply itself when it is a success. Raises CallerHungUp, AgiRefused."""
        if reply.code == DEAD_CHANNEL:
            raise CallerHungUp("the channel is gone")
        if reply.code != SUCCESS:
            raise AgiRefused(f"{reply.code} {reply.text}")
        return reply

    def _take(self, message: AgiMessage) -> None:
        if isinstance(message, HungUp):
            self.hung_up = True
        elif not isinstance(message, AgiReply) or not self._replies:
            raise PeerError("a reply without a command")
        elif not (waiting := self._replies.popleft()).done():
            waiting.set_result(message)

    def _end(self) -> None:
        self.hung_up = True
        self._writer.close()
        while self._replies:
            reply = self._replies.popleft()
            if not reply.done():
                reply.set_exception(CallerHungUp("the channel is gone"))
                reply.exception()  # nobody need be waiting any more
