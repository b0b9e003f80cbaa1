"""Tables of the do-not-call lists. Rule: what was refused stays to be seen; numbers stay also when a person is erased,
because they are there for the person.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Identity, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base

_NOW = func.now()
_Time = DateTime(timezone=True)


class DoNotCall(Base):
    """A number that is never dialled, whoever asks, or with `campaign_id` not in this campaign, until it is lifted.

    `source`: by an agent or a supervisor (agent, api), a key in a call (key), a call that came in (inbound), a command
    (cli); `call_id` is the call in which it was said.
    """

    __tablename__ = "do_not_call"
    __table_args__ = (
        CheckConstraint("source IN ('agent','key','inbound','api','cli')", name="source_known"),
        CheckConstraint(
            "(lifted_at IS NULL) = (lifted_why IS NULL)", name="lifted_with_its_reason"
        ),
        Index(
            "uq_do_not_call_number",
            "number",
            "campaign_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(32))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id"))
    source: Mapped[str] = mapped_column(String(8), server_default="api")
    reason: Mapped[str] = mapped_column(String(200))
    call_id: Mapped[str | None] = mapped_column(String(32))
    added_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    added_at: Mapped[datetime] = mapped_column(_Time, server_default=_NOW)
    lifted_at: Mapped[datetime | None] = mapped_column(_Time)
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    lifted_why: Mapped[str | None] = mapped_column(String(200))


class DoNotCallList(Base):
    """A list of somebody else's, such as a regulator's, taken in from files: what the file of `job_id` said is in force.

    `covers`: everything, or campaigns only.
    """

    __tablename__ = "do_not_call_lists"
    __table_args__ = (CheckConstraint("covers IN ('everything','campaigns')", name="covers_known"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    covers: Mapped[str] = mapped_column(String(10))
    job_id: Mapped[int | None]
    numbers: Mapped[int] = mapped_column(server_default="0")
    imported_at: Mapped[datetime | None] = mapped_column(_Time)


class DoNotCallListed(Base):
    """A number that the file of a job named."""

    __tablename__ = "do_not_call_listed"
    __table_args__ = (Index("ix_do_not_call_listed_number", "number"),)

    list_id: Mapped[int] = mapped_column(ForeignKey("do_not_call_lists.id"), primary_key=True)
    job_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
