"""What the life of a call needs of a neighbour that it does not import."""

from typing import Protocol


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
        """Promise a call-back. Raises a DomainError when the number cannot or may not be called."""
        ...
