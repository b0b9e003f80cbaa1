"""What the to-dos tell the rest of the daemon, on the bus. Rule: published after the commit, and once,
whichever daemon it was that found the to-do due.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TodoAlarm:
    """A to-do is due, or will be after its lead."""

    todo_id: int
    title: str
    customer_id: int | None
    customer_name: str | None
    assignee_id: int
    due_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class TodoEscalated:
    """Nobody has done it in time: `supervisors` are those who hear of it now."""

    todo_id: int
    title: str
    customer_id: int | None
    customer_name: str | None
    assignee_id: int
    due_at: datetime
    at: datetime
    supervisors: tuple[int, ...]
