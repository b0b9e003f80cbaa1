"""A complaint moved along `flow`, as SQL inside the caller's transaction.

Rule: with the state change the times and people that belong to it, in one UPDATE.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.complaints import categories, flow, writing
from crm_core.complaints.flow import Action, State
from crm_core.complaints.views import ComplaintView
from crm_core.complaints.writing import Step
from crm_core.rights import Actor


@dataclass(frozen=True, slots=True)
class Change:
    """A move along `flow`; `version` None where the state alone decides."""

    action: Action
    version: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    handler_id: int | None = None
    text: str | None = None

    @property
    def kind(self) -> str:
        return "handover" if self.action is Action.ASSIGN else "state"


async def move(
    session: AsyncSession, actor: Actor, complaint_id: int, change: Change, now: datetime
) -> ComplaintView:
    """Raises NotFound, Forbidden, MoveNotAllowed, Conflict (edited since), Invalid (handler)."""
    complaint = await writing.held(session, actor, complaint_id, now)
    to = flow.decide(actor, complaint.state, complaint.handler_id, change.action).to
    if change.version is not None:
        writing.check_version(complaint, change.version)
    values = {**change.values, **await _moved(session, complaint, to, now)}
    if change.handler_id is not None:
        await writing.check_can_handle(session, change.handler_id)
        values["handler_id"] = change.handler_id
    step = Step(change.kind, complaint.state, to, change.handler_id, change.text)
    return await writing.write(
        session, actor, complaint, change.action, values=values, step=step, now=now
    )


async def _moved(
    session: AsyncSession, complaint: ComplaintView, to: State, now: datetime
) -> dict[str, object]:
    """The state and the times that belong to it."""
    values: dict[str, object] = {"state": to}
    if to in (State.RESOLVED, State.REJECTED):
        values["handled_at"] = now
    elif to is State.CLOSED:
        values["closed_at"] = now
    elif to is State.REOPENED:
        hours = await categories.handling_hours(
            session, complaint.category_code, must_be_active=False
        )
        values |= {
            "due_at": now + timedelta(hours=hours),
            "started_at": now,
            "handled_at": None,
            "closed_at": None,
            "satisfaction": None,
            "reopened": complaint.reopened + 1,
        }
    return values
