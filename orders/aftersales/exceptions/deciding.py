"""A decision with what follows of it, inside the caller's transaction. Rule: within the level's limit; everything
happens once, with the decision or not at all, and the customer is told once.
"""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.benefits import coupons, packages
from crm_core.benefits.commands import Grant
from crm_core.benefits.discounts import discount
from crm_core.benefits.tables import CouponKind, PackageItem, PackageKind
from crm_core.customers.contact import contact_of
from crm_core.errors import Invalid
from crm_core.outbox import messages
from crm_core.rights import System
from orders.aftersales import money
from orders.aftersales.errors import BeyondLevel, OrderStillOpen
from orders.aftersales.exceptions import asking, book, writing
from orders.aftersales.exceptions.commands import Decision
from orders.aftersales.exceptions.flow import Action, Kind, Resolution
from orders.aftersales.exceptions.tables import OrderException
from orders.aftersales.returns import opening
from orders.aftersales.returns.commands import NewReturn
from orders.aftersales.returns.flow import Kind as ReturnKind
from orders.aftersales.returns.flow import Why
from orders.aftersales.setting import Setting
from orders.payments import booking
from orders.payments.errors import MoreThanRefundable
from orders.sales import moving
from orders.sales.flow import EDITABLE, Status
from orders.sales.tables import SUBJECT, Order

_NOTHING = Decimal(0)
_WHY = {
    Kind.CANCELLATION: Why.UNWANTED,
    Kind.DELAY: Why.UNWANTED,
    Kind.DEFECT: Why.QUALITY,
    Kind.DISPUTE: Why.NOT_AS_DESCRIBED,
}
_NOT_SHIPPED = EDITABLE | {Status.PICKING}


async def decide(
    session: AsyncSession, order: Order, row: OrderException, given: Decision, setting: Setting
) -> None:
    """Order and exception are held, and the actor holds the right of the level.

    Raises ExceptionClosed, BeyondLevel, OrderStillOpen, MoreThanRefundable, Invalid (no such coupon or package),
    and what the effects raise.
    """
    actor, now = setting.actor, setting.now
    row.cost = await _cost(session, order, given)
    most = (await book.levels(session))[row.level].most
    if most is not None and row.cost > most:
        raise BeyondLevel(row.level, most, row.cost)
    await asking.settle(session, row, setting)
    row.resolution, row.words = given.resolution, given.words
    row.decided_by, row.decided_at = actor.user_id, now
    row.refund = given.refund or _NOTHING
    told = given.model_dump() | {"cost": row.cost}
    await writing.step(session, row, Action.DECIDE, setting, words=given.words, told=told)
    await _resolve(session, order, row, given, setting)
    await _compensate(session, order, row, given, setting)
    await session.flush()
    await _tell(session, order, row, setting)


async def _cost(session: AsyncSession, order: Order, given: Decision) -> Decimal:
    """What it costs in yuan at most. Raises Invalid."""
    cost = given.refund or _NOTHING
    if given.coupon_kind is not None:
        cost += await _coupon_cost(session, order, given.coupon_kind)
    if given.package_kind is not None:
        kind = await session.get(PackageKind, given.package_kind)
        if kind is None or not kind.active:
            raise Invalid(
                "There is no such package: choose one of the list.",
                fields={"package_kind": "unknown"},
            )
        cost += kind.price
        items = await session.execute(
            select(PackageItem.coupon_kind_code, PackageItem.many).where(
                PackageItem.kind_code == kind.code, PackageItem.coupon_kind_code.is_not(None)
            )
        )
        for code, many in items.all():
            cost += (many or 0) * await _coupon_cost(session, order, code or "")
    return cost


async def _coupon_cost(session: AsyncSession, order: Order, code: str) -> Decimal:
    """What it would take off an order like this one."""
    kind = await session.get(CouponKind, code)
    if kind is None or not kind.active:
        raise Invalid(
            "There is no such kind of coupon: choose one of the list.",
            fields={"coupon_kind": "unknown"},
        )
    if kind.what == "amount":
        return kind.value
    return discount(kind.what, kind.value, order.total, most=kind.most_discount)


async def _resolve(
    session: AsyncSession, order: Order, row: OrderException, given: Decision, setting: Setting
) -> None:
    words, key = f"异常 {row.number}", f"exception:{row.id}"
    if given.resolution is Resolution.CANCEL:
        setting.effects.add(
            await moving.move(
                session,
                order.id,
                Status.CANCELLED,
                actor=setting.actor,
                channels=setting.channels,
                now=setting.now,
                zone=setting.zone,
                reason=row.number,
                facts={"reason": given.words} if given.words else None,
            )
        )
        await money.give_back(session, order, order.total, words=words, key=key, setting=setting)
    elif given.resolution in (Resolution.RETURN, Resolution.EXCHANGE):
        new = NewReturn(
            kind=ReturnKind(given.resolution),
            reason_code=_WHY[Kind(row.kind)],
            reason=given.words,
            late_reason=row.number,
            lines=given.goods,
        )
        following = System(setting.actor.user_id)
        carried_out = Setting(following, setting.channels, setting.now, setting.zone)
        row.return_id = await opening.enter(session, order, new, key, carried_out)


async def _compensate(
    session: AsyncSession, order: Order, row: OrderException, given: Decision, setting: Setting
) -> None:
    source = f"exception:{row.id}"
    if given.coupon_kind is not None:
        (row.coupon_id,) = await coupons.issue(
            session,
            setting.actor,
            given.coupon_kind,
            [order.customer_id],
            reason=row.number,
            now=setting.now,
            source=source,
        )
    if given.package_kind is not None:
        row.package_id = await packages.grant(
            session,
            setting.actor,
            order.customer_id,
            Grant(kind_code=given.package_kind, reason=row.number),
            now=setting.now,
            today=setting.today,
        )
    if given.refund is not None:
        if order.status in _NOT_SHIPPED:
            raise OrderStillOpen(order.status)
        if given.refund > booking.owed(order):
            raise MoreThanRefundable(booking.owed(order))
        money.lessen(order, given.refund)
        await money.give_back(
            session, order, given.refund, words=f"异常 {row.number}", key=source, setting=setting
        )


async def _tell(session: AsyncSession, order: Order, row: OrderException, setting: Setting) -> None:
    refused = row.resolution == Resolution.REFUSE
    kind = "exception_refused" if refused else f"exception_{row.kind}_{row.level}"
    contact = await contact_of(session, order.customer_id)
    params = {"number": order.number, "exception": row.number, "reason": row.words or ""}
    await messages.tell(
        session,
        SUBJECT,
        order.id,
        customer_id=order.customer_id,
        told=messages.messages(kind, contact, setting.channels, params),
        now=setting.now,
        step=row.number,
    )
