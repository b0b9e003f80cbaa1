"""Tables of imports and exports.

Rule: how far a job is stands in the same transaction as the rows it wrote, so that one that was
interrupted goes on where it was and writes nothing twice.
"""

from datetime import datetime
from typing import Any

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
from crm_core.personal import MENTIONS, REMOVED

_NOW = func.now()
_Time = DateTime(timezone=True)


class ExchangeJob(Base):
    """One file in or out. `plan` says which column is which field, or what is exported.

    `row` is the last row of the file that is dealt with; a job whose `lease_until` has passed is taken
    up by another worker; `attempts` counts how often that was since it last came further.
    """

    __tablename__ = "exchange_jobs"
    __table_args__ = (
        CheckConstraint("kind IN ('import','export','places','do_not_call')", name="kind_known"),
        CheckConstraint(
            "state IN ('uploaded','waiting','running','done','failed','cancelled')",
            name="state_known",
        ),
        Index(
            "ix_exchange_jobs_open", "id", postgresql_where=text("state IN ('waiting','running')")
        ),
        Index("ix_exchange_jobs_created_by", "created_by", "created_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(10))
    filename: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str | None] = mapped_column(String(64))
    plan: Mapped[dict[str, Any]] = mapped_column(JSONB)
    row: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    total: Mapped[int] = mapped_column(server_default="0")
    added: Mapped[int] = mapped_column(server_default="0")
    changed: Mapped[int] = mapped_column(server_default="0")
    same: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None] = mapped_column(String(500))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time, server_default=_NOW)
    lease_until: Mapped[datetime | None] = mapped_column(_Time)
    finished_at: Mapped[datetime | None] = mapped_column(_Time)


class ExportLimit(Base):
    """How many customers everybody of a role may take out in 24 hours, where it is not the default."""

    __tablename__ = "export_limits"
    __table_args__ = (CheckConstraint("per_day >= 0", name="per_day_not_negative"),)

    role_code: Mapped[str] = mapped_column(
        ForeignKey("roles.code", ondelete="CASCADE"), primary_key=True
    )
    per_day: Mapped[int]
    version: Mapped[int] = mapped_column(server_default="1")


class RefusedRow(Base):
    """A row that was not taken in, with the reasons; one that `waits` names a parent that may still come."""

    __tablename__ = "import_refusals"
    __table_args__ = ({"info": REMOVED},)

    job_id: Mapped[int] = mapped_column(
        ForeignKey("exchange_jobs.id", ondelete="CASCADE"), primary_key=True
    )
    row: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    cells: Mapped[list[Any]] = mapped_column(JSONB, info=MENTIONS)
    reasons: Mapped[list[str]] = mapped_column(JSONB)
    waits: Mapped[bool] = mapped_column(server_default=text("false"))
