"""What workers ask of people. Rule: a to-do that cannot be made is logged, and stops no other of its round."""

from datetime import datetime

import structlog
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Invalid, NotFound
from crm_core.rights import SYSTEM
from crm_core.todos import writing
from crm_core.todos.commands import NewTodo, TodoSource

log = structlog.get_logger(__name__)


async def ask(
    session: AsyncSession, new: NewTodo, source: TodoSource, now: datetime
) -> bool | None:
    """Whether it was made now, None when it cannot be made; what the session did before stays as it is."""
    try:
        async with session.begin_nested():
            return await writing.add(session, SYSTEM, new, source, now) is not None
    except (Invalid, NotFound, IntegrityError, DataError) as error:
        log.warning(
            "todo_refused",
            source=source.kind,
            reference=source.reference,
            assignee=new.assignee_id,
            cause=type(error).__name__,
        )
        return None
