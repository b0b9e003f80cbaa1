"""What customer care asks of orders: who got a delivery, and when somebody first ordered.

Rule: an order that was cancelled, refused, returned or exchanged is no reason to congratulate or to ask
how the goods were.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, and_, false, or_, select, tuple_
from sqlalchemy.orm import aliased

from crm_core.care.occasions import Span
from orders.sales.flow import Status
from orders.sales.tables import Order, OrderStatusLog

_KEPT = (Status.DELIVERED, Status.SETTLED)
_NO_ORDER = (Status.CANCELLED, Status.REFUSED)


class OrderDeliveries:
    def between(self, span: Span) -> Select[int, str, datetime]:
        return (
            select(
                Order.customer_id.label("customer_id"),
                Order.number.label("order_number"),
                OrderStatusLog.at.label("delivered_at"),
            )
            .join(OrderStatusLog, OrderStatusLog.order_id == Order.id)
            .where(
                OrderStatusLog.to_status == Status.DELIVERED,
                OrderStatusLog.at >= span.begins,
                OrderStatusLog.at <= span.ends,
                Order.status.in_(_KEPT),
            )
        )


class OrderBeginnings:
    def within(self, spans: Sequence[Span]) -> Select[int, datetime]:
        earlier = aliased(Order)
        before = tuple_(earlier.placed_at, earlier.id) < tuple_(Order.placed_at, Order.id)
        first = (
            ~select(earlier.id)
            .where(
                earlier.customer_id == Order.customer_id, earlier.status.not_in(_NO_ORDER), before
            )
            .exists()
        )
        inside = (and_(Order.placed_at >= s.begins, Order.placed_at < s.ends) for s in spans)
        return select(
            Order.customer_id.label("customer_id"), Order.placed_at.label("placed_at")
        ).where(or_(false(), *inside), Order.status.not_in(_NO_ORDER), first)
