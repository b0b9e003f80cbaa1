"""Tables of the ACD: calls, their steps, agents' states, recordings.

Rule: rows arrive late and in batches from the journal, and a record of what happened is never refused
because of another row: so no foreign keys to customers, users or calls, and every write may be
repeated (`calls.steps` only grows, so an older version never replaces a newer one).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import REFERS
from crm_core.db import Base
from crm_core.personal import FILE, NUMBER, OF_CALL, REMOVED, emptied

_Time = DateTime(timezone=True)


class Call(Base):
    """One call from its first ring to its end; `outcome` is None while it lives."""

    __tablename__ = "calls"
    __table_args__ = (
        CheckConstraint("direction IN ('inbound','callback','campaign')", name="direction_known"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended_with_outcome"),
        Index("ix_calls_started_at", "started_at"),
        Index("ix_calls_customer", "customer_id", "started_at"),
        Index("ix_calls_agent", "agent_id", "started_at"),
        Index("ix_calls_caller", "caller", "started_at"),
        Index("ix_calls_open", "started_at", postgresql_where="outcome IS NULL"),
        Index("ix_calls_abandoned", "ended_at", postgresql_where="outcome = 'abandoned'"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    node: Mapped[str] = mapped_column(String(50))
    linkedid: Mapped[str] = mapped_column(String(150))
    direction: Mapped[str] = mapped_column(String(10))
    caller: Mapped[str | None] = mapped_column(String(80), info=NUMBER | emptied())
    did: Mapped[str] = mapped_column(String(80))
    medium: Mapped[str | None] = mapped_column(String(100))
    customer_id: Mapped[int | None] = mapped_column(BigInteger, info=REFERS)
    customer_name: Mapped[str | None] = mapped_column(String(200), info=emptied())
    level: Mapped[str | None] = mapped_column(String(50))
    province: Mapped[str | None] = mapped_column(String(50))
    city: Mapped[str | None] = mapped_column(String(50), info=emptied())
    area_code: Mapped[str | None] = mapped_column(String(10))
    menu_path: Mapped[list[str]] = mapped_column(JSONB)
    queue: Mapped[str | None] = mapped_column(String(50))
    priority: Mapped[int | None]
    agent_id: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[datetime] = mapped_column(_Time)
    queued_at: Mapped[datetime | None] = mapped_column(_Time)
    answered_at: Mapped[datetime | None] = mapped_column(_Time)
    within_target: Mapped[bool | None]
    left_reason: Mapped[str | None] = mapped_column(String(30))
    ended_at: Mapped[datetime | None] = mapped_column(_Time)
    outcome: Mapped[str | None] = mapped_column(String(30))
    steps: Mapped[int]


class CallStep(Base):
    """One thing that happened in a call, keypad steps included (IVR 日志)."""

    __tablename__ = "call_steps"

    call_id: Mapped[str] = mapped_column(String(32), primary_key=True, info=OF_CALL)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(_Time)
    kind: Mapped[str] = mapped_column(String(50))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, info=emptied({}))


class AgentStateChange(Base):
    """One change of an agent's state; the latest is the present one."""

    __tablename__ = "agent_states"

    agent_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    extension: Mapped[str] = mapped_column(String(40))
    queues: Mapped[list[str]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(15))
    reason: Mapped[str | None] = mapped_column(String(50))
    call_id: Mapped[str | None] = mapped_column(String(32))
    pending: Mapped[str | None] = mapped_column(String(15))
    since: Mapped[datetime] = mapped_column(_Time)
    wrap_up_until: Mapped[datetime | None] = mapped_column(_Time)


class Recording(Base):
    """The sound of a call: `path` is relative to the folder of recordings."""

    __tablename__ = "recordings"
    __table_args__ = ({"info": REMOVED},)

    call_id: Mapped[str] = mapped_column(String(32), primary_key=True, info=OF_CALL)
    path: Mapped[str] = mapped_column(String(200), unique=True, info=FILE)
    seconds: Mapped[float]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    channels: Mapped[int]
    stored_at: Mapped[datetime] = mapped_column(_Time)
