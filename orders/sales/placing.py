"""One order, placed in one transaction. Rule: what is contended is locked last and shortest: first the
reading, then the customer's credit, then the order itself, and the stock just before the commit.

An order beyond the credit, or one that the rules of review hold, is placed all the same, with its stock, to be
reviewed by a person. What is not there comes later as a part of its own, when the command says so.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.benefits import coupons
from crm_core.benefits.views import Taken
from crm_core.customers.credit import merged, reserve_credit
from crm_core.customers.visibility import must_see
from crm_core.outbox.messages import NewMessage
from crm_core.outbox.views import MessageView, recipient
from crm_core.rights import Actor, Right, Scope
from orders.errors import BadOrder, OutOfStock, ReviewRejected, SameKeyOtherOrder
from orders.lines import StockLine
from orders.money import to_fen
from orders.quotas.checking import Asked, check, check_window
from orders.reasons import Reason
from orders.review.rules import Assessment, Verdict
from orders.sales import (
    facts,
    flow,
    invoicing,
    quoting,
    reading,
    reviewing,
    telling,
    writing,
)
from orders.sales.agreed import Agreed, accept, take
from orders.sales.commands import ENTITY, PlaceOrder
from orders.sales.flow import Status
from orders.sales.parts import Part, by_stock, whole
from orders.sales.quoting import Known
from orders.sales.tables import Order
from orders.sales.views import (
    OrderCoupon,
    OrderLineView,
    OrderPart,
    OrderView,
    PlacedOrder,
    Quote,
    QuotedLine,
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


@dataclass(frozen=True, slots=True)
class Setting:
    """In which an order is placed: by whom, when, and which channels have a notifier."""

    actor: Actor
    channels: Collection[str]
    now: datetime
    zone: tzinfo

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


async def place(session: AsyncSession, command: PlaceOrder, setting: Setting) -> Placing | None:
    """None when the same key is placed, or the customer merged, at this very moment: ask again in a new
    transaction.
    """
    if setting.actor.scope is not Scope.ALL:
        await must_see(session, setting.actor, command.customer_id)
    setting.actor.require_write(ENTITY, command.limited)
    today = setting.today
    rows = await facts.read(
        session, command.customer_id, command.lines, today, command.key, warehouse=command.warehouse
    )
    if (placed_before := rows[0]["order_id"]) is not None:
        return Placing(await _existing(session, placed_before, command, setting.actor))
    if not setting.actor.may(Right.ORDER_REVIEW):
        check_window(rows, setting.now.astimezone(setting.zone))
    await check(session, Asked(rows, quoting.base_quantities(rows), today, setting.zone))
    agreed = await _agreed(session, command, today)
    known = await quoting.quoted(session, rows, today, agreed)
    _refuse(known, command)
    quote = known.quote
    local = setting.now.astimezone(setting.zone)
    used = await _coupons(session, command, quote, local)
    off = to_fen(sum((each.discount for each in used), Decimal(0)))
    total = quote.total - off
    covered = await reserve_credit(session, quote.customer_id, total)
    if not covered and await merged(session, quote.customer_id):
        await session.rollback()
        return None
    assessed = reviewing.assessment(
        rows,
        quote.lines,
        total,
        over_credit=not covered,
        note=command.note,
        payment=command.payment,
    )
    if assessed.verdict is Verdict.REJECT:
        raise ReviewRejected([each.params.get("name_zh", each.code) for each in assessed.why])
    priced = _Priced(command, known, quote.discount + off, assessed, covered)
    stored = await _store(session, priced, setting)
    if stored is None:
        await session.rollback()
        return None
    first = stored[0].stored
    await coupons.use(session, used, first.order_id, setting.now)
    if agreed is not None:
        await accept(session, agreed, first.order_id, setting.actor.user_id, setting.now)
    await ledger.refuse_short(session, quote.warehouse, _reserved(stored), first.stock)
    view = _view(stored, known, used, setting.actor)
    return Placing(PlacedOrder(view, True, _warnings(known, stored)), first.stock)


@dataclass(frozen=True, slots=True)
class _Written:
    """An order, or a part of one, and what became of it."""

    order: NewOrder
    told: tuple[NewMessage, ...]
    stored: Stored


@dataclass(frozen=True, slots=True)
class _Priced:
    """An order before it is written; `covered`: the customer's credit is taken for it."""

    command: PlaceOrder
    known: Known
    discount: Decimal
    assessed: Assessment
    covered: bool


