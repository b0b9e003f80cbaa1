"""A caller's ticket: how the coroutine of a call waits in the line.

Rule: `wake` is done when something lies in the ticket, `pressing` when it is something for which prompts are cut short,
`offered` when it is an offer; `take` hands everything out in order and arms them again. The coroutine reports every outcome of an offer; reporting it twice, or after Asterisk's own
report, does nothing.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from acd.core_types import Needs, Preferred, RelaxStep, Way
from acd.events import Reason


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A caller for the line. `joined_at` is the first time ever, also after a daemon's restart.

    `place_at` is the moment that counts for the order, for one who keeps the place of a call-back.
    `skills_by` names the rule of the line plan that asks for the skills.
    `agents_only`: somebody whom we called, for whom overflow leads to agents alone.
    """

    call_id: str
    queue: str
    priority: int
    joined_at: datetime
    preferred: tuple[Preferred, ...] = ()
    preferred_wait_s: float | None = None
    why: tuple[Reason, ...] = ()
    skills: Needs = ()
    relax: tuple[RelaxStep, ...] = ()
    skills_by: str | None = None
    place_at: datetime | None = None
    agents_only: bool = False

    @property
    def first_asked(self) -> int | None:
        """The agent who is asked before all others."""
        return self.preferred[0].agents[0] if self.preferred else None


@dataclass(frozen=True, slots=True)
class HeldPlace:
    """The place in the line of somebody who is to be called back, under the id which that call will have.

    `joined_at` is when the wait began. `agent_id`: nobody else makes the call-back; `preferred_agent`: the own
    salesperson, who is asked first.
    """

    call_id: str
    queue: str
    priority: int
    joined_at: datetime
    agent_id: int | None = None
    preferred_agent: int | None = None
    skills_by: str | None = None

    @property
    def preferred(self) -> tuple[Preferred, ...]:
        """Who is asked first, or only."""
        asked = self.agent_id or self.preferred_agent
        return () if asked is None else (Preferred("salesperson", (asked,)),)


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """What somebody who is to be called back, and calls in instead, has waited for already."""

    joined_at: datetime
    priority: int


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


@dataclass(frozen=True, slots=True)
class Divert:
    """The caller goes this way. On one that leads out no offers come until the ticket is `back` in the line."""

    way: Way
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Comfort:
    """Nothing was said to the caller for a while."""


Word = Offer | Overflow | Divert | Announcement | Comfort


def _presses(word: Word) -> bool:
    """Whether prompts are cut short for it."""
    return isinstance(word, Offer) or (isinstance(word, Divert) and not word.way.only_tells)


def _bell() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _ring(bell: asyncio.Future[None]) -> None:
    if not bell.done():
        bell.set_result(None)


class TicketDesk(Protocol):
    """What a ticket needs of the service."""

    def is_current(self, offer: Offer) -> bool: ...
    def offer_failed(self, offer: Offer, dial_status: str) -> None: ...
    def offer_answered(self, offer: Offer) -> None: ...
    def talk_finished(self, offer: Offer, dial_status: str, answered_s: float) -> None: ...
    def leave_line(self, call_id: str, reason: str) -> None: ...
    def back_in_line(self, call_id: str) -> None: ...
    def outside_answered(self, call_id: str, answered_s: float) -> None: ...
    def place(self, call_id: str) -> Announcement | None: ...


class Ticket:
    """One caller's place in the line."""

    def __init__(self, desk: TicketDesk, call_id: str) -> None:
        self.call_id = call_id
        self._desk = desk
        self._words: deque[Word] = deque()
        self.wake, self.pressing, self.offered = _bell(), _bell(), _bell()

    def put(self, word: Word) -> None:
        """Called by the service only."""
        self._words.append(word)
        _ring(self.wake)
        if _presses(word):
            _ring(self.pressing)
        if isinstance(word, Offer):
            _ring(self.offered)

    def take(self) -> Word | None:
        """The next word, None when there is none; an offer that has lapsed meanwhile is none."""
        word = None
        while self._words and word is None:
            word = self._words.popleft()
            if self._has_lapsed(word):
                word = None
        self._rewind()
        return word

    async def news(self) -> None:
        """Until there is something to do; what would only have been told meanwhile is left out."""
        while not self._words:
            await asyncio.wait({self.wake})
            self._words = deque(
                word
                for word in self._words
                if isinstance(word, Offer | Divert) and not self._has_lapsed(word)
            )
            self._rewind()

    def _has_lapsed(self, word: Word) -> bool:
        return isinstance(word, Offer) and not self._desk.is_current(word)

    def _rewind(self) -> None:
        """What has rung for words that are gone rings again for the next."""
        if not self._words and self.wake.done():
            self.wake = _bell()
        if not any(map(_presses, self._words)) and self.pressing.done():
            self.pressing = _bell()
        if self.offered.done() and not any(isinstance(each, Offer) for each in self._words):
            self.offered = _bell()

    def place(self) -> Announcement | None:
        """The place now, for a caller who asks; None when no longer in the line."""
        return self._desk.place(self.call_id)

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

    def back(self) -> None:
        """The way out led nowhere: in the line again, at the old place."""
        self._desk.back_in_line(self.call_id)

    def outside_answered(self, answered_s: float) -> None:
        """The outside number picked up so many seconds ago (usually Asterisk's event has told it already)."""
        self._desk.outside_answered(self.call_id, answered_s)
