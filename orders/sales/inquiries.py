"""Orders that somebody asks about by telephone whose they are not (查询他人订单).

Rule: an order is told to who gives its number and the last digits of a telephone number of its customer. A try is
counted, for the telephone that it comes from and for the number that is asked for, before anything is looked at, and
whether there is such an order or not; after so many wrong ones each is locked. A telephone that hides its number is
counted by the order's alone. That an order is locked is a to-do.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.customers.visibility import within_scope
from crm_core.db import Database
from crm_core.people import login_limits
from crm_core.people.login_limits import Allowance
from crm_core.rights import Actor, Right
from crm_core.todos.commands import TodoSource
from orders.errors import UnknownOrder
from orders.sales import reading
from orders.sales.asking import Wanted, ask
from orders.sales.commands import ENTITY
from orders.sales.tables import Order
from orders.sales.views import OrderSummary

log = structlog.get_logger(__name__)

LIMIT = Allowance.locking(5, timedelta(hours=1))
SOURCE = "order_guessed"
_TITLES = {
    "zh": "有人来电查询订单 {order}，多次输错号码后四位，查询已锁定：请核实是否客户本人",
    "en": "Somebody asked for order {order} with wrong digits until it was locked: find out whether it was the customer",
}


class InquiryService:
    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], limit: Allowance = LIMIT
    ) -> None:
        self._database = database
        self._clock = clock
        self._limit = limit

    async def find(
        self, actor: Actor, number: str, digits: str, *, caller: str | None, call_id: str
    ) -> OrderSummary:
        """The order of exactly this number, for who calls from `caller` (None: it is hidden) and gives these last
        digits.

        Raises Forbidden, UnknownOrder (also when the digits are others), TooManyAttempts, DatabaseUnavailable.
        """
        actor.require(Right.ORDER_VIEW)
        now = self._clock()
        of_order, of_caller = f"order-check:{number}", f"order-check-from:{caller}"
        async with self._database.begin() as session:
            if caller is not None:
                await login_limits.count(session, of_caller, self._limit, now)
            until = await login_limits.count(session, of_order, self._limit, now)
        async with self._database.begin() as session:
            order_id = await session.scalar(
                select(Order.id)
                .join(Customer, Customer.id == Order.customer_id)
                .where(Order.number == number, within_scope(actor))
            )
            if order_id is not None and await _knows(session, order_id, digits):
                await login_limits.clear(session, of_order)
                await login_limits.give_back(session, of_caller)
                (found,) = await reading.of_ids(session, (order_id,))
                return found
            if order_id is not None and until is not None:
                await _alarm(session, order_id, until, call_id, now)
        if until is not None:
            log.warning("order_check_locked", number=number, call_id=call_id)
        raise UnknownOrder("There is no such order.", fields={"number": number})


async def _knows(session: AsyncSession, order_id: int, digits: str) -> bool:
    theirs = exists().where(
        CustomerPhone.customer_id == Order.customer_id,
        CustomerPhone.number.endswith(digits, autoescape=True),
    )
    return bool(await session.scalar(select(theirs).where(Order.id == order_id)))


async def _alarm(
    session: AsyncSession, order_id: int, until: datetime, call_id: str, now: datetime
) -> None:
    """Once for each time that it is locked."""
    await trail.record(
        session, None, "order.check_locked", ENTITY, order_id,
        after={"until": until, "call_id": call_id},
    )  # fmt: skip
    source = TodoSource(kind=SOURCE, reference=f"{order_id}:{until:%Y%m%dT%H%M%S}")
    await ask(session, order_id, Wanted(source, _TITLES, now, call_id=call_id), now)
