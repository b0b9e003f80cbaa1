"""The ledger of attempts: those at a number, and whether any was altered.

Rule: attempts are looked up by a number that the asker knows.
"""

from datetime import datetime

from crm_core.rights import Right
from dialer.ledger.service import Fault, LedgerQuery
from dialer.policy import Purpose
from webui.asked import Asked, Model, Nothing
from webui.routing import Route, needs
from webui.views import View


class AttemptSearch(LedgerQuery, Model):
    """Attempts at a number, the newest first."""


class AttemptItem(View):
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


class AttemptList(View):
    items: tuple[AttemptItem, ...]


class AttemptFault(View):
    """An attempt that ended is gone (missing), has no entry in the trail (unsealed), or is not as it was (altered)."""

    call_id: str
    fault: Fault


class AttemptFaults(View):
    items: tuple[AttemptFault, ...]


async def attempts(asked: Asked[Nothing, AttemptSearch]) -> AttemptList:
    """When a number was dialled, under which rules, and what came of it."""
    found = await asked.services.ledger.attempts(asked.principal, asked.query)
    return AttemptList(items=tuple(map(AttemptItem.model_validate, found)))


async def faults(asked: Asked[Nothing, Nothing]) -> AttemptFaults:
    """Attempts that are not as the audit trail says, up to a hundred; nothing when the ledger is whole."""
    found = await asked.services.ledger.faults(asked.principal)
    return AttemptFaults(items=tuple(map(AttemptFault.model_validate, found)))


ROUTES = (
    Route(
        "GET",
        "/api/attempts",
        attempts,
        needs(Right.CAMPAIGN_MANAGE),
        query=AttemptSearch,
        answer=AttemptList,
    ),
    Route("GET", "/api/attempts/faults", faults, needs(Right.AUDIT_VIEW), answer=AttemptFaults),
)
