"""Keys that programs send with a request, so that it does its work once (Idempotency-Key)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base


class RequestKey(Base):
    """`answer` is what was answered; None while it goes on, or when nobody knows how it ended."""

    __tablename__ = "request_keys"
    __table_args__ = (
        CheckConstraint("(answer IS NULL) = (status IS NULL)", name="answer_with_status"),
        Index("ix_request_keys_at", "at"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None] = mapped_column(SmallInteger)
    answer: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
