"""To whom a notice goes, and notices that wait for their time.

Rule: one whose time has come goes out by the rights that its sender has then; when they do not reach, it is cancelled and
the audit trail says why.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.criteria import Condition
from crm_core.customers.search import clauses
from crm_core.customers.tables import Customer
from crm_core.errors import Forbidden, Invalid
from crm_core.notices.commands import NoticeState
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.notices.views import conditions_of
from crm_core.people import principals
from crm_core.rights import SYSTEM, Actor, Right

log = structlog.get_logger(__name__)


async def address(
    session: AsyncSession, actor: Actor, notice_id: int, conditions: Sequence[Condition]
) -> int:
    """Everybody who fits and whom the actor may see becomes a recipient; how many. Raises Forbidden, Invalid."""
    where = await clauses(session, actor, conditions)
    whom = select(literal(notice_id), Customer.id).where(*where).order_by(Customer.id)
    await session.execute(insert(NoticeRecipient).from_select(["notice_id", "customer_id"], whom))
    many = await session.scalar(select(func.count()).where(NoticeRecipient.notice_id == notice_id))
    return many or 0


async def begin_due(session: AsyncSession, now: datetime) -> None:
    """Have every notice sent whose time has come, unless another daemon is at it."""
    due = await session.scalars(
        select(Notice)
        .where(Notice.state == NoticeState.SCHEDULED, Notice.send_at <= now)
        .order_by(Notice.send_at, Notice.id)
        .with_for_update(skip_locked=True)
    )
    for notice in due.all():
        try:
            sender = await _sender(session, notice.sent_by)
            many = await address(session, sender, notice.id, conditions_of(notice.conditions))
        except (Forbidden, Invalid) as error:
            await _become(session, notice, NoticeState.CANCELLED, "cancel", reason=error.message)
            log.warning("notice_not_sent", notice=notice.id, reason=error.message)
        else:
            notice.sent_at = now
            await _become(session, notice, NoticeState.SENDING, "send")
            log.info("notice_sent", notice=notice.id, recipients=many, by=notice.sent_by)


async def _sender(session: AsyncSession, user_id: int | None) -> Actor:
    """Raises Forbidden."""
    if user_id is None:
        return SYSTEM
    found = await principals.of_user(await session.connection(), user_id)
    if found is None:
        raise Forbidden("Whoever scheduled this notice does not work here any more.")
    found.require(Right.NOTICE_SEND)
    return found


async def _become(
    session: AsyncSession, notice: Notice, state: NoticeState, action: str, **more: str
) -> None:
    was = {"state": notice.state}
    notice.state, notice.version = state, notice.version + 1
    after = {"state": state, **more}
    await trail.record(
        session, notice.sent_by, f"notice.{action}", "notice", notice.id, before=was, after=after
    )
