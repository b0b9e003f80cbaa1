"""What a customer changes by a link, in one transaction. Rule: the order's row is locked first and its version
compared, so that of customer and agent the second one looks again; every change is told to a person, and held against the rules
of review.
"""

from datetime import datetime, timedelta, tzinfo

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.insight_queue import touch
from crm_core.errors import Invalid
from crm_core.numbers import normalise
from crm_core.people import login_limits
from crm_core.people.login_limits import Allowance
from crm_core.rights import SYSTEM
from crm_core.todos.commands import TodoSource
from orders.delivery import consignees, waybills
from orders.delivery.addresses import one_line
from orders.delivery.codes import Way
from orders.delivery.commands import PutConsignee
from orders.delivery.views import ConsigneeView
from orders.errors import ChangedMeanwhile
from orders.progress.commands import CustomerChange, NewAddress
from orders.progress.errors import NotDelivered, TooLateToChange
from orders.progress.reading import MOST_DAYS_AHEAD
from orders.progress.wording import NOTES, TITLES
from orders.sales import flow, moving, reassessing
from orders.sales.asking import Wanted, ask
from orders.sales.tables import Order

_DETAILS = ("wanted_on", "address", "note")
_LONGEST_NOTE = 500
_BY_THE_CUSTOMER = "changed by the customer"
_SEEN_TO_WITHIN = timedelta(hours=1)
_NOT_THERE = frozenset({"area_not_served", "area_excluded"})
CHANGES = Allowance(free=10)


async def change(
    session: AsyncSession, order_id: int, wanted: CustomerChange, now: datetime, zone: tzinfo
) -> Order:
    """The order as it became.

    Raises TooLateToChange, ChangedMeanwhile, Conflict (the address), Invalid, NotDelivered, TooManyAttempts.
    """
    order = await moving.held(session, order_id, SYSTEM)
    if order.status not in flow.EDITABLE:
        raise TooLateToChange(order.status)
    if order.version != wanted.version:
        raise ChangedMeanwhile(order.version)
    await login_limits.count(session, f"order-link:{order_id}", CHANGES, now)
    was = _details(order)
    if wanted.wanted_on is not None:
        _check_day(wanted, now, zone)
        order.wanted_on = wanted.wanted_on
    if wanted.note is not None:
        order.note = _with_note(order.note, wanted.note)
    if wanted.address is not None:
        order.address = await _send_to(session, order_id, wanted.address)
    order.version += 1
    await session.flush()
    before, after = trail.changes(was, _details(order))
    await trail.record(
        session, None, "order.customer_update", "order", order_id, before=before, after=after
    )
    await reassessing.hold_if_told(session, order, now=now, zone=zone, reason=_BY_THE_CUSTOMER)
    await touch(session, (order.customer_id,))
    await _tell_somebody(session, order, wanted, now)
    return order


def _details(order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in _DETAILS}


def _check_day(wanted: CustomerChange, now: datetime, zone: tzinfo) -> None:
    today = now.astimezone(zone).date()
    assert wanted.wanted_on is not None
    if not today <= wanted.wanted_on <= today + timedelta(days=MOST_DAYS_AHEAD):
        raise Invalid(
            f"Choose a day from today on, within {MOST_DAYS_AHEAD} days.",
            fields={"wanted_on": "out_of_range"},
        )


def _with_note(before: str | None, new: str) -> str:
    note = f"{before}\n{new}" if before else new
    if len(note) > _LONGEST_NOTE:
        raise Invalid("There is no room for another note: call us.", fields={"note": "too_long"})
    return note


async def _send_to(session: AsyncSession, order_id: int, new: NewAddress) -> str:
    """The new address on one line, kept as the order's own."""
    known = await _known(session, order_id)
    phone = known.phone if known else None
    if new.phone is not None and (phone := normalise(new.phone)) is None:
        raise Invalid("This is no telephone number.", fields={"address.phone": "invalid"})
    recipient = new.recipient or (known.recipient if known else None)
    if recipient is None:
        raise Invalid("Who is to get it? Give a name.", fields={"address.recipient": "missing"})
    content = PutConsignee(
        recipient=recipient,
        phone=phone,
        province=new.province,
        city=new.city,
        district=new.district,
        street=new.street,
        way=Way(known.way) if known else Way.STANDARD,
        version=new.version,
    )
    await consignees.put(session, order_id, content)
    await _check_delivered(session, order_id, new)
    return one_line(new.province, new.city, new.district, new.street)


async def _known(session: AsyncSession, order_id: int) -> ConsigneeView | None:
    try:
        return await consignees.read(session, order_id)
    except Invalid:  # nobody knew where it goes
        return None


async def _check_delivered(session: AsyncSession, order_id: int, new: NewAddress) -> None:
    """Which courier it will be is chosen when the order is packed; here only whether there is one."""
    offers = (await waybills.wanted(session, SYSTEM, order_id, back=False)).choice.offers
    if offers and all(any(why.code in _NOT_THERE for why in each.why) for each in offers):
        raise NotDelivered(new.province, new.city)


async def _tell_somebody(
    session: AsyncSession, order: Order, wanted: CustomerChange, now: datetime
) -> None:
    said = {
        "wanted_on": wanted.wanted_on and wanted.wanted_on.isoformat(),
        "address": wanted.address and order.address,
        "note": wanted.note,
    }
    notes = {
        language: "\n".join(
            words[name].format(value=value) for name, value in said.items() if value
        )
        for language, words in NOTES.items()
    }
    source = TodoSource(kind="customer_change", reference=f"{order.id}:{order.version}")
    due = now + _SEEN_TO_WITHIN
    await ask(session, order.id, Wanted(source, TITLES, due, notes=notes), now)
