"""What the dialler needs from its neighbours. Rule: it never touches an agent's state itself; it asks
the ACD, the one owner, to reserve an agent and to give the agent back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from acd.tickets import HeldPlace, QueueEntry


class Agents(Protocol):
    """The ACD, as the dialler sees it."""

    def reserve(self, call_id: str, *, queue: str, agent_id: int | None) -> int | None:
        """Reserve a ready agent of the queue (or just this one) for a call; None when none is."""
        ...

    def release(self, call_id: str) -> None:
        """Give the reserved agent back, or the held place up; nothing happens when the call has used the
        reservation.
        """
        ...

    def hold(self, place: HeldPlace) -> None:
        """Keep a place in the line; the event PlaceReached tells of its turn, with an agent reserved."""
        ...

    def entry(self, call_id: str) -> QueueEntry | None:
        """What a caller in the line came with."""
        ...

    def calling(self) -> Mapping[str, str]:
        """The numbers of those who are calling now, by call."""
        ...

    def abandoned_waits(self) -> Mapping[str, float | None]:
        """For each queue how many seconds somebody must have waited before giving up to be called back by itself;
        None: never.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """The far end picked up; its channel goes on into the dialplan."""

    at: datetime


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """`cause` is Q.850; `tech_cause` the trunk's own words (SIP 486 Busy Here)."""

    cause: int
    tech_cause: str | None


@dataclass(frozen=True, slots=True)
class FateUnknown:
    """The link to Asterisk broke at the wrong moment: the number may have been dialled."""


class Speak(Protocol):
    """Text to speech."""

    def __call__(self, text: str, language: str, target: Path) -> None:
        """Write `text` as sound that Asterisk plays (zh or en). Takes its time."""
        ...


class PlainLine(Protocol):
    """The trunk, for calls without an agent."""

    async def place(
        self, call_id: str, number: str, *, context: str, variables: Mapping[str, str]
    ) -> Answered | NotAnswered | FateUnknown:
        """Dial once; the answered channel enters the dialplan at `context`."""
        ...


class OutboundLine(Protocol):
    """The trunk."""

    async def dial(
        self, call_id: str, number: str, *, purpose: str, queue: str
    ) -> Answered | NotAnswered | FateUnknown:
        """Dial once and wait until the far end answers or does not. Never dials twice."""
        ...

    async def follow(self, call_id: str) -> Answered | NotAnswered | FateUnknown:
        """The fate of a call that was dialled before this program began."""
        ...

    async def cancel(self, call_id: str) -> None:
        """Stop ringing the far end; `dial` tells the fate."""
        ...
