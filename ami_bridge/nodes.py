"""All Asterisk servers of this house. Rule: each has its own link; one that is away disturbs none of
the others, and every event says which server it comes from.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from ami_bridge.client import AmiClient
from ami_bridge.commands import Action
from ami_bridge.events import AsteriskEvent
from ami_bridge.node import NodeSettings
from ami_bridge.protocol import Response


class AsteriskNodes:
    """The clients by the node's name."""

    def __init__(
        self, nodes: Sequence[NodeSettings], *, on_event: Callable[[AsteriskEvent], None]
    ) -> None:
        self._clients = {node.name: AmiClient(node, on_event=on_event) for node in nodes}
        if len(self._clients) != len(nodes):
            raise ValueError("two Asterisk nodes have the same name: give each its own")

    async def start(self) -> None:
        for client in self._clients.values():
            await client.start()

    async def close(self) -> None:
        await asyncio.gather(*(client.close() for client in self._clients.values()))

    def client(self, name: str) -> AmiClient:
        """Raises KeyError for a node that is not configured."""
        return self._clients[name]

    async def send(self, name: str, action: Action) -> Response:
        """As the client of this node. Raises KeyError for a node that is not configured."""
        return await self._clients[name].send(action)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._clients)

    @property
    def connected(self) -> Mapping[str, bool]:
        return {name: client.connected for name, client in self._clients.items()}
