"""The rules of purchase: when the caller may order, and how much of what is limited."""

from ivr.self_service.counter import CALLER, Counter
from orders.quotas.limits import Standing
from orders.quotas.service import WindowView

_MOST_QUOTAS = 20
_WEEK = 7


async def tell_of_rules(counter: Counter) -> None:
    """Windows, then quotas; again as often as the caller wants."""
    assert counter.customer_id is not None
    quotas = counter.trade.quotas
    windows = await quotas.windows_of_customer(CALLER, counter.customer_id)
    standings = await quotas.of_customer(CALLER, counter.customer_id)
    said = [prompt for each in windows for prompt in _window(counter, each)]
    said = said or ["rules_always"]
    for each in standings[:_MOST_QUOTAS]:
        said += await _quota(counter, each)
    if not standings:
        said.append("rules_no_quota")
    while await counter.keypad.choose((*said, "hear_again"), "1") == "1":
        continue


def _window(counter: Counter, window: WindowView) -> list[str]:
    speaker = counter.keypad.speaker
    days = sorted(window.weekdays)
    said = ["rules_window"]
    said += ["every_day"] if len(days) == _WEEK else [f"weekday_{day}" for day in days]
    said += ["rules_from", *speaker.clock(window.opens), "rules_until"]
    if window.closes <= window.opens:
        said.append("rules_next_day")
    return [*said, *speaker.clock(window.closes)]


async def _quota(counter: Counter, standing: Standing) -> list[str]:
    """Nothing of goods that cannot be named."""
    kind, _, code = standing.quota.goods_key.partition(":")
    name, unit = await (_of_product if kind == "sku" else _of_category)(counter, code)
    if not name:
        return []
    if not standing.left:
        return [*name, "quota_none"]
    return [*name, "quota_is", *counter.keypad.speaker.quantity(standing.left, unit)]


async def _of_product(counter: Counter, sku: str) -> tuple[tuple[str, ...], str]:
    product = await counter.product(sku)
    return ((), "") if product is None else (await counter.name(product), product.unit)


async def _of_category(counter: Counter, code: str) -> tuple[tuple[str, ...], str]:
    for each in await counter.trade.catalogue.categories(CALLER):
        if each.code == code:
            text = each.name_zh if counter.keypad.language == "zh" else each.name_en
            said = await counter.keypad.name_of(f"category_{code}", text)
            return (said,) if said else (), ""
    return (), ""
