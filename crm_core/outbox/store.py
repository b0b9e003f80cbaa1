"""SQL of the outbox. Rule: a message is taken by one statement that skips what others hold, and its
result is written only by the attempt that took it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from crm_core.clock import SKEW
from crm_core.db import Database
from crm_core.outbox.outcome import Claimed, Result
from crm_core.outbox.ports import Message
from crm_core.statement import Statement

_CLAIM = Statement("""
UPDATE outbox SET state = 'sending', attempts = attempts + 1, claims = claims + 1,
                  tried_at = CAST(:now AS timestamptz), lease_until = CAST(:lease_until AS timestamptz)
WHERE id IN (
    SELECT due.id
    FROM unnest(CAST(:channels AS text[]), CAST(:limits AS int[])) AS wanted (channel, most)
    CROSS JOIN LATERAL (
        SELECT o.id FROM outbox o
        WHERE o.state = 'pending' AND o.channel = wanted.channel AND o.next_at <= CAST(:now AS timestamptz)
        ORDER BY o.next_at, o.id LIMIT wanted.most FOR UPDATE SKIP LOCKED) due)
RETURNING id, subject, subject_id, channel, attempts, claims, queued_at, tried_at, doubtful_since,
          token, kind, recipient, language, params
""")
_FINISH = Statement("""
UPDATE outbox o
SET state = r.state, attempts = r.attempts, lease_until = NULL, reference = r.reference,
    reason = r.reason, doubtful_since = r.doubtful_since, next_at = coalesce(r.next_at, o.next_at),
    sent_at = CASE WHEN r.state = 'sent' THEN r.at END,
    settled_at = CASE WHEN r.state = 'sent' THEN r.at END
FROM json_to_recordset(CAST(CAST(:results AS text) AS json))
    AS r (id bigint, claims int, state text, attempts int, reference text, reason text,
          doubtful_since timestamptz, next_at timestamptz, at timestamptz)
WHERE o.id = r.id AND o.state = 'sending' AND o.claims = r.claims
RETURNING o.id
""")
_FIND_LOST = Statement("""
UPDATE outbox o
SET state = CASE WHEN l.repeatable THEN 'pending' ELSE 'unknown' END,
    doubtful_since = CASE WHEN l.repeatable THEN l.doubt END,
    lease_until = NULL, next_at = CAST(:now AS timestamptz), reason = :reason
FROM (SELECT s.id, s.doubt, coalesce(s.doubt + w.span > CAST(:now AS timestamptz)
                                     AND s.doubt <= CAST(:latest AS timestamptz), false) AS repeatable
      FROM (SELECT id, channel, coalesce(doubtful_since, tried_at) AS doubt
            FROM outbox WHERE state = 'sending' AND lease_until < CAST(:now AS timestamptz)
                AND id <> ALL (CAST(:ours AS bigint[]))
            FOR UPDATE SKIP LOCKED) s
      LEFT JOIN unnest(CAST(:channels AS text[]), CAST(:spans AS interval[])) AS w (channel, span)
          ON w.channel = s.channel) l
WHERE o.id = l.id
RETURNING o.id, o.subject, o.subject_id, o.channel, o.state
""")
# What was tried, or queued, later than now was so before the clock was set back.
_SET_BACK = Statement("""
WITH waiting AS (
    UPDATE outbox SET next_at = CAST(:now AS timestamptz)
    WHERE state = 'pending' AND channel = ANY (CAST(:channels AS text[]))
        AND next_at > CAST(:now AS timestamptz)
        AND coalesce(tried_at, queued_at) > CAST(:latest AS timestamptz)
    RETURNING id
), held AS (
    UPDATE outbox SET lease_until = CAST(:lease_until AS timestamptz)
    WHERE state = 'sending' AND lease_until > CAST(:lease_until AS timestamptz)
    RETURNING id
)
SELECT (SELECT count(*) FROM waiting) + (SELECT count(*) FROM held) AS mended
""")
SENDER_DIED = "the daemon ended while sending"


@dataclass(frozen=True, slots=True)
class Lost:
    """A message whose sender died; `state` is what it became."""

    id: int
    subject: str
    subject_id: int
    channel: str
    state: str


class OutboxStore:
    """One method, one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, room: Mapping[str, int], now: datetime, lease_until: datetime
    ) -> tuple[Claimed, ...]:
        """Take what is due, oldest first: of each channel as many as there is room for."""
        values: dict[str, object] = {
            "channels": list(room),
            "limits": list(room.values()),
            "now": now,
            "lease_until": lease_until,
        }
        async with self._database.begin() as session:
            return tuple(_claimed(row) for row in await _CLAIM.write(session, values))

    async def finish(self, results: Sequence[tuple[Claimed, Result]]) -> frozenset[int]:
        """The ids of those that were kept; of the others the lease was over and somebody else decided."""
        written = [
            {
                "id": claimed.id,
                "claims": claimed.claims,
                "state": result.state,
                "attempts": result.attempts,
                "reference": result.reference,
                "reason": result.reason,
                "doubtful_since": result.doubtful_since,
                "next_at": result.next_at,
                "at": result.at,
            }
            for claimed, result in results
        ]
        values: dict[str, object] = {"results": json.dumps(written, default=str)}
        async with self._database.begin() as session:
            return frozenset(row["id"] for row in await _FINISH.write(session, values))

    async def find_lost(
        self,
        windows: Mapping[str, timedelta],
        now: datetime,
        lease: timedelta,
        ours: Sequence[int],
    ) -> tuple[Lost, ...]:
        """Leases that ran out, without those of `ours`, who live: sent again within the time in which the provider
        removes doubles, else unknown. What waits for a time from before the clock was set back is due.
        """
        at = {"now": now, "latest": now + SKEW, "channels": list(windows)}
        found = {"spans": list(windows.values()), "ours": list(ours), "reason": SENDER_DIED}
        async with self._database.begin() as session:
            await _SET_BACK.write(session, {**at, "lease_until": now + lease})
            return tuple(
                Lost(*row.values()) for row in await _FIND_LOST.write(session, {**at, **found})
            )


def _claimed(row: asyncpg.Record) -> Claimed:
    return Claimed(
        row["id"],
        row["subject"],
        row["subject_id"],
        row["channel"],
        row["attempts"],
        row["claims"],
        row["queued_at"],
        row["tried_at"],
        row["doubtful_since"],
        Message(row["token"], row["kind"], row["recipient"], row["language"], row["params"]),
    )
