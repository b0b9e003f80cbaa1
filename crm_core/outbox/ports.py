"""What orders need from outside. Rule: a connector says how sure it is: sent (it returns), surely not
sent (`NotSent`, permanent or not), or nobody can say (`MaybeSent`, which is never sent again by itself).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """What one customer is told. `token` stays the same through every attempt."""

    token: str
    kind: str
    recipient: str
    language: str
    params: Mapping[str, str]


class NotSent(Exception):
    """The provider did not take it. `permanent`: asking again cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


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
    def removes_doubles(self) -> bool:
        """Whether the provider recognises the token, so that sending again is harmless."""
        ...

    async def send(self, message: Message) -> str:
        """Hand it to the provider; returns the provider's reference. Raises NotSent, MaybeSent."""
        ...
