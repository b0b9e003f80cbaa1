"""What goes out for exchanged goods: a part order at the same prices. Rule: what the customer paid and the credit that
is held for the goods that came back are the part's now, so that nothing is charged twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from orders.aftersales.setting import Setting
from orders.errors import OutOfStock
from orders.lines import StockLine
from orders.methods import Method
from orders.money import line_total, total_of
from orders.payments import booking
from orders.receipts import book
from orders.receipts.book import Passed
from orders.sales import invoicing, moving, splitting
from orders.sales.flow import Status
from orders.sales.tables import Order, OrderedLine
from orders.stock import ledger
from orders.stock.ledger import Cause
from orders.stock.moves import Goods

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Going:
    """`back` of each line came back; it is worth `value`, which the order does not bring any more."""

    lines: Sequence[OrderedLine]
    back: Mapping[int, int]
    value: Decimal


async def replace(
    session: AsyncSession,
    order: Order,
    exchanged: Going,
    setting: Setting,
) -> Order:
    """The part, without goods (`reserve`). The order is held."""
    back, value = exchanged.back, exchanged.value
    going = [line for line in exchanged.lines if back.get(line.line_no)]
    whole = total_of(line_total(line.unit_price, back[line.line_no]) for line in going)
    part = await splitting.new_part(
        session, order, status=Status.PLACED, total=value, discount=whole - value
    )
    part.placed_at, part.placed_by = setting.now, setting.actor.user_id
    part.review, part.wanted_on, part.call_id = "pass", None, None
    await session.execute(
        insert(OrderedLine), [_row(part.id, line, back[line.line_no]) for line in going]
    )
    await _pass_money(session, order, part, setting)
    await invoicing.follow(session, order.id, part, anew=True)
    return part


async def _pass_money(session: AsyncSession, order: Order, part: Order, setting: Setting) -> None:
    """What is paid beyond what the order brings counts for the part; what is owed of the part holds the credit
    that the order held for it.
    """
    paid = await book.paid(session, order.id)
    passed = min(max(paid - booking.owed(order), _NOTHING), part.total)
    if passed:
        how = Passed(order.payment or Method.TRANSFER, setting.now, setting.actor.user_id)
        await book.pass_on(session, order.id, part.id, passed, how)
    left = paid - passed
    still = min(order.credit_held, max(booking.owed(order) - left, _NOTHING))
    kept = min(order.credit_held - still, part.total - passed)
    part.credit_held = kept
    await booking.lower_credit(session, order, left, kept=kept)
    await session.flush()


async def reserve(session: AsyncSession, part: Order, going: Going, setting: Setting) -> None:
    """Its goods are reserved now, or it waits for them."""
    actor_id = setting.actor.user_id
    goods = base_units(going.lines, going.back)
    cause = Cause(setting.now, order_id=part.id, actor_id=actor_id)
    try:
        async with session.begin_nested():
            await (
                session.connection()
            )  # the savepoint, before a statement that goes round SQLAlchemy
            noted = await ledger.change(session, Goods.RESERVE, part.warehouse, goods, cause)
            setting.effects.stock += tuple(each.stock for each in noted)
    except OutOfStock:
        part.status = Status.BACKORDERED
    await session.flush()
    reason = "replaces what came back"
    await moving.log_status(session, part, None, setting.now, actor_id=actor_id, reason=reason)


def base_units(lines: Sequence[OrderedLine], many: Mapping[int, int]) -> tuple[StockLine, ...]:
    """Base units of each product in `many` units of each line, in the order of the products."""
    goods: dict[str, int] = {}
    for line in lines:
        if units := many.get(line.line_no, 0):
            goods[line.sku] = goods.get(line.sku, 0) + units * line.factor
    return tuple(StockLine(sku, quantity) for sku, quantity in sorted(goods.items()))


def _row(part_id: int, line: OrderedLine, quantity: int) -> dict[str, object]:
    return {
        "order_id": part_id,
        "line_no": line.line_no,
        "sku": line.sku,
        "quantity": quantity,
        "unit": line.unit,
        "factor": line.factor,
        "tax_rate": line.tax_rate,
        "unit_price": line.unit_price,
        "line_total": line_total(line.unit_price, quantity),
        "why": line.why,
    }
