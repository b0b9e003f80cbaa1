"""Notices to the caller, the unread first.

Rule: a notice counts as told when it was heard to its end, or passed on by the caller, and not when the line dropped.
"""

from crm_core.errors import NotFound
from crm_core.notices.commands import Told
from crm_core.notices.views import HeardNotice
from ivr.menu import Language
from ivr.self_service.counter import CALLER, Counter


async def tell_of_notices(counter: Counter) -> None:
    assert counter.customer_id is not None
    keypad = counter.keypad
    found = await counter.notices.to_hear(counter.customer_id)
    unread = sum(not each.heard for each in found)
    if not found:
        await keypad.say("notices_none")
        return
    if unread:
        await keypad.say("notices_unread", *keypad.speaker.number(unread), "notices_many")
    else:
        await keypad.say("notices_heard")
    for notice in found:
        if not await _told(counter, notice):
            return
    await keypad.say("notices_end")


async def _told(counter: Counter, notice: HeardNotice) -> bool:
    """Whether the caller goes on to the next one."""
    keypad = counter.keypad
    text = f"{notice.title}. {notice.body}"
    language: Language = "en" if text.isascii() else "zh"
    said = await keypad.name_of(f"notice_{notice.id}", text, language)
    if said is None:
        await keypad.say("notices_unspoken")
        return True
    heard, chosen = notice.heard, "2"
    while chosen == "2":
        to_the_end = await keypad.say(said)
        if to_the_end and not heard:
            heard = await _note(counter, notice.id)
        chosen = await keypad.choose(("notices_menu",), "12") or ""
    if chosen == "1" and not heard:
        await _note(counter, notice.id)
    return chosen == "1"


async def _note(counter: Counter, notice_id: int) -> bool:
    assert counter.customer_id is not None
    told = Told(customer_id=counter.customer_id, call_id=counter.call_id)
    try:
        await counter.notices.told(CALLER, notice_id, told)
    except NotFound:
        return False
    return True
