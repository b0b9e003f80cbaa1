"""Who is told that a PIN is locked: the customer's salesperson, or the nearest supervisor.

Rule: one to-do for each time it is locked, due at once, so that it alarms and escalates as every to-do does.
"""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.tables import Customer
from crm_core.rights import SYSTEM
from crm_core.todos import staff, writing
from crm_core.todos.commands import NewTodo, Priority, TodoSource

log = structlog.get_logger(__name__)

SOURCE = "pin_locked"
_TITLES = {
    "zh": "客户的电话密码连续输错已锁定：请核实是否本人",
    "en": "The customer's PIN is locked after wrong tries: find out whether it was them",
}


async def raise_it(
    session: AsyncSession, customer_id: int, until: datetime, call_id: str, now: datetime
) -> None:
    reference = f"{customer_id}:{until:%Y%m%dT%H%M%S}"
    await trail.record(
        session, None, "customer.pin_locked", "customer", customer_id,
        after={"until": until, "call_id": call_id},
    )  # fmt: skip
    seller = await session.scalar(select(Customer.salesperson_id).where(Customer.id == customer_id))
    known = await staff.read(session)
    who = await staff.nearest(session, known, seller, seller, customer_id)
    if who is None:
        log.warning("pin_alarm_without_assignee", customer_id=customer_id)
        return
    new = NewTodo(
        title=_TITLES["en" if who.locale.startswith("en") else "zh"],
        due_at=now,
        customer_id=customer_id,
        call_id=call_id,
        priority=Priority.HIGH,
        assignee_id=who.id,
    )
    await writing.add(session, SYSTEM, new, TodoSource(kind=SOURCE, reference=reference), now)
