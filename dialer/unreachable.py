"""Somebody is asked to see to a call-back that reached nobody.

Rule: one to-do for each call-back: for the agent who was to call, the customer's salesperson, or the nearest
supervisor. It names the call-back and not the number, which not everybody may see.
"""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer
from crm_core.rights import SYSTEM
from crm_core.todos import staff, writing
from crm_core.todos.commands import NewTodo, TodoKind, TodoSource
from dialer.events import CallbackView

log = structlog.get_logger(__name__)

SOURCE = "callback_unreachable"
_TITLES = {
    "zh": "回拨未能接通(第 {id} 号,{queue}):请另行联系",
    "en": "Call-back {id} ({queue}) reached nobody: find another way",
}


async def ask(session: AsyncSession, callback: CallbackView, now: datetime) -> None:
    """Nothing when nobody is there who could see to it."""
    salesperson = await session.scalar(
        select(Customer.salesperson_id).where(Customer.id == callback.customer_id)
    )
    wanted = callback.agent_id or salesperson
    known = await staff.read(session)
    who = await staff.nearest(session, known, wanted, wanted, callback.customer_id)
    if who is None:
        log.warning("nobody_sees_to_callback", callback=callback.id)
        return
    title = _TITLES["en" if who.locale.startswith("en") else "zh"]
    new = NewTodo(
        title=title.format(id=callback.id, queue=callback.queue),
        due_at=now,
        customer_id=callback.customer_id,
        call_id=callback.call_id,
        kind=TodoKind.FOLLOW_UP,
        assignee_id=who.id,
    )
    source = TodoSource(kind=SOURCE, reference=str(callback.id))
    await writing.add_once(session, SYSTEM, source, new, now)
