"""Who gets an order, as SQL inside the caller's transaction. Rule: until the first waybill it is proposed
from the order and the customer's addresses, from then on it is the order's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer, CustomerAddress, CustomerPhone
from crm_core.errors import Conflict, Invalid
from orders.delivery import addresses
from orders.delivery.codes import Way
from orders.delivery.commands import PutConsignee
from orders.delivery.tables import Consignee
from orders.delivery.views import ConsigneeView
from orders.errors import UnknownOrder
from orders.sales.tables import Order

_COLUMNS = tuple(
    Consignee.__table__.c[name]
    for name in (
        *("order_id", "recipient", "phone", "province", "city", "district", "street"),
        *("postcode", "way", "version"),
    )
)


@dataclass(frozen=True, slots=True)
class _Address:
    """One of a customer's."""

    recipient: str | None
    phone: str | None
    province: str | None
    city: str | None
    district: str | None
    detail: str
    postcode: str | None


async def read(holder: AsyncSession | AsyncConnection, order_id: int) -> ConsigneeView:
    """The order's own, or what is proposed. Raises UnknownOrder, Invalid (there is no address)."""
    return await kept(holder, order_id) or await _proposed(holder, order_id)


async def kept(holder: AsyncSession | AsyncConnection, order_id: int) -> ConsigneeView | None:
    row = (
        await holder.execute(select(*_COLUMNS).where(Consignee.order_id == order_id))
    ).one_or_none()
    return None if row is None else ConsigneeView(*row)


async def keep(session: AsyncSession, order_id: int) -> ConsigneeView:
    """From now on the order's own. Raises UnknownOrder, Invalid."""
    there = await read(session, order_id)
    if there.version == 0:
        values = {column.name: getattr(there, column.name) for column in _COLUMNS}
        await session.execute(
            insert(Consignee).values(values | {"version": 1}).on_conflict_do_nothing()
        )
        there = await read(session, order_id)
    return there


async def put(session: AsyncSession, order_id: int, content: PutConsignee) -> None:
    """A number that is not given stays. Raises Conflict (edited since)."""
    values = content.model_dump(exclude={"version"})
    if "phone" not in content.model_fields_set:
        values["phone"] = await _known_phone(session, order_id)
    if content.version == 0:
        statement = (
            insert(Consignee)
            .values(order_id=order_id, **values)
            .on_conflict_do_nothing()
            .returning(Consignee.order_id)
        )
        done = await session.scalar(statement)
    else:
        done = await session.scalar(
            update(Consignee)
            .where(Consignee.order_id == order_id, Consignee.version == content.version)
            .values(**values, version=content.version + 1)
            .returning(Consignee.order_id)
        )
    if done is None:
        raise Conflict(
            "Somebody else has changed this address since you opened it: look at it as it is now.",
            fields={"version": "old"},
        )


async def follow(session: AsyncSession, order_id: int, line: str | None) -> None:
    """The order was edited and goes elsewhere: so does its own consignee, when there is one."""
    if not line:
        return
    parts = addresses.apart(line)
    place = {name: getattr(parts, name) for name in ("province", "city", "district", "street")}
    await session.execute(
        update(Consignee)
        .where(Consignee.order_id == order_id)
        .values(**place, postcode=None, version=Consignee.version + 1)
    )


async def _known_phone(session: AsyncSession, order_id: int) -> str | None:
    try:
        return (await read(session, order_id)).phone
    except Invalid:  # nobody knew where it goes
        return None


async def _proposed(holder: AsyncSession | AsyncConnection, order_id: int) -> ConsigneeView:
    row = (
        await holder.execute(
            select(
                Order.address,
                Customer.id,
                Customer.name,
                Customer.province,
                Customer.city,
                CustomerPhone.number,
            )
            .join(Customer, Customer.id == Order.customer_id)
            .outerjoin(
                CustomerPhone, (CustomerPhone.customer_id == Customer.id) & CustomerPhone.is_main
            )
            .where(Order.id == order_id)
        )
    ).one_or_none()
    if row is None:
        raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    known = await _addresses(holder, row.id)
    chosen = _chosen(known, row.address)
    if chosen is not None:
        return ConsigneeView(
            order_id,
            chosen.recipient or row.name,
            chosen.phone or row.number,
            chosen.province or row.province,
            chosen.city or row.city,
            chosen.district,
            chosen.detail,
            chosen.postcode,
            Way.STANDARD,
            0,
        )
    if not row.address:
        raise Invalid(
            "Nobody knows where this order goes: enter the address.", fields={"street": "missing"}
        )
    parts = addresses.apart(row.address)
    told = parts.province is not None or parts.city is not None
    return ConsigneeView(
        order_id,
        row.name,
        row.number,
        parts.province or (None if told else row.province),
        parts.city or (None if told else row.city),
        parts.district,
        parts.street,
        None,
        Way.STANDARD,
        0,
    )


async def _addresses(
    holder: AsyncSession | AsyncConnection, customer_id: int
) -> Sequence[_Address]:
    """The customer's, the main one first."""
    table = CustomerAddress
    rows = await holder.execute(
        select(
            table.recipient,
            table.phone,
            table.province,
            table.city,
            table.district,
            table.detail,
            table.postcode,
        )
        .where(table.customer_id == customer_id)
        .order_by(table.is_main.desc(), table.id)
        .limit(100)
    )
    return [_Address(*row) for row in rows]


def _chosen(known: Sequence[_Address], written: str | None) -> _Address | None:
    """The address that the order names; the main one when it names none."""
    if not written:
        return known[0] if known else None
    plain = "".join(written.split())
    for each in known:
        above = (each.province, each.city, each.district)
        line = addresses.one_line(*above, each.detail)
        lines = {"".join(every.split()) for every in (line, each.detail)}
        if plain in lines:
            return each
    return None
