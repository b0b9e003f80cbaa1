"""The table of to-dos (代办).

Rule: `alarm_at` and `escalate_at` are the moments that `rules.moments` made of the due time; a moment
whose `alarmed_at` or `escalated_at` is set has passed and comes once more only when it is set anew.
`escalated_to` are the supervisors who were told.
"""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import REMOVED, entity

_Time = DateTime(timezone=True)
_OPEN = "state = 'open'"


class Todo(Base):
    """Something a person has promised to do by a time. `version` counts edits by people."""

    __tablename__ = "todos"
    __table_args__ = (
        CheckConstraint("kind IN ('task','note_to_supervisor','follow_up')", name="kind_known"),
        CheckConstraint("priority IN ('low','normal','high')", name="priority_known"),
        CheckConstraint("state IN ('open','done','cancelled')", name="state_known"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_with_its_time"),
        CheckConstraint(
            "(source_kind IS NULL) = (source_reference IS NULL)", name="source_is_whole"
        ),
        CheckConstraint("alarm_at <= due_at AND escalate_at >= due_at", name="moments_in_order"),
        CheckConstraint("snoozes >= 0", name="snoozes_not_negative"),
        UniqueConstraint("source_kind", "source_reference"),
        Index("ix_todos_mine", "assignee_id", "due_at", "id", postgresql_where=text(_OPEN)),
        Index("ix_todos_due", "due_at", "id", postgresql_where=text(_OPEN)),
        Index("ix_todos_closed", "closed_at", "id", postgresql_where=text("state <> 'open'")),
        Index(
            "ix_todos_alarm", "alarm_at", postgresql_where=text(f"{_OPEN} AND alarmed_at IS NULL")
        ),
        Index(
            "ix_todos_escalate",
            "escalate_at",
            postgresql_where=text(f"{_OPEN} AND escalated_at IS NULL"),
        ),
        Index(
            "ix_todos_raised",
            "assignee_id",
            "due_at",
            postgresql_where=text(f"{_OPEN} AND alarmed_at IS NOT NULL"),
        ),
        {"info": REMOVED | entity("todo")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(String(2000))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    call_id: Mapped[str | None] = mapped_column(String(32), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    priority: Mapped[str] = mapped_column(String(10))
    due_at: Mapped[datetime] = mapped_column(_Time)
    alarm_before_min: Mapped[int]
    escalate_after_min: Mapped[int]
    alarm_at: Mapped[datetime] = mapped_column(_Time)
    escalate_at: Mapped[datetime] = mapped_column(_Time)
    alarmed_at: Mapped[datetime | None] = mapped_column(_Time)
    escalated_at: Mapped[datetime | None] = mapped_column(_Time)
    escalated_to: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=text("'{}'"))
    assignee_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    creator_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    source_kind: Mapped[str | None] = mapped_column(String(30))
    source_reference: Mapped[str | None] = mapped_column(String(100))
    snoozes: Mapped[int] = mapped_column(server_default="0")
    completion_note: Mapped[str | None] = mapped_column(String(1000))
    closed_at: Mapped[datetime | None] = mapped_column(_Time)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(_Time)
    updated_at: Mapped[datetime] = mapped_column(_Time)
