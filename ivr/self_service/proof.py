"""Who the caller is, proved by a PIN (电话密码).

Rule: it is asked for once a call. Somebody whose telephone is not known is asked for the customer's code, or a number
of theirs, as well; whether there is such a customer nobody is told.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from crm_core.errors import Invalid, TooManyAttempts
from crm_core.pins.errors import PinLocked, WrongPin
from crm_core.pins.rules import LONGEST
from crm_core.pins.service import Proved
from ivr.self_service.counter import MOST_CODE_DIGITS, Counter
from ivr.self_service.keypad import TRIES


async def is_customer(counter: Counter) -> bool:
    """Whether the caller is a customer, by telephone or by code and PIN."""
    return counter.customer_id is not None or await _identified(counter)


async def is_proved(counter: Counter) -> bool:
    """Whether the caller has given the PIN, now or before in this call."""
    visitor, keypad = counter.visitor, counter.keypad
    if visitor.proved:
        return True
    customer_id = visitor.customer_id
    if customer_id is None:
        return await _identified(counter)
    if not await counter.pins.has(customer_id):
        await keypad.say("pin_none")
        return False

    async def look(pin: str) -> Proved:
        return await counter.pins.prove(customer_id, pin, counter.call_id)

    for _ in range(TRIES):
        outcome = await _tried(counter, look, "pin_wrong")
        if outcome is not None:
            return outcome
    return False


async def change_pin(counter: Counter) -> None:
    """A new PIN, pressed twice."""
    keypad, rules = counter.keypad, counter.pins.rules
    wanted = ("pin_new", *keypad.speaker.number(rules.shortest), "pin_new_to")
    wanted += (*keypad.speaker.number(LONGEST), "pin_new_digits")
    for _ in range(TRIES):
        first = await _secret(counter, *wanted)
        again = await _secret(counter, "pin_again") if first else None
        if not first or again is None:
            break
        if first != again:
            await keypad.say("pin_differs")
        elif await _chosen(counter, first):
            await keypad.say("pin_changed")
            return
    await keypad.say("pin_unchanged")


async def _identified(counter: Counter) -> bool:
    for _ in range(TRIES):
        typed = await counter.keypad.digits(
            ("pin_code",), name="customer_code", most=MOST_CODE_DIGITS
        )
        if not typed:
            return False
        look = partial(
            counter.pins.identify, typed, number=counter.visitor.number, call_id=counter.call_id
        )
        outcome = await _tried(counter, look, "pin_wrong_pair")
        if outcome is not None:
            return outcome
    return False


async def _tried(
    counter: Counter, look: Callable[[str], Awaitable[Proved]], wrong: str
) -> bool | None:
    """Whether the caller is proved; None: the PIN was wrong, and another may be tried."""
    pin = await _secret(counter, "pin_enter")
    if not pin:
        return False
    try:
        proved = await look(pin)
    except WrongPin:
        await counter.keypad.say(wrong)
        return None
    except (PinLocked, TooManyAttempts):
        await counter.keypad.say("pin_locked")
        return False
    visitor = counter.visitor
    visitor.proved = True
    if visitor.customer_id is None:
        visitor.customer_id = proved.customer_id
        await counter.recognised(proved.customer_id)
    if proved.temporary:
        await counter.keypad.say("pin_temporary")
        await change_pin(counter)
    return True


async def _chosen(counter: Counter, pin: str) -> bool:
    assert counter.customer_id is not None
    try:
        await counter.pins.choose(counter.customer_id, pin)
    except Invalid:
        await counter.keypad.say("pin_refused")
        return False
    return True


async def _secret(counter: Counter, *question: str) -> str | None:
    return await counter.keypad.digits(question, name="pin", most=MOST_CODE_DIGITS, secret=True)
