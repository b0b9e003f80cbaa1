"""Tables of the ACD: calls, their steps, agents' states, recordings.

Rule: rows arrive late and in batches from the journal, and a record of what happened is never refused
because of another row: so no foreign keys to customers, users or calls, and every write may be
repeated (`calls.steps` only grows, so an older version never replaces a newer one).
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, String, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import REFERS
from crm_core.db import Base
from crm_core.personal import FILE, NUMBER, OF_CALL, REMOVED, emptied

_Time = DateTime(timezone=True)


class Call(Base):
    """One call from its first ring to its end; `outcome` is None while it lives.

    Of its way through the menus of the line's version `line_version`: `walk` (see `acd.log.walk`), the menu heard
    last, keys that led nowhere, services used; NULL where the daemon that wrote did not know them.
    `recording`: on, paused (since `paused_at`, by whom and why) or off; None before anybody talked.
    """

    __tablename__ = "calls"
    __table_args__ = (
        CheckConstraint("direction IN ('inbound','callback','campaign')", name="direction_known"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended_with_outcome"),
        Index("ix_calls_started_at", "started_at", "id"),
        Index("ix_calls_did", "did", "started_at", "id"),
        Index(
            "ix_calls_left_in_menu",
            "last_menu",
            "started_at",
            "id",
            postgresql_where="outcome = 'left_in_menu'",
        ),
        Index("ix_calls_wrong_keys", "started_at", "id", postgresql_where="wrong_keys > 0"),
        Index("ix_calls_served", "started_at", "id", postgresql_where="services <> '[]'"),
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
    recording: Mapped[str | None] = mapped_column(String(10))
    paused_at: Mapped[datetime | None] = mapped_column(_Time)
    paused_by: Mapped[int | None] = mapped_column(BigInteger)
    pause_reason: Mapped[str | None] = mapped_column(String(20))
    ended_at: Mapped[datetime | None] = mapped_column(_Time)
    outcome: Mapped[str | None] = mapped_column(String(30))
    steps: Mapped[int]
    line_version: Mapped[int | None]
    last_menu: Mapped[str | None] = mapped_column(String(50))
    wrong_keys: Mapped[int | None]
    services: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    walk: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class CallStep(Base):
    """One thing that happened in a call, keypad steps included (IVR 日志)."""

    __tablename__ = "call_steps"

    call_id: Mapped[str] = mapped_column(String(32), primary_key=True, info=OF_CALL)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(_Time)
    kind: Mapped[str] = mapped_column(String(50))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, info=emptied({}))


class AgentStateChange(Base):
    """One change of an agent's state; the latest is the present one.

    `skills` and `calls` (taken since the log-in) are NULL where the daemon that wrote did not know them. `by_id` is
    the person who did it, NULL where it came by itself.
    """

    __tablename__ = "agent_states"
    __table_args__ = (Index("ix_agent_states_since", "agent_id", "since"),)

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
    skills: Mapped[dict[str, int] | None] = mapped_column(JSONB)
    calls: Mapped[int | None]
    pending_reason: Mapped[str | None] = mapped_column(String(50))
    by_id: Mapped[int | None] = mapped_column(BigInteger)


class SurveyAnswer(Base):
    """A question that a caller was asked after the talk; `pressed` NULL: it was not answered.

    `agent_id` is who spoke with the caller last; what the key meant is kept as it was worded then.
    """

    __tablename__ = "survey_answers"
    __table_args__ = (Index("ix_survey_answers_asked_at", "asked_at"),)

    call_id: Mapped[str] = mapped_column(String(32), primary_key=True, info=OF_CALL)
    question: Mapped[str] = mapped_column(String(50), primary_key=True)
    survey: Mapped[str] = mapped_column(String(50))
    agent_id: Mapped[int | None] = mapped_column(BigInteger)
    queue: Mapped[str | None] = mapped_column(String(50))
    customer_id: Mapped[int | None] = mapped_column(BigInteger, info=REFERS)
    pressed: Mapped[str | None] = mapped_column(String(1))
    score: Mapped[int | None]
    label_zh: Mapped[str | None] = mapped_column(String(50))
    label_en: Mapped[str | None] = mapped_column(String(50))
    asked_at: Mapped[datetime] = mapped_column(_Time)


class Sound(Base):
    """What is kept as a file: `path` is relative to the folder of recordings.

    One that was removed stays as a row, so that nothing brings it back; `file_removed` follows `removed_at`.
    With `held_at` it is kept whatever the policy says.
    """

    __abstract__ = True
    sort: ClassVar[str]
    """Its name in the audit trail and the log."""

    call_id: Mapped[str] = mapped_column(String(32), primary_key=True, info=OF_CALL)
    path: Mapped[str] = mapped_column(String(200), unique=True, info=FILE)
    seconds: Mapped[float]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    stored_at: Mapped[datetime] = mapped_column(_Time)
    removed_at: Mapped[datetime | None] = mapped_column(_Time)
    file_removed: Mapped[bool] = mapped_column(server_default=false())
    held_at: Mapped[datetime | None] = mapped_column(_Time)
    held_by: Mapped[int | None] = mapped_column(BigInteger)
    hold_reason: Mapped[str | None] = mapped_column(String(500))


def _sound(table: str) -> tuple[CheckConstraint | Index, ...]:
    """What holds in every table of sounds."""
    return (
        CheckConstraint("removed_at IS NULL OR held_at IS NULL", name="held_stays"),
        CheckConstraint("(held_at IS NULL) = (hold_reason IS NULL)", name="held_for_a_reason"),
        CheckConstraint("removed_at IS NOT NULL OR NOT file_removed", name="file_goes_last"),
        Index(
            f"ix_{table}_going",
            "call_id",
            postgresql_where=text("removed_at IS NOT NULL AND NOT file_removed"),
        ),
    )


class Recording(Sound):
    """The sound of a call."""

    __tablename__ = "recordings"
    sort = "recording"
    __table_args__ = (
        Index("ix_recordings_stored_at", "stored_at", postgresql_where=text("removed_at IS NULL")),
        *_sound("recordings"),
        {"info": REMOVED},
    )

    channels: Mapped[int]


class RecordingUse(Base):
    """Somebody listened to a recording, or took it away; parts asked for soon after each other are one use."""

    __tablename__ = "recording_uses"
    __table_args__ = (
        CheckConstraint("kind IN ('listen','download')", name="kind_known"),
        Index("ix_recording_uses_call", "call_id", "began_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(32), info=OF_CALL)
    user_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(10))
    began_at: Mapped[datetime] = mapped_column(_Time)
    last_at: Mapped[datetime] = mapped_column(_Time)


class CallExpiry(Base):
    """How far each kind of old data has expired: of all calls up to this one nothing of it is left."""

    __tablename__ = "call_expiry"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    upto: Mapped[datetime] = mapped_column(_Time)
    call_id: Mapped[str] = mapped_column(String(32))


class Voicemail(Sound):
    """What a caller said for the people of `queue`: `todo_id` whose it became, `heard_at` when it was first listened
    to. Rows arrive from the journal, like recordings.
    """

    __tablename__ = "voicemails"
    sort = "voicemail"
    __table_args__ = (
        CheckConstraint("(heard_at IS NULL) = (heard_by_id IS NULL)", name="heard_by_somebody"),
        Index("ix_voicemails_stored_at", "stored_at"),
        Index("ix_voicemails_without_todo", "stored_at", postgresql_where="todo_id IS NULL"),
        *_sound("voicemails"),
        {"info": REMOVED},
    )

    queue: Mapped[str] = mapped_column(String(50))
    heard_at: Mapped[datetime | None] = mapped_column(_Time)
    heard_by_id: Mapped[int | None] = mapped_column(BigInteger)
    todo_id: Mapped[int | None]
