"""What may be asked of the to-dos. Rule: only fields that are given are kept or changed."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crm_core.fields import PAGE, CallId, Command, Id, Limit, Moment, Text, Versioned

_WEEK_MIN = 7 * 24 * 60
LONGEST_ALARM = _WEEK_MIN
"""In minutes before a to-do is due."""
_NEVER_USED = datetime(1970, 1, 1, tzinfo=UTC)

Title = Annotated[Text, Field(min_length=1, max_length=200)]
Note = Annotated[Text, Field(max_length=2000)]
ClosingNote = Annotated[Text, Field(max_length=1000)]
BeforeMin = Annotated[int, Field(ge=0, le=LONGEST_ALARM)]
AfterMin = Annotated[int, Field(ge=1, le=_WEEK_MIN)]


class TodoKind(StrEnum):
    TASK = "task"
    NOTE_TO_SUPERVISOR = "note_to_supervisor"
    FOLLOW_UP = "follow_up"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class TodoState(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Scope(StrEnum):
    """Whose to-dos a list holds; `supervised` is everybody's."""

    MINE = "mine"
    CREATED = "created"
    CUSTOMER = "customer"
    SUPERVISED = "supervised"


class NewTodo(Command):
    """`assignee_id` None is for oneself."""

    title: Title
    due_at: Moment
    note: Note | None = None
    customer_id: Id | None = None
    call_id: CallId | None = None
    kind: TodoKind = TodoKind.TASK
    priority: Priority = Priority.NORMAL
    alarm_before_min: BeforeMin = 0
    escalate_after_min: AfterMin = 30
    assignee_id: Id | None = None


class TodoSource(Command):
    """What made a rule create the to-do; the same source never makes a second one."""

    kind: Annotated[Text, Field(min_length=1, max_length=30)]
    reference: Annotated[Text, Field(min_length=1, max_length=100)]


class TodoEdit(Versioned):
    title: Title = ""
    due_at: Moment = _NEVER_USED
    note: Note | None = None
    customer_id: Id | None = None
    priority: Priority = Priority.NORMAL
    alarm_before_min: BeforeMin = 0
    escalate_after_min: AfterMin = 30


class Reassign(Versioned):
    assignee_id: Id


class Snooze(Versioned):
    due_at: Moment


class Close(Versioned):
    """Complete or cancel; `note` says how it ended."""

    note: ClosingNote | None = None


class Reopen(Versioned):
    """Without `due_at` the to-do keeps its due time, which may have passed."""

    due_at: Moment | None = None


class TodoQuery(Command):
    """`after`: the last to-do of the page before this one."""

    scope: Scope = Scope.MINE
    state: TodoState = TodoState.OPEN
    customer_id: Id | None = None
    assignee_id: Id | None = None
    overdue: bool = False
    after: Id | None = None
    limit: Limit = PAGE


class HistoryQuery(Command):
    """`before`: the last entry of the page before this one; entries come newest first."""

    before: Annotated[int, Field(ge=1, le=2**62)] | None = None
    limit: Limit = PAGE
