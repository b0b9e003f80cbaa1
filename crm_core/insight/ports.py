"""What insight needs to know and does not own: sales and conversations.

Rule: a source reads on the connection it is given, and counts the same order on the same day however it
is asked. Days are those of the company's own calendar.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Numeric, Select, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

Holder = AsyncSession | AsyncConnection


@dataclass(frozen=True, slots=True)
class SalesDay:
    """What one customer ordered on one day; `first_at` and `last_at` are the day's orders at its ends."""

    customer_id: int
    day: date
    orders: int
    revenue: Decimal
    first_at: datetime
    last_at: datetime


class SalesSource(Protocol):
    """Orders that count as sales: not cancelled, not refused, not returned."""

    async def daily(
        self, holder: Holder, customer_ids: Sequence[int], since: date, until: date
    ) -> Sequence[SalesDay]:
        """By customer and day, from `since` on and before `until`."""
        ...

    def totals(self, since: date, until: date) -> Select[int, int, Decimal]:
        """A query of (customer_id, orders, revenue) for everybody who ordered in that time."""
        ...


class ContactSource(Protocol):
    """Conversations: calls on which somebody spoke with the customer."""

    async def latest(self, holder: Holder, customer_ids: Sequence[int]) -> Mapping[int, datetime]:
        """When each of them was last spoken with; who never was is not in it."""
        ...


class NoSales:
    """Where nothing is sold."""

    async def daily(
        self, holder: Holder, customer_ids: Sequence[int], since: date, until: date
    ) -> Sequence[SalesDay]:
        del holder, customer_ids, since, until
        return ()

    def totals(self, since: date, until: date) -> Select[int, int, Decimal]:
        del since, until
        return select(
            literal_column("0", Integer).label("customer_id"),
            literal_column("0", Integer).label("orders"),
            literal_column("0.00", Numeric).label("revenue"),
        ).where(literal_column("false"))


class NoContacts:
    """Where nobody calls."""

    async def latest(self, holder: Holder, customer_ids: Sequence[int]) -> Mapping[int, datetime]:
        del holder, customer_ids
        return {}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where insight looks, and whose midnight it goes by."""

    sales: SalesSource = field(default_factory=NoSales)
    contacts: ContactSource = field(default_factory=NoContacts)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
