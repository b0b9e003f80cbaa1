"""Quotes as they stand on a day. Rule: nobody reads one of a customer beyond his scope."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.rights import Actor
from orders.catalogue.tables import Product
from orders.errors import UnknownQuote
from orders.sales.tables import Order, SalesQuote, SalesQuoteLine


@dataclass(frozen=True, slots=True)
class QuoteLineView:
    """`tax_rate` is the share of tax within the price, as a fraction."""

    sku: str
    name_zh: str
    name_en: str
    specification: str | None
    unit: str
    tax_rate: Decimal
    quantity: int
    own_price: Decimal
    discount_percent: Decimal
    unit_price: Decimal
    line_total: Decimal


@dataclass(frozen=True, slots=True)
class QuoteBrief:
    """`state` is open, expired, accepted, rejected or replaced."""

    id: int
    number: str
    customer_id: int
    customer_name: str
    opportunity_id: int | None
    state: str
    valid_until: date
    note: str | None
    total: Decimal
    replaces_id: int | None
    order_id: int | None
    order_number: str | None
    rejected_reason: str | None
    created_by: int | None
    created_at: datetime
    sent_at: datetime | None
    sent_by: int | None


@dataclass(frozen=True, slots=True)
class QuoteView:
    quote: QuoteBrief
    lines: tuple[QuoteLineView, ...]


async def read(
    holder: AsyncSession | AsyncConnection, actor: Actor, quote_id: int, today: date
) -> QuoteView:
    """Raises UnknownQuote."""
    found = await holder.execute(quotes(actor, today).where(SalesQuote.id == quote_id))
    row = found.one_or_none()
    if row is None:
        raise UnknownQuote(quote_id)
    line = SalesQuoteLine
    lines = await holder.execute(
        select(
            line.sku, Product.name_zh, Product.name_en, Product.specification, Product.unit,
            Product.tax_rate, line.quantity, line.own_price, line.discount_percent,
            line.unit_price, line.line_total,
        )
        .join(Product, Product.sku == line.sku)
        .where(line.quote_id == quote_id)
        .order_by(line.line_no)
    )  # fmt: skip
    return QuoteView(QuoteBrief(*row), tuple(QuoteLineView(*each) for each in lines))


def quotes(actor: Actor, today: date) -> Select[*tuple[Any, ...]]:
    """Rows of `QuoteBrief`."""
    table = SalesQuote
    expired = (table.state == "open") & (table.valid_until < today)
    return (
        select(
            table.id, table.number, table.customer_id, Customer.name, table.opportunity_id,
            case((expired, "expired"), else_=table.state), table.valid_until, table.note,
            table.total, table.replaces_id, table.order_id, Order.number,
            table.rejected_reason, table.created_by, table.created_at, table.sent_at,
            table.sent_by,
        )
        .join(Customer, Customer.id == table.customer_id)
        .outerjoin(Order, Order.id == table.order_id)
        .where(within_scope(actor))
    )  # fmt: skip
