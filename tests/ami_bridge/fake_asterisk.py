"""A manager peer over a real socket which behaves as told: well, slowly, wrongly or not at all."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Self

from ami_bridge.client import AmiClient
from ami_bridge.events import AsteriskEvent
from ami_bridge.framing import AmiMessage
from ami_bridge.node import NodeSettings

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


def block(*headers: tuple[str, str]) -> bytes:
    return ("".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n").encode()


def event(name: str, **headers: str) -> bytes:
    return block(("Event", name), *headers.items())


def channel_event(name: str, uniqueid: str, state: str = "Ring", **headers: str) -> bytes:
    return event(
        name,
        Channel=f"PJSIP/trunk-{uniqueid}",
        ChannelStateDesc=state,
        Uniqueid=uniqueid,
        Linkedid=uniqueid,
        **headers,
    )


class FakeAsterisk:
    """`ignored` actions are never answered; `channels` is what Status lists."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[AmiMessage] = []
        self.raw = b""
        self.connections = 0
        self.ignored: set[str] = set()
        self.refused: dict[str, str] = {}
        self.booted = True
        self.channels: list[bytes] = []
        self.devices: dict[str, str] = {}
        self.after_status: Callable[[], None] = lambda: None
        self.on_action: dict[str, Callable[[AmiMessage], None]] = {}
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()

    def drop(self) -> None:
        """Every link falls."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def say(self, *parts: bytes) -> None:
        for writer in self._writers:
            for part in parts:
                writer.write(part)

    def count(self, action: str) -> int:
        return len(self.named(action))

    def named(self, action: str) -> list[AmiMessage]:
        return [message for message in self.received if message.get("Action") == action]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        writer.write(BANNER)
        rest = b""
        try:
            while data := await reader.read(65536):
                self.raw += data
                *whole, rest = (rest + data).split(b"\r\n\r\n")
                for raw in whole:
                    self._answer(AmiMessage(raw), writer)
        except ConnectionError:
            return

    def _answer(self, action: AmiMessage, writer: asyncio.StreamWriter) -> None:
        self.received.append(action)
        name, number = action.get("Action"), ("ActionID", action.action_id)
        if name in self.on_action:
            self.on_action[name](action)
        if name in self.ignored or writer.is_closing():
            return
        if name in self.refused:
            writer.write(block(("Response", "Error"), number, ("Message", self.refused[name])))
            return
        writer.write(block(("Response", "Success"), number, ("Message", "done")))
        if name == "Login" and self.booted:
            writer.write(event("FullyBooted", Status="Fully Booted"))
        if name == "Status":
            for channel in self.channels:
                writer.write(channel.replace(b"\r\n\r\n", b"\r\n" + block(number)))
            self.after_status()
            writer.write(event("StatusComplete", ActionID=number[1], EventList="Complete"))
        if name == "DeviceStateList":
            for device, state in self.devices.items():
                writer.write(
                    event("DeviceStateChange", ActionID=number[1], Device=device, State=state)
                )
            writer.write(event("DeviceStateListComplete", ActionID=number[1]))


class Listening:
    """A client of the fake, and what it heard."""

    def __init__(self, peer: FakeAsterisk, **settings: object) -> None:
        self.heard: list[AsteriskEvent] = []
        self.node = quick_node(peer.port, **settings)
        self.client = AmiClient(self.node, on_event=self.hear)

    def hear(self, heard: AsteriskEvent) -> None:
        self.heard.append(heard)

    def of(self, *types: type) -> list[AsteriskEvent]:
        return [heard for heard in self.heard if isinstance(heard, types)]

    async def __aenter__(self) -> Self:
        await self.client.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


def quick_node(port: int, **changed: object) -> NodeSettings:
    settings: dict[str, object] = {
        "ping_interval_s": 0.05,
        "ping_deadline_s": 0.2,
        "connect_deadline_s": 1.0,
        "login_deadline_s": 0.3,
        "booted_deadline_s": 0.1,
        "list_deadline_s": 0.3,
        "reconnect_first_s": 0.01,
        "reconnect_most_s": 0.05,
        "originate_margin_s": 0.3,
        "fate_grace_s": 0.05,
    } | changed
    return NodeSettings(
        name="pbx1", host="127.0.0.1", port=port, username="zongji", secret="s3cret", **settings
    )


async def until(condition: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Wait for the condition, looking often."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("what was waited for did not happen")
        await asyncio.sleep(0.005)


def cuts(data: bytes) -> Sequence[tuple[bytes, bytes]]:
    """The data cut in two at every place."""
    return [(data[:at], data[at:]) for at in range(len(data) + 1)]
