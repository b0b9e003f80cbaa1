"""Exceptions written, inside the caller's transaction. Rule: the order's row is locked before the exception's, and
every change raises the version and leaves a step and an audit entry.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from orders.aftersales import numbering
from orders.aftersales.errors import NoHigherLevel, SameKeyOther, UnknownException
from orders.aftersales.exceptions import asking, book, flow
from orders.aftersales.exceptions.commands import NewException
from orders.aftersales.exceptions.flow import HIGHEST, Action
from orders.aftersales.exceptions.tables import OrderException, OrderExceptionStep
from orders.aftersales.setting import Setting
from orders.errors import ChangedMeanwhile
from orders.sales import moving
from orders.sales.tables import Order

ENTITY = "order_exception"


async def enter(
    session: AsyncSession, order: Order, new: NewException, key: str, setting: Setting
) -> int:
    """The exception's id; the same key gives the same one. The order is held. Raises SameKeyOther."""
    known = await session.scalar(select(OrderException).where(OrderException.key == key))
    if known is not None:
        if (known.order_id, known.kind) != (order.id, new.kind):
            raise SameKeyOther
        return known.id
    level = await book.level_for(session, order, new.kind)
    new_id, number = await numbering.next_number(session, OrderException, "E", setting.today)
    row = OrderException(
        **new.model_dump(),
        id=new_id,
        number=number,
        key=key,
        order_id=order.id,
        level=level,
        raised_by=setting.actor.user_id,
        raised_at=setting.now,
        due_at=setting.now + timedelta(hours=(await book.levels(session))[level].hours),
    )
    await numbering.add(session, row)
    told = {"number": number, "order": order.number, "kind": new.kind, "level": level}
    await _note(session, row, Action.RAISE, setting, words=None, told=told)
    await asking.ask(session, order, row, setting)
    return new_id


async def held(
    session: AsyncSession, setting: Setting, exception_id: int, version: int | None = None
) -> tuple[Order, OrderException]:
    """The order and the exception, locked. Raises UnknownException, UnknownOrder (not to be seen),
    ChangedMeanwhile.
    """
    order_id = await session.scalar(
        select(OrderException.order_id).where(OrderException.id == exception_id)
    )
    if order_id is None:
        raise UnknownException(exception_id)
    order = await moving.held(session, order_id, setting.actor)
    row = await session.get_one(
        OrderException, exception_id, with_for_update=True, populate_existing=True
    )
    if version is not None and row.version != version:
        raise ChangedMeanwhile(row.version)
    return order, row


async def step(
    session: AsyncSession,
    row: OrderException,
    action: Action,
    setting: Setting,
    *,
    words: str | None,
    told: Mapping[str, object] | None = None,
) -> None:
    """The exception is held, and what belongs to the action stands in it."""
    row.state = flow.decide(row.state, action)
    row.version += 1
    await session.flush()
    told = {"state": row.state, "level": row.level, "words": words, **(told or {})}
    await _note(session, row, action, setting, words=words, told=told)


async def escalate(
    session: AsyncSession, order: Order, row: OrderException, setting: Setting, reason: str | None
) -> None:
    """One level higher, with that level's time. Raises ExceptionClosed, NoHigherLevel."""
    flow.decide(row.state, Action.ESCALATE)
    if row.level == HIGHEST:
        raise NoHigherLevel
    await asking.settle(session, row, setting)
    row.level += 1
    row.escalated_at = setting.now
    row.due_at = setting.now + timedelta(hours=(await book.levels(session))[row.level].hours)
    await step(session, row, Action.ESCALATE, setting, words=reason)
    await asking.ask(session, order, row, setting)


async def _note(
    session: AsyncSession,
    row: OrderException,
    action: Action,
    setting: Setting,
    *,
    words: str | None,
    told: Mapping[str, object],
) -> None:
    await session.execute(
        insert(OrderExceptionStep).values(
            exception_id=row.id,
            action=action,
            level=row.level,
            actor_id=setting.actor.user_id,
            at=setting.now,
            text=words,
        )
    )
    await trail.record(
        session, setting.actor.user_id, f"{ENTITY}.{action}", ENTITY, row.id, after=told
    )
