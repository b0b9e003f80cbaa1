"""What is ordered is changed, in one transaction. Rule: goods, credit and coupons are given back and taken
anew, and the rules of review are asked again; prices are those of the day on which it was placed.

The order's row is locked first, then the customer's credit, then the balances of all its goods, old and new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

import asyncpg
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.benefits import coupons
from crm_core.benefits.tables import Coupon
from crm_core.customers.credit import release_credit, reserve_credit
from crm_core.customers.insight_queue import touch
from crm_core.rights import Right, kept
from orders.errors import BadOrder, ChangedMeanwhile, EditNotAllowed, OutOfStock, ReviewRejected
from orders.lines import StockLine
from orders.money import to_fen
from orders.quotas.checking import Asked, check, check_window
from orders.receipts import book
from orders.review.rules import Verdict
from orders.sales import facts, flow, invoicing, moving, quoting, reviewing, writing
from orders.sales.agreed import of_order
from orders.sales.commands import ENTITY, EditOrder
from orders.sales.flow import HOLDS_STOCK, By, Status
from orders.sales.parts import Part, whole
from orders.sales.placing import Setting
from orders.sales.quoting import Known
from orders.sales.tables import IS_FREE, Order, OrderedLine
from orders.stock import ledger
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import Goods

_DETAILS = ("address", "note", "payment", "urgent", "wanted_on")
_LIMITED = ("address", "note")
"""Of them those that roles may be kept from."""


@dataclass(frozen=True, slots=True)
class _Balance:
    """Base units by product, before and after."""

    before: Mapping[str, int]
    after: Mapping[str, int]

    def lines(self, *, more: bool) -> list[StockLine]:
        """What is taken besides, or given back."""
        sign = 1 if more else -1
        found = {
            sku: sign * (self.after.get(sku, 0) - self.before.get(sku, 0))
            for sku in sorted({*self.before, *self.after})
        }
        return [StockLine(sku, quantity) for sku, quantity in found.items() if quantity > 0]


async def edit(
    session: AsyncSession, order_id: int, content: EditOrder, setting: Setting
) -> tuple[StockChanged, ...]:
    """Raises UnknownOrder, EditNotAllowed, ChangedMeanwhile, Forbidden, UnknownProduct, UnknownUnit,
    BadOrder, OutOfStock, OverQuota, OrderWindowClosed, ReviewRejected, CouponRefused, InvoiceAskedFor.
    """
    actor = setting.actor
    actor.require(Right.ORDER_PLACE)
    order = await moving.held(session, order_id, actor)
    if order.status not in flow.EDITABLE:
        raise EditNotAllowed(order.status)
    if order.version != content.version:
        raise ChangedMeanwhile(order.version)
    stands = {name: getattr(order, name) for name in _LIMITED}
    content = content.model_copy(update=kept(actor, ENTITY, content, stands))
    was = await _told(session, order)
    held = await _base_quantities(session, order_id) if order.status in HOLDS_STOCK else {}
    day = order.placed_at.astimezone(setting.zone).date()
    rows = await facts.read(
        session, order.customer_id, content.merged_lines, day, warehouse=order.warehouse
    )
    wanted = quoting.base_quantities(rows)
    await _check_window(session, order_id, rows, wanted, setting)
    await check(session, Asked(rows, wanted, day, setting.zone, not_order=order_id))
    agreed = await of_order(session, order_id)
    known = await quoting.quoted(session, rows, day, agreed, held)
    _refuse(known, backordered=order.status == Status.BACKORDERED)
    off = await _coupons(session, order, known)
    part = whole(known.quote.lines, known.quote.discount + off)
    covered = await _credit(session, order, part.total)
    assessed = reviewing.assessment(
        rows,
        part.lines,
        part.total,
        over_credit=not covered,
        note=content.note,
        payment=content.payment,
        itself=1,
    )
    if assessed.verdict is Verdict.REJECT:
        raise ReviewRejected([each.params.get("name_zh", each.code) for each in assessed.why])
    status = _status_after(order, assessed.verdict)
    order.review = str(assessed.verdict)
    order.review_why = [writing.why_of(each) for each in assessed.why]
    unseen = content.address is None and not actor.may_read("customer", "addresses")
    for name in _DETAILS:
        if not (name == "address" and unseen):
            setattr(order, name, getattr(content, name))
    if "invoice" in content.model_fields_set:
        await invoicing.change(session, order, content.invoice)
    order.urgent = content.urgent or assessed.urgent
    order.discount_why = [writing.why_of(each) for each in known.quote.discount_why]
    order.version += 1
    await _write(session, order, part)
    await _log(session, order, status, setting)
    became = await _told(session, order)
    before, after = trail.changes(was, became)
    await trail.record(
        session, actor.user_id, "order.update", ENTITY, order_id, before=before, after=after
    )
    await touch(session, (order.customer_id,))
    if status not in HOLDS_STOCK:
        return ()
    needed = {line.sku: line.quantity for line in writing.stock_lines(part.lines)}
    return await _take(session, order, _Balance(held, needed), setting)


async def _check_window(
    session: AsyncSession,
    order_id: int,
    rows: Sequence[asyncpg.Record],
    wanted: Mapping[str, int],
    setting: Setting,
) -> None:
    """More is ordered only when orders are taken; less at any time. Raises OrderWindowClosed."""
    if setting.actor.may(Right.ORDER_REVIEW):
        return
    had = await _base_quantities(session, order_id, ~IS_FREE)
    if any(many > had.get(sku, 0) for sku, many in wanted.items()):
        check_window(rows, setting.now.astimezone(setting.zone))


async def _base_quantities(
    session: AsyncSession, order_id: int, *which: ColumnElement[bool]
) -> dict[str, int]:
    """Base units of each product of an order, of all its lines or of some."""
    rows = await session.execute(
        select(OrderedLine.sku, func.sum(OrderedLine.base_quantity))
        .where(OrderedLine.order_id == order_id, *which)
        .group_by(OrderedLine.sku)
        .order_by(OrderedLine.sku)
    )
    return {sku: int(quantity) for sku, quantity in rows}


def _refuse(known: Known, *, backordered: bool) -> None:
    for warning in known.quote.warnings:
        told = warning.params
        if warning.code == "order_step":
            raise BadOrder(
                f"{told['sku']} is ordered by the {told['step']}: take a multiple of it.",
                fields={"sku": told["sku"], "order_step": told["step"]},
            )
        if warning.code == "out_of_stock" and not backordered:
            raise OutOfStock(told["sku"], int(told["available"]))


async def _coupons(session: AsyncSession, order: Order, known: Known) -> Decimal:
    """The order's coupons given back and taken anew, as on the day of the order; what they take off."""
    codes = (
        await session.scalars(
            select(Coupon.code).where(Coupon.used_for == order.id).order_by(Coupon.id)
        )
    ).all()
    if not codes:
        return Decimal(0)
    await coupons.give_back(session, order.id)
    used = await coupons.take(session, codes, order.customer_id, known.quote.total, order.placed_at)
    await coupons.use(session, used, order.id, order.placed_at)
    return to_fen(sum((each.discount for each in used), Decimal(0)))