async def _store(
    session: AsyncSession, priced: _Priced, setting: Setting
) -> tuple[_Written, ...] | None:
    """The order and, where goods are missing, the part that comes later. None when the key is taken."""
    command, known, assessed = priced.command, priced.known, priced.assessed
    quote, discount = known.quote, priced.discount
    parts: Sequence[Part] = (whole(quote.lines, discount),)
    if command.backorder:
        parts = by_stock(quote.lines, discount, known.free)
    status = Status.PLACED if assessed.verdict is Verdict.PASS else Status.REVIEW
    statuses = (status,) if parts[0].lines else ()
    written: list[_Written] = []
    for part, its_status in zip(
        (part for part in parts if part.lines), (*statuses, Status.BACKORDERED), strict=False
    ):
        order = NewOrder(
            command,
            quote.customer_id,
            part,
            quote.discount_why,
            part.total if priced.covered else Decimal(0),
            its_status,
            quote.warehouse,
            assessed,
            f"{setting.today:%y%m%d}",
            setting.actor.user_id,
            setting.now,
            split_from=written[0].stored if written else None,
        )
        told = telling.of_status(its_status, part.total, known.contact, setting.channels, {})
        stored = await writing.insert(session, order, told)
        if stored is None:
            return None
        if command.invoice is not None:
            await invoicing.keep(session, stored.order_id, command.invoice)
        written.append(_Written(order, told if stored.message_ids else (), stored))
    return tuple(written)


def _reserved(written: Sequence[_Written]) -> tuple[StockLine, ...]:
    first = written[0].order
    return writing.stock_lines(first.part.lines) if first.reserves else ()


async def _existing(
    session: AsyncSession, order_id: int, command: PlaceOrder, actor: Actor
) -> PlacedOrder:
    """The order this key placed before. Raises SameKeyOtherOrder when it ordered something else."""
    found = (
        await session.execute(select(Order.fingerprint, Order.number).where(Order.id == order_id))
    ).one()
    if found.fingerprint != command.fingerprint:
        raise SameKeyOtherOrder(found.number)
    return PlacedOrder(await reading.order(session, order_id, actor), created=False)


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


def _refuse(known: Known, command: PlaceOrder) -> None:
    """What cannot be ordered needs no lock to be refused. Raises BadOrder, OutOfStock."""
    for warning in known.quote.warnings:
        told = warning.params
        if warning.code == "order_step":
            raise BadOrder(
                f"{told['sku']} is ordered by the {told['step']}: take a multiple of it.",
                fields={"sku": told["sku"], "order_step": told["step"]},
            )
        if warning.code == "out_of_stock" and not command.backorder:
            raise OutOfStock(told["sku"], int(told["available"]))


def _warnings(known: Known, written: Sequence[_Written]) -> tuple[Reason, ...]:
    told = [w for w in known.quote.warnings if w.code == "free_goods_short"]
    first = written[0].order
    for reason in first.assessment.why:
        if reason.code == "review_over_credit":
            total = Decimal(reason.params["total"])
            told.append(quoting.over_credit(total, known.credit))
        else:
            told.append(reason)
    told += [
        Reason("backordered", {"sku": line.sku, "quantity": str(line.quantity), "unit": line.unit})
        for each in written
        if each.order.status is Status.BACKORDERED
        for line in each.order.part.lines
    ]
    return tuple(told)


def _view(
    written: Sequence[_Written], known: Known, used: tuple[Taken, ...], actor: Actor
) -> OrderView:
    first, *later = written
    order, stored, command = first.order, first.stored, first.order.command
    return OrderView(
        stored.order_id,
        stored.number,
        order.status,
        order.part.total,
        order.at,
        order.customer_id,
        known.customer_name,
        command.call_id,
        _lines(order.part.lines),
        order.actor_id,
        command.address,
        command.note,
        command.payment,
        order.warehouse,
        order.part.discount,
        order.discount_why,
        tuple(OrderCoupon(each.code, each.name_zh, each.name_en, each.discount) for each in used),
        (StatusChange(None, order.status, order.actor_id, order.at, None),),
        _messages(first, actor),
        urgent=command.urgent or order.assessment.urgent,
        medium=command.medium,
        wanted_on=command.wanted_on,
        review=str(order.assessment.verdict),
        review_why=order.assessment.why,
        version=1,
        credit_held=order.credit_held,
        split_from=None,
        parts=tuple(
            OrderPart(
                each.stored.order_id, each.stored.number, each.order.status, each.order.part.total
            )
            for each in later
        ),
        invoice=invoicing.wanted(command.invoice),
        allowed=flow.allowed(order.status, actor),
    )


def _messages(written: _Written, actor: Actor) -> tuple[MessageView, ...]:
    return tuple(
        MessageView(
            message_id,
            message.kind,
            message.channel,
            recipient(message.channel, message.recipient, actor),
            "pending",
            None,
            None,
        )
        for message_id, message in zip(written.stored.message_ids, written.told, strict=True)
    )


def _lines(lines: Sequence[QuotedLine]) -> tuple[OrderLineView, ...]:
    return tuple(
        OrderLineView(
            line_no,
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
        for line_no, line in enumerate(lines, 1)
    )
