"""What stands on a customer's page, read for one order. Rule: a handful of statements, whatever the order has."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer
from crm_core.errors import Invalid
from crm_core.rights import SYSTEM
from orders.delivery import consignees, events, waybills
from orders.methods import Method
from orders.payments.booking import owed
from orders.payments.flow import OPEN
from orders.payments.tables import Payment
from orders.progress.links import Claim, LinkTerms
from orders.progress.steps import steps
from orders.progress.tables import OrderLinks
from orders.progress.views import (
    Dues,
    MaskedConsignee,
    Parcel,
    ParcelEvent,
    ProgressLine,
    ProgressPart,
    ProgressView,
)
from orders.receipts import book
from orders.sales import flow, reading
from orders.sales.tables import Order, OrderStatusLog
from orders.sales.views import OrderLineView, OrderView

MOST_DAYS_AHEAD = 60
_MOST_PARTS = 20
_BY_THE_CUSTOMER = (None, Method.PREPAID, Method.TRANSFER)
_NOTHING = Decimal(0)


async def ends_at(
    holder: AsyncSession | AsyncConnection, claim: Claim, terms: LinkTerms, now: datetime
) -> datetime | None:
    """When the link ends; None when it shows nothing: unknown, revoked, expired, or of somebody who was erased."""
    last_step = select(func.max(OrderStatusLog.at)).where(OrderStatusLog.order_id == Order.id)
    row = (
        await holder.execute(
            select(Order.placed_at, OrderLinks.revoked_at, last_step.scalar_subquery())
            .join(Customer, Customer.id == Order.customer_id)
            .outerjoin(OrderLinks, OrderLinks.order_id == Order.id)
            .where(Order.id == claim.order_id, Customer.erased_at.is_(None))
        )
    ).one_or_none()
    if row is None:
        return None
    placed_at, revoked_at, step_at = row
    ends = claim.expires_at(step_at or placed_at, terms.days)
    revoked = revoked_at is not None and claim.made_at <= revoked_at
    return None if revoked or now >= ends else ends


async def progress(
    session: AsyncSession, order_id: int, terms: LinkTerms, *, online: bool, zone: tzinfo,
    now: datetime, expires_at: datetime,
) -> ProgressView:  # fmt: skip
    """`online`: there is a gateway to pay at."""
    order = await reading.order(session, order_id, SYSTEM)
    related = [*([order.split_from] if order.split_from else []), *order.parts][:_MOST_PARTS]
    ids = [each.id for each in related]
    parcels = await _parcels(session, (order_id, *ids))
    language = await session.scalar(
        select(Customer.language).where(Customer.id == order.customer_id)
    )
    today = now.astimezone(zone).date()
    priced = terms.show_prices
    return ProgressView(
        terms.company,
        order.number,
        order.status,
        "en" if (language or "").lower().startswith("en") else "zh-CN",
        order.placed_at,
        steps(order.status, order.history),
        _lines(order.lines, priced=priced),
        order.total if priced else None,
        await _parts(session, ids, parcels, priced=priced),
        parcels.get(order_id, ()),
        order.wanted_on,
        today,
        today + timedelta(days=MOST_DAYS_AHEAD),
        await _consignee(session, order_id),
        await _dues(session, order, terms, online=online, now=now),
        order.status in flow.EDITABLE,
        order.version,
        expires_at,
    )


def _lines(lines: Sequence[OrderLineView], *, priced: bool) -> tuple[ProgressLine, ...]:
    return tuple(
        ProgressLine(
            line.name_zh,
            line.name_en,
            line.unit,
            line.quantity,
            line.unit_price if priced else None,
            line.line_total if priced else None,
        )
        for line in lines
    )


async def _parts(
    session: AsyncSession,
    ids: Collection[int],
    parcels: Mapping[int, tuple[Parcel, ...]],
    *,
    priced: bool,
) -> tuple[ProgressPart, ...]:
    if not ids:
        return ()
    found = sorted(await reading.of_ids(session, ids), key=lambda each: each.id)
    return tuple(
        ProgressPart(
            each.number,
            each.status,
            _lines(each.lines, priced=priced),
            parcels.get(each.id, ()),
        )
        for each in found
    )


async def _parcels(
    session: AsyncSession, order_ids: Collection[int]
) -> Mapping[int, tuple[Parcel, ...]]:
    """By order; what nobody could follow is not told."""
    found = await waybills.on_their_way(session, order_ids)
    if not found:
        return {}
    told: dict[int, list[ParcelEvent]] = {}
    for event in await events.of_waybills(session, [each.id for each in found]):
        if event.outcome != "conflict":
            told.setdefault(event.waybill_id, []).append(
                ParcelEvent(event.code, event.at, event.place)
            )
    by_order: dict[int, tuple[Parcel, ...]] = {}
    for each in found:
        newest = tuple(reversed(told.get(each.id, ())))
        parcel = Parcel(
            each.courier_zh, each.courier_en, each.number, each.state, each.due_at, newest
        )
        by_order[each.order_id] = (*by_order.get(each.order_id, ()), parcel)
    return by_order


async def _consignee(session: AsyncSession, order_id: int) -> MaskedConsignee | None:
    try:
        return MaskedConsignee.of(await consignees.read(session, order_id))
    except Invalid:  # nobody knows where it goes; the customer may say
        return None


async def _dues(
    session: AsyncSession, order: OrderView, terms: LinkTerms, *, online: bool, now: datetime
) -> Dues:
    row = await session.get_one(Order, order.id)
    wanted, paid = owed(row), await book.paid(session, order.id)
    left = max(wanted - paid, _NOTHING)
    if not left:
        return Dues("paid" if paid > _NOTHING else "nothing", None, payable=False, pay_url=None)
    payable = online and order.payment in _BY_THE_CUSTOMER
    url = await open_payment(session, order.id, now) if payable else None
    shown = left if payable or terms.show_prices else None
    return Dues("owed", shown, payable=payable, pay_url=url)


async def open_payment(
    holder: AsyncSession | AsyncConnection, order_id: int, now: datetime
) -> str | None:
    """Where a payment that was begun goes on."""
    url: str | None = await holder.scalar(
        select(Payment.pay_url).where(
            Payment.order_id == order_id, Payment.state.in_(OPEN), Payment.expires_at > now
        )
    )
    return url
