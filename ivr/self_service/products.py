"""A product by its code: the caller's own price, what is there, and what the quota leaves."""

from ivr.self_service.counter import CALLER, Counter
from ivr.self_service.ordering import order
from orders.sales.views import ProductView


async def tell_of_products(counter: Counter) -> None:
    """One product after the other, until the caller has enough of it or orders."""
    while (product := await counter.ask_for_product()) is not None:
        await counter.keypad.say(*await _told(counter, product))
        chosen = await counter.keypad.choose(("product_menu",), "12")
        if chosen == "1":
            await order(counter, product)
        if chosen != "2":
            return


async def _told(counter: Counter, product: ProductView) -> tuple[str, ...]:
    speaker = counter.keypad.speaker
    said = [*await counter.name(product), "price_for_one", *speaker.one(product.unit)]
    said += ["price_is", *speaker.money(product.own_price)]
    if product.available > 0:
        said += ["stock_is", *speaker.quantity(product.available, product.unit)]
    else:
        said.append("stock_none")
    if counter.customer_id is not None:
        left = await counter.trade.orders.quota_left(CALLER, counter.customer_id, product.sku)
        if left is not None and left > 0:
            said += ["quota_is", *speaker.quantity(left, product.unit)]
        elif left is not None:
            said.append("quota_none")
    return tuple(said)
