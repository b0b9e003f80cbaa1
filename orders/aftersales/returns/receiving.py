"""Goods came back and were counted, inside the caller's transaction. Rule: stock, the order's lines, money and status
change together, and stock, which others wait for, last: good ones go back into stock, damaged ones go in and are written off, missing ones are not credited
unless the courier had them (a refused delivery).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.insight_queue import touch
from orders.aftersales import money
from orders.aftersales.errors import WrongCount
from orders.aftersales.returns import flow, opening, replacing, worth, writing
from orders.aftersales.returns.commands import Counted, Receipt
from orders.aftersales.returns.flow import Action, Kind
from orders.aftersales.returns.tables import OrderReturn, OrderReturnLine
from orders.aftersales.setting import Setting
from orders.money import total_of
from orders.sales import moving
from orders.sales.flow import MOVES, By, Status
from orders.sales.tables import Order, OrderedLine
from orders.stock import for_orders
from orders.stock.ledger import Cause


async def receive(
    session: AsyncSession,
    order: Order,
    row: OrderReturn,
    receipt: Receipt,
    setting: Setting,
) -> None:
    """Order and return are held. Raises ReturnClosed, WrongCount."""
    flow.decide(row.state, Action.RECEIVE)
    coming = await _coming(session, row)
    counted = _counted(coming, receipt)
    back = {
        line_no: each.quantity if row.kind == Kind.REFUSED_DELIVERY else came.good + came.damaged
        for line_no, (each, came) in counted.items()
    }
    lines = await opening.lines_of(session, order.id)
    value = await _note_count(session, order, lines, counted, back)
    row.value = money.lessen(order, value)
    going, part = replacing.Going(lines, back, row.value), None
    if row.kind == Kind.EXCHANGE and any(back.values()):
        part = await replacing.replace(session, order, going, setting)
        row.replacement_id = part.id
    await _end(session, order, row, lines, setting)
    await _settle(session, order, row, part, setting)
    await _take_goods(session, order, lines, counted, setting)
    if part is not None:
        await replacing.reserve(session, part, going, setting)
    told: dict[str, object] = {
        "value": row.value,
        "asked_back": row.asked_back,
        "replacement_id": row.replacement_id,
        "lines": {line_no: came.model_dump() for line_no, (_, came) in counted.items()},
    }
    await writing.step(session, row, Action.RECEIVE, setting, words=receipt.words, told=told)
    await touch(session, (order.customer_id,))


async def _coming(session: AsyncSession, row: OrderReturn) -> Mapping[int, OrderReturnLine]:
    lines = await session.scalars(
        select(OrderReturnLine)
        .where(OrderReturnLine.return_id == row.id)
        .order_by(OrderReturnLine.line_no)
    )
    return {line.line_no: line for line in lines}


_Pairs = Mapping[int, tuple[OrderReturnLine, Counted]]


def _counted(coming: Mapping[int, OrderReturnLine], receipt: Receipt) -> _Pairs:
    """Raises WrongCount."""
    came = {each.line_no: each for each in receipt.lines}
    for line_no, line in coming.items():
        each = came.get(line_no)
        if each is None or each.good + each.damaged + each.missing != line.quantity:
            raise WrongCount(line_no, line.quantity)
    if len(receipt.lines) != len(coming):
        raise WrongCount(next((no for no in came if no not in coming), next(iter(came))), 0)
    return {line_no: (line, came[line_no]) for line_no, line in coming.items()}


async def _note_count(
    session: AsyncSession,
    order: Order,
    lines: Sequence[OrderedLine],
    counted: _Pairs,
    back: Mapping[int, int],
) -> Decimal:
    """What was counted stands with both lines; what `back` is worth."""
    before = [
        worth.Line(line.line_no, line.quantity, line.line_total, line.returned) for line in lines
    ]
    values = worth.of_goods(order.total, before, back)
    for line in lines:
        if line.line_no not in counted:
            continue
        each, came = counted[line.line_no]
        each.good, each.damaged, each.missing = came.good, came.damaged, came.missing
        each.value = values.get(line.line_no, Decimal(0))
        line.coming_back -= each.quantity
        line.returned += back[line.line_no]
    await session.flush()
    return total_of(values.values())


async def _take_goods(
    session: AsyncSession,
    order: Order,
    lines: Sequence[OrderedLine],
    counted: _Pairs,
    setting: Setting,
) -> None:
    """What came goes into stock, and the damaged of it is written off by a row of its own in the ledger."""
    came = {line_no: each.good + each.damaged for line_no, (_, each) in counted.items()}
    damaged = {line_no: each.damaged for line_no, (_, each) in counted.items()}
    if goods := replacing.base_units(lines, came):
        setting.effects.stock += await for_orders.take_back(
            session,
            order.warehouse,
            goods,
            replacing.base_units(lines, damaged),
            cause=Cause(setting.now, order_id=order.id, actor_id=setting.actor.user_id),
            today=setting.today,
        )


async def _end(
    session: AsyncSession,
    order: Order,
    row: OrderReturn,
    lines: Sequence[OrderedLine],
    setting: Setting,
) -> None:
    """When everything came back, the order is at its end."""
    if any(line.returned < line.quantity for line in lines):
        return
    to = Status.EXCHANGED if await _exchanged(session, order) else Status.RETURNED
    if (Status(order.status), to) not in MOVES:
        return
    setting.effects.add(
        await moving.move(
            session,
            order.id,
            to,
            actor=setting.actor,
            channels=setting.channels,
            now=setting.now,
            zone=setting.zone,
            reason=row.number,
            by=By.RETURN,
        )
    )


async def _exchanged(session: AsyncSession, order: Order) -> bool:
    """Whether something of the order, now or before, is replaced."""
    await session.flush()
    found = await session.scalar(
        select(OrderReturn.id)
        .where(OrderReturn.order_id == order.id, OrderReturn.replacement_id.is_not(None))
        .limit(1)
    )
    return found is not None


async def _settle(
    session: AsyncSession, order: Order, row: OrderReturn, part: Order | None, setting: Setting
) -> None:
    """The money follows the goods, and the customer is told."""
    words, key = f"退货 {row.number}", f"return:{row.id}"
    if part is None:
        row.asked_back = await money.give_back(
            session, order, row.value, words=words, key=key, setting=setting
        )
        await writing.tell(session, order, row, "return_received", setting, amount=str(row.value))
        return
    await money.take_back_invoices(session, order, words=words, key=key, setting=setting)
    await writing.tell(session, order, row, "return_exchanged", setting, replacement=part.number)
