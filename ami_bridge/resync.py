"""How the stream of messages of one link becomes the stream of typed events.

Rule: a link begins with the truth. Events that arrive before the lists of channels and devices
are complete are held back and follow after LinkUp, in order: each channel's changes then converge to
its present state. Starting up, coming back and recovering from an overflow are this same code. Pure.
"""

from datetime import datetime

from ami_bridge.devices import Devices
from ami_bridge.events import AsteriskEvent, ChannelSnapshot, LinkUp
from ami_bridge.framing import AmiMessage
from ami_bridge.reading import read_event, read_snapshot


class Interpreter:
    """Between `begin` and the last list's end it gathers; otherwise it reads straight through."""

    def __init__(self, node: str, devices: Devices) -> None:
        self._node = node
        self._devices = devices
        self._awaited: set[str] = set()
        self._channels: list[ChannelSnapshot] = []
        self._states: list[AmiMessage] = []
        self._held: list[AmiMessage] = []
        self._ids = ("", "")

    @property
    def gathering(self) -> bool:
        return bool(self._awaited)

    @property
    def held(self) -> int:
        return len(self._held)

    def begin(self, status_id: str, devices_id: str) -> None:
        """The two lists were asked for with these ActionIDs."""
        self._ids = (status_id, devices_id)
        self._awaited = {status_id, devices_id}
        self._channels, self._states, self._held = [], [], []

    def feed(self, message: AmiMessage, at: datetime) -> list[AsteriskEvent]:
        """The typed events that this message completes, in order."""
        name = message.event
        if not self._awaited:
            return self._read(message, at)
        if name == b"Status":
            if message.action_id == self._ids[0]:
                self._channels.append(read_snapshot(message, self._node))
        elif name == b"DeviceStateChange" and message.action_id:
            if message.action_id == self._ids[1]:
                self._states.append(message)
        elif name in {b"StatusComplete", b"DeviceStateListComplete"}:
            self._awaited.discard(message.action_id)
            return self._conclude(at)
        else:
            self._held.append(message)
        return []

    def _conclude(self, at: datetime) -> list[AsteriskEvent]:
        if self._awaited:
            return []
        held, self._held = self._held, []
        events: list[AsteriskEvent] = [LinkUp(self._node, at, tuple(self._channels))]
        events += self._devices.replace(self._states, at)
        for message in held:
            events += self._read(message, at)
        return events

    def _read(self, message: AmiMessage, at: datetime) -> list[AsteriskEvent]:
        if message.event == b"DeviceStateChange":
            return [*self._devices.changed(message, at)]
        event = read_event(message, self._node, at)
        return [event] if event is not None else []
