"""A part of an order goes a way of its own (拆单). Rule: the parts have the goods, the money and the credit of
the whole; a part that waits for goods gives back what was reserved for it, and of an order in review it is reviewed
too when they have come.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.rights import Right
from orders.errors import BadOrder, ChangedMeanwhile, EditNotAllowed
from orders.lines import StockLine
from orders.methods import Method
from orders.money import line_total, shared, total_of
from orders.receipts import book
from orders.receipts.book import Passed
from orders.review.rules import Verdict
from orders.sales import invoicing, moving
from orders.sales.commands import ENTITY, SplitOrder
from orders.sales.flow import HOLDS_STOCK, Status
from orders.sales.placing import Setting
from orders.sales.tables import Order, OrderedLine
from orders.stock import ledger
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import Goods

_NOTHING = Decimal("0.00")
_BEFORE_SHIPPING = HOLDS_STOCK | {Status.BACKORDERED}
_COPIED = (
    "fingerprint", "customer_id", "call_id", "placed_by", "discount_why", "address", "note",
    "payment", "warehouse", "urgent", "medium", "wanted_on", "review", "review_why", "placed_at",
)  # fmt: skip


async def split(
    session: AsyncSession, order_id: int, wanted: SplitOrder, setting: Setting
) -> tuple[int, tuple[StockChanged, ...]]:
    """The part's id, and the balances that changed.

    Raises UnknownOrder, Forbidden, EditNotAllowed (shipped), ChangedMeanwhile, BadOrder.
    """
    actor = setting.actor
    actor.require(Right.ORDER_REVIEW)
    await _hold_whole(session, order_id)
    order = await moving.held(session, order_id, actor)
    if order.status not in _BEFORE_SHIPPING:
        raise EditNotAllowed(order.status)
    if order.version != wanted.version:
        raise ChangedMeanwhile(order.version)
    lines = (
        await session.scalars(
            select(OrderedLine)
            .where(OrderedLine.order_id == order_id)
            .order_by(OrderedLine.line_no)
        )
    ).all()
    taken = _taken(lines, wanted)
    part = await _part(session, order, lines, taken, setting, backorder=wanted.backorder)
    step = await moving.log_status(
        session,
        part,
        None,
        setting.now,
        actor_id=actor.user_id,
        reason=f"split from {order.number}",
    )
    changed: tuple[StockChanged, ...] = ()
    if order.status in HOLDS_STOCK:
        changed = await _move_goods(session, order, part, _goods(lines, taken), setting)
    if part.status == Status.BACKORDERED != order.status:
        await moving.tell(session, part, setting.channels, setting.now, step=step)
    told = {"part": part.number, "total": part.total, "status": part.status}
    await trail.record(session, actor.user_id, "order.split", ENTITY, order_id, after=told)
    return part.id, changed


async def _hold_whole(session: AsyncSession, order_id: int) -> None:
    """What all parts are of is locked before any of them."""
    whole = select(Order.split_from).where(Order.id == order_id).scalar_subquery()
    await session.execute(select(Order.id).where(Order.id == whole).with_for_update())


def _taken(lines: Sequence[OrderedLine], wanted: SplitOrder) -> dict[int, int]:
    """How much of each line goes. Raises BadOrder."""
    taken = {each.line_no: each.quantity for each in wanted.lines}
    there = {line.line_no: line.quantity for line in lines}
    if len(taken) != len(wanted.lines):
        raise BadOrder("A line is named twice: name it once.", fields={"lines": "double"})
    for line_no, quantity in taken.items():
        if quantity > there.get(line_no, 0):
            raise BadOrder(
                f"Line {line_no} has {there.get(line_no, 0)}: {quantity} cannot be split off.",
                fields={"lines": line_no},
            )
    if taken == there:
        raise BadOrder("Something must stay in the order.", fields={"lines": "everything"})
    return taken


async def _part(
    session: AsyncSession,
    order: Order,
    lines: Sequence[OrderedLine],
    taken: Mapping[int, int],
    setting: Setting,
    *,
    backorder: bool,
) -> Order:
    """Its row and lines; the whole is less by them."""
    goes = total_of(line_total(line.unit_price, taken.get(line.line_no, 0)) for line in lines)
    stays = total_of(line.line_total for line in lines) - goes
    off_stays, off_goes = shared(order.discount, (stays, goes))
    whole_total = order.total
    total_stays, total_goes = stays - off_stays, goes - off_goes
    paid = await book.paid(session, order.id)
    passed = min(max(paid - total_stays, _NOTHING), total_goes)
    owed = max(whole_total - paid, _NOTHING)
    owed_stays, owed_goes = max(total_stays - paid, _NOTHING), total_goes - passed
    held_stays, held_goes = _held(order.credit_held, owed, owed_stays, owed_goes)
    order.total, order.discount, order.credit_held = total_stays, off_stays, held_stays
    order.version += 1
    part = await new_part(
        session,
        order,
        status=Status.BACKORDERED if backorder else Status(order.status),
        total=total_goes,
        discount=off_goes,
        credit_held=held_goes,
    )
    if backorder and order.status == Status.REVIEW:
        part.review = Verdict.HOLD
    if passed:
        how = Passed(order.payment or Method.TRANSFER, setting.now, setting.actor.user_id)
        await book.pass_on(session, order.id, part.id, passed, how)
    await _write_lines(session, part.id, lines, taken)
    await invoicing.follow(session, order.id, part, anew=False)
    return part


def _held(held: Decimal, owed: Decimal, stays: Decimal, goes: Decimal) -> tuple[Decimal, Decimal]:
    """The credit that each holds: all that is owed of it, or the same share."""
    if held == owed:
        return stays, goes
    first, second = shared(held, (stays, goes))
    return first, second


async def new_part(
    session: AsyncSession,
    order: Order,
    *,
    status: Status,
    total: Decimal,
    discount: Decimal,
    credit_held: Decimal = _NOTHING,
) -> Order:
    """A part of an order that is held, without lines."""
    number, root = await _number(session, order)
    part = Order(
        **{name: getattr(order, name) for name in _COPIED},
        number=number,
        split_from=root,
        status=status,
        total=total,
        discount=discount,
        credit_held=credit_held,
    )
    session.add(part)
    await session.flush()
    return part


async def _number(session: AsyncSession, order: Order) -> tuple[str, int]:
    """The next part's number, and the order that all parts are of; that one is locked meanwhile."""
    root = order.split_from or order.id
    found = await session.scalars(select(Order).where(Order.id == root).with_for_update())
    parts = await session.scalar(select(func.count()).where(Order.split_from == root)) or 0
    return f"{found.one().number}-{parts + 2}", root


