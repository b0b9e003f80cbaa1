"""What other programs are told of. Rule: a kind is `subject.what`, and whoever is told must hold its right."""

from enum import StrEnum

from crm_core.rights import Right


class EventKind(StrEnum):
    """`stock.changed` and `customer.changed` tell that it is so now, not how often it was."""

    ORDER_PLACED = "order.placed"
    ORDER_MOVED = "order.moved"
    ORDER_CHANGED = "order.changed"
    STOCK_CHANGED = "stock.changed"
    CUSTOMER_CHANGED = "customer.changed"


PING = "ping"
SUBJECTS = ("order", "stock", "customer")
RIGHTS: dict[EventKind, Right] = {
    EventKind.ORDER_PLACED: Right.ORDER_VIEW,
    EventKind.ORDER_MOVED: Right.ORDER_VIEW,
    EventKind.ORDER_CHANGED: Right.ORDER_VIEW,
    EventKind.STOCK_CHANGED: Right.ORDER_VIEW,
    EventKind.CUSTOMER_CHANGED: Right.CUSTOMER_VIEW,
}
