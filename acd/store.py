"""The ACD's SQL: journal lines into tables, and what is read back from them.

Rule: every write may be repeated with the same result. Rows go over as JSON text which PostgreSQL
takes apart itself, a whole batch in one statement for each table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, TextClause, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from acd.rows import COLUMNS, AgentStateRow, CallRow, Line, RecordingRow, StepRow
from acd.tables import AgentStateChange, Call, CallStep, Recording
from crm_core.customers.visibility import concerns_seen
from crm_core.db import Database
from crm_core.rights import Actor

_KEYS = {
    "calls": ("id",),
    "call_steps": ("call_id", "seq"),
    "agent_states": ("agent_id", "seq"),
    "recordings": ("call_id",),
}


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """One queue's figures of a day."""

    queue: str
    calls: int
    answered: int
    abandoned: int
    within_target: int


class RowsRefused(Exception):
    """PostgreSQL took none of these lines, because of what stands in them."""


class AcdStore:
    """Calls, steps, agents' states and recordings in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, lines: Iterable[Line]) -> None:
        """Raises DatabaseUnavailable, RowsRefused; in both cases nothing was written."""
        latest: dict[str, dict[str, str]] = {table: {} for table in _KEYS}
        for line in lines:
            latest[line.table][line.key] = line.json
        try:
            async with self._database.begin() as session:
                for table, rows in latest.items():
                    if rows:
                        batch = f"[{','.join(rows.values())}]"
                        await session.execute(_UPSERTS[table], {"rows": batch})
        except DBAPIError as error:
            raise RowsRefused(str(error.orig)) from error

    async def agent_states(self) -> list[AgentStateRow]:
        """The latest state of every agent."""
        newest = (
            select(AgentStateChange)
            .ext(distinct_on(AgentStateChange.agent_id))
            .order_by(AgentStateChange.agent_id, AgentStateChange.seq.desc())
        )
        async with self._database.begin() as session:
            found = await session.scalars(newest)
            return [_agent_state(row) for row in found]

    async def open_calls(self) -> list[CallRow]:
        """Calls without an end."""
        async with self._database.begin() as session:
            return await _calls(session, Call.outcome.is_(None))

    async def call(self, actor: Actor, call_id: str) -> CallRow | None:
        """None also when it is of a customer whom the actor may not see."""
        async with self._database.begin() as session:
            found = await _calls(session, (Call.id == call_id) & _seen(actor))
        return found[0] if found else None

    async def latest_calls(
        self, actor: Actor, *, limit: int, agent_id: int | None = None
    ) -> list[CallRow]:
        """The newest first, of all or of one agent; none of a customer whom the actor may not see."""
        async with self._database.begin() as session:
            condition = _seen(actor)
            if agent_id is not None:
                condition &= Call.agent_id == agent_id
            return await _calls(session, condition, limit)

    async def steps(self, call_id: str) -> list[StepRow]:
        query = select(CallStep).where(CallStep.call_id == call_id).order_by(CallStep.seq)
        async with self._database.begin() as session:
            found = await session.scalars(query)
            return [StepRow(s.call_id, s.seq, s.at, s.kind, s.detail) for s in found]

    async def recording(self, call_id: str) -> RecordingRow | None:
        """Where the sound of a call lies (`path` is relative to the folder of recordings)."""
        async with self._database.begin() as session:
            found = await session.get(Recording, call_id)
            if found is None:
                return None
            return RecordingRow(
                call_id=found.call_id,
                path=found.path,
                seconds=float(found.seconds),
                size_bytes=found.size_bytes,
                channels=found.channels,
                stored_at=found.stored_at,
            )

    async def counts(self, since: datetime, until: datetime) -> list[QueueCounts]:
        """Each queue's figures of the calls queued from `since` on, as they stood at `until`."""
        query = (
            select(
                func.coalesce(Call.queue, ""),
                func.count(),
                func.count().filter(Call.answered_at < until),
                func.count().filter(Call.left_reason == "abandoned", Call.ended_at < until),
                func.count().filter(Call.answered_at < until, Call.within_target.is_(True)),
            )
            .where(Call.queued_at >= since, Call.queued_at < until, Call.queue.is_not(None))
            .group_by(Call.queue)
        )
        async with self._database.begin() as session:
            return [QueueCounts(*row) for row in await session.execute(query)]


def _seen(actor: Actor) -> ColumnElement[bool]:
    return concerns_seen(Call.customer_id, actor)


async def _calls(
    session: AsyncSession, condition: ColumnElement[bool], limit: int = 10_000
) -> list[CallRow]:
    query = select(Call).where(condition).order_by(Call.started_at.desc()).limit(limit)
    return [_call(row) for row in await session.scalars(query)]


def _call(row: Call) -> CallRow:
    values = {name: getattr(row, name) for name in COLUMNS["calls"]}
    return CallRow(**(values | {"menu_path": tuple(row.menu_path)}))


def _agent_state(row: AgentStateChange) -> AgentStateRow:
    values = {name: getattr(row, name) for name in COLUMNS["agent_states"]}
    return AgentStateRow(**(values | {"queues": tuple(row.queues)}))


# Whoever was spoken with is to be looked at anew; of a call of a customer who is gone nothing is.
_CALLS_TOLD = """
WITH written AS ({upsert} RETURNING customer_id, answered_at, ended_at)
INSERT INTO insight_queue (customer_id)
SELECT c.id FROM customers c
WHERE c.id IN (SELECT customer_id FROM written
               WHERE answered_at IS NOT NULL AND ended_at IS NOT NULL)
ORDER BY c.id FOR KEY SHARE
"""


def _upsert(table: str) -> TextClause:
    columns = COLUMNS[table]
    names, keys = ", ".join(columns), ", ".join(_KEYS[table])
    change = "NOTHING"
    if table in ("calls", "recordings"):
        change = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in columns)
    if table == "calls":
        change += " WHERE calls.steps <= excluded.steps"
    upsert = (
        f"INSERT INTO {table} ({names}) SELECT {names}"
        f" FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS jsonb))"
        f" ON CONFLICT ({keys}) DO {change}"
    )
    return text(_CALLS_TOLD.format(upsert=upsert) if table == "calls" else upsert)


_UPSERTS = {table: _upsert(table) for table in _KEYS}
