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
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import NUMBER, REMOVED, entity

_NOW = func.now()
# What `crm_core.customers.references.one_for_each` makes; customers stand above this room.
_ONE_FOR_EACH_STEP = {"one_for_each": ("subject", "subject_id", "kind", "channel", "step")}


STATES = ("pending", "sending", "sent", "failed", "unknown", "given_up")
UNSETTLED = ("failed", "unknown")
"""A person decides what becomes of them."""


class OutboxMessage(Base):
    """`subject` and `subject_id` name the record that it tells of, such as an order.

    Of each step of a record a customer is told once by each channel; `step` tells apart what happens to it
    twice. `sending` holds until `lease_until`; a daemon that died meanwhile leaves it to be found.
    `claims` counts every attempt, `attempts` those that count; since `doubtful_since` nobody can say
    whether an earlier attempt went out.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending','sending','sent','failed','unknown','given_up')",
            name="state_known",
        ),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease_if_sending"),
        UniqueConstraint(
            "subject", "subject_id", "customer_id", "kind", "channel", "step", name="uq_outbox_step"
        ),
        Index(
            "ix_outbox_due", "channel", "next_at", "id", postgresql_where=text("state = 'pending'")
        ),
        Index("ix_outbox_out", "lease_until", postgresql_where=text("state = 'sending'")),
        Index("ix_outbox_unsettled", "id", postgresql_where=text("state IN ('failed','unknown')")),
        Index(
            "ix_outbox_settled_at",
            "settled_at",
            postgresql_where=text("settled_at IS NOT NULL"),
        ),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    subject: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), index=True, info=_ONE_FOR_EACH_STEP
    )
    kind: Mapped[str] = mapped_column(String(30))
    channel: Mapped[str] = mapped_column(String(20))
    step: Mapped[str] = mapped_column(String(40), server_default="")
    recipient: Mapped[str] = mapped_column(String(254), info=NUMBER)
    language: Mapped[str] = mapped_column(String(5))
    params: Mapped[dict[str, str]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(10), server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    claims: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    queued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    next_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    tried_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    doubtful_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reference: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str | None] = mapped_column(String(300))


class MessageChoice(Base):
    """Whether customers are told of a kind of message at all; without a row what is shipped holds."""

    __tablename__ = "message_choices"
    __table_args__ = ({"info": entity("message_choice")},)

    kind: Mapped[str] = mapped_column(String(30), primary_key=True)
    told: Mapped[bool]
    version: Mapped[int] = mapped_column(server_default="1")
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class MessageTemplate(Base):
    """Words of the business's own for one kind of message, in place of those that are shipped.

    `channel` is empty for words that hold for every channel.
    """

    __tablename__ = "message_templates"
    __table_args__ = (
        UniqueConstraint("kind", "language", "channel", name="uq_message_templates_place"),
        CheckConstraint("language IN ('zh','en')", name="language_known"),
        {"info": entity("message_template")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    language: Mapped[str] = mapped_column(String(2))
    channel: Mapped[str] = mapped_column(String(20), server_default="")
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(String(2000))
    version: Mapped[int] = mapped_column(server_default="1")
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
