"""“Can it be fulfilled”: what somebody who reviews an order must know. Rule: it only reads; the rules of
review are asked as things stand now.
"""

from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer, PaymentTerms
from crm_core.rights import Actor
from orders.lines import OrderLine
from orders.reasons import Reason
from orders.sales import editing, facts, reading, reviewing
from orders.sales.flow import HOLDS_STOCK, Status
from orders.sales.views import OrderView


@dataclass(frozen=True, slots=True)
class LineStock:
    """Base units of a product: what the order wants of it, and what could be had; `short` is what is
    missing.
    """

    sku: str
    name_zh: str
    name_en: str
    wanted: int
    reserved: int
    available: int
    short: int


@dataclass(frozen=True, slots=True)
class CustomerStanding:
    """In yuan. `held` is what this order takes of the credit now, `beyond` what it lacks."""

    credit_limit: Decimal
    credit_used: Decimal
    overdue: Decimal
    held: Decimal
    beyond: Decimal
    terms_code: str | None
    terms_days: int | None
    prepaid: bool
    orders_before: int
    bad_before: int


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """`can_be_fulfilled`: every product is there. `verdict` is what the rules say now (pass, hold, reject)."""

    order: OrderView
    can_be_fulfilled: bool
    lines: tuple[LineStock, ...]
    standing: CustomerStanding
    verdict: str
    why: tuple[Reason, ...]


async def report(session: AsyncSession, order_id: int, actor: Actor, zone: tzinfo) -> ReviewReport:
    """Raises UnknownOrder, UnknownProduct."""
    order = await reading.order(session, order_id, actor)
    wanted = await editing.base_quantities(session, order_id)
    day = order.placed_at.astimezone(zone).date()
    asked = [OrderLine(sku, quantity) for sku, quantity in wanted.items()]
    rows = await facts.read(session, order.customer_id, asked, day, warehouse=order.warehouse)
    holds = Status(order.status) in HOLDS_STOCK
    lines = tuple(
        LineStock(
            row["sku"],
            row["name_zh"],
            row["name_en"],
            quantity := wanted[row["sku"]],
            quantity if holds else 0,
            row["available"],
            0 if holds else max(quantity - row["available"], 0),
        )
        for row in rows
    )
    customer = await session.get_one(Customer, order.customer_id)
    terms = await _terms(session, customer)
    held, first = order.credit_held, rows[0]
    beyond = max(order.total - held - (customer.credit_limit - customer.credit_used), Decimal(0))
    assessed = reviewing.assessment(
        rows, order.total, over_credit=beyond > 0, note=order.note, payment=order.payment, itself=1
    )
    standing = CustomerStanding(
        customer.credit_limit,
        customer.credit_used,
        customer.credit_overdue,
        held,
        beyond,
        customer.payment_terms_code,
        terms.days if terms else None,
        bool(terms and terms.prepaid),
        first["orders_before"] - 1,
        first["bad_before"],
    )
    there = not any(line.short for line in lines)
    return ReviewReport(order, there, lines, standing, str(assessed.verdict), assessed.why)


async def _terms(session: AsyncSession, customer: Customer) -> PaymentTerms | None:
    code = customer.payment_terms_code
    return None if code is None else await session.get(PaymentTerms, code)
