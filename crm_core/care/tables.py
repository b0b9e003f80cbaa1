"""The table of care rules (客户关怀规则).

Rule: a rule has the terms of its occasion and none besides: days and an hour where a day is celebrated,
hours where something has happened. It is never deleted, so that the to-dos it made keep their reason.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, String, func, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base

_Time = DateTime(timezone=True)


class CareRule(Base):
    """Whom to care for, when, and who does it; without `level_codes` customers of all levels.

    `active_since`: what lies before is never told. `looked_at`: until when was looked last.
    """

    __tablename__ = "care_rules"
    __table_args__ = (
        CheckConstraint(
            "occasion IN ('birthday','contact_birthday','anniversary','first_order',"
            "'after_delivery')",
            name="occasion_known",
        ),
        CheckConstraint(
            "num_nonnulls(days_before, local_hour) ="
            " CASE occasion WHEN 'after_delivery' THEN 0 ELSE 2 END",
            name="days_where_a_day_is_celebrated",
        ),
        CheckConstraint(
            "num_nonnulls(hours_after, lead_hours) ="
            " CASE occasion WHEN 'after_delivery' THEN 2 ELSE 0 END",
            name="hours_after_a_delivery",
        ),
        CheckConstraint("days_before BETWEEN 0 AND 60", name="days_before_within_reason"),
        CheckConstraint("local_hour BETWEEN 0 AND 23", name="local_hour_of_a_day"),
        CheckConstraint("hours_after BETWEEN 1 AND 720", name="hours_after_within_reason"),
        CheckConstraint(
            "lead_hours >= 0 AND lead_hours <= 168 AND lead_hours < hours_after",
            name="lead_within_hours",
        ),
        CheckConstraint("assign_to IN ('salesperson','user','supervisor')", name="assign_to_known"),
        CheckConstraint(
            "(assign_to = 'user') = (assignee_id IS NOT NULL)", name="user_where_assigned"
        ),
        CheckConstraint("priority IN ('low','normal','high')", name="priority_known"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    occasion: Mapped[str] = mapped_column(String(20))
    days_before: Mapped[int | None]
    local_hour: Mapped[int | None]
    hours_after: Mapped[int | None]
    lead_hours: Mapped[int | None]
    level_codes: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default=text("'{}'"))
    assign_to: Mapped[str] = mapped_column(String(20))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    title_zh: Mapped[str] = mapped_column(String(100))
    title_en: Mapped[str] = mapped_column(String(100))
    priority: Mapped[str] = mapped_column(String(10), server_default="normal")
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default="1")
    active_since: Mapped[datetime] = mapped_column(_Time, server_default=func.now())
    looked_at: Mapped[datetime | None] = mapped_column(_Time)