async def _credit(session: AsyncSession, order: Order, total: Decimal) -> bool:
    """Whether the customer's credit covers what is still owed of it now; then that is held."""
    if order.credit_held:
        await release_credit(session, order.customer_id, order.credit_held)
    owed = max(total - await book.paid(session, order.id), Decimal(0))
    covered = await reserve_credit(session, order.customer_id, owed)
    order.credit_held = owed if covered else Decimal(0)
    return covered


def _status_after(order: Order, verdict: Verdict) -> Status:
    """Held by the rules: to review. What only the rules held may go on; what a person held stays."""
    now = Status(order.status)
    if now is Status.BACKORDERED:
        return now
    if verdict is Verdict.HOLD:
        return Status.REVIEW
    if now is Status.REVIEW and order.review == Verdict.HOLD:
        return Status.PLACED
    return now


async def _write(session: AsyncSession, order: Order, part: Part) -> None:
    order.total, order.discount = part.total, part.discount
    await session.flush()
    await session.execute(delete(OrderedLine).where(OrderedLine.order_id == order.id))
    await session.execute(insert(OrderedLine), writing.line_rows(order.id, part.lines))


async def _log(session: AsyncSession, order: Order, status: Status, setting: Setting) -> None:
    origin, order.status = order.status, status
    if status != origin:
        flow.decide(origin, status, setting.actor, by=By.CHANGE)
        await moving.log_status(
            session,
            order,
            origin,
            setting.now,
            actor_id=setting.actor.user_id,
            reason="changed",
        )


async def _told(session: AsyncSession, order: Order) -> dict[str, object]:
    """What the audit trail keeps of an order."""
    line = OrderedLine
    rows = await session.execute(
        select(line.sku, line.quantity, line.unit, line.unit_price)
        .where(line.order_id == order.id)
        .order_by(line.line_no)
    )
    lines = [f"{sku} {quantity} {unit} × {price}" for sku, quantity, unit, price in rows]
    invoice = await invoicing.of_order(session, order.id)
    details = {name: getattr(order, name) for name in _DETAILS}
    details["invoice"] = None if invoice is None else asdict(invoice)
    return details | {"status": str(order.status), "total": order.total, "lines": lines}


async def _take(
    session: AsyncSession, order: Order, balance: _Balance, setting: Setting
) -> tuple[StockChanged, ...]:
    await ledger.lock(session, order.warehouse, {*balance.before, *balance.after})
    cause = Cause(setting.now, order_id=order.id, actor_id=setting.actor.user_id)
    changed: tuple[StockChanged, ...] = ()
    for kind, more in ((Goods.RELEASE, False), (Goods.RESERVE, True)):
        if lines := balance.lines(more=more):
            noted = await ledger.change(session, kind, order.warehouse, lines, cause)
            changed += tuple(each.stock for each in noted)
    return changed
