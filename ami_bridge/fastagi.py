"""The FastAGI server: Asterisk connects, one coroutine runs per call.

Rule: FastAGI has no log-in, so only allowed addresses are listened to, and a peer that says nothing,
too much or something else costs one closed socket and disturbs nobody. The backlog holds the callers of a surge, whom
Asterisk would take elsewhere after two seconds; a program that hangs is ended by its watchdog, which frees them. A handler
that fails closes its connection, and the dialplan takes the caller.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

import structlog

from ami_bridge.agi import AgiSession, Interrupt, NotPlayed
from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_framing import AgiEnvironment, AgiLimits
from ami_bridge.errors import CallerHungUp, PeerError

log = structlog.get_logger(__name__)

Handler = Callable[[AgiSession], Awaitable[None]]


class FastAgiServer:
    """`interrupt` presses the key D on a call's channel (AMI PlayDTMF, received); `not_played` hears of each prompt (its
    path) of which Asterisk played nothing.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        host: str,
        port: int,
        allowed: Sequence[IPv4Network | IPv6Network],
        interrupt: Interrupt,
        not_played: NotPlayed = lambda _: None,
        limits: AgiLimits | None = None,
    ) -> None:
        self._handler = handler
        self._address = (host, port)
        self._allowed = tuple(allowed)
        self._limits = limits or AgiLimits()
        self._interrupt = interrupt
        self._not_played = not_played
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        host, port = self._address
        self._server = await asyncio.start_server(
            self._accept, host, port, backlog=self._limits.backlog
        )

    async def close(self) -> None:
        """Stop listening and end every handler; the callers go on in the dialplan."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def port(self) -> int:
        """The port in use, also when 0 was asked for."""
        if self._server is None:
            return self._address[1]
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        return len(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str(writer.get_extra_info("peername")[0])
        if self._server is None:
            writer.transport.abort()
        elif not self._may_enter(peer):
            log.warning("agi_peer_not_allowed", peer=peer)
            writer.transport.abort()
        elif len(self._tasks) >= self._limits.connections:
            log.warning("agi_connections_exhausted", limit=self._limits.connections)
            writer.transport.abort()
        else:
            task = asyncio.create_task(self._serve(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: writer.close())

    def _may_enter(self, peer: str) -> bool:
        address = ip_address(peer.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._allowed)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = AgiConnection(reader, writer, self._limits)
        try:
            async with asyncio.timeout(self._limits.header_timeout_s):
                env = await connection.environment()
            if env is not None:
                await self._run(connection, env)
        except (PeerError, ConnectionError, TimeoutError) as error:
            log.info("agi_peer_dismissed", why=str(error) or "it said nothing")

    async def _run(self, connection: AgiConnection, env: AgiEnvironment) -> None:
        """The handler, for as long as the channel lives."""
        session = AgiSession(
            connection, env, interrupt=self._interrupt, not_played=self._not_played
        )
        call = asyncio.create_task(self._handle(session))
        pump = asyncio.create_task(connection.pump(call.cancel))
        try:
            await asyncio.wait((call,))
        except asyncio.CancelledError:
            call.cancel()
            await asyncio.wait((call,))
            raise
        finally:
            pump.cancel()
            await asyncio.wait((pump,))
        if not pump.cancelled() and (fault := pump.exception()) is not None:
            raise fault

    async def _handle(self, session: AgiSession) -> None:
        try:
            await self._handler(session)
        except CallerHungUp:
            log.debug("agi_call_ended_by_hang_up", channel=session.env.channel)
        except Exception:
            log.exception("agi_handler_failed", channel=session.env.channel)
