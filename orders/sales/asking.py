"""An order's matter that a person must see to. Rule: it is a to-do of the customer's salesperson or the nearest
supervisor, once for each source, in the transaction that finds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer
from crm_core.rights import SYSTEM
from crm_core.todos import staff, writing
from crm_core.todos.commands import NewTodo, Priority, TodoSource
from orders.sales.tables import Order

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`titles` and `notes` are by language, zh and en; in a title stand {order} and the names of `params`; `call_id` is
    the call that it is about.
    """

    source: TodoSource
    titles: Mapping[str, str]
    due_at: datetime
    params: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    call_id: str | None = None


async def ask(session: AsyncSession, order_id: int, wanted: Wanted, now: datetime) -> None:
    """Nothing when the source asked before, or nobody is there who could do it."""
    row = (
        await session.execute(
            select(Order.number, Order.customer_id, Customer.salesperson_id)
            .join(Customer, Customer.id == Order.customer_id)
            .where(Order.id == order_id)
        )
    ).one()
    person = row.salesperson_id
    known = await staff.read(session)
    assignee = await staff.nearest(session, known, person, person, row.customer_id)
    if assignee is None:
        log.warning("nobody_for_order", order=row.number, source=wanted.source.reference)
        return
    language = "en" if assignee.locale.startswith("en") else "zh"
    new = NewTodo(
        title=wanted.titles[language].format(order=row.number, **wanted.params),
        note=wanted.notes.get(language),
        due_at=wanted.due_at,
        customer_id=row.customer_id,
        call_id=wanted.call_id,
        priority=Priority.HIGH,
        assignee_id=assignee.id,
    )
    await writing.add_once(session, SYSTEM, wanted.source, new, now)
