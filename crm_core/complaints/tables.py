"""Tables of complaints (投诉), their steps and the tree of their categories.

Rule: a complaint's state and the times and people that belong to it change together; steps are only
added.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import PART, emptied, entity

_Time = DateTime(timezone=True)
_UNHANDLED = "state IN ('open','in_progress','reopened')"


class ComplaintCategory(Base):
    """What complaints are about; `handling_hours` is how long handling may take."""

    __tablename__ = "complaint_categories"
    __table_args__ = (
        CheckConstraint("parent_code <> code", name="not_its_own_parent"),
        CheckConstraint("handling_hours > 0", name="handling_hours_positive"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(
        ForeignKey("complaint_categories.code"), index=True
    )
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    handling_hours: Mapped[int]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class Complaint(Base):
    """`started_at`: entered, or reopened last; `handled_at`: resolved or rejected."""

    __tablename__ = "complaints"
    __table_args__ = (
        CheckConstraint(
            "state IN ('open','in_progress','resolved','closed','reopened','rejected')",
            name="state_known",
        ),
        CheckConstraint(
            "channel IN ('phone','online','email','visit','other')", name="channel_known"
        ),
        CheckConstraint("severity BETWEEN 1 AND 3", name="severity_known"),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction_known"),
        CheckConstraint(f"({_UNHANDLED}) = (handled_at IS NULL)", name="handled_with_its_time"),
        CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name="closed_with_its_time"
        ),
        CheckConstraint("satisfaction IS NULL OR state = 'closed'", name="satisfaction_at_closing"),
        CheckConstraint("state <> 'in_progress' OR handler_id IS NOT NULL", name="has_a_handler"),
        Index("ix_complaints_due", "due_at", "id", postgresql_where=text(_UNHANDLED)),
        Index("ix_complaints_created_at", "created_at"),
        {"info": entity("complaint")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    category_code: Mapped[str] = mapped_column(ForeignKey("complaint_categories.code"), index=True)
    severity: Mapped[int]
    channel: Mapped[str] = mapped_column(String(10))
    description: Mapped[str] = mapped_column(String(4000), info=emptied("—"))
    call_id: Mapped[str | None] = mapped_column(String(32), index=True)
    order_number: Mapped[str | None] = mapped_column(String(30), index=True)
    state: Mapped[str] = mapped_column(String(15), server_default="open")
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    due_at: Mapped[datetime] = mapped_column(_Time)
    resolution: Mapped[str | None] = mapped_column(String(2000), info=emptied())
    compensation: Mapped[str | None] = mapped_column(String(1000), info=emptied())
    satisfaction: Mapped[int | None]
    reopened: Mapped[int] = mapped_column(server_default="0")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(_Time)
    started_at: Mapped[datetime] = mapped_column(_Time)
    handled_at: Mapped[datetime | None] = mapped_column(_Time)
    closed_at: Mapped[datetime | None] = mapped_column(_Time)
    updated_at: Mapped[datetime] = mapped_column(_Time)


class ComplaintStep(Base):
    """What was done to a complaint, by whom; `to_user_id` is to whom it was handed over."""

    __tablename__ = "complaint_steps"
    __table_args__ = (
        CheckConstraint("kind IN ('comment','state','handover','edit')", name="kind_known"),
        Index("ix_complaint_steps_complaint", "complaint_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"), info=PART)
    at: Mapped[datetime] = mapped_column(_Time)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(String(10))
    from_state: Mapped[str | None] = mapped_column(String(15))
    to_state: Mapped[str | None] = mapped_column(String(15))
    to_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str | None] = mapped_column(String(2000), info=emptied())
