"""Requests of persons about their own data (个人信息保护法)."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import STAYS
from crm_core.db import Base

_Time = DateTime(timezone=True)


class PrivacyRequest(Base):
    """`done` says what was given or erased, by table; `files` are still to be removed."""

    __tablename__ = "privacy_requests"
    __table_args__ = (
        CheckConstraint("kind IN ('access','erasure')", name="kind_known"),
        CheckConstraint("state IN ('open','done','refused')", name="state_known"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_with_its_time"),
        Index(
            "uq_privacy_requests_open",
            "customer_id",
            "kind",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_privacy_requests_files", "id", postgresql_where=text("files <> '[]'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True, info=STAYS)
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    identified_by: Mapped[str] = mapped_column(String(200))
    requested_at: Mapped[datetime] = mapped_column(_Time)
    due_at: Mapped[datetime] = mapped_column(_Time)
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(_Time)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None] = mapped_column(String(500))
    done: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    files: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