async def _write_lines(
    session: AsyncSession, part_id: int, lines: Sequence[OrderedLine], taken: Mapping[int, int]
) -> None:
    for line in lines:
        goes = taken.get(line.line_no, 0)
        if not goes:
            continue
        values = {
            "order_id": part_id,
            "line_no": line.line_no,
            "sku": line.sku,
            "quantity": goes,
            "unit": line.unit,
            "factor": line.factor,
            "tax_rate": line.tax_rate,
            "unit_price": line.unit_price,
            "line_total": line_total(line.unit_price, goes),
            "why": line.why,
        }
        await session.execute(insert(OrderedLine).values(values))
        own = (OrderedLine.order_id == line.order_id, OrderedLine.line_no == line.line_no)
        left = line.quantity - goes
        if left:
            amount = line_total(line.unit_price, left)
            await session.execute(
                update(OrderedLine).where(*own).values(quantity=left, line_total=amount)
            )
        else:
            await session.execute(delete(OrderedLine).where(*own))


async def _move_goods(
    session: AsyncSession,
    order: Order,
    part: Order,
    goods: Sequence[StockLine],
    setting: Setting,
) -> tuple[StockChanged, ...]:
    """Reservations follow the part, or are given back."""
    cause = Cause(setting.now, order_id=order.id, actor_id=setting.actor.user_id)
    noted = await ledger.change(session, Goods.RELEASE, order.warehouse, goods, cause)
    if part.status in HOLDS_STOCK:
        cause = replace(cause, order_id=part.id)
        noted = await ledger.change(session, Goods.RESERVE, order.warehouse, goods, cause)
    return tuple(each.stock for each in noted)


def _goods(lines: Sequence[OrderedLine], taken: Mapping[int, int]) -> tuple[StockLine, ...]:
    """Base units of each product that goes."""
    goods: Counter[str] = Counter()
    for line in lines:
        goods[line.sku] += taken.get(line.line_no, 0) * line.factor
    return tuple(StockLine(sku, many) for sku, many in sorted(goods.items()) if many)
