"""An order brings less than it did: goods came back, or something was forgiven. Rule: the caller holds the order's
row and has given it its status; first the credit that the order holds falls, then what was paid beyond what is owed
goes back the way it came, and what cannot go that way waits for a person.
"""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from orders.aftersales.setting import Setting
from orders.invoices import writing as invoices
from orders.payments import booking, reading, refunding
from orders.payments.refunding import AskedBy
from orders.sales.tables import Order


async def give_back(
    session: AsyncSession, order: Order, most: Decimal, *, words: str, key: str, setting: Setting
) -> Decimal:
    """How much of up to `most` was asked of the payment gateway; `key` makes sure that it is asked once."""
    actor_id, now = setting.actor.user_id, setting.now
    await session.flush()
    await booking.free_credit(session, order)
    await session.flush()
    by = AskedBy(actor_id, now)
    asked = await refunding.ask_all_ways(session, order, most, words=words, key=key, by=by)
    if await reading.refundable(session, order):
        await booking.note_overpaid(session, order, now)
    await take_back_invoices(session, order, words=words, key=key, setting=setting)
    return asked


async def take_back_invoices(
    session: AsyncSession, order: Order, *, words: str, key: str, setting: Setting
) -> None:
    """Red letters for what is invoiced beyond what the order brings now."""
    await session.flush()
    await invoices.take_back_beyond(
        session, order, reason=words, key=key, actor_id=setting.actor.user_id, now=setting.now
    )


def lessen(order: Order, value: Decimal) -> Decimal:
    """The order brings less by up to `value`; by how much: never more than it brought."""
    given = min(value, order.total - order.given_back)
    order.given_back += given
    order.version += 1
    return given
