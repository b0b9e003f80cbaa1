"""Which telephones are in use, and who talks with whom: channels and their bridges, from Asterisk's events.

Rule: pure; a channel belongs to the extension in its name (`PJSIP/8001-0000002a` is 8001), and a
fresh list of channels replaces what was believed of that node.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_TECHNOLOGY = "PJSIP/"


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of a telephone."""

    node: str
    uniqueid: str
    linkedid: str
    extension: str
    up: bool


def extension_of(channel: str) -> str | None:
    """The device's extension, None for channels of other kinds."""
    if not channel.startswith(_TECHNOLOGY):
        return None
    extension, _, number = channel.removeprefix(_TECHNOLOGY).rpartition("-")
    return extension if number else None


class Phones:
    """Legs by the channel's unique id and by extension."""

    def __init__(self) -> None:
        self._legs: dict[str, Leg] = {}
        self._by_extension: dict[str, set[str]] = {}
        self._bridges: dict[str, str] = {}

    def put(self, leg: Leg) -> None:
        self._legs[leg.uniqueid] = leg
        self._by_extension.setdefault(leg.extension, set()).add(leg.uniqueid)

    def has(self, uniqueid: str) -> bool:
        return uniqueid in self._legs

    def enter(self, uniqueid: str, bridge_id: str) -> tuple[Leg, ...]:
        """The channel is in a bridge; all legs that are in it now."""
        self._bridges[uniqueid] = bridge_id
        here = (each for each, bridge in self._bridges.items() if bridge == bridge_id)
        return tuple(self._legs[each] for each in here if each in self._legs)

    def leave(self, uniqueid: str) -> None:
        """The channel is in no bridge."""
        self._bridges.pop(uniqueid, None)

    def drop(self, uniqueid: str) -> Leg | None:
        """The leg that hung up."""
        self.leave(uniqueid)
        leg = self._legs.pop(uniqueid, None)
        if leg is not None:
            self._by_extension[leg.extension].discard(uniqueid)
        return leg

    def talking(self, extension: str) -> Leg | None:
        """A leg of the extension that is up."""
        for uniqueid in self._by_extension.get(extension, ()):
            leg = self._legs[uniqueid]
            if leg.up:
                return leg
        return None

    def in_talk(self, extension: str, channel: str) -> Leg | None:
        """The leg of the extension that is in one bridge with this channel."""
        bridge = self._bridges.get(channel)
        for uniqueid in self._by_extension.get(extension, ()):
            if bridge is not None and self._bridges.get(uniqueid) == bridge:
                return self._legs[uniqueid]
        return None

    def replace(self, node: str, legs: Iterable[Leg]) -> None:
        """All legs of one node, anew."""
        for leg in [leg for leg in self._legs.values() if leg.node == node]:
            self.drop(leg.uniqueid)
        for leg in legs:
            self.put(leg)
