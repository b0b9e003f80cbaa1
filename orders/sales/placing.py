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
from orders.errors import BadOrder, OutOfStock, SameKeyOtherOrder
from orders.money import to_fen
from orders.reasons import Reason
from orders.sales import facts, quoting, reading, writing
from orders.sales.agreed import Agreed, accept, take
from orders.sales.commands import PlaceOrder
from orders.sales.flow import Status
from orders.sales.quoting import Known
from orders.sales.tables import Order
from orders.sales.views import (
    OrderCoupon,
    OrderLineView,
    OrderView,
    PlacedOrder,
    Quote,
    StatusChange,
)
from orders.sales.writing import NewOrder, Stored
from orders.stock import ledger
from orders.stock.events import StockChanged


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
    today = now.astimezone(zone).date()
    rows = await facts.read(
        session, command.customer_id, command.lines, today, command.key, warehouse=command.warehouse
    )
    if (placed_before := rows[0]["order_id"]) is not None:
        return Placing(await _existing(session, placed_before, command))
    agreed = await _agreed(session, command, today)
    known = await quoting.quoted(session, rows, today, agreed)
    _refuse(known)
    quote = known.quote
    used = await _coupons(session, command, quote, now)
    off = to_fen(sum((each.discount for each in used), Decimal(0)))
    total = quote.total - off
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
        quote.discount + off,
        quote.discount_why,
        total if covered else Decimal(0),
        status,
        quote.warehouse,
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
    await ledger.refuse_short(
        session, quote.warehouse, writing.stock_lines(quote.lines), stored.stock
    )
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


def _refuse(known: Known) -> None:
    """What cannot be ordered needs no lock to be refused. Raises BadOrder, OutOfStock."""
    for warning in known.quote.warnings:
        told = warning.params
        if warning.code == "order_step":
            raise BadOrder(
                f"{told['sku']} is ordered by the {told['step']}: take a multiple of it.",
                fields={"sku": told["sku"], "order_step": told["step"]},
            )
        if warning.code == "out_of_stock":
            raise OutOfStock(told["sku"], int(told["available"]))


def _warnings(known: Known, order: NewOrder) -> tuple[Reason, ...]:
    short = tuple(w for w in known.quote.warnings if w.code == "free_goods_short")
    if order.status == Status.PLACED:
        return short
    stated = tuple(w for w in known.quote.warnings if w.code == "over_credit")
    if stated and order.total == known.quote.total:
        return (*short, *stated)
    return (*short, quoting.over_credit(order.total, Decimal(0)))


def _view(
    order: NewOrder,
    stored: Stored,
    known: Known,
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
        order.warehouse,
        order.discount,
        order.discount_why,
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


def _lines(known: Known) -> tuple[OrderLineView, ...]:
    return tuple(
        OrderLineView(
            line.sku,
            line.name_zh,
            line.name_en,
            line.unit,
            line.factor,
            line.quantity,
            line.tax_rate,
            line.unit_price,
            line.line_total,
            line.why,
        )
        for line in known.quote.lines
    )
