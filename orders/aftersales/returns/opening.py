"""A return entered, inside the caller's transaction. Rule: never more of a line than was ordered, also by two people at
once; the customer has the goods, or they are on their way back.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.rights import Right
from orders.aftersales import numbering
from orders.aftersales.errors import (
    MoreThanOrdered,
    NothingDelivered,
    ReturnTooLate,
    SameKeyOther,
)
from orders.aftersales.returns import terms, writing
from orders.aftersales.returns.commands import NewReturn
from orders.aftersales.returns.flow import Kind, State
from orders.aftersales.returns.tables import OrderReturn, OrderReturnLine
from orders.aftersales.setting import Setting
from orders.sales.flow import Status
from orders.sales.tables import Order, OrderedLine

_WITH_THE_CUSTOMER = (Status.DELIVERED, Status.EXCHANGED, Status.SETTLED)
_FROM = {
    Kind.RETURN: _WITH_THE_CUSTOMER,
    Kind.EXCHANGE: _WITH_THE_CUSTOMER,
    Kind.REFUSED_DELIVERY: (Status.REFUSED, *_WITH_THE_CUSTOMER),
}


async def enter(
    session: AsyncSession, order: Order, new: NewReturn, key: str, setting: Setting
) -> int:
    """The return's id; the same key gives the same one. The order is held.

    Raises NothingDelivered, MoreThanOrdered, ReturnTooLate, Forbidden, SameKeyOther.
    """
    known = await session.scalar(select(OrderReturn).where(OrderReturn.key == key))
    if known is not None:
        if (known.order_id, known.kind) != (order.id, new.kind):
            raise SameKeyOther
        return known.id
    if order.status not in _FROM[new.kind]:
        raise NothingDelivered(order.status)
    wanted = _chosen(await lines_of(session, order.id), new)
    late = new.kind is not Kind.REFUSED_DELIVERY and await _is_late(
        session, order, [line for line, _ in wanted], new, setting
    )
    new_id, number = await numbering.next_number(session, OrderReturn, "R", setting.today)
    coming = new.kind is Kind.REFUSED_DELIVERY
    row = OrderReturn(
        **new.model_dump(exclude={"lines", "late_reason"}),
        id=new_id,
        number=number,
        key=key,
        order_id=order.id,
        late_reason=new.late_reason if late else None,
        state=State.APPROVED if coming else State.REQUESTED,
        requested_at=setting.now,
        changed_at=setting.now,
    )
    await numbering.add(session, row)
    for line, quantity in wanted:
        line.coming_back += quantity
        session.add(
            OrderReturnLine(
                return_id=new_id, line_no=line.line_no, order_id=order.id, quantity=quantity
            )
        )
    await session.flush()
    await writing.note(session, row, setting, new.late_reason if late else None)
    told = new.model_dump() | {"number": number, "order": order.number, "late": late}
    told["lines"] = {line.line_no: quantity for line, quantity in wanted}
    await trail.record(
        session,
        setting.actor.user_id,
        f"{writing.ENTITY}.request",
        writing.ENTITY,
        new_id,
        after=told,
    )
    return new_id


async def lines_of(session: AsyncSession, order_id: int) -> Sequence[OrderedLine]:
    """The lines of an order that is held."""
    found = await session.scalars(
        select(OrderedLine)
        .where(OrderedLine.order_id == order_id)
        .order_by(OrderedLine.line_no)
        .execution_options(populate_existing=True)
    )
    return found.all()


def _chosen(lines: Sequence[OrderedLine], new: NewReturn) -> list[tuple[OrderedLine, int]]:
    """Lines with how much of each comes back. Raises MoreThanOrdered."""
    left = {line.line_no: line.quantity - line.returned - line.coming_back for line in lines}
    asked = {each.line_no: each.quantity for each in new.lines}
    asked = asked or {line_no: many for line_no, many in left.items() if many}
    if not asked:
        raise MoreThanOrdered(lines[0].line_no, 0)
    for line_no, quantity in asked.items():
        if quantity > left.get(line_no, 0):
            raise MoreThanOrdered(line_no, left.get(line_no, 0))
    return [(line, asked[line.line_no]) for line in lines if line.line_no in asked]


async def _is_late(
    session: AsyncSession,
    order: Order,
    lines: Sequence[OrderedLine],
    new: NewReturn,
    setting: Setting,
) -> bool:
    """Whether somebody who may takes it after its time. Raises ReturnTooLate, Forbidden."""
    try:
        await terms.check(session, order.id, lines, setting.now)
    except ReturnTooLate:
        if new.late_reason is None:
            raise
        setting.actor.require(Right.RETURN_OVERRIDE)
        return True
    return False
