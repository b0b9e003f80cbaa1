"""“Can it be fulfilled”: what somebody who reviews an order must know. Rule: it only reads; the rules of
review are asked as things stand now.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

import asyncpg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer, PaymentTerms
from crm_core.rights import Actor
from orders.lines import OrderLine
from orders.money import to_fen, total_of
from orders.reasons import Reason
from orders.sales import editing, facts, reading, reviewing
from orders.sales.flow import HOLDS_STOCK, Status
from orders.sales.views import OrderView
from orders.stock.planning.tables import StockPolicy
from orders.stock.tables import Stock


@dataclass(frozen=True, slots=True)
class LineStock:
    """Base units of a product: what the order wants of it, and what could be had; `short` is what is
    missing. `cost` is what the wanted goods cost on average (yuan), `there_on` when all of them could be there: None
    where goods are short and nobody has said how long new ones take.
    """

    sku: str
    name_zh: str
    name_en: str
    wanted: int
    reserved: int
    available: int
    short: int
    cost: Decimal
    there_on: date | None


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
    """`can_be_fulfilled`: every product is there, `ready_on`: by when it can be. `cost` and `margin` are of the
    whole order, in yuan. `verdict` is what the rules say now (pass, hold, reject).
    """

    order: OrderView
    can_be_fulfilled: bool
    ready_on: date | None
    cost: Decimal
    margin: Decimal
    lines: tuple[LineStock, ...]
    standing: CustomerStanding
    verdict: str
    why: tuple[Reason, ...]


async def report(
    session: AsyncSession, order_id: int, actor: Actor, now: datetime, zone: tzinfo
) -> ReviewReport:
    """Raises UnknownOrder, UnknownProduct."""
    order = await reading.order(session, order_id, actor)
    wanted = await editing.base_quantities(session, order_id)
    day = order.placed_at.astimezone(zone).date()
    asked = [OrderLine(sku, quantity) for sku, quantity in wanted.items()]
    rows = await facts.read(session, order.customer_id, asked, day, warehouse=order.warehouse)
    holds = Status(order.status) in HOLDS_STOCK
    today = now.astimezone(zone).date()
    supply = await _supply(session, order.warehouse, wanted)
    lines = tuple(_line(row, wanted[row["sku"]], supply, today, holds=holds) for row in rows)
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
    days = [line.there_on for line in lines]
    ready = None if None in days else max(day for day in days if day is not None)
    cost = total_of(line.cost for line in lines)
    return ReviewReport(
        order, there, ready, cost, order.total - cost, lines, standing, str(assessed.verdict),
        assessed.why,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Supply:
    """Of one product: the average cost of a base unit, and how many days new goods take."""

    cost: Decimal
    lead_days: int | None


async def _supply(
    session: AsyncSession, warehouse: str, skus: Collection[str]
) -> dict[str, _Supply]:
    rows = await session.execute(
        select(Stock.sku, Stock.value, Stock.on_hand, StockPolicy.lead_days)
        .outerjoin(
            StockPolicy, (StockPolicy.sku == Stock.sku) & (StockPolicy.warehouse == Stock.warehouse)
        )
        .where(Stock.warehouse == warehouse, Stock.sku.in_(skus))
    )
    return {
        sku: _Supply(value / on_hand if on_hand else Decimal(0), days)
        for sku, value, on_hand, days in rows
    }


def _line(
    row: asyncpg.Record, quantity: int, supply: Mapping[str, _Supply], today: date, *, holds: bool
) -> LineStock:
    known = supply.get(row["sku"], _Supply(Decimal(0), None))
    short = 0 if holds else max(quantity - row["available"], 0)
    days = known.lead_days if short else 0
    return LineStock(
        row["sku"],
        row["name_zh"],
        row["name_en"],
        quantity,
        quantity if holds else 0,
        row["available"],
        short,
        to_fen(known.cost * quantity),
        None if days is None else today + timedelta(days=days),
    )


async def _terms(session: AsyncSession, customer: Customer) -> PaymentTerms | None:
    code = customer.payment_terms_code
    return None if code is None else await session.get(PaymentTerms, code)
