"""SQL that reads returns for people. Rule: only of orders whose customers the person may see."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.people.tables import User
from crm_core.rights import Actor
from orders.aftersales.errors import UnknownReturn
from orders.aftersales.returns.commands import ReturnQuery
from orders.aftersales.returns.tables import OrderReturn, OrderReturnLine, OrderReturnStep
from orders.aftersales.returns.views import (
    ReturnLineView,
    ReturnStepView,
    ReturnSummary,
    ReturnView,
)
from orders.catalogue.tables import Product
from orders.delivery.tables import Waybill
from orders.sales.tables import Order, OrderedLine

Holder = AsyncSession | AsyncConnection
_Replacement = aliased(Order)
_OPEN = ("requested", "approved", "received")


def _summaries(actor: Actor) -> Select[*tuple[Any, ...]]:
    table = OrderReturn
    elsewhere = {
        "order_number": Order.number,
        "customer_id": Order.customer_id,
        "customer_name": Customer.name,
        "waybill_number": Waybill.number,
        "replacement_number": _Replacement.number,
    }
    columns = [
        elsewhere[name] if name in elsewhere else getattr(table, name)
        for name in ReturnSummary.__dataclass_fields__
    ]
    return (
        select(*columns)
        .join(Order, Order.id == table.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(Waybill, Waybill.id == table.waybill_id)
        .outerjoin(_Replacement, _Replacement.id == table.replacement_id)
        .where(within_scope(actor))
        .order_by(table.id.desc())
    )


async def one(holder: Holder, actor: Actor, return_id: int) -> ReturnView:
    """Raises UnknownReturn."""
    row = (await holder.execute(_summaries(actor).where(OrderReturn.id == return_id))).one_or_none()
    if row is None:
        raise UnknownReturn(return_id)
    line, step = OrderReturnLine, OrderReturnStep
    elsewhere = {
        "sku": OrderedLine.sku,
        "unit": OrderedLine.unit,
        "name_zh": Product.name_zh,
        "name_en": Product.name_en,
    }
    columns = [
        elsewhere[name] if name in elsewhere else getattr(line, name)
        for name in ReturnLineView.__dataclass_fields__
    ]
    lines = await holder.execute(
        select(*columns)
        .join(
            OrderedLine,
            (OrderedLine.order_id == line.order_id) & (OrderedLine.line_no == line.line_no),
        )
        .join(Product, Product.sku == OrderedLine.sku)
        .where(line.return_id == return_id)
        .order_by(line.line_no)
    )
    steps = await holder.execute(
        select(step.state, step.actor_id, User.name, step.at, step.text)
        .outerjoin(User, User.id == step.actor_id)
        .where(step.return_id == return_id)
        .order_by(step.id)
    )
    return ReturnView(
        ReturnSummary(*row),
        tuple(ReturnLineView(*each) for each in lines),
        tuple(ReturnStepView(*each) for each in steps),
    )


async def listed(holder: Holder, actor: Actor, query: ReturnQuery) -> tuple[ReturnSummary, ...]:
    """The newest first."""
    found = _summaries(actor).limit(query.limit)
    for column, value in (
        (OrderReturn.order_id, query.order_id),
        (Order.customer_id, query.customer_id),
        (OrderReturn.kind, query.kind),
        (OrderReturn.state, query.state),
    ):
        if value is not None:
            found = found.where(column == value)
    if query.open:
        found = found.where(OrderReturn.state.in_(_OPEN))
    if query.since is not None:
        found = found.where(OrderReturn.requested_at >= query.since)
    if query.before is not None:
        found = found.where(OrderReturn.id < query.before)
    return tuple(ReturnSummary(*row) for row in await holder.execute(found))
