"""Who calls: known by telephone or by PIN, and whether the house takes the call."""

from acd.records import CallerFacts
from crm_core.blacklist.policy import Policy
from crm_core.customers.identity import CallerIdentity
from crm_core.places.finder import Places
from ivr.menu import LANGUAGES, Language
from ivr.under_way import UnderWay

_BUSY = "17"  # Q.850


async def identify(call: UnderWay) -> CallerIdentity | None:
    """The customer whose telephone this is."""
    who = call.who = await call.house.customers.identify(call.number)
    call.language = language_of(who, call.language)
    _know(call, who)
    return who


async def recognise(call: UnderWay, customer_id: int) -> None:
    """Somebody whose telephone was not known has proved to be this customer."""
    call.who = await call.house.customers.identity(customer_id)
    if call.who is not None:
        _know(call, call.who)


def is_rejected(call: UnderWay) -> bool:
    """Whether the blacklist ends the call; a caller who is only warned of goes on."""
    blacklist = call.house.blacklist
    listed = blacklist.find(call.number, call.who.level_code if call.who else None)
    if listed is None:
        return False
    call.record.step("blacklisted", policy=listed.policy)
    return listed.policy is not Policy.WARN


async def reject(call: UnderWay) -> None:
    """The caller is told in every language, or hears the busy tone."""
    if call.house.blacklist.rules.busy:
        await call.session.exec("Hangup", _BUSY)
        return
    await call.session.answer()
    prompts = call.house.prompts
    await call.session.play([prompts.path("rejected", each) for each in LANGUAGES])


def known_of(number: str | None, who: CallerIdentity | None, places: Places) -> CallerFacts:
    """What the house knows of a caller, and how."""
    found = places.look_up(number, who.place if who else None)
    home = found.place
    return CallerFacts(
        customer_id=who.customer_id if who else None,
        customer_name=who.name if who else None,
        level=who.level_code if who else None,
        province=home.province if home else None,
        city=home.city if home else None,
        area_code=home.area_code if home else None,
        how={
            "hidden": number is None,
            "place_by": found.source,
            "remembered": who is not None and who.stale,
        },
    )


def language_of(who: CallerIdentity | None, usual: Language) -> Language:
    """In which a caller is spoken to at first."""
    return next((each for each in LANGUAGES if who and who.language == each), usual)


def _know(call: UnderWay, who: CallerIdentity | None) -> None:
    call.known = known_of(call.number, who, call.house.places)
    call.record.identified(call.known)
