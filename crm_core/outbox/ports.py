"""What telling customers needs from outside. Rule: a connector says how sure it is: sent (it returns), surely not
sent (`NotSent`, permanent or not; `NotNow` when it is not the message's fault), or nobody can say (`MaybeSent`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

NEVER = timedelta(0)
CONFIRMED, LEFT = "confirmed", "left"
"""The reference of a spoken message that somebody confirmed by a key, and of one that a machine has."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one customer is told. `token` stays the same through every attempt."""

    token: str
    kind: str
    recipient: str
    language: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A PDF that goes with a message."""

    name: str
    content: bytes


Attachments = Callable[[Message], Awaitable[Attachment | None]]
"""What goes with a message, made when it is sent; raises NotNow when it cannot be made yet."""


async def nothing_attached(_message: Message) -> None:
    """Of messages that are text alone."""


class NotSent(Exception):
    """The provider did not take it. `permanent`: asking again cannot help; `wait`: not sooner than that."""

    def __init__(self, reason: str, *, permanent: bool, wait: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.wait = wait


class NotNow(Exception):
    """Surely not sent, and not the message's fault, so that it does not count as an attempt.

    `everybody`: the provider takes no message at all just now (away, no credit, too many); else it is
    only this recipient who must wait.
    """

    def __init__(
        self, reason: str, *, everybody: bool = True, wait: timedelta | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.everybody = everybody
        self.wait = wait


class MaybeSent(Exception):
    """The provider may have taken it: the answer was lost."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Notifier(Protocol):
    """One way to tell customers."""

    @property
    def channel(self) -> str:
        """`email`, `sms` …: the messages it carries."""
        ...

    @property
    def removes_doubles_within(self) -> timedelta:
        """For how long the provider recognises a message that it was given before, so that sending it again
        is harmless; `NEVER` when it does not.
        """
        ...

    async def send(self, message: Message) -> str:
        """Hand it to the provider; returns the provider's reference.

        Raises NotSent, NotNow, MaybeSent.
        """
        ...


class FaxLine(Protocol):
    """The telephone line, as the fax channel sees it."""

    async def fax(self, token: str, number: str, page: Path) -> str:
        """Send a document (TIFF) to a number, once. Raises NotSent, NotNow, MaybeSent."""
        ...


class VoiceLine(Protocol):
    """The telephone line, as the voice channel sees it."""

    async def say(self, token: str, number: str, text: str, language: str) -> str:
        """Call a number once and say the text; returns when somebody has heard it, `CONFIRMED` when by a key, or a
        machine has it (`LEFT`).

        Raises NotSent (nobody did), NotNow (may not be called now), MaybeSent.
        """
        ...
