"""Who may do what with a to-do, in which state, and when it alarms; no SQL.

Rule: whoever holds todo.supervise may do everything that the state allows. For the others `PARTIES`
says which side may do it: the one who is to do it cannot change what was asked, the one who asked
cannot say that it is done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import Actor, Right
from crm_core.todos.commands import TodoKind, TodoState
from crm_core.todos.views import TodoView


class NotInThisState(Conflict):
    code = "todo_state"


class Action(StrEnum):
    EDIT = "edit"
    REASSIGN = "reassign"
    SNOOZE = "snooze"
    COMPLETE = "complete"
    CANCEL = "cancel"
    REOPEN = "reopen"


class Party(StrEnum):
    ASSIGNEE = "assignee"
    CREATOR = "creator"


_OPEN = frozenset({TodoState.OPEN})
_CLOSED = frozenset({TodoState.DONE, TodoState.CANCELLED})
_BOTH = frozenset(Party)

PARTIES: Mapping[Action, frozenset[Party]] = {
    Action.EDIT: frozenset({Party.CREATOR}),
    Action.REASSIGN: _BOTH,
    Action.SNOOZE: frozenset({Party.ASSIGNEE}),
    Action.COMPLETE: frozenset({Party.ASSIGNEE}),
    Action.CANCEL: frozenset({Party.CREATOR}),
    Action.REOPEN: _BOTH,
}
STATES: Mapping[Action, frozenset[TodoState]] = {
    action: _CLOSED if action is Action.REOPEN else _OPEN for action in Action
}


@dataclass(frozen=True, slots=True)
class Moments:
    """When the assignee is alarmed and when the supervisors are."""

    alarm_at: datetime
    escalate_at: datetime


def moments(due_at: datetime, alarm_before_min: int, escalate_after_min: int) -> Moments:
    return Moments(
        due_at - timedelta(minutes=alarm_before_min), due_at + timedelta(minutes=escalate_after_min)
    )


def after_snooze(
    due_at: datetime, alarm_before_min: int, escalate_after_min: int, now: datetime
) -> Moments:
    """Whoever snoozes has just looked: a lead that has begun already would only alarm at once again."""
    planned = moments(due_at, alarm_before_min, escalate_after_min)
    return planned if planned.alarm_at > now else Moments(due_at, planned.escalate_at)


def check_ahead(due_at: datetime, now: datetime) -> None:
    """Raises Invalid."""
    if due_at <= now:
        raise Invalid("This time has passed: choose a later one.", fields={"due_at": "past"})


def parties(todo: TodoView, user_id: int | None) -> frozenset[Party]:
    """The sides of the to-do on which this person stands."""
    if user_id is None:
        return frozenset()
    held = {Party.ASSIGNEE: todo.assignee_id, Party.CREATOR: todo.creator_id}
    return frozenset(party for party, holder in held.items() if holder == user_id)


def may_see(actor: Actor, todo: TodoView) -> bool:
    """A customer's to-dos are seen by all who work with the customer, but for notes to supervisors."""
    shared = todo.customer_id is not None and todo.kind != TodoKind.NOTE_TO_SUPERVISOR
    return shared or bool(parties(todo, actor.user_id)) or actor.may(Right.TODO_SUPERVISE)


def check(actor: Actor, todo: TodoView, action: Action) -> None:
    """Raises NotFound (hidden from the actor), Forbidden (somebody else's), NotInThisState."""
    if not may_see(actor, todo):
        raise NotFound(f"There is no to-do {todo.id}.")
    is_party = bool(parties(todo, actor.user_id) & PARTIES[action])
    if not is_party and not actor.may(Right.TODO_SUPERVISE):
        raise Forbidden(
            f"Only the {' or the '.join(sorted(PARTIES[action]))} of this to-do, or a supervisor, "
            f"may {action} it."
        )
    if TodoState(todo.state) not in STATES[action]:
        raise NotInThisState(
            f"This to-do is {todo.state}: look at it again before you {action} it.",
            fields={"state": todo.state},
        )


def check_gives(actor: Actor, kind: str, assignee_id: int) -> None:
    """Anybody may leave a note to a supervisor; other to-dos are given by supervisors only.

    Raises Forbidden.
    """
    if assignee_id != actor.user_id and kind != TodoKind.NOTE_TO_SUPERVISOR:
        actor.require(Right.TODO_SUPERVISE)
