"""How long agents were in which state and why, by day; and what was done with an agent's state, by whom.

Rule: a state lasts from its change to the next one of the same agent (the last one until now) and is split at the
zone's midnights; what a clock that was set makes negative counts as nothing.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, model_validator

from crm_core.db import Database
from crm_core.statement import Statement

_LONGEST_DAYS = 93
_TIMES = Statement("""
    WITH changes AS (
        SELECT s.agent_id, s.name, s.state, s.reason, s.since, s.seq,
            lead(s.since) OVER (PARTITION BY s.agent_id ORDER BY s.seq) AS next
        FROM agent_states s
        WHERE s.since < :until AND (CAST(:agent_id AS bigint) IS NULL OR s.agent_id = :agent_id)
            AND s.since >= coalesce((SELECT max(b.since) FROM agent_states b
                WHERE b.agent_id = s.agent_id AND b.since <= :since), :since)
    ), days AS (
        SELECT CAST(d AS date) AS day, CAST(d AS timestamp) AT TIME ZONE :zone AS begins,
            (CAST(d AS timestamp) + interval '1 day') AT TIME ZONE :zone AS ends
        FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') AS d
    )
    SELECT c.agent_id, d.day, max(c.name) AS name, c.state, c.reason,
        sum(extract(epoch FROM least(coalesce(c.next, :now), d.ends, :now) - greatest(c.since, d.begins)))
            AS seconds,
        count(DISTINCT c.since) FILTER (WHERE c.since >= d.begins) AS times
    FROM changes c JOIN days d ON c.since < d.ends AND coalesce(c.next, :now) > d.begins
    WHERE c.state <> 'offline' AND coalesce(c.next, :now) > c.since
    GROUP BY c.agent_id, d.day, c.state, c.reason
    ORDER BY d.day, max(c.name), c.agent_id, c.state, c.reason
""")
_LOG = Statement("""
    SELECT s.seq, s.since, s.state, s.reason, s.pending, s.call_id, s.by_id, u.name AS by_name
    FROM agent_states s LEFT JOIN users u ON u.id = s.by_id
    WHERE s.agent_id = :agent_id AND s.since >= :since AND s.since < :until ORDER BY s.seq
""")


class AgentTimesQuery(BaseModel):
    """Days are those of the company's zone, both included; without them today."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: date | None = None
    last: date | None = None
    agent_id: int | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "AgentTimesQuery":
        first, last = self.first, self.last
        if first and last and not 0 <= (last - first).days < _LONGEST_DAYS:
            raise ValueError(f"last must not be before first, nor {_LONGEST_DAYS} days after it")
        return self


@dataclass(frozen=True, slots=True)
class StateTime:
    """`times`: how often the state began on that day."""

    agent_id: int
    day: date
    name: str
    state: str
    reason: str | None
    seconds: float
    times: int


@dataclass(frozen=True, slots=True)
class StateEntry:
    """One change; `by_id` None: it came by itself."""

    seq: int
    since: datetime
    state: str
    reason: str | None
    pending: str | None
    call_id: str | None
    by_id: int | None
    by_name: str | None


class AgentTimes:
    """Reads `agent_states`; `zone` is where days begin."""

    def __init__(self, database: Database, *, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    async def report(self, query: AgentTimesQuery, now: datetime) -> tuple[StateTime, ...]:
        """By agent, day, state and reason; being logged out is left out."""
        first, last = self._days(query, now)
        rows = await self._database.fetch(
            _TIMES,
            {
                "since": self._begin(first),
                "until": self._begin(last + timedelta(days=1)),
                "agent_id": query.agent_id,
                "zone": self._zone.key,
                "first": first,
                "last": last,
                "now": now,
            },
        )
        return tuple(StateTime(**{**row, "seconds": float(row["seconds"])}) for row in rows)

    async def log(
        self, agent_id: int, query: AgentTimesQuery, now: datetime
    ) -> tuple[StateEntry, ...]:
        """Everything that was done with the agent's state, in order."""
        first, last = self._days(query, now)
        asked = {
            "agent_id": agent_id,
            "since": self._begin(first),
            "until": self._begin(last + timedelta(days=1)),
        }
        return tuple(StateEntry(**row) for row in await self._database.fetch(_LOG, asked))

    def _days(self, query: AgentTimesQuery, now: datetime) -> tuple[date, date]:
        last = query.last or query.first or now.astimezone(self._zone).date()
        return query.first or last, last

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)
