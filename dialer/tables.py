"""Tables of the dialler. Rule: an attempt is written before the number is dialled and never deleted,
so that the ledger proves what was dialled, when, and under which rules.
"""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import NUMBER, OF_CALL, SECRET, emptied, nobodys_number
from dialer.consents import tables as consents
from dialer.do_not_call import tables as do_not_call
from dialer.ledger import sealing

__all__ = [
    "OPEN_CALLBACK",
    "Attempt",
    "Callback",
    "Campaign",
    "CampaignContact",
    "consents",
    "do_not_call",
]

OPEN_CALLBACK = ("waiting", "dialling")
_NOW = func.now()


class Campaign(Base):
    """A list of people to call, progressively: one call for each agent reserved.

    `needs_consent`: nobody is called without one that is proved and holds at that moment.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("status IN ('draft','running','paused','done')", name="status_known"),
        CheckConstraint("max_attempts > 0", name="attempts_positive"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    queue: Mapped[str] = mapped_column(String(50))
    status: Mapped[str] = mapped_column(String(10), server_default="draft")
    max_attempts: Mapped[int] = mapped_column(server_default="3")
    needs_consent: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)


class CampaignContact(Base):
    """One number on a campaign's list."""

    __tablename__ = "campaign_contacts"
    __table_args__ = (
        UniqueConstraint("campaign_id", "number"),
        CheckConstraint(
            "status IN ('waiting','dialling','reached','closed','unknown')", name="status_known"
        ),
        Index(
            "ix_campaign_contacts_due",
            "campaign_id",
            "next_at",
            "id",
            postgresql_where=text("status = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    number: Mapped[str] = mapped_column(String(32), info=NUMBER | emptied(nobodys_number))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[str] = mapped_column(
        String(10), server_default="waiting", info=emptied("closed")
    )
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    last_result: Mapped[str | None] = mapped_column(String(20))


class Callback(Base):
    """Somebody waits to be called back; a number has at most one open call-back.

    Its place in the line: `joined_at` is when the wait began, `preferred_agent_id` the own salesperson, `skills_by`
    the rule of the line plan that says which skills are needed. `agent_id`: nobody else makes the call.
    """

    __tablename__ = "callbacks"
    __table_args__ = (
        CheckConstraint(
            "status IN ('waiting','dialling','done','closed','unknown')", name="status_known"
        ),
        CheckConstraint("source IN ('caller_key','abandoned','agent')", name="source_known"),
        Index(
            "uq_callbacks_open_number",
            "number",
            unique=True,
            postgresql_where=text("status IN ('waiting','dialling')"),
        ),
        Index("ix_callbacks_due", "next_at", postgresql_where=text("status = 'waiting'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(32), info=NUMBER | emptied(nobodys_number))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    queue: Mapped[str] = mapped_column(String(50))
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    source: Mapped[str] = mapped_column(String(12))
    origin_call_id: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str | None] = mapped_column(String(500), info=emptied())
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    joined_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    priority: Mapped[int] = mapped_column(server_default="0")
    preferred_agent_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    skills_by: Mapped[str | None] = mapped_column(String(50))
    next_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    status: Mapped[str] = mapped_column(
        String(10), server_default="waiting", info=emptied("closed")
    )
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_result: Mapped[str | None] = mapped_column(String(20))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Attempt(Base):
    """The ledger: one row for each time a number was dialled; `result` is None while it is out.

    With `message_token` a message of the outbox was said or faxed, and no agent took part. `rules` are the words of the
    rules that allowed it; `agent_at` is when an agent spoke to whoever had answered.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(callback_id, contact_id, message_token) = 1", name="one_purpose"
        ),
        CheckConstraint(
            "(agent_id IS NULL) = (message_token IS NOT NULL)", name="agent_unless_message"
        ),
        Index("ix_attempts_number_at", "number", "at"),
        Index("ix_attempts_out", "call_id", postgresql_where=text("result IS NULL")),
    )

    call_id: Mapped[str] = mapped_column(String(32), primary_key=True, info=OF_CALL)
    number: Mapped[str] = mapped_column(String(32), info=NUMBER | emptied(""))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("campaign_contacts.id"))
    message_token: Mapped[str | None] = mapped_column(String(32))
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    rules: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    result: Mapped[str | None] = mapped_column(String(20))
    cause: Mapped[int | None]
    tech_cause: Mapped[str | None] = mapped_column(String(80))
    sip_code: Mapped[int | None] = mapped_column(
        Computed(r"(substring(tech_cause FROM '\m[1-6][0-9]{2}\M'))::integer", persisted=True)
    )
    agent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    salt: Mapped[bytes | None] = mapped_column(
        LargeBinary, server_default=text("uuid_send(gen_random_uuid())"), info=emptied() | SECRET
    )


event.listen(Attempt.__table__, "after_create", sealing.protect)
