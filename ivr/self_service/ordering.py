"""An order by keypad: product by product, read back, confirmed.

Rule: nothing is ordered before the last confirmation; what was confirmed is placed even when the line drops at that
moment, and once: the order's key is the call's id and the number of the order in it. Goods that cannot be had any more
are named and taken out, and the rest goes on. A telephone's number alone, which can be forged, orders nothing on account
and nothing for whoever has a PIN, unless the menu says so.
"""

import asyncio

from crm_core.errors import DatabaseUnavailable, DomainError
from ivr.self_service.counter import CALLER, Counter
from ivr.self_service.proof import is_customer, is_proved
from orders.errors import (
    OrderWindowClosed,
    OutOfStock,
    OverQuota,
    SameKeyOtherOrder,
    UnknownProduct,
)
from orders.lines import MOST_OF_ONE, OrderLine
from orders.sales.commands import PlaceOrder
from orders.sales.flow import Status
from orders.sales.views import PlacedOrder, ProductView

_MOST_ORDERS = 20
_MOST_QUANTITY_DIGITS = len(str(MOST_OF_ONE))
Cart = dict[str, tuple[ProductView, int]]


async def order(counter: Counter, first: ProductView | None = None) -> None:
    """From the first product to the order's number; `first` was chosen before."""
    if not await is_customer(counter):
        await counter.keypad.say("customers_only")
        return
    assert counter.customer_id is not None
    if not await _may_order(counter, counter.customer_id):
        await counter.keypad.say("order_none")
        return
    cart: Cart = {}
    wanted = first
    while await _filled(counter, cart, wanted):
        if await _settled(counter, counter.customer_id, cart):
            return
        wanted = None
    await counter.keypad.say("order_none")


async def _may_order(counter: Counter, customer_id: int) -> bool:
    """Whether the caller has proved to be the customer, where that is asked for."""
    if counter.pin is False:
        return True
    card = await counter.customers.card(customer_id)
    on_account = card is None or card.credit_limit > 0
    if on_account or await counter.pins.has(customer_id):
        return await is_proved(counter)
    return True


async def _filled(counter: Counter, cart: Cart, first: ProductView | None) -> bool:
    """Product after product until that is all; whether there is anything to order."""
    product = first
    while True:
        if product is not None:
            await _add(counter, cart, product)
        chosen = await counter.keypad.choose(("order_more",), "12") if cart else "1"
        if chosen != "1":
            return chosen == "2"
        product = await counter.ask_for_product()
        if product is None:
            return bool(cart)


async def _add(counter: Counter, cart: Cart, product: ProductView) -> None:
    keypad = counter.keypad
    name = await counter.name(product)
    typed = await keypad.digits(
        (*name, "order_quantity"), name="quantity", most=_MOST_QUANTITY_DIGITS
    )
    quantity = int(typed) if typed else 0
    if not 0 < quantity <= MOST_OF_ONE:
        await keypad.say("order_not_added")
        return
    if quantity > product.available:
        await keypad.say(*_short(counter, product))
        return
    cart[product.sku] = (product, quantity)


async def _settled(counter: Counter, customer_id: int, cart: Cart) -> bool:
    """Whether that is the end of it; False: something was taken out or is to be changed, and the caller goes on."""
    keypad = counter.keypad
    try:
        if not await _confirmed(counter, customer_id, cart):
            await keypad.say("order_none")
            return True
        placed = await asyncio.shield(asyncio.ensure_future(_once(counter, customer_id, cart)))
    except UnknownProduct as error:
        await _take_out(counter, cart, str(error.fields["sku"]), "order_withdrawn")
        return False
    except OutOfStock as error:
        await _take_out_short(counter, cart, error)
        return False
    except OverQuota as error:
        left = error.fields["left"]
        await keypad.say("order_over_quota", *keypad.speaker.number(max(int(str(left)), 0)))
        return False
    except OrderWindowClosed:
        await keypad.say("order_closed")
    except DatabaseUnavailable:
        await keypad.say("try_later")
    except DomainError:
        await keypad.say("order_refused")
    else:
        held = placed.order.status == Status.REVIEW
        number = keypad.speaker.code(placed.order.number)
        await keypad.say("order_held" if held else "order_placed", *number)
    return True


async def _confirmed(counter: Counter, customer_id: int, cart: Cart) -> bool:
    """The order is read back with its total, as it would be placed now."""
    keypad, speaker = counter.keypad, counter.keypad.speaker
    quote = await counter.trade.orders.quote(CALLER, customer_id, _lines(cart))
    said = ["order_is"]
    for product, quantity in cart.values():
        said += [*await counter.name(product), *speaker.quantity(quantity, product.unit)]
    said += ["order_total", *speaker.money(quote.total), "order_confirm"]
    return await keypad.choose(said, "1") == "1"


async def _take_out_short(counter: Counter, cart: Cart, error: OutOfStock) -> None:
    """What is short beside what was chosen comes free with the order."""
    sku, available = str(error.fields["sku"]), int(str(error.fields["available"]))
    if sku not in cart or available >= cart[sku][1]:
        await counter.keypad.say("order_gift_gone")
        return
    short = _short(counter, cart[sku][0], available)
    await _take_out(counter, cart, sku, *short, "order_taken_out")


async def _take_out(counter: Counter, cart: Cart, sku: str, *why: str) -> None:
    product, _ = cart.pop(sku)
    await counter.keypad.say(*await counter.name(product), *why)


async def _once(counter: Counter, customer_id: int, cart: Cart) -> PlacedOrder:
    """The next order of this call; one of the same content that it placed before is found again."""
    for number in range(1, _MOST_ORDERS + 1):
        command = PlaceOrder(
            key=f"keypad-{counter.call_id}-{number}",
            customer_id=customer_id,
            lines=_lines(cart),
            call_id=counter.call_id,
            medium=counter.medium,
        )
        try:
            return await counter.trade.orders.place(CALLER, command)
        except SameKeyOtherOrder:
            continue
    raise DomainError("So many orders are not placed in one call.")


def _lines(cart: Cart) -> tuple[OrderLine, ...]:
    return tuple(OrderLine(sku, quantity) for sku, (_, quantity) in cart.items())


def _short(counter: Counter, product: ProductView, available: int | None = None) -> tuple[str, ...]:
    left = product.available if available is None else available
    if left <= 0:
        return ("stock_none",)
    return ("order_short", *counter.keypad.speaker.quantity(left, product.unit))
