"""An agent who works by the same HTTP API and websocket as the browser page.

Rule: it knows nothing the page does not know; used by the demonstration, the tests and the benches.
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

State = dict[str, dict[str, dict[str, Any]]]


class AgentRefused(Exception):
    """The server refused; `code` and `status` are its answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code


@dataclass
class Page:
    """What the page shows: the server's snapshot with its changes applied, in `state`."""

    state: State = field(default_factory=dict)
    sequence: int = -1

    def apply(self, message: dict[str, Any]) -> bool:
        """Apply one message; False when a change is missing and a snapshot must be asked for."""
        if message["type"] == "snapshot":
            self.state, self.sequence = message["state"], message["seq"]
        elif message["type"] == "change":
            if message["seq"] != self.sequence + 1:
                return False
            self.sequence = message["seq"]
            for collection, objects in message.get("set", {}).items():
                self.state.setdefault(collection, {}).update(objects)
            for collection, ids in message.get("remove", {}).items():
                for each in ids:
                    self.state.get(collection, {}).pop(each, None)
        return True


class DemoAgent:
    """Logs in, hears the page's changes, changes state, places orders."""

    def __init__(self, address: str, login: str, password: str, *, page: str = "sidebar") -> None:
        self.page = Page()
        self.on_message: Callable[[float], None] | None = None
        """Hears when a message came (POSIX seconds), after the page has changed."""
        self._address = address
        self._credentials = {"login": login, "password": password}
        self._page_name = page
        self._changed = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._http = aiohttp.ClientSession(
            headers={"X-Zongji": "1", "Origin": address},
            cookie_jar=aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=[address]),
        )

    async def sign_in(self) -> None:
        """Give name and password; enough for requests, without a page."""
        await self.request("POST", "/api/session", self._credentials)

    async def close(self) -> None:
        await self._http.close()

    async def __aenter__(self) -> Self:
        await self.sign_in()
        ticket = await self.request("POST", "/api/ws-ticket", {})
        self._socket = await self._http.ws_connect(
            f"{self._address}/ws",
            params={"ticket": ticket["ticket"], "page": self._page_name},
            max_msg_size=0,
        )
        self._reader = asyncio.create_task(self._read(self._socket))
        await self.until(bool)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        await self.close()

    async def request(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> dict[str, Any]:
        """One API request; raises AgentRefused with the server's code."""
        async with self._http.request(
            method, self._address + path, json=body, headers=headers
        ) as answer:
            content: dict[str, Any] = await answer.json() if answer.content_length != 0 else {}
            if answer.status >= 400:  # noqa: PLR2004
                error = content.get("error", {})
                raise AgentRefused(answer.status, error.get("code", "?"), error.get("message", ""))
            return content

    async def command(self, command: str, reason: str | None = None) -> dict[str, Any]:
        """A state button: log_in, ready, break, log_out, finish_wrap_up."""
        body = {"command": command} | ({"reason": reason} if reason else {})
        return await self.request("POST", "/api/agent/state", body)

    async def place_order(
        self,
        customer_id: int,
        lines: list[tuple[str, int]],
        *,
        call_id: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Place an order; `lines` are (sku, quantity). The same key gives the same order."""
        body = {
            "customer_id": customer_id,
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        } | ({"call_id": call_id} if call_id else {})
        found = await self.request(
            "POST", "/api/orders", body, **{"Idempotency-Key": key or uuid.uuid4().hex}
        )
        order: dict[str, Any] = found["order"]
        return order

    async def until(self, condition: Callable[[State], bool], *, timeout_s: float = 30.0) -> State:
        """Wait until the page shows it. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: condition(self.page.state))
        return self.page.state

    @property
    def pops(self) -> dict[str, dict[str, Any]]:
        return self.page.state.get("pops", {})

    @property
    def agent(self) -> dict[str, Any]:
        return self.page.state["me"]["agent"]

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            heard = time.time()
            message = json.loads(frame.data)
            if not self.page.apply(message):
                await socket.send_json({"type": "snapshot"})
            if self.on_message is not None:
                self.on_message(heard)
            async with self._changed:
                self._changed.notify_all()
