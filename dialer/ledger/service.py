"""The ledger as it is read, and held against its entries in the audit trail.

Rule: attempts are looked up by a number that the asker knows; nobody finds out numbers here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import select

from crm_core.db import Database
from crm_core.fields import Command, Moment, Number
from crm_core.rights import Actor, Right
from crm_core.statement import Statement
from dialer.ledger.sealing import ACTION, ENTITY
from dialer.policy import Purpose
from dialer.tables import Attempt, CampaignContact

Fault = Literal["missing", "unsealed", "altered"]
_MOST_FAULTS = 100

_FAULTS = Statement(f"""
WITH ended AS (SELECT * FROM attempts WHERE result IS NOT NULL),
sealed AS (
    SELECT id, entity_id, after, redacted_at FROM audit_log
    WHERE entity = '{ENTITY}' AND action = '{ACTION}'
), both_ AS (
    SELECT coalesce(a.call_id, l.entity_id) AS call_id, a.call_id IS NULL AS is_missing,
        l.id IS NULL AS is_unsealed, a.ended_at,
        CASE WHEN a.salt IS NULL THEN l.after - 'number' ELSE l.after END
            IS DISTINCT FROM
        CASE WHEN a.salt IS NULL THEN attempt_facts(a::attempts) - 'number'
            ELSE attempt_facts(a::attempts) END
            AND l.redacted_at IS NULL AS is_altered
    FROM ended a FULL JOIN sealed l ON l.entity_id = a.call_id
)
SELECT call_id, CASE WHEN is_missing THEN 'missing' WHEN is_unsealed THEN 'unsealed'
    ELSE 'altered' END AS fault
FROM both_
WHERE is_missing OR is_altered AND NOT is_unsealed
    OR is_unsealed AND ended_at >= (SELECT min(at) FROM audit_log)
ORDER BY call_id LIMIT :most
""")


class LedgerQuery(Command):
    """Attempts at a number, the newest first."""

    number: Number
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    before: Moment | None = None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """`result` None: it is out. `delay_s`: from the answer until an agent spoke. `rules` are those that allowed it."""

    call_id: str
    purpose: Purpose
    campaign_id: int | None
    agent_id: int | None
    at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    result: str | None
    cause: int | None
    sip_code: int | None
    delay_s: float | None
    rules: str


@dataclass(frozen=True, slots=True)
class LedgerFault:
    """An attempt that ended is gone (`missing`), has no entry in the trail (`unsealed`), or is not as it was (`altered`)."""

    call_id: str
    fault: Fault


class Ledger:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def attempts(self, actor: Actor, query: LedgerQuery) -> tuple[AttemptView, ...]:
        actor.require(Right.CAMPAIGN_MANAGE)
        found = (
            select(Attempt, CampaignContact.campaign_id)
            .outerjoin(CampaignContact, CampaignContact.id == Attempt.contact_id)
            .where(Attempt.number == query.number)
            .order_by(Attempt.at.desc())
            .limit(query.limit)
        )
        if query.before is not None:
            found = found.where(Attempt.at < query.before)
        async with self._database.reading_entities() as session:
            rows = (await session.execute(found)).all()
        return tuple(_view(attempt, campaign_id) for attempt, campaign_id in rows)

    async def faults(self, actor: Actor) -> tuple[LedgerFault, ...]:
        """What was altered, up to a hundred; the entries themselves are checked with the audit trail."""
        actor.require(Right.AUDIT_VIEW)
        async with self._database.reading() as connection:
            rows = await _FAULTS.read(connection, {"most": _MOST_FAULTS})
        return tuple(LedgerFault(row["call_id"], row["fault"]) for row in rows)


def _view(attempt: Attempt, campaign_id: int | None) -> AttemptView:
    purpose: Purpose = "callback"
    if attempt.callback_id is None:
        purpose = "message" if attempt.contact_id is None else "campaign"
    answered, agent = attempt.answered_at, attempt.agent_at
    return AttemptView(
        call_id=attempt.call_id,
        purpose=purpose,
        campaign_id=campaign_id,
        agent_id=attempt.agent_id,
        at=attempt.at,
        answered_at=answered,
        ended_at=attempt.ended_at,
        result=attempt.result,
        cause=attempt.cause,
        sip_code=attempt.sip_code,
        delay_s=(agent - answered).total_seconds() if agent and answered else None,
        rules=attempt.rules,
    )
