"""What care needs to know and does not own: deliveries and first orders.

Rule: a source answers with a query, which is joined with customers and to-dos inside PostgreSQL; nobody
carries a day's orders through Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    String,
    literal_column,
    select,
)

from crm_core.care.occasions import Span

_NEVER: ColumnElement[bool] = literal_column("false", Boolean)
_NOBODY = literal_column("0", Integer).label("customer_id")
_AT = literal_column("now()", DateTime(timezone=True))


class Deliveries(Protocol):
    def between(self, span: Span) -> Select[int, str, datetime]:
        """A query of (customer_id, order_number, delivered_at), an order once."""
        ...


class FirstOrders(Protocol):
    def within(self, spans: Sequence[Span]) -> Select[int, datetime]:
        """A query of (customer_id, placed_at) of those whose first order fell into one of these."""
        ...


class NoDeliveries:
    """Where nothing is delivered."""

    def between(self, span: Span) -> Select[int, str, datetime]:
        del span
        number = literal_column("''", String).label("order_number")
        return select(_NOBODY, number, _AT.label("delivered_at")).where(_NEVER)


class NoFirstOrders:
    """Where nothing is sold."""

    def within(self, spans: Sequence[Span]) -> Select[int, datetime]:
        del spans
        return select(_NOBODY, _AT.label("placed_at")).where(_NEVER)


@dataclass(frozen=True, slots=True)
class CareSources:
    """Where care looks, and whose midnight it goes by."""

    deliveries: Deliveries = field(default_factory=NoDeliveries)
    first_orders: FirstOrders = field(default_factory=NoFirstOrders)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
