"""Tables of notices (通知) to dealers and other customers."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base

_Time = DateTime(timezone=True)


class Notice(Base):
    """`conditions` say to whom it went; `expires_on` is the last day on which callers are told of it. `sent_by` is
    also who had it scheduled for `send_at`.
    """

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft','scheduled','sending','sent','cancelled')", name="state_known"
        ),
        CheckConstraint("state <> 'scheduled' OR send_at IS NOT NULL", name="scheduled_for_a_time"),
        CheckConstraint(
            "CASE WHEN state IN ('draft','scheduled') THEN sent_at IS NULL WHEN state = 'cancelled' THEN true"
            " ELSE sent_at IS NOT NULL END",
            name="sent_with_its_time",
        ),
        CheckConstraint("version > 0", name="version_positive"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    body: Mapped[str] = mapped_column(String(2000))
    channels: Mapped[tuple[str, ...]] = mapped_column(ARRAY(String(20), as_tuple=True))
    conditions: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    expires_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(10), server_default="draft")
    version: Mapped[int] = mapped_column(server_default="1")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    send_at: Mapped[datetime | None] = mapped_column(_Time)
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    sent_at: Mapped[datetime | None] = mapped_column(_Time)


class NoticeRecipient(Base):
    """To whom a notice goes. `ways` counts the channels that reach this customer, once it is prepared."""

    __tablename__ = "notice_recipients"
    __table_args__ = (
        CheckConstraint("(ways IS NULL) = (prepared_at IS NULL)", name="prepared_with_its_time"),
        Index("ix_notice_recipients_notice", "notice_id", "id"),
        Index("ix_notice_recipients_waiting", "id", postgresql_where=text("prepared_at IS NULL")),
        Index(
            "ix_notice_recipients_untold",
            "customer_id",
            postgresql_where=text("told_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    prepared_at: Mapped[datetime | None] = mapped_column(_Time)
    ways: Mapped[int | None]
    told_at: Mapped[datetime | None] = mapped_column(_Time)
    told_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    call_id: Mapped[str | None] = mapped_column(String(32))
