"""What of an order is never paid. Rule: an order is settled when it is paid; to settle it without its money is
a waiver, by a person whose role may waive so much (`most_waived`), for a reason, with an audit entry.
"""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.errors import Invalid
from crm_core.people.tables import User
from crm_core.rights import Actor, System
from orders.errors import NotPaid
from orders.receipts import book
from orders.review.tables import OrderReviewLimit
from orders.sales.commands import ENTITY
from orders.sales.move_writing import HeldOrder

_NOTHING = Decimal(0)


async def paid_or_waived(
    session: AsyncSession, order: HeldOrder, actor: Actor, reason: str | None
) -> None:
    """The order is held. Raises NotPaid, Invalid (no reason)."""
    owed = order.total - order.given_back - await book.paid(session, order.id)
    if owed <= 0:
        return
    most = await _most(session, actor)
    if owed > most:
        raise NotPaid(owed, most)
    if not (reason or "").strip():
        raise Invalid(
            f"Of this order {owed} are not paid: say why that is waived.",
            fields={"reason": "missing"},
        )
    await trail.record(
        session,
        actor.user_id,
        "order.waive",
        ENTITY,
        order.id,
        after={"waived": owed, "reason": reason},
    )


async def _most(session: AsyncSession, actor: Actor) -> Decimal:
    """Zongji itself waives nothing, whomever it follows."""
    if isinstance(actor, System):
        return _NOTHING
    most = await session.scalar(
        select(OrderReviewLimit.most_waived)
        .join(User, User.role_code == OrderReviewLimit.role_code)
        .where(User.id == actor.user_id)
    )
    return most or _NOTHING
