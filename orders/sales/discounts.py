"""How much a person may take off in a quote. Rule: what is set for the role holds; where nothing is set, up to
`USUAL` per cent, and any for those who review orders.
"""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Forbidden
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from orders.review.tables import OrderReviewLimit

USUAL = Decimal(10)


async def check(session: AsyncSession, actor: Actor, percent: Decimal) -> None:
    """Raises Forbidden."""
    most = await session.scalar(
        select(OrderReviewLimit.most_discount)
        .join(User, User.role_code == OrderReviewLimit.role_code)
        .where(User.id == actor.user_id)
    )
    if most is None and actor.may(Right.ORDER_REVIEW):
        return
    allowed = USUAL if most is None else most
    if percent > allowed:
        raise Forbidden(
            f"You may give up to {allowed.normalize():f} per cent: ask somebody who may give more.",
            fields={"discount_percent": f"{allowed.normalize():f}"},
        )
