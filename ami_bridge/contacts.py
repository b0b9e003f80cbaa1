"""Which devices can be reached: registered telephones by device, from Asterisk's contact events.

Rule: a device may have several telephones (a browser that registers anew replaces its old contact);
it is reachable while one of them is, and a change is told only when that answer changes. Pure.
"""

from collections.abc import Iterable
from datetime import datetime

from ami_bridge.events import ContactChanged
from ami_bridge.framing import AmiMessage

_LOST = frozenset({"Unreachable", "Removed", "Unavailable", "Unavail"})


class Contacts:
    """The telephones of one node."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._contacts: dict[str, dict[str, bool]] = {}
        self._told: dict[str, bool] = {}

    def changed(self, message: AmiMessage, at: datetime) -> list[ContactChanged]:
        """A ContactStatus event."""
        endpoint, status = message.get("EndpointName"), message.get("ContactStatus")
        if not endpoint or not status:
            return []
        telephones = self._contacts.setdefault(endpoint, {})
        if status == "Removed":
            telephones.pop(message.get("URI"), None)
        else:
            telephones[message.get("URI")] = status not in _LOST
        return self._tell([endpoint], at)

    def replace(self, listed: Iterable[AmiMessage], at: datetime) -> list[ContactChanged]:
        """The whole list, as Asterisk gave it after a (re)connection."""
        self._contacts = {}
        for message in listed:
            telephones = self._contacts.setdefault(message.get("Endpoint"), {})
            telephones[message.get("Uri")] = message.get("Status") not in _LOST
        return self._tell(sorted({*self._contacts, *self._told}), at)

    def _tell(self, endpoints: Iterable[str], at: datetime) -> list[ContactChanged]:
        news = []
        for endpoint in endpoints:
            reachable = any(self._contacts.get(endpoint, {}).values())
            if self._told.get(endpoint) is not reachable:
                self._told[endpoint] = reachable
                news.append(ContactChanged(self._node, at, f"PJSIP/{endpoint}", reachable))
        return news
