"""Which devices can be reached: Asterisk's device states, reduced to one answer.

Rule: Asterisk itself knows whether a device has a telephone that answers (several registered
browsers, qualification); a change is told only when that answer changes. Pure.
"""

from collections.abc import Iterable
from datetime import datetime

from ami_bridge.events import DeviceChanged
from ami_bridge.framing import AmiMessage

_AWAY = frozenset({"UNAVAILABLE", "INVALID", "UNKNOWN"})


class Devices:
    """The devices of one node."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._told: dict[str, bool] = {}

    def changed(self, message: AmiMessage, at: datetime) -> list[DeviceChanged]:
        """A DeviceStateChange event."""
        device, state = message.get("Device"), message.get("State")
        return self._tell(device, state not in _AWAY, at) if device and state else []

    def replace(self, listed: Iterable[AmiMessage], at: datetime) -> list[DeviceChanged]:
        """The whole list, as Asterisk gave it after a (re)connection."""
        states = {message.get("Device"): message.get("State") for message in listed}
        return [
            news
            for device in sorted({*states, *self._told})
            for news in self._tell(device, states.get(device, "UNKNOWN") not in _AWAY, at)
        ]

    def _tell(self, device: str, reachable: bool, at: datetime) -> list[DeviceChanged]:
        if self._told.get(device) is reachable:
            return []
        self._told[device] = reachable
        return [DeviceChanged(self._node, at, device, reachable)]
