"""Somebody is asked to decide an exception. Rule: one to-do for each level, for the nearest who holds the level's
right; it is settled when the exception leaves the level.
"""

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer
from crm_core.people.holders import holders
from crm_core.rights import SYSTEM
from crm_core.todos import staff, writing
from crm_core.todos.commands import NewTodo, Priority, TodoSource
from crm_core.todos.staff import Staff, Worker
from orders.aftersales.exceptions.flow import HIGHEST, RIGHT_OF_LEVEL
from orders.aftersales.exceptions.tables import OrderException
from orders.aftersales.setting import Setting
from orders.aftersales.wording import TODO_TITLES
from orders.sales.tables import Order

log = structlog.get_logger(__name__)

SOURCE = "order_exception"


async def ask(session: AsyncSession, order: Order, row: OrderException, setting: Setting) -> None:
    """Nothing when nobody is there who could decide it: then it stands in the list alone."""
    salesperson = await session.scalar(
        select(Customer.salesperson_id).where(Customer.id == order.customer_id)
    )
    assignee = await _decider(session, row.level, salesperson, order.customer_id)
    if assignee is None:
        log.warning("nobody_decides_exception", number=row.number, level=row.level)
        return
    title = TODO_TITLES["en" if assignee.locale.startswith("en") else "zh"]
    new = NewTodo(
        title=title.format(number=row.number, order=order.number, level=row.level),
        due_at=row.due_at,
        customer_id=order.customer_id,
        priority=Priority.HIGH if row.level == HIGHEST else Priority.NORMAL,
        assignee_id=assignee.id,
    )
    await writing.add_once(session, SYSTEM, _source(row), new, setting.now)


async def settle(session: AsyncSession, row: OrderException, setting: Setting) -> None:
    """Nobody is asked any more on the level that it has."""
    await writing.settle(session, setting.actor, _source(row), setting.now)


async def _decider(
    session: AsyncSession, level: int, salesperson: int | None, customer_id: int
) -> Worker | None:
    """The salesperson, the nearest supervisor above, or the first, of those who may decide on this level and see the
    customer.
    """
    able = {row.id for row in await session.execute(holders(RIGHT_OF_LEVEL[level]))}
    everybody = await staff.read(session)
    workers = {each: who for each, who in everybody.workers.items() if each in able}
    deciders = Staff(workers, everybody.units)
    if nearest := await staff.nearest(session, deciders, salesperson, salesperson, customer_id):
        return nearest
    first = [workers[each] for each in sorted(workers)]
    return next(iter(await staff.who_see(session, first, customer_id)), None)


def _source(row: OrderException) -> TodoSource:
    return TodoSource(kind=SOURCE, reference=f"{row.id}:{row.level}")
