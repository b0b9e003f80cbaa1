"""What the life of a call needs of a neighbour that it does not import."""

from datetime import datetime
from typing import Protocol

from acd.tickets import KeptPlace


class Callbacks(Protocol):
    """Who calls people back (the dialler)."""

    async def request(
        self,
        number: str,
        queue: str,
        *,
        source: str,
        customer_id: int | None = None,
        call_id: str | None = None,
    ) -> object:
        """Promise a call-back; whoever waits in the line with `call_id` keeps the place.

        Raises a DomainError when the number cannot or may not be called.
        """
        ...

    async def kept_place(self, number: str) -> KeptPlace | None:
        """What somebody who calls in, and was to be called back, has waited for already."""
        ...


class Refusals(Protocol):
    """Who keeps the numbers that are never dialled (the dialler)."""

    async def refused_by_caller(self, number: str, call_id: str) -> object:
        """Whoever calls from this number wants no more calls. Raises DatabaseUnavailable."""
        ...


class AskedBefore(Protocol):
    """Who knows which callers were asked for their opinion (the ACD's surveys)."""

    async def asked_since(self, number: str, since: datetime) -> bool:
        """Whether somebody was asked who called from this number. Raises DatabaseUnavailable."""
        ...
