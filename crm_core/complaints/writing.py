"""Complaints written, as SQL inside the caller's transaction.

Rule: a complaint is held (its row locked, its version compared, the move looked up in `flow`) before it
is changed; every change raises the version and leaves a step and an audit entry.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.complaints import todos
from crm_core.complaints.tables import Complaint, ComplaintStep
from crm_core.complaints.views import ComplaintView, complaints
from crm_core.customers.visibility import must_see
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.people.tables import RoleRight, User
from crm_core.rights import Actor, Right

ENTITY = "complaint"
_NOT_TOLD = frozenset({"started_at", "handled_at", "closed_at", "created_at", "updated_at"})
_ENDS_ALARM = frozenset({"handler_id", "handled_at", "due_at"})


@dataclass(frozen=True, slots=True)
class Step:
    """What the log says of a change; `text` is what the person wrote."""

    kind: str
    from_state: str | None = None
    to_state: str | None = None
    to_user_id: int | None = None
    text: str | None = None


async def add(session: AsyncSession, actor: Actor, values: Mapping[str, object]) -> int:
    """The id of the new complaint."""
    complaint_id: int = (
        await session.execute(insert(Complaint).values(**values).returning(Complaint.id))
    ).scalar_one()
    await trail.record(
        session, actor.user_id, "complaint.create", ENTITY, complaint_id, after=_told(values)
    )
    return complaint_id


async def held(
    session: AsyncSession, actor: Actor, complaint_id: int, now: datetime
) -> ComplaintView:
    """The complaint as it is, locked for a change. Raises NotFound."""
    row = (
        await session.execute(
            complaints(now).where(Complaint.id == complaint_id).with_for_update(of=Complaint)
        )
    ).one_or_none()
    return await _visible(session, actor, complaint_id, row)


def check_version(complaint: ComplaintView, version: int) -> None:
    """Raises Conflict."""
    if complaint.version != version:
        raise Conflict(
            "Somebody else has changed this complaint since you opened it: look at it as it is "
            "now and enter your change again.",
            fields={"version": complaint.version},
        )


async def write(
    session: AsyncSession,
    actor: Actor,
    complaint: ComplaintView,
    action: str,
    *,
    values: Mapping[str, object],
    step: Step,
    now: datetime,
) -> ComplaintView:
    """Change a complaint that is held; returns it as it became."""
    await session.execute(
        update(Complaint)
        .where(Complaint.id == complaint.id)
        .values(**values, version=complaint.version + 1, updated_at=now)
    )
    if values.keys() & _ENDS_ALARM:
        await todos.settle(session, actor, complaint, now)
    await add_step(session, actor, complaint.id, step, now)
    was, became = trail.changes(asdict(complaint), _told(values))
    await trail.record(
        session,
        actor.user_id,
        f"complaint.{action}",
        ENTITY,
        complaint.id,
        before=was,
        after=became,
    )
    return await read(session, actor, complaint.id, now)


async def add_step(
    session: AsyncSession, actor: Actor, complaint_id: int, step: Step, now: datetime
) -> None:
    await session.execute(
        insert(ComplaintStep).values(
            complaint_id=complaint_id, at=now, actor_id=actor.user_id, **asdict(step)
        )
    )


async def record_comment(session: AsyncSession, actor: Actor, complaint_id: int) -> None:
    """The words stand in the log; that they were added stands in the audit trail."""
    await trail.record(session, actor.user_id, "complaint.comment", ENTITY, complaint_id)


async def read(
    holder: AsyncSession | AsyncConnection, actor: Actor, complaint_id: int, now: datetime
) -> ComplaintView:
    """Raises NotFound."""
    row = (await holder.execute(complaints(now).where(Complaint.id == complaint_id))).one_or_none()
    return await _visible(holder, actor, complaint_id, row)


async def check_can_handle(session: AsyncSession, user_id: int) -> None:
    """Raises Invalid when this person is not at work here or has no complaints."""
    found = await session.scalar(
        select(User.id)
        .join(RoleRight, RoleRight.role_code == User.role_code)
        .where(User.id == user_id, User.active, RoleRight.right_code == Right.COMPLAINT_WORK)
    )
    if found is None:
        raise Invalid(
            "This person is not at work here or does not handle complaints: choose somebody else.",
            fields={"handler_id": "unknown"},
        )


async def _visible(
    holder: AsyncSession | AsyncConnection,
    actor: Actor,
    complaint_id: int,
    row: Row[*tuple[Any, ...]] | None,
) -> ComplaintView:
    if row is None:
        raise NotFound(f"There is no complaint {complaint_id}.")
    found = ComplaintView(*row)
    await must_see(holder, actor, found.customer_id)
    return found


def _told(values: Mapping[str, object]) -> dict[str, object]:
    """What the audit trail tells; the moments follow from its own."""
    return {key: value for key, value in values.items() if key not in _NOT_TOLD}
