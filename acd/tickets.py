"""A caller's ticket: how the coroutine of a call waits in the line.

Rule: `wake` is done when something lies in the ticket; `take` hands it out in order and arms `wake`
again. The coroutine reports every outcome of an offer; reporting it twice, or after Asterisk's own
report, does nothing.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from acd.core_types import WaitingNow
from acd.events import Reason


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A caller for the line. `joined_at` is the first time ever, also after a daemon's restart."""

    call_id: str
    queue: str
    priority: int
    joined_at: datetime
    preferred_agent: int | None = None
    preferred_wait_s: float | None = None
    why: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """Dial `PJSIP/<extension>` for `ring_s` seconds and report the outcome."""

    offer_id: str
    call_id: str
    agent_id: int
    agent_name: str
    extension: str
    ring_s: float
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Overflow:
    """The caller is from now on offered to another queue's agents too."""

    from_queue: str
    to_queue: str
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Announcement:
    """Tell the caller the place in the line; the estimate is None when nobody serves."""

    position: int
    estimate_s: float | None


Word = Offer | Overflow | Announcement


class TicketDesk(Protocol):
    """What a ticket needs of the service."""

    def is_current(self, offer: Offer) -> bool: ...
    def offer_failed(self, offer: Offer, dial_status: str) -> None: ...
    def offer_answered(self, offer: Offer) -> None: ...
    def talk_finished(self, offer: Offer, dial_status: str, answered_s: float) -> None: ...
    def leave_line(self, call_id: str, reason: str) -> None: ...
    def place(self, call_id: str) -> WaitingNow | None: ...


class Ticket:
    """One caller's place in the line."""

    def __init__(self, desk: TicketDesk, call_id: str) -> None:
        self.call_id = call_id
        self._desk = desk
        self._words: deque[Word] = deque()
        self.wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def put(self, word: Word) -> None:
        """Called by the service only."""
        self._words.append(word)
        if not self.wake.done():
            self.wake.set_result(None)

    def take(self) -> Word | None:
        """The next word, None when there is none; an offer that has lapsed meanwhile is none."""
        word = None
        while self._words and word is None:
            word = self._words.popleft()
            if isinstance(word, Offer) and not self._desk.is_current(word):
                word = None
        if not self._words and self.wake.done():
            self.wake = asyncio.get_running_loop().create_future()
        return word

    def place(self) -> Announcement | None:
        """The place now, for a caller who asks; None when no longer in the line."""
        now = self._desk.place(self.call_id)
        return Announcement(now.position, now.estimate_s) if now else None

    def ringing_failed(self, offer: Offer, dial_status: str) -> None:
        """The agent did not take the call; on CANCEL the caller gave up and the agent stays ready."""
        self._desk.offer_failed(offer, dial_status)

    def answered(self, offer: Offer) -> None:
        """The agent picked up (usually Asterisk's event has told it already)."""
        self._desk.offer_answered(offer)

    def finished(self, offer: Offer, dial_status: str, answered_s: float) -> None:
        """Dial returned; `answered_s` is how long they talked."""
        self._desk.talk_finished(offer, dial_status, answered_s)

    def leave(self, reason: str) -> None:
        """The caller is gone from the line without an agent; nothing happens after an answer."""
        self._desk.leave_line(self.call_id, reason)
