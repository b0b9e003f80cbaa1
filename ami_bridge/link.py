"""One connection to one Asterisk, opened and logged in by panoramisk's Manager.

Rule: a Manager lives for one connection. What it would do by itself afterwards (ping without looking
at the answer, connect again, send waiting actions again) is switched off here; the client decides.
"""

import asyncio
from functools import partial
from typing import Any

from panoramisk.manager import Manager

from ami_bridge.errors import ActionRefused, LinkDown
from ami_bridge.node import NodeSettings
from ami_bridge.protocol import BridgeProtocol, Response


class OneConnection(Manager):  # type: ignore[misc]  # panoramisk carries no types
    """A Manager that connects and logs in, once."""

    def connection_made(self, f: asyncio.Future[Any]) -> None:
        """A failure is told to whoever awaits `connect`, and to nobody else."""
        if not f.cancelled() and f.exception() is None:
            super().connection_made(f)

    def ping(self) -> None:
        """The client pings, and looks at the answers."""

    def connection_lost(self, exc: object) -> None:
        """The client hears of it from the protocol, and connects again."""

    async def send_awaiting_actions(self, *_: object) -> None:
        """No action is ever sent twice."""


async def open_link(node: NodeSettings) -> BridgeProtocol:
    """A link that is logged in. Raises LinkDown or ActionRefused (wrong name or secret)."""
    manager = OneConnection(
        host=node.host,
        port=node.port,
        username=node.username,
        secret=node.secret,
        loop=asyncio.get_running_loop(),
        protocol_factory=partial(BridgeProtocol, queue_limit=node.queue_limit),
    )
    try:
        async with asyncio.timeout(node.connect_deadline_s):
            _, link = await manager.connect()
    except (OSError, TimeoutError) as error:
        raise LinkDown(f"{node.host}:{node.port}: {error or 'no answer'}", sent=False) from error
    try:
        await _log_in(manager.authenticated_future, node)
    except BaseException:
        link.abandon("log-in failed")
        raise
    finally:
        manager.pinger.cancel()
    return link  # type: ignore[no-any-return]  # made by our own protocol_factory


async def _log_in(answer: asyncio.Future[Response], node: NodeSettings) -> None:
    try:
        async with asyncio.timeout(node.login_deadline_s):
            response = await answer
    except TimeoutError:
        raise LinkDown(f"{node.name}: no answer to the log-in", sent=True) from None
    if not response.success:
        raise ActionRefused(f"{node.name}: log-in as {node.username}: {response.message}")
