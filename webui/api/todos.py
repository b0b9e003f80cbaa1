"""To-dos: listed, entered, passed on, put off, done.

Rule: who sees and may do what is decided by the service; a list's next page begins after its last id.
"""

from datetime import datetime

from pydantic import JsonValue

from crm_core.rights import Right
from crm_core.todos.commands import (
    Close,
    HistoryQuery,
    NewTodo,
    Reassign,
    Reopen,
    Snooze,
    TodoEdit,
    TodoQuery,
)
from crm_core.todos.service import TodoService
from crm_core.todos.views import TodoView
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedTodo(NewTodo, Model):
    """A to-do to enter."""


class WantedTodoEdit(TodoEdit, Model):
    """Only what is given is changed."""


class WantedTodoReassign(Reassign, Model):
    """Who is to do it now."""


class WantedTodoSnooze(Snooze, Model):
    """Until when it is put off."""


class WantedTodoClose(Close, Model):
    """How it ended."""


class WantedTodoReopen(Reopen, Model):
    """With another due time, or the one it had."""


class TodoSearch(TodoQuery, Model):
    """Which to-dos to list."""


class TodoHistorySearch(HistoryQuery, Model):
    """Which part of the history to list."""


class TodoItem(View):
    id: int
    title: str
    note: str | None
    customer_id: int | None
    customer_name: str | None
    call_id: str | None
    kind: str
    priority: str
    due_at: datetime
    overdue: bool
    alarm_before_min: int
    escalate_after_min: int
    assignee_id: int
    assignee_name: str
    creator_id: int | None
    creator_name: str | None
    state: str
    source_kind: str | None
    source_reference: str | None
    snoozes: int
    completion_note: str | None
    alarmed_at: datetime | None
    escalated_at: datetime | None
    closed_at: datetime | None
    closed_by_id: int | None
    version: int
    created_at: datetime
    updated_at: datetime


class TodoList(View):
    items: tuple[TodoItem, ...]


class TodoAnswer(View):
    todo: TodoItem


class TodoCountsView(View):
    open: int
    overdue: int


class SupervisorItem(View):
    id: int
    name: str


class SupervisorList(View):
    items: tuple[SupervisorItem, ...]


class TodoHistoryItem(View):
    id: int
    at: datetime
    actor_id: int | None
    actor_name: str | None
    action: str
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue] | None


class TodoHistoryList(View):
    items: tuple[TodoHistoryItem, ...]


async def search(asked: Asked[Nothing, TodoSearch]) -> TodoList:
    """To-dos: one's own, created by oneself, a customer's, or everybody's (todo.supervise)."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return TodoList(items=tuple(map(TodoItem.model_validate, found)))


async def counts(asked: Asked[Nothing, Nothing]) -> TodoCountsView:
    """How many of one's own to-dos are open and overdue."""
    return TodoCountsView.model_validate(await _service(asked).counts(asked.principal))


async def supervisors(asked: Asked[Nothing, Nothing]) -> SupervisorList:
    """To whom a note can be left."""
    found = await _service(asked).supervisors(asked.principal)
    return SupervisorList(items=tuple(map(SupervisorItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> TodoAnswer:
    """One to-do."""
    return _answer(await _service(asked).get(asked.principal, int(asked.id)))


async def history(asked: Asked[Nothing, TodoHistorySearch]) -> TodoHistoryList:
    """What was done to a to-do, newest first."""
    found = await _service(asked).history(asked.principal, int(asked.id), asked.query)
    return TodoHistoryList(items=tuple(map(TodoHistoryItem.model_validate, found)))


async def create(asked: Asked[WantedTodo, Nothing]) -> TodoAnswer:
    """Enter a to-do; for another person it is a note to a supervisor, or needs todo.supervise."""
    return _changed(asked, await _service(asked).create(asked.principal, asked.body))


async def edit(asked: Asked[WantedTodoEdit, Nothing]) -> TodoAnswer:
    """Change what is asked for."""
    return _changed(asked, await _service(asked).edit(asked.principal, int(asked.id), asked.body))


async def reassign(asked: Asked[WantedTodoReassign, Nothing]) -> TodoAnswer:
    """Give it to somebody else."""
    return _changed(
        asked, await _service(asked).reassign(asked.principal, int(asked.id), asked.body)
    )


async def snooze(asked: Asked[WantedTodoSnooze, Nothing]) -> TodoAnswer:
    """Put it off; the alarm starts anew."""
    return _changed(asked, await _service(asked).snooze(asked.principal, int(asked.id), asked.body))


async def complete(asked: Asked[WantedTodoClose, Nothing]) -> TodoAnswer:
    """It is done."""
    return _changed(
        asked, await _service(asked).complete(asked.principal, int(asked.id), asked.body)
    )


async def cancel(asked: Asked[WantedTodoClose, Nothing]) -> TodoAnswer:
    """Nobody needs to do it any more."""
    return _changed(asked, await _service(asked).cancel(asked.principal, int(asked.id), asked.body))


async def reopen(asked: Asked[WantedTodoReopen, Nothing]) -> TodoAnswer:
    """It is not done after all."""
    return _changed(asked, await _service(asked).reopen(asked.principal, int(asked.id), asked.body))


def _service(asked: Asked[Model, Model]) -> TodoService:
    return asked.services.crm.todos


def _changed(asked: Asked[Model, Model], todo: TodoView) -> TodoAnswer:
    """The pops of its customer show it, too, and its alarm ends or begins anew."""
    asked.door.live.mark_alarms()
    if todo.customer_id is not None:
        asked.door.live.customer_changed(todo.customer_id)
    return _answer(todo)


def _answer(todo: TodoView) -> TodoAnswer:
    return TodoAnswer(todo=TodoItem.model_validate(todo))


_WORK = needs(Right.TODO_WORK)
_ONE = f"/api/todos/{NUMBER}"

ROUTES = (
    Route("GET", "/api/todos", search, _WORK, query=TodoSearch, answer=TodoList),
    Route("GET", "/api/todos/counts", counts, _WORK, answer=TodoCountsView),
    Route("GET", "/api/todos/supervisors", supervisors, _WORK, answer=SupervisorList),
    Route(
        "POST", "/api/todos", create, _WORK, WantedTodo, answer=TodoAnswer, status=201, once=True
    ),
    Route("GET", _ONE, show, _WORK, answer=TodoAnswer),
    Route(
        "GET", f"{_ONE}/history", history, _WORK, query=TodoHistorySearch, answer=TodoHistoryList
    ),
    Route("PATCH", _ONE, edit, _WORK, WantedTodoEdit, answer=TodoAnswer),
    Route("POST", f"{_ONE}/reassign", reassign, _WORK, WantedTodoReassign, answer=TodoAnswer),
    Route("POST", f"{_ONE}/snooze", snooze, _WORK, WantedTodoSnooze, answer=TodoAnswer),
    Route("POST", f"{_ONE}/complete", complete, _WORK, WantedTodoClose, answer=TodoAnswer),
    Route("POST", f"{_ONE}/cancel", cancel, _WORK, WantedTodoClose, answer=TodoAnswer),
    Route("POST", f"{_ONE}/reopen", reopen, _WORK, WantedTodoReopen, answer=TodoAnswer),
)
