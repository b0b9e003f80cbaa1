"""The protocol that panoramisk's Manager opens the connection with.

Rule: the reader only frames, settles waiting actions and queues events; it never runs a handler. An
action is written once, has a deadline, and is forgotten when it is over; what waits when the link
falls fails with LinkDown(sent=True) and is never written again. Nothing is ever handed back to the
Manager, so it has nothing to replay.
"""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from ami_bridge.commands import Action
from ami_bridge.errors import ActionRefused, ActionTimedOut, LinkDown, PeerError
from ami_bridge.framing import AmiFramer, AmiMessage, encode


@dataclass(frozen=True, slots=True)
class Response:
    """Asterisk's answer to an action. `success` false is raised as ActionRefused by `request`."""

    success: bool
    message: str
    value: str = ""


class BridgeProtocol(asyncio.Protocol):
    """One connection. `lost` is done, with the reason, when it is over."""

    def __init__(self, *, queue_limit: int) -> None:
        self.events: deque[AmiMessage] = deque()
        self.arrived = asyncio.Event()
        self.booted = asyncio.Event()
        self.overflowed = asyncio.Event()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.dropped = 0
        self._queue_limit = queue_limit
        self._framer = AmiFramer()
        self._waiting: dict[str, asyncio.Future[Response]] = {}
        self._ids = self._number(secrets.token_hex(4))
        self._transport: asyncio.Transport | None = None

    # -- what asyncio calls ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._framer.feed(data)
        except PeerError as error:
            self.abandon(str(error))
            return
        if not self.booted.is_set() and any(m.event == b"FullyBooted" for m in messages):
            self.booted.set()
        responses = [message for message in messages if message.is_response]
        if responses:
            messages = [message for message in messages if not message.is_response]
        self._queue(messages)
        for message in responses:
            self._settle(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(str(exc) if exc else "Asterisk closed the connection")

    # -- what panoramisk's Manager calls -----------------------------------------------------------

    def send(self, action: Mapping[str, str], as_list: object = None) -> asyncio.Future[Response]:  # noqa: ARG002
        """The Manager's log-in. Its future never fails: it tells what became of it."""
        headers = [(name, value) for name, value in action.items() if name != "ActionID"]
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        if not self.lost.done():
            self._write(next(self._ids), headers, future)
        self.lost.add_done_callback(
            lambda lost: (
                None if future.done() else future.set_result(Response(False, lost.result()))
            )
        )
        return future

    def close(self) -> None:
        """End the connection in order."""
        if self._transport is not None:
            self._transport.close()
        self._over("closed")

    # -- what the client calls ---------------------------------------------------------------------

    async def request(
        self, action: Action, *, deadline_s: float, action_id: str | None = None
    ) -> Response:
        """Write the action once and wait for its answer.

        Raises UnsafeValue, LinkDown, ActionTimedOut, ActionRefused.
        """
        if self.lost.done():
            raise LinkDown("there is no link to Asterisk", sent=False)
        action_id = action_id or next(self._ids)
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        headers = [("Action", action.name), *action.headers()]
        self._write(action_id, headers, future)
        try:
            async with asyncio.timeout(deadline_s):
                await asyncio.wait((future, self.lost), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise ActionTimedOut(f"{action.name}: no answer within {deadline_s} s") from None
        finally:
            self._waiting.pop(action_id, None)
        if not future.done():
            raise LinkDown(f"{action.name}: the link fell before the answer", sent=True)
        response = future.result()
        if not response.success:
            raise ActionRefused(f"{action.name}: {response.message}")
        return response

    def next_id(self) -> str:
        return next(self._ids)

    def abandon(self, reason: str) -> None:
        """Cut the connection at once, without waiting for a peer that may be gone."""
        if self._transport is not None:
            self._transport.abort()
        self._over(reason)

    @property
    def waiting(self) -> int:
        """Actions without an answer yet."""
        return len(self._waiting)

    # -- inside ------------------------------------------------------------------------------------

    def _queue(self, messages: list[AmiMessage]) -> None:
        if len(self.events) + len(messages) > self._queue_limit:
            self.dropped += len(self.events) + len(messages)
            self.events.clear()
            self.overflowed.set()
            return
        self.events.extend(messages)
        self.arrived.set()

    def _settle(self, message: AmiMessage) -> None:
        future = self._waiting.pop(message.action_id, None)
        if future is None or future.done():
            return
        success = message.get("Response") in {"Success", "Follows"}
        future.set_result(Response(success, message.get("Message"), message.get("Value")))

    def _write(
        self, action_id: str, headers: list[tuple[str, str]], future: asyncio.Future[Response]
    ) -> None:
        data = encode([*headers, ("ActionID", action_id)])
        assert self._transport is not None
        self._waiting[action_id] = future
        self._transport.write(data)

    def _over(self, reason: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self.arrived.set()
        self._waiting.clear()

    @staticmethod
    def _number(prefix: str) -> Iterator[str]:
        return (f"zj-{prefix}-{count}" for count in itertools.count(1))
