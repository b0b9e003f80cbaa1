"""What payments tell the rest of the daemon, on the bus. Rule: published after the commit, never before."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PaymentBooked:
    """`kind` is receipt or refund; `paid` is what is paid of the order now."""

    order_id: int
    customer_id: int
    kind: str
    amount: Decimal
    paid: Decimal
    at: datetime
