"""The outbox (待发消息): what customers are to be told, written in the transaction that gives the reason."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import NUMBER, REMOVED

_NOW = func.now()


class OutboxMessage(Base):
    """`subject` and `subject_id` name the record that it tells of, such as an order.

    `sending` holds until `lease_until`; a daemon that died meanwhile leaves it to be found.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending','sending','sent','failed','unknown')", name="state_known"
        ),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease_if_sending"),
        Index("ix_outbox_subject", "subject", "subject_id"),
        Index("ix_outbox_due", "next_at", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_outbox_out", "lease_until", postgresql_where=text("state = 'sending'")),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    subject: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    channel: Mapped[str] = mapped_column(String(10))
    recipient: Mapped[str] = mapped_column(String(254), info=NUMBER)
    language: Mapped[str] = mapped_column(String(5))
    params: Mapped[dict[str, str]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(10), server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    next_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reference: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str | None] = mapped_column(String(300))
