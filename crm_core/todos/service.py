"""To-dos (代办): promised, passed on, put off, done.

Rule: every change is one transaction with its audit entry and names the version it was made from; who
may do what stands in `rules`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.rights import Actor, Right
from crm_core.timeline import Place, TimelineEntry
from crm_core.todos import lists, rules, staff, timeline, writing
from crm_core.todos.commands import (
    Close,
    HistoryQuery,
    NewTodo,
    Reassign,
    Reopen,
    Snooze,
    TodoEdit,
    TodoQuery,
    TodoSource,
    TodoState,
)
from crm_core.todos.rules import Action
from crm_core.todos.staff import Person
from crm_core.todos.views import HistoryEntry, Once, RaisedAlarm, TodoBrief, TodoCounts, TodoView
from crm_core.todos.writing import NOT_ESCALATED

log = structlog.get_logger(__name__)


class TodoService:
    """The to-dos' side of the SQL core.

    Every change may raise Forbidden, NotFound, Conflict (edited since), NotInThisState, Invalid and
    DatabaseUnavailable.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def create(self, actor: Actor, new: NewTodo) -> TodoView:
        actor.require(Right.TODO_WORK)
        now = self._clock()
        async with self._database.begin() as session:
            todo_id = await writing.add(session, actor, new, None, now)
            assert todo_id is not None
            todo = await writing.read(session, todo_id, now)
        return _logged(todo, "create", actor)

    async def create_once(self, actor: Actor, source: TodoSource, new: NewTodo) -> Once:
        """For rules: what the source caused before, whatever became of it, is never made again."""
        actor.require(Right.TODO_WORK)
        now = self._clock()
        async with self._database.begin() as session:
            once = await writing.add_once(session, actor, source, new, now)
        if once.is_new:
            _logged(once.todo, "create", actor)
        return once

    async def edit(self, actor: Actor, todo_id: int, edit: TodoEdit) -> TodoView:
        """A due time that changes alarms anew."""
        actor.require(Right.TODO_WORK)
        now = self._clock()
        values = edit.model_dump(exclude_unset=True, exclude={"version"})
        async with self._database.begin() as session:
            todo = await writing.held(
                session, actor, todo_id, Action.EDIT, version=edit.version, now=now
            )
            if values.get("customer_id") is not None:
                seen = await must_see(session, actor, values["customer_id"])
                await staff.check_can_take(session, todo.kind, todo.assignee_id, seen)
                values["customer_id"] = seen
            planned = rules.moments(
                values.get("due_at", todo.due_at),
                values.get("alarm_before_min", todo.alarm_before_min),
                values.get("escalate_after_min", todo.escalate_after_min),
            )
            values |= writing.anew(todo, planned)
            todo = await writing.write(session, actor, todo, Action.EDIT, values=values, now=now)
        return _logged(todo, Action.EDIT, actor)

    async def reassign(self, actor: Actor, todo_id: int, given: Reassign) -> TodoView:
        """The new assignee is alarmed anew; supervisors who have heard of it are not told again."""
        actor.require(Right.TODO_WORK)
        now, assignee_id = self._clock(), given.assignee_id
        async with self._database.begin() as session:
            todo = await writing.held(
                session, actor, todo_id, Action.REASSIGN, version=given.version, now=now
            )
            rules.check_gives(actor, todo.kind, assignee_id)
            await staff.check_can_take(session, todo.kind, assignee_id, todo.customer_id)
            values: dict[str, object] = {"assignee_id": assignee_id}
            if assignee_id != todo.assignee_id:
                values["alarmed_at"] = None
            todo = await writing.write(
                session, actor, todo, Action.REASSIGN, values=values, now=now
            )
        return _logged(todo, Action.REASSIGN, actor)

    async def snooze(self, actor: Actor, todo_id: int, given: Snooze) -> TodoView:
        """A later due time; each one is counted, and the alarm starts anew."""
        actor.require(Right.TODO_WORK)
        now = self._clock()
        rules.check_ahead(given.due_at, now)
        async with self._database.begin() as session:
            todo = await writing.held(
                session, actor, todo_id, Action.SNOOZE, version=given.version, now=now
            )
            planned = rules.after_snooze(
                given.due_at, todo.alarm_before_min, todo.escalate_after_min, now
            )
            values = {"due_at": given.due_at, "snoozes": todo.snoozes + 1}
            values |= writing.anew(todo, planned) | {"alarmed_at": None} | NOT_ESCALATED
            todo = await writing.write(session, actor, todo, Action.SNOOZE, values=values, now=now)
        return _logged(todo, Action.SNOOZE, actor)

    async def complete(self, actor: Actor, todo_id: int, given: Close) -> TodoView:
        return await self._close(actor, todo_id, given, Action.COMPLETE, TodoState.DONE)

    async def cancel(self, actor: Actor, todo_id: int, given: Close) -> TodoView:
        return await self._close(actor, todo_id, given, Action.CANCEL, TodoState.CANCELLED)

    async def reopen(self, actor: Actor, todo_id: int, given: Reopen) -> TodoView:
        """It alarms anew: at its due time, or now when that has passed."""
        actor.require(Right.TODO_WORK)
        now = self._clock()
        async with self._database.begin() as session:
            todo = await writing.held(
                session, actor, todo_id, Action.REOPEN, version=given.version, now=now
            )
            due_at = given.due_at or todo.due_at
            planned = rules.moments(due_at, todo.alarm_before_min, todo.escalate_after_min)
            values = {
                "state": TodoState.OPEN,
                "due_at": due_at,
                "completion_note": None,
                "closed_at": None,
                "closed_by_id": None,
            }
            values |= writing.anew(todo, planned) | {"alarmed_at": None} | NOT_ESCALATED
            todo = await writing.write(session, actor, todo, Action.REOPEN, values=values, now=now)
        return _logged(todo, Action.REOPEN, actor)

    async def get(self, actor: Actor, todo_id: int) -> TodoView:
        """Raises Forbidden, NotFound."""
        async with self._database.reading() as connection:
            return await self._seen(connection, actor, todo_id)

    async def history(
        self, actor: Actor, todo_id: int, wanted: HistoryQuery
    ) -> tuple[HistoryEntry, ...]:
        """What was done to it, newest first. Raises Forbidden, NotFound."""
        async with self._database.reading() as connection:
            await self._seen(connection, actor, todo_id)
            return await lists.history(connection, todo_id, wanted)

    async def listed(self, actor: Actor, wanted: TodoQuery) -> tuple[TodoView, ...]:
        """Raises Forbidden, Invalid, NotFound (the customer)."""
        actor.require(Right.TODO_WORK)
        async with self._database.reading() as connection:
            return await lists.listed(connection, actor, wanted, self._clock())

    async def counts(self, actor: Actor) -> TodoCounts:
        """How many of the actor's own wait. Raises Forbidden."""
        actor.require(Right.TODO_WORK)
        async with self._database.reading() as connection:
            return await lists.counts(connection, actor.user_id, self._clock())

    async def supervisors(self, actor: Actor) -> tuple[Person, ...]:
        """To whom a note can be left. Raises Forbidden."""
        actor.require(Right.TODO_WORK)
        async with self._database.reading() as connection:
            return await staff.supervisors(connection)

    async def open_of(self, customer_id: int) -> tuple[TodoBrief, ...]:
        """For the card of a customer whom its reader may see: the five most urgent."""
        async with self._database.reading() as connection:
            return await lists.open_of(connection, customer_id, self._clock())

    async def raised(self, each: int) -> tuple[RaisedAlarm, ...]:
        """For the pages of everybody: the latest alarms that nobody has answered yet, so many for each
        assignee and for each supervisor who has heard of them.
        """
        async with self._database.reading() as connection:
            return await lists.raised(connection, each)

    async def entries(
        self,
        connection: AsyncConnection,
        customer_ids: Sequence[int],
        after: Place,
        limit: int,
    ) -> tuple[TimelineEntry, ...]:
        """The to-dos in the history of customers whom its reader may see, newest first."""
        return await timeline.entries(connection, customer_ids, after, limit)

    async def _seen(self, connection: AsyncConnection, actor: Actor, todo_id: int) -> TodoView:
        actor.require(Right.TODO_WORK)
        todo = await writing.read(connection, todo_id, self._clock())
        await writing.check_seen(connection, actor, todo)
        if not rules.may_see(actor, todo):
            raise NotFound(f"There is no to-do {todo_id}.")
        return todo

    async def _close(
        self, actor: Actor, todo_id: int, given: Close, action: Action, state: TodoState
    ) -> TodoView:
        actor.require(Right.TODO_WORK)
        now = self._clock()
        async with self._database.begin() as session:
            todo = await writing.held(
                session, actor, todo_id, action, version=given.version, now=now
            )
            values: dict[str, object] = {
                "state": state,
                "completion_note": given.note,
                "closed_at": now,
                "closed_by_id": actor.user_id,
            }
            todo = await writing.write(session, actor, todo, action, values=values, now=now)
        return _logged(todo, action, actor)


def _logged(todo: TodoView, action: str, actor: Actor) -> TodoView:
    log.info("todo_changed", todo=todo.id, action=action, state=todo.state, by=actor.user_id)
    return todo
