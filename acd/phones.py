"""Which telephones are in use: the channels of agents' devices, from Asterisk's events.

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

    def put(self, leg: Leg) -> None:
        self._legs[leg.uniqueid] = leg
        self._by_extension.setdefault(leg.extension, set()).add(leg.uniqueid)

    def drop(self, uniqueid: str) -> Leg | None:
        """The leg that hung up."""
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

    def replace(self, node: str, legs: Iterable[Leg]) -> None:
        """All legs of one node, anew."""
        for leg in [leg for leg in self._legs.values() if leg.node == node]:
            self.drop(leg.uniqueid)
        for leg in legs:
            self.put(leg)
