"""Best-sellers (畅销) and new products (新品): one after the other, with code and the caller's own price."""

from collections.abc import Sequence

from ivr.self_service.counter import CALLER, Counter
from ivr.self_service.ordering import order
from orders.sales.assortment import Offered


async def tell_of_best_sellers(counter: Counter) -> None:
    found = await counter.trade.assortment.best_sellers(
        CALLER, counter.customer_id, counter.terms.best_sellers
    )
    await _tell(counter, found, "best_are")


async def tell_of_new_products(counter: Counter) -> None:
    found = await counter.trade.assortment.new_products(
        CALLER, counter.customer_id, counter.terms.new_products
    )
    await _tell(counter, found, "new_are")


async def _tell(counter: Counter, offers: Sequence[Offered], begin: str) -> None:
    keypad = counter.keypad
    if not offers:
        await keypad.say("offered_none")
        return
    await keypad.say(begin)
    for offered in offers:
        said, chosen = await _told(counter, offered), "3"
        while chosen == "3":
            chosen = await keypad.choose((*said, "offered_menu"), "123") or ""
        if chosen == "1":
            await order(counter, offered.product)
        if chosen != "2":
            return
    await keypad.say("offered_end")


async def _told(counter: Counter, offered: Offered) -> tuple[str, ...]:
    speaker, product = counter.keypad.speaker, offered.product
    return (
        *await counter.spoken_name(product),
        "offered_code",
        *speaker.code(offered.keys or product.sku),
        "price_for_one",
        *speaker.one(product.unit),
        "price_is",
        *speaker.money(product.own_price),
    )
