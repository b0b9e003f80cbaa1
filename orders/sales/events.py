"""What orders tell the rest of the daemon, on the bus. Rule: published after the commit, never before."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order_id: int
    number: str
    customer_id: int
    call_id: str | None
    total: Decimal
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """What is ordered, or how it is split, is another now."""

    order_id: int
    number: str
    customer_id: int
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderMoved:
    order_id: int
    number: str
    customer_id: int
    from_status: str
    status: str
    at: datetime
