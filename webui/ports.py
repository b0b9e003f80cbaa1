"""What the web door needs of neighbours that it does not import. Rule: shapes only."""

from datetime import datetime
from typing import Protocol

from dialer.events import CallbackView


class Callbacks(Protocol):
    """The keeper of call-backs (the dialler)."""

    async def callbacks(self, *, limit: int = 100) -> list[CallbackView]:
        """Those still open first."""
        ...

    async def request(
        self,
        number: str,
        queue: str,
        *,
        source: str,
        due_at: datetime | None = None,
        customer_id: int | None = None,
        agent_id: int | None = None,
        call_id: str | None = None,
        note: str | None = None,
    ) -> CallbackView: ...

    async def call_now(self, callback_id: int, agent_id: int) -> CallbackView: ...

    async def close_callback(self, callback_id: int) -> CallbackView: ...


class Node(Protocol):
    """The link to one Asterisk."""

    @property
    def name(self) -> str: ...

    @property
    def connected(self) -> bool: ...

    @property
    def lag(self) -> int:
        """Events heard and not yet handled."""
        ...
