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

from acd.rows import COLUMNS, AgentStateRow, CallRow, Line, StepRow
from acd.tables import AgentStateChange, Call, CallStep
from acd.why import Told, explain, mentioned
from crm_core.customers.visibility import concerns_seen
from crm_core.db import Database
from crm_core.people.names import names_of
from crm_core.rights import Actor

_KEYS = {
    "calls": ("id",),
    "call_steps": ("call_id", "seq"),
    "agent_states": ("agent_id", "seq"),
    "recordings": ("call_id",),
    "voicemails": ("call_id",),
    "survey_answers": ("call_id", "question"),
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
            found = await _calls(session, (Call.id == call_id) & seen(actor))
        return found[0] if found else None

    async def steps(self, call_id: str) -> list[StepRow]:
        query = select(CallStep).where(CallStep.call_id == call_id).order_by(CallStep.seq)
        async with self._database.begin() as session:
            found = await session.scalars(query)
            return [StepRow(s.call_id, s.seq, s.at, s.kind, s.detail) for s in found]

    async def latest_call_of(self, number: str) -> CallRow | None:
        """The newest call from or to a number in `normalise`'s form."""
        async with self._database.begin() as session:
            found = await _calls(session, Call.caller == number, 1)
        return found[0] if found else None

    async def why(self, call: CallRow) -> tuple[Told, ...]:
        """Everything that was decided about a call, and why."""
        steps = await self.steps(call.id)
        return explain(call, steps, await names_of(self._database, mentioned(steps)))

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


def seen(actor: Actor) -> ColumnElement[bool]:
    """Of a call: that it concerns nobody whom this actor may not see."""
    return concerns_seen(Call.customer_id, actor)


async def _calls(
    session: AsyncSession, condition: ColumnElement[bool], limit: int = 10_000
) -> list[CallRow]:
    query = select(Call).where(condition).order_by(Call.started_at.desc()).limit(limit)
    return [call_row(row) for row in await session.scalars(query)]


def call_row(row: Call) -> CallRow:
    """As the journal knows it."""
    values = {name: getattr(row, name) for name in COLUMNS["calls"]}
    served = None if row.services is None else tuple(row.services)
    return CallRow(**(values | {"menu_path": tuple(row.menu_path), "services": served}))


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
