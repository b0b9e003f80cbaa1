"""A caller who wants no more calls from us."""

from ivr.self_service.counter import Counter

_YES = "1"


async def refuse_calls(counter: Counter) -> None:
    """Confirmed by a key, the number called from is never dialled again."""
    keypad, number = counter.keypad, counter.visitor.number
    if number is None:
        await keypad.say("refuse_calls_hidden")
        return
    if await keypad.choose(("refuse_calls_ask",), _YES) == _YES:
        await counter.refusals.refused_by_caller(number, counter.call_id)
        await keypad.say("refuse_calls_done")
