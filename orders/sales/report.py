"""“Can it be fulfilled”: what somebody who reviews an order must know. Rule: it only reads; the rules of
review are asked as things stand now, and what nobody knows is said to be unknown.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer, PaymentTerms
from crm_core.rights import Actor
from orders.lines import MOST_OF_ONE, OrderLine
from orders.money import to_fen, total_of
from orders.reasons import Reason
from orders.sales import facts, reading, reassessing
from orders.sales.flow import HOLDS_STOCK, Status
from orders.sales.reassessing import Judged
from orders.sales.report_views import (
    Carriage,
    CarriedBy,
    CustomerStanding,
    LineStock,
    ReviewReport,
)
from orders.sales.substitutes import instead
from orders.sales.tables import Order
from orders.sales.views import OrderLineView, OrderView
from orders.stock.planning.tables import StockPolicy
from orders.stock.tables import Stock, StockMove


async def report(
    session: AsyncSession,
    order_id: int,
    actor: Actor,
    *,
    now: datetime,
    zone: tzinfo,
    carried_by: CarriedBy,
) -> ReviewReport:
    """Raises UnknownOrder."""
    view = await reading.order(session, order_id, actor)
    order = await session.get_one(Order, order_id)
    judged = await reassessing.judge(session, order, view.lines, zone)
    lines = await _lines(session, view, judged, now.astimezone(zone).date())
    lines = await _with_substitutes(session, view, lines, zone)
    carriage = await carried_by(session, order_id)
    days = [line.there_on for line in lines]
    ready = None if None in days else max(day for day in days if day is not None)
    arrives = _arrives(carriage, ready, zone)
    holds = _holds(view.wanted_on, ready, arrives)
    freight = carriage.freight if carriage else None
    cost = _cost(lines, freight)
    return ReviewReport(
        view,
        not any(line.short for line in lines),
        ready,
        arrives,
        holds,
        carriage.courier_code if carriage else None,
        freight,
        cost,
        None if cost is None else view.total - cost,
        lines,
        await _standing(session, view, judged),
        str(judged.assessment.verdict),
        judged.assessment.why,
        (
            *(Reason("not_on_sale", {"sku": line.sku}) for line in lines if not line.on_sale),
            *(Reason("cost_unknown", {"sku": line.sku}) for line in lines if line.cost is None),
            *((Reason("freight_unknown", {}),) if freight is None else ()),
            *_of_wish(view.wanted_on, arrives or ready, holds=holds),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Supply:
    """Of one product: what a base unit costs, None where it is not known, and how many days new goods take."""

    cost: Decimal | None = None
    lead_days: int | None = None


async def _lines(
    session: AsyncSession, view: OrderView, judged: Judged, today: date
) -> tuple[LineStock, ...]:
    wanted: Counter[str] = Counter()
    for line in view.lines:
        wanted[line.sku] += line.base_quantity
    named = {line.sku: line for line in view.lines}
    supply = await _supply(session, view.warehouse, wanted)
    holds = Status(view.status) in HOLDS_STOCK
    return tuple(
        _line(row, named[row["sku"]], wanted[row["sku"]], supply, today, holds=holds)
        for row in judged.rows
    )


async def _with_substitutes(
    session: AsyncSession, view: OrderView, lines: tuple[LineStock, ...], zone: tzinfo
) -> tuple[LineStock, ...]:
    short = {line.sku for line in lines if line.short}
    if not short:
        return lines
    asked = [OrderLine(line.sku, min(line.wanted, MOST_OF_ONE)) for line in lines]
    day = view.placed_at.astimezone(zone).date()
    rows = await facts.read(session, view.customer_id, asked, day, warehouse=view.warehouse)
    others = await instead(session, rows, short, day, zone, not_order=view.id)
    found = {row["sku"]: other for row, other in zip(rows, others, strict=True)}
    return tuple(replace(line, substitutes=found[line.sku]) for line in lines)


async def _supply(
    session: AsyncSession, warehouse: str, skus: Collection[str]
) -> dict[str, _Supply]:
    """The average cost of what is there; of what has run out, or came in without a cost, the one at which it last
    moved.
    """
    last = (
        select(StockMove.value_change / StockMove.on_hand_change)
        .where(
            StockMove.sku == Stock.sku,
            StockMove.warehouse == Stock.warehouse,
            StockMove.on_hand_change != 0,
            StockMove.value_change != 0,
        )
        .order_by(StockMove.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(
            Stock.sku,
            case((Stock.value > 0, Stock.value / Stock.on_hand), else_=last),
            StockPolicy.lead_days,
        )
        .outerjoin(
            StockPolicy, (StockPolicy.sku == Stock.sku) & (StockPolicy.warehouse == Stock.warehouse)
        )
        .where(Stock.warehouse == warehouse, Stock.sku.in_(skus))
    )
    return {sku: _Supply(cost, days) for sku, cost, days in rows}


def _line(
    row: Mapping[str, Any],
    named: OrderLineView,
    quantity: int,
    supply: Mapping[str, _Supply],
    today: date,
    *,
    holds: bool,
) -> LineStock:
    known = supply.get(named.sku, _Supply())
    short = 0 if holds else max(quantity - row["available"], 0)
    days = known.lead_days if short else 0
    return LineStock(
        named.sku,
        named.name_zh,
        named.name_en,
        quantity,
        quantity if holds else 0,
        row["available"],
        short,
        None if known.cost is None else to_fen(known.cost * quantity),
        None if days is None else today + timedelta(days=days),
        row["list_price"] is not None,
    )


def _cost(lines: Sequence[LineStock], freight: Decimal | None) -> Decimal | None:
    """None when it is not known of all goods."""
    costs = [line.cost for line in lines if line.cost is not None]
    return total_of((*costs, freight or Decimal(0))) if len(costs) == len(lines) else None


def _arrives(carriage: Carriage | None, ready: date | None, zone: tzinfo) -> date | None:
    if carriage is None:
        return None
    if carriage.due_at is not None:
        return carriage.due_at.astimezone(zone).date()
    return None if ready is None else ready + timedelta(days=carriage.days)


def _holds(wanted_on: date | None, ready: date | None, arrives: date | None) -> bool | None:
    """Goods that are not even ready by the wished day are late whoever carries them."""
    if wanted_on is None:
        return None
    if arrives is not None:
        return arrives <= wanted_on
    return False if ready is not None and ready > wanted_on else None


def _of_wish(
    wanted_on: date | None, earliest: date | None, *, holds: bool | None
) -> tuple[Reason, ...]:
    if wanted_on is None or holds:
        return ()
    told = {"wanted_on": wanted_on.isoformat()}
    if holds is None or earliest is None:
        return (Reason("wished_day_unknown", told),)
    return (Reason("wished_day_missed", told | {"earliest": earliest.isoformat()}),)


async def _standing(session: AsyncSession, view: OrderView, judged: Judged) -> CustomerStanding:
    customer = await session.get_one(Customer, view.customer_id)
    code, first = customer.payment_terms_code, judged.rows[0]
    terms = None if code is None else await session.get(PaymentTerms, code)
    return CustomerStanding(
        customer.credit_limit,
        customer.credit_used,
        customer.credit_overdue,
        view.credit_held,
        judged.beyond,
        code,
        terms.days if terms else None,
        bool(terms and terms.prepaid),
        first["orders_before"] - 1,
        first["bad_before"],
    )
