"""One order, placed in one transaction. Rule: what is contended is locked last and shortest: first the
reading, then the customer's credit, then the order itself, and the stock just before the commit.

An order beyond the credit is placed all the same, with its stock, to be reviewed by a person.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.benefits import coupons
from crm_core.benefits.views import Taken
from crm_core.customers.credit import merged, reserve_credit
from crm_core.outbox import messages
from crm_core.outbox.messages import NewMessage
from crm_core.outbox.views import MessageView, masked
from orders import facts, reading, stock, writing
from orders.agreed import Agreed, accept, take
from orders.commands import PlaceOrder
from orders.errors import OutOfStock, SameKeyOtherOrder
from orders.events import StockChanged
from orders.facts import Facts
from orders.flow import Status
from orders.pricing import Reason, to_fen
from orders.tables import Order
from orders.views import (
    OrderCoupon,
    OrderLineView,
    OrderView,
    PlacedOrder,
    Quote,
    StatusChange,
)
from orders.writing import NewOrder, Stored


@dataclass(frozen=True, slots=True)
class Placing:
    """What became of a command, and which balances it changed."""

    placed: PlacedOrder
    stock: tuple[StockChanged, ...] = ()


async def place(
    session: AsyncSession,
    command: PlaceOrder,
    channels: Collection[str],
    now: datetime,
    zone: tzinfo,
) -> Placing | None:
    """None when the same key is placed, or the customer merged, at this very moment: ask again in a new
    transaction.
    """
    rows = await facts.read(session, command.customer_id, command.lines, command.key)
    if (placed_before := rows[0]["order_id"]) is not None:
        return Placing(await _existing(session, placed_before, command))
    agreed = await _agreed(session, command, now.astimezone(zone).date())
    known = facts.priced(rows, agreed)
    _refuse_short(known)
    quote = known.quote
    used = await _coupons(session, command, quote, now)
    discount = to_fen(sum((each.discount for each in used), Decimal(0)))
    total = quote.total - discount
    covered = await reserve_credit(session, quote.customer_id, total)
    if not covered and await merged(session, quote.customer_id):
        await session.rollback()
        return None
    status = Status.PLACED if covered else Status.REVIEW
    order = NewOrder(
        command,
        quote.customer_id,
        quote.lines,
        total,
        discount,
        total if covered else Decimal(0),
        status,
        f"{now.astimezone(zone):%y%m%d}",
        now,
    )
    told = messages.messages(f"order_{status}", known.contact, channels, {"total": str(total)})
    stored = await writing.insert(session, order, told)
    if stored is None:
        await session.rollback()
        return None
    await coupons.use(session, used, stored.order_id, now)
    if agreed is not None:
        await accept(session, agreed, stored.order_id, command.placed_by, now)
    await stock.refuse_short(session, command.lines, stored.stock)
    view = _view(order, stored, known, told, used)
    return Placing(
        PlacedOrder(view, True, _warnings(known, order)),
        stored.stock,
    )


async def _existing(session: AsyncSession, order_id: int, command: PlaceOrder) -> PlacedOrder:
    """The order this key placed before. Raises SameKeyOtherOrder when it ordered something else."""
    found = (
        await session.execute(select(Order.fingerprint, Order.number).where(Order.id == order_id))
    ).one()
    if found.fingerprint != command.fingerprint:
        raise SameKeyOtherOrder(found.number)
    return PlacedOrder(await reading.order(session, order_id), created=False)


async def _agreed(session: AsyncSession, command: PlaceOrder, today: date) -> Agreed | None:
    """Raises UnknownQuote, QuoteClosed, QuoteExpired."""
    return None if command.quote_id is None else await take(session, command.quote_id, today)


async def _coupons(
    session: AsyncSession, command: PlaceOrder, quote: Quote, now: datetime
) -> tuple[Taken, ...]:
    """Locked until the order stands. Raises CouponRefused."""
    if not command.coupon_codes:
        return ()
    return await coupons.take(session, command.coupon_codes, quote.customer_id, quote.total, now)


def _refuse_short(known: Facts) -> None:
    """What is short already needs no lock to be refused."""
    for line in known.quote.lines:
        if line.quantity > line.available:
            raise OutOfStock(line.sku, line.available)


def _warnings(known: Facts, order: NewOrder) -> tuple[Reason, ...]:
    if order.status == Status.PLACED:
        return ()
    stated = tuple(w for w in known.quote.warnings if w.code == "over_credit")
    if stated and not order.discount:
        return stated
    return (facts.over_credit(order.total, Decimal(0)),)


def _view(
    order: NewOrder,
    stored: Stored,
    known: Facts,
    told: tuple[NewMessage, ...],
    used: tuple[Taken, ...],
) -> OrderView:
    command = order.command
    return OrderView(
        stored.order_id,
        stored.number,
        order.status,
        order.total,
        order.at,
        order.customer_id,
        known.customer_name,
        command.call_id,
        _lines(known),
        command.placed_by,
        command.address,
        command.note,
        command.payment,
        order.discount,
        tuple(OrderCoupon(each.code, each.name_zh, each.name_en, each.discount) for each in used),
        (StatusChange(None, order.status, command.placed_by, order.at),),
        tuple(
            MessageView(
                message_id,
                message.kind,
                message.channel,
                masked(message.channel, message.recipient),
                "pending",
                None,
                None,
            )
            for message_id, message in zip(stored.message_ids, told, strict=True)
        ),
    )


def _lines(known: Facts) -> tuple[OrderLineView, ...]:
    return tuple(
        OrderLineView(
            line.sku,
            line.name_zh,
            line.name_en,
            unit,
            line.quantity,
            line.unit_price,
            line.line_total,
            line.why,
        )
        for line, unit in zip(known.quote.lines, known.units, strict=True)
    )
