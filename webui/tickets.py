"""Tickets for opening a websocket: a browser cannot add a header there, and a cookie alone can be abused.

Rule: a ticket opens one page, once, within seconds, and only for the session that asked for it.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

LIFETIME_S = 10.0
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Ticket:
    token: str
    ends_at: float


class Tickets:
    """Tickets that were given and not yet used; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._given: dict[str, _Ticket] = {}

    def give(self, token: str) -> str:
        """A new ticket for the session with this token."""
        now = self._clock()
        for key, ticket in tuple(self._given.items()):
            if ticket.ends_at > now and len(self._given) < _MOST:
                break
            del self._given[key]
        name = secrets.token_urlsafe(24)
        self._given[name] = _Ticket(token, now + LIFETIME_S)
        return name

    def use(self, name: str, token: str) -> bool:
        """Whether the ticket is good for this session; it is spent either way."""
        ticket = self._given.pop(name, None)
        if ticket is None or ticket.ends_at <= self._clock():
            return False
        return secrets.compare_digest(ticket.token, token)
