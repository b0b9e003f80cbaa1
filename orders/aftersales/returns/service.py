"""Returns and exchanges (退换货), as people enter and receive them. Rule: one method, one transaction; events go out
after the commit; the same return sent again is entered once.
"""

from collections.abc import Callable, Collection
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.rights import Actor, Right
from orders.aftersales.errors import MoneyStillOpen
from orders.aftersales.returns import flow, opening, reading, receiving, terms, writing
from orders.aftersales.returns.commands import (
    Approval,
    Closing,
    Ending,
    NewReturn,
    Receipt,
    ReturnQuery,
    TermContent,
)
from orders.aftersales.returns.flow import Action
from orders.aftersales.returns.views import ReturnSummary, ReturnView, TermView
from orders.aftersales.setting import Setting
from orders.delivery.codes import State as WaybillState
from orders.delivery.codes import WaybillKind
from orders.delivery.tables import Waybill
from orders.payments import booking
from orders.receipts import book
from orders.sales import moving
from orders.sales.tables import Order

log = structlog.get_logger(__name__)


class ReturnService:
    """Every method may raise Forbidden, UnknownReturn and DatabaseUnavailable; every change of a return
    ReturnClosed and ChangedMeanwhile.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str],
        zone: tzinfo,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._channels = frozenset(channels)
        self._zone = zone

    async def enter(self, actor: Actor, order_id: int, new: NewReturn, key: str) -> ReturnView:
        """Raises UnknownOrder, NothingDelivered, MoreThanOrdered, ReturnTooLate, SameKeyOther."""
        actor.require(Right.RETURN_REQUEST)
        async with self._database.begin() as session:
            order = await moving.held(session, order_id, actor)
            made = await opening.enter(session, order, new, key, self._setting(actor))
            view = await reading.one(session, actor, made)
        log.info("return_entered", number=view.summary.number, kind=view.summary.kind)
        return view

    async def approve(self, actor: Actor, return_id: int, given: Approval) -> ReturnView:
        """The goods may come. Raises Invalid (another order's waybill)."""
        return await self._change(actor, return_id, Action.APPROVE, given)

    async def receive(self, actor: Actor, return_id: int, receipt: Receipt) -> ReturnView:
        """The goods came and were counted: stock, money and the order's status follow. Raises WrongCount."""
        actor.require(flow.right_of(Action.RECEIVE))
        setting = self._setting(actor)
        async with self._database.begin() as session:
            order, row = await writing.held(session, setting, return_id, receipt.version)
            await receiving.receive(session, order, row, receipt, setting)
            view = await reading.one(session, actor, return_id)
        log.info("return_received", number=view.summary.number, value=str(view.summary.value))
        for event in setting.effects.events():
            self._bus.publish(event)
        return view

    async def close(self, actor: Actor, return_id: int, given: Closing) -> ReturnView:
        """Nothing is left to be done. Raises MoneyStillOpen."""
        return await self._change(actor, return_id, Action.CLOSE, given)

    async def reject(self, actor: Actor, return_id: int, given: Ending) -> ReturnView:
        """The goods are not taken back."""
        return await self._change(actor, return_id, Action.REJECT, given)

    async def cancel(self, actor: Actor, return_id: int, given: Ending) -> ReturnView:
        """The customer keeps them."""
        return await self._change(actor, return_id, Action.CANCEL, given)

    async def get(self, actor: Actor, return_id: int) -> ReturnView:
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await reading.one(connection, actor, return_id)

    async def listed(self, actor: Actor, query: ReturnQuery) -> tuple[ReturnSummary, ...]:
        """The newest first."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await reading.listed(connection, actor, query)

    async def terms(self, actor: Actor) -> tuple[TermView, ...]:
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await terms.listed(connection)

    async def put_term(self, actor: Actor, code: str, content: TermContent) -> tuple[TermView, ...]:
        """Within how many days goods of a category, or all others, are taken back. Raises Conflict, Invalid."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            await terms.put(session, actor, code, content)
            return await terms.listed(session)

    async def _change(
        self,
        actor: Actor,
        return_id: int,
        action: Action,
        given: Approval | Closing | Ending,
    ) -> ReturnView:
        actor.require(flow.right_of(action))
        setting = self._setting(actor)
        async with self._database.begin() as session:
            order, row = await writing.held(session, setting, return_id, given.version)
            flow.decide(row.state, action)
            words = given.reason if isinstance(given, Ending) else given.words
            if isinstance(given, Approval):
                row.waybill_id = await _waybill(session, order, given)
            elif isinstance(given, Closing):
                await _check_money(session, order)
            else:
                await writing.no_longer_coming(session, row)
            await writing.step(session, row, action, setting, words=words)
            if isinstance(given, Approval):
                await writing.tell(session, order, row, "return_approved", setting)
            elif action is Action.REJECT:
                reason = words or ""
                await writing.tell(session, order, row, "return_rejected", setting, reason=reason)
            view = await reading.one(session, actor, return_id)
        log.info("return_changed", number=view.summary.number, state=view.summary.state)
        return view

    def _setting(self, actor: Actor) -> Setting:
        return Setting(actor, self._channels, self._clock(), self._zone)


async def _waybill(session: AsyncSession, order: Order, approval: Approval) -> int | None:
    """Raises Invalid when it is none of the order's that come back."""
    if approval.waybill_id is None:
        return None
    found: int | None = await session.scalar(
        select(Waybill.id).where(
            Waybill.id == approval.waybill_id,
            Waybill.order_id == order.id,
            Waybill.kind == WaybillKind.RETURN,
            Waybill.state != WaybillState.VOID,
        )
    )
    if found is None:
        raise Invalid(
            "This is no waybill by which goods of this order come back: make one of the kind “return”.",
            fields={"waybill_id": "unknown"},
        )
    return found


async def _check_money(session: AsyncSession, order: Order) -> None:
    """Raises MoneyStillOpen."""
    beyond = await book.paid(session, order.id) - booking.owed(order)
    if beyond > 0:
        raise MoneyStillOpen(beyond)
