"""How an order stands, by the caller's number or by the order's own.

Rule: of an order that is not the caller's, nothing is told without the last digits of the telephone number of whoever
ordered it; that there is such an order is not told either. Wrong ones lock, as wrong PINs do.
"""

from crm_core.errors import TooManyAttempts
from ivr.self_service.counter import CALLER, Counter
from orders.delivery.codes import State
from orders.delivery.commands import WaybillQuery
from orders.errors import UnknownOrder
from orders.sales.commands import OrderQuery
from orders.sales.views import OrderSummary

_CHECK_DIGITS = 4
_DATE_DIGITS = 6
_LEAST_DIGITS = 4
_MOST_DIGITS = 20


async def tell_of_orders(counter: Counter) -> None:
    """The last one at once for a known caller, any other by its number."""
    keypad = counter.keypad
    if counter.customer_id is not None:
        for latest in await counter.trade.orders.last_orders(counter.customer_id, 1):
            await keypad.say(*await _told(counter, latest))
    for _ in range(3):
        typed = await keypad.digits(("status_number",), name="order_number", most=_MOST_DIGITS)
        if not typed:
            return
        try:
            found = await _found(counter, typed)
        except TooManyAttempts:
            await keypad.say("status_locked")
            return
        await keypad.say(*(await _told(counter, found) if found else ("status_unknown",)))


async def _found(counter: Counter, typed: str) -> OrderSummary | None:
    """Raises TooManyAttempts."""
    orders = counter.trade.orders
    if counter.customer_id is not None and len(typed) >= _LEAST_DIGITS:
        own = OrderQuery(number=_dashed(typed), customer_id=counter.customer_id, limit=1)
        for each in await orders.search(CALLER, own):
            return each
    check = await counter.keypad.digits(("status_check",), name="last_digits", most=_CHECK_DIGITS)
    if check is None or len(check) != _CHECK_DIGITS or len(typed) <= _DATE_DIGITS:
        return None
    caller, call_id = counter.visitor.number, counter.call_id
    try:
        return await counter.trade.inquiries.find(
            CALLER, _dashed(typed), check, caller=caller, call_id=call_id
        )
    except UnknownOrder:
        return None


async def _told(counter: Counter, order: OrderSummary) -> tuple[str, ...]:
    speaker = counter.keypad.speaker
    said = ["status_order", *speaker.code(order.number), "status_of_day"]
    said += [*counter.day(order.placed_at), f"status_{order.status}"]
    waybills = await counter.trade.waybills.list(CALLER, WaybillQuery(order_id=order.id))
    for waybill in waybills:
        if waybill.state != State.VOID:
            return (*said, "status_waybill", *speaker.code(waybill.number))
    return tuple(said)


def _dashed(typed: str) -> str:
    """An order's number as it is written: the day, a dash and the rest; fewer digits are a part of it."""
    if len(typed) <= _DATE_DIGITS:
        return typed
    return f"{typed[:_DATE_DIGITS]}-{typed[_DATE_DIGITS:]}"
