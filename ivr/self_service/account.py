"""The caller's credit: the limit, what is used and left of it, and what is overdue."""

from decimal import Decimal

from ivr.self_service.counter import Counter


async def tell_of_credit(counter: Counter) -> None:
    """Again as often as the caller wants."""
    assert counter.customer_id is not None
    keypad, speaker = counter.keypad, counter.keypad.speaker
    card = await counter.customers.card(counter.customer_id)
    if card is None:
        return
    left = max(card.credit_available, Decimal(0))
    said = ["credit_limit", *speaker.money(card.credit_limit)]
    said += ["credit_used", *speaker.money(card.credit_used)]
    said += ["credit_left", *speaker.money(left)]
    if card.credit_overdue > 0:
        said += ["credit_overdue", *speaker.money(card.credit_overdue)]
    else:
        said.append("credit_nothing_overdue")
    while await keypad.choose((*said, "hear_again"), "1") == "1":
        continue
