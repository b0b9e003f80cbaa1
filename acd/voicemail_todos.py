"""A message is something to do: for the customer's own salesperson, else for one of the queue's people.

Rule: one to-do for each message, made in the transaction that notes it; of the queue's people the one with the fewest
open messages is given it, and where nobody of them may, the nearest supervisor.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from acd.tables import Call, Voicemail
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.numbers import mask
from crm_core.people.tables import Group, GroupMember
from crm_core.rights import SYSTEM
from crm_core.todos import staff, writing
from crm_core.todos.commands import NewTodo, Priority, TodoSource
from crm_core.todos.staff import Staff
from crm_core.todos.tables import Todo
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

SOURCE = "voicemail"
_BATCH = 50
_DUE = timedelta(hours=1)
_TITLES = {"zh": "听取留言：{who}（{seconds} 秒）", "en": "Voicemail from {who} ({seconds} s)"}
_NOBODY = {"zh": "隐藏号码", "en": "a hidden number"}


class VoicemailTodos(Worker):
    """Looks for messages without a to-do."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], every_s: float = 5.0
    ) -> None:
        super().__init__("voicemail-todos", every_s=every_s, batch=_BATCH)
        self._database = database
        self._clock = clock

    async def run_once(self) -> int:
        """How many were given to somebody."""
        async with self._database.begin() as session:
            rows = (await session.execute(_WITHOUT)).all()
            known = await staff.read(session) if rows else None
            given = 0
            for row in rows:
                given += await _give(session, known, row, self._clock()) if known else 0
        return given


_WITHOUT = (
    select(
        Voicemail.call_id,
        Voicemail.queue,
        Voicemail.seconds,
        Call.caller,
        Customer.id.label("customer_id"),
        Customer.name,
        Customer.salesperson_id,
    )
    .outerjoin(Call, Call.id == Voicemail.call_id)
    .outerjoin(Customer, Customer.id == Call.customer_id)
    .where(Voicemail.todo_id.is_(None))
    .order_by(Voicemail.stored_at.desc())
    .limit(_BATCH)
    .with_for_update(of=Voicemail, skip_locked=True)
)


async def _give(
    session: AsyncSession, known: Staff, row: Row[*tuple[Any, ...]], now: datetime
) -> int:
    """1 when there was somebody to give it to."""
    assignee = await _assignee(session, known, row)
    if assignee is None:
        log.warning("nobody_for_voicemail", call_id=row.call_id, queue=row.queue)
        return 0
    language = "en" if assignee.locale.startswith("en") else "zh"
    who = row.name or (mask(row.caller) if row.caller else _NOBODY[language])
    new = NewTodo(
        title=_TITLES[language].format(who=who, seconds=round(row.seconds))[:200],
        due_at=now + _DUE,
        customer_id=row.customer_id,
        call_id=row.call_id,
        priority=Priority.HIGH,
        assignee_id=assignee.id,
    )
    source = TodoSource(kind=SOURCE, reference=row.call_id)
    once = await writing.add_once(session, SYSTEM, source, new, now)
    given = update(Voicemail).where(Voicemail.call_id == row.call_id)
    await session.execute(given.values(todo_id=once.todo.id))
    return 1


async def _assignee(
    session: AsyncSession, known: Staff, row: Row[*tuple[Any, ...]]
) -> staff.Worker | None:
    own = known.workers.get(row.salesperson_id or 0)
    if own is not None and await staff.who_see(session, (own,), row.customer_id):
        return own
    people = [
        known.workers[each] for each in await _of_queue(session, row.queue) if each in known.workers
    ]
    seeing = await staff.who_see(session, people, row.customer_id)
    if seeing:
        return seeing[0]
    above = await staff.nearest_above(session, known, row.salesperson_id, row.customer_id)
    return above[0] if above else None


async def _of_queue(session: AsyncSession, queue: str) -> list[int]:
    """The members of the groups that answer the queue, those with the fewest open messages first."""
    messages = (
        select(func.count())
        .where(
            Todo.assignee_id == GroupMember.user_id,
            Todo.state == "open",
            Todo.source_kind == SOURCE,
        )
        .scalar_subquery()
    )
    rows = await session.execute(
        select(GroupMember.user_id, messages)
        .join(Group, Group.id == GroupMember.group_id)
        .where(Group.queues.contains([queue]))
        .distinct()
        .order_by(messages, GroupMember.user_id)
    )
    return [row.user_id for row in rows]
