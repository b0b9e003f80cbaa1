"""The to-dos of complaints. Rule: what a complaint asked of somebody is done when it is handled, given to
somebody else, or due anew.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.complaints.views import ComplaintView
from crm_core.rights import Actor
from crm_core.todos import writing
from crm_core.todos.commands import TodoSource
from crm_core.todos.tables import Todo

SOURCE = "complaint"


def prefix(complaint_id: int) -> str:
    """How the references of a complaint's to-dos begin."""
    return f"{complaint_id}:"


async def settle(
    session: AsyncSession, actor: Actor, complaint: ComplaintView, now: datetime
) -> None:
    open_ones = await session.scalars(
        select(Todo.source_reference).where(
            Todo.customer_id == complaint.customer_id,
            Todo.source_kind == SOURCE,
            Todo.source_reference.startswith(prefix(complaint.id), autoescape=True),
            Todo.state == "open",
        )
    )
    for reference in open_ones.all():
        await writing.settle(
            session, actor, TodoSource(kind=SOURCE, reference=reference or ""), now
        )
