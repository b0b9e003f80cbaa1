"""A wire that a test can cut or stall, laid between the daemon and one TCP port of a neighbour."""

import asyncio
from types import TracebackType
from typing import Literal, Self

_CHUNK = 65_536


class Proxy:
    """Listens on a port of its own (`port`) and passes everything on to `target` on loopback.

    `stall`: connections stay open and are still taken, but nothing arrives. `cut`: they are reset, and
    new ones at once. `open`: what was held back by a stall goes on its way.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._mode: Literal["pass", "stall", "cut"] = "pass"
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def open(self) -> None:
        self._mode = "pass"
        self._flowing.set()

    def stall(self) -> None:
        self._mode = "stall"
        self._flowing.clear()

    def cut(self) -> None:
        self._mode = "cut"
        for writer in self._writers:
            writer.transport.abort()
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except ConnectionError:
            writer.transport.abort()
            return
        both = {writer, far_writer}
        self._writers |= both
        pumps = (self._pump(reader, far_writer), self._pump(far_reader, writer))
        await asyncio.gather(*pumps, return_exceptions=True)
        self._writers -= both

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
