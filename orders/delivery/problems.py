"""What goes wrong on the way becomes a to-do of customer service. Rule: each problem of a waybill once, for the
customer's salesperson or the nearest supervisor, in the transaction that finds it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.todos.commands import TodoSource
from orders.delivery.codes import State
from orders.delivery.tables import Waybill
from orders.sales.asking import Wanted, ask

SOURCE = "delivery"


class Problem(StrEnum):
    REFUSED = "refused"
    RETURNED = "returned"
    LOST = "lost"
    LATE = "late"
    CONFLICT = "conflict"
    CAME_BACK = "came_back"
    OUTDATED = "outdated"


OF_STATE = {
    State.REFUSED: Problem.REFUSED,
    State.RETURNED: Problem.RETURNED,
    State.LOST: Problem.LOST,
}
_WITHIN = {Problem.LOST: timedelta(hours=2), Problem.OUTDATED: timedelta(hours=1)}
_USUALLY = timedelta(hours=4)
_TITLES = {
    Problem.REFUSED: ("订单 {order} 被拒收,运单 {number}", "Order {order} was refused, waybill {number}"),
    Problem.RETURNED: ("订单 {order} 被退回,运单 {number}", "Order {order} came back, waybill {number}"),
    Problem.LOST: ("订单 {order} 的包裹丢失,运单 {number}", "The parcel of order {order} is lost, waybill {number}"),
    Problem.LATE: ("订单 {order} 逾期未到,运单 {number}", "Order {order} is late, waybill {number}"),
    Problem.CONFLICT: (
        "订单 {order} 的物流反馈与状态不符,运单 {number}",
        "What the courier says of order {order} contradicts its status, waybill {number}",
    ),
    Problem.CAME_BACK: (
        "订单 {order} 的退件已到,运单 {number}",
        "The goods sent back of order {order} are here, waybill {number}",
    ),
    Problem.OUTDATED: (
        "订单 {order} 变更后仍以旧运单 {number} 发出:核对货物与代收金额",
        "Order {order} left with waybill {number} of before it was changed: check the goods and what is collected",
    ),
}  # fmt: skip


async def raise_todo(
    session: AsyncSession, waybill: Waybill, problem: Problem, now: datetime
) -> None:
    """Nothing when it was raised before, or nobody is there who could do it."""
    zh, en = _TITLES[problem]
    wanted = Wanted(
        TodoSource(kind=SOURCE, reference=f"{waybill.id}:{problem}"),
        {"zh": zh, "en": en},
        now + _WITHIN.get(problem, _USUALLY),
        {"number": waybill.number},
    )
    await ask(session, waybill.order_id, wanted, now)
