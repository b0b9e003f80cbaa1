"""Returns written, inside the caller's transaction. Rule: the order's row is locked before the return's, and every
change raises the version and leaves a step and an audit entry.
"""

from collections.abc import Mapping

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.contact import contact_of
from crm_core.outbox import messages
from orders.aftersales.errors import UnknownReturn
from orders.aftersales.returns import flow
from orders.aftersales.returns.flow import Action
from orders.aftersales.returns.tables import OrderReturn, OrderReturnLine, OrderReturnStep
from orders.aftersales.setting import Setting
from orders.errors import ChangedMeanwhile
from orders.sales import moving
from orders.sales.tables import SUBJECT, Order, OrderedLine

ENTITY = "order_return"


async def held(
    session: AsyncSession, setting: Setting, return_id: int, version: int
) -> tuple[Order, OrderReturn]:
    """The order and the return, locked. Raises UnknownReturn, UnknownOrder (not to be seen), ChangedMeanwhile."""
    order_id = await session.scalar(select(OrderReturn.order_id).where(OrderReturn.id == return_id))
    if order_id is None:
        raise UnknownReturn(return_id)
    order = await moving.held(session, order_id, setting.actor)
    row = await session.get_one(
        OrderReturn, return_id, with_for_update=True, populate_existing=True
    )
    if row.version != version:
        raise ChangedMeanwhile(row.version)
    return order, row


async def step(
    session: AsyncSession,
    row: OrderReturn,
    action: Action,
    setting: Setting,
    *,
    words: str | None,
    told: Mapping[str, object] | None = None,
) -> None:
    """The return is held, and what belongs to the action is done."""
    origin, row.state = row.state, flow.decide(row.state, action)
    row.version += 1
    row.changed_at = setting.now
    await session.flush()
    await note(session, row, setting, words)
    await trail.record(
        session, setting.actor.user_id, f"{ENTITY}.{action}", ENTITY, row.id,
        before={"state": origin},
        after={"state": row.state, "words": words, **(told or {})},
    )  # fmt: skip


async def note(
    session: AsyncSession, row: OrderReturn, setting: Setting, words: str | None
) -> None:
    """The state that it has, in its history."""
    await session.execute(
        insert(OrderReturnStep).values(
            return_id=row.id,
            state=row.state,
            actor_id=setting.actor.user_id,
            at=setting.now,
            text=words,
        )
    )


async def no_longer_coming(session: AsyncSession, row: OrderReturn) -> None:
    """Its goods may be returned otherwise."""
    lines = await session.execute(
        select(OrderReturnLine.line_no, OrderReturnLine.quantity).where(
            OrderReturnLine.return_id == row.id
        )
    )
    for line_no, quantity in lines.all():
        await session.execute(
            update(OrderedLine)
            .where(OrderedLine.order_id == row.order_id, OrderedLine.line_no == line_no)
            .values(coming_back=OrderedLine.coming_back - quantity)
        )


async def tell(
    session: AsyncSession,
    order: Order,
    row: OrderReturn,
    kind: str,
    setting: Setting,
    **more: str,
) -> None:
    """Tell the customer of a step, once."""
    contact = await contact_of(session, order.customer_id)
    params = {"number": order.number, "return": row.number, **more}
    await messages.tell(
        session,
        SUBJECT,
        order.id,
        customer_id=order.customer_id,
        told=messages.messages(kind, contact, setting.channels, params),
        now=setting.now,
        step=f"{row.number}",
    )
