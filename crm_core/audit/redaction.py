"""Emptying entries for a person who has asked for deletion.

Rule: only what stands in `before` and `after` goes, never that something was done; the digests stay, so
that the chain goes on to verify, and an entry of its own tells who emptied which entries and why.
"""

from collections.abc import Sequence

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.audit.protection import REDACT_ACTION, REDACTING
from crm_core.audit.tables import AuditEntry
from crm_core.errors import Invalid
from crm_core.rights import Actor, Right
from crm_core.text import printable

_LONGEST_REASON = 500
_AT_ONCE = 1000


async def redact(
    session: AsyncSession, actor: Actor, entity: str, entity_ids: Sequence[int | str], reason: str
) -> int:
    """Empty every entry of these records, in the caller's transaction; returns how many.

    The reason must name nobody: it stays. Raises Forbidden, Invalid.
    """
    actor.require(Right.PRIVACY_MANAGE)
    why = _checked(reason)
    ids = tuple(str(each) for each in entity_ids)
    wanted = (
        select(AuditEntry.id)
        .where(
            AuditEntry.entity == entity,
            AuditEntry.entity_id.in_(ids),
            AuditEntry.redacted_at.is_(None),
            or_(AuditEntry.before.is_not(None), AuditEntry.after.is_not(None)),
            ~AuditEntry.action.startswith("audit."),
        )
        .order_by(AuditEntry.id)
        .with_for_update()
    )
    rows = tuple(await session.scalars(wanted))
    for start in range(0, len(rows), _AT_ONCE):
        await _empty(session, actor, entity, rows[start : start + _AT_ONCE], why)
    return len(rows)


async def _empty(
    session: AsyncSession, actor: Actor, entity: str, rows: Sequence[int], reason: str
) -> None:
    told = {"reason": reason, "rows": len(rows), "row_ids": list(rows)}
    entry = await trail.record(session, actor.user_id, REDACT_ACTION, "audit", entity, after=told)
    await session.execute(select(func.set_config(REDACTING, str(entry), True)))
    await session.execute(
        update(AuditEntry)
        .where(AuditEntry.id.in_(rows))
        .values(redaction_id=entry)
        .execution_options(synchronize_session=False)
    )
    await session.execute(select(func.set_config(REDACTING, "", True)))


def _checked(reason: str) -> str:
    found = reason.strip()
    try:
        printable(found)
    except ValueError as error:
        raise Invalid(
            "The reason has signs in it that cannot be kept.", fields={"reason": str(error)}
        ) from error
    if not 0 < len(found) <= _LONGEST_REASON:
        raise Invalid(
            f"Say in up to {_LONGEST_REASON} signs why the entries are emptied, naming nobody.",
            fields={"reason": "length"},
        )
    return found
