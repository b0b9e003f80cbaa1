"""SQL of invoices. Rule: what is left to be invoiced or taken back is worked out under the lock of the order."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.rights import Actor
from orders.catalogue.tables import Product
from orders.invoices.commands import InvoiceQuery
from orders.invoices.errors import UnknownInvoice
from orders.invoices.tables import Invoice, InvoiceLine, InvoiceTitle
from orders.invoices.tax import Split, after_discount, split
from orders.invoices.views import InvoiceBrief, InvoiceLineView, InvoiceView, TitleView
from orders.money import part_worth
from orders.payments.booking import NOT_OWED, owed
from orders.sales.tables import Order, OrderedLine

Holder = AsyncSession | AsyncConnection
BUYER = ("title", "tax_no", "address", "phone", "bank", "account", "email")
_NOTHING = Decimal(0)


async def titles(holder: Holder, customer_id: int) -> tuple[TitleView, ...]:
    """The main one first."""
    table = InvoiceTitle
    columns = [getattr(table, name) for name in TitleView.__dataclass_fields__]
    rows = await holder.execute(
        select(*columns)
        .where(table.customer_id == customer_id)
        .order_by(table.is_main.desc(), table.id)
    )
    return tuple(TitleView(*row) for row in rows)


async def left_to_invoice(session: AsyncSession, order: Order) -> tuple[InvoiceLineView, ...]:
    """The lines of the order with what is not invoiced; the order's row is held."""
    line = OrderedLine
    rows: Sequence[Any] = (
        await session.execute(
            select(
                line.line_no, line.sku, Product.name_zh, line.unit, line.tax_rate, line.line_total
            )
            .join(Product, Product.sku == line.sku)
            .where(line.order_id == order.id)
            .order_by(line.line_no)
        )
    ).all()
    worth = await worth_now(session, order)
    done = await _invoiced(session, order.id)
    return tuple(
        _view(row, split(worth[row.line_no] - done.get(row.line_no, _NOTHING), row.tax_rate))
        for row in rows
        if worth[row.line_no] > done.get(row.line_no, _NOTHING)
    )


async def worth_now(session: AsyncSession, order: Order) -> dict[int, Decimal]:
    """By line of the order, what it is to bring after discounts and without what came back."""
    line = OrderedLine
    rows = (
        await session.execute(
            select(line.line_no, line.line_total, line.quantity, line.returned)
            .where(line.order_id == order.id)
            .order_by(line.line_no)
        )
    ).all()
    whole = after_discount([row.line_total for row in rows], order.total)
    kept = [
        worth - part_worth(worth, row.quantity, row.returned)
        for row, worth in zip(rows, whole, strict=True)
    ]
    return dict(zip((row.line_no for row in rows), after_discount(kept, owed(order)), strict=True))


async def left_of(session: AsyncSession, invoice_id: int) -> dict[int, InvoiceLineView]:
    """By line of the order, what red letters have not taken back of an invoice."""
    lines = {each.order_line: each for each in await _lines(session, invoice_id)}
    red = InvoiceLine
    rows = await session.execute(
        select(red.order_line, func.sum(red.gross), func.sum(red.net), func.sum(red.tax))
        .join(Invoice, Invoice.id == red.invoice_id)
        .where(Invoice.red_of == invoice_id, Invoice.state != "void")
        .group_by(red.order_line)
    )
    for order_line, gross, net, tax in rows:
        whole = lines[order_line]
        left = Split(whole.gross - gross, whole.net - net, whole.tax - tax)
        if left.gross:
            lines[order_line] = with_split(whole, left)
        else:
            del lines[order_line]
    return lines


def with_split(line: InvoiceLineView, made: Split) -> InvoiceLineView:
    return InvoiceLineView(
        line.order_line,
        line.sku,
        line.name,
        line.unit,
        line.tax_rate,
        made.gross,
        made.net,
        made.tax,
    )


async def one(holder: Holder, actor: Actor, invoice_id: int) -> InvoiceView:
    """Raises UnknownInvoice, also for an invoice of a customer this person may not see."""
    row = (await holder.execute(_invoices(actor).where(Invoice.id == invoice_id))).one_or_none()
    if row is None:
        raise UnknownInvoice("invoice", invoice_id)
    return InvoiceView(InvoiceBrief(*row), await _lines(holder, invoice_id))


async def listed(holder: Holder, actor: Actor, query: InvoiceQuery) -> tuple[InvoiceBrief, ...]:
    wanted = _invoices(actor).order_by(Invoice.id.desc()).limit(query.limit)
    if query.state is not None:
        wanted = wanted.where(Invoice.state == query.state)
    if query.order_id is not None:
        wanted = wanted.where(Invoice.order_id == query.order_id)
    if query.before is not None:
        wanted = wanted.where(Invoice.id < query.before)
    if query.to_take_back:
        red = Invoice.__table__.alias()
        taken_back = (
            select(func.coalesce(func.sum(red.c.gross), 0))
            .where(red.c.red_of == Invoice.id, red.c.state != "void")
            .scalar_subquery()
        )
        wanted = wanted.where(
            Invoice.state == "issued",
            Invoice.red_of.is_(None),
            Order.status.in_(NOT_OWED),
            Invoice.gross > taken_back,
        )
    return tuple(InvoiceBrief(*row) for row in await holder.execute(wanted))


def _invoices(actor: Actor) -> Select[*tuple[Any, ...]]:
    columns = [
        Order.number if name == "order_number" else getattr(Invoice, name)
        for name in InvoiceBrief.__dataclass_fields__
    ]
    return (
        select(*columns)
        .join(Order, Order.id == Invoice.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(within_scope(actor))
    )


async def _lines(holder: Holder, invoice_id: int) -> tuple[InvoiceLineView, ...]:
    columns = [getattr(InvoiceLine, name) for name in InvoiceLineView.__dataclass_fields__]
    rows = await holder.execute(
        select(*columns)
        .where(InvoiceLine.invoice_id == invoice_id)
        .order_by(InvoiceLine.order_line)
    )
    return tuple(InvoiceLineView(*row) for row in rows)


async def _invoiced(session: AsyncSession, order_id: int) -> dict[int, Decimal]:
    """By line: what is on invoices, less what issued red letters took back."""
    line = InvoiceLine
    signed = case((Invoice.red_of.is_(None), line.gross), else_=-line.gross)
    counts = case(
        (Invoice.red_of.is_(None), Invoice.state != "void"), else_=Invoice.state == "issued"
    )
    rows: Sequence[Any] = (
        await session.execute(
            select(line.order_line, func.sum(signed))
            .join(Invoice, Invoice.id == line.invoice_id)
            .where(Invoice.order_id == order_id, counts)
            .group_by(line.order_line)
        )
    ).all()
    return dict(tuple(row) for row in rows)


def _view(row: Any, made: Split) -> InvoiceLineView:
    return InvoiceLineView(
        row.line_no, row.sku, row.name_zh, row.unit, row.tax_rate, made.gross, made.net, made.tax
    )
