"""SQL that reads the planning of stock for people."""

from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from orders.catalogue.tables import Product, ProductPack
from orders.stock.planning.advice import Expected, Situation, advise
from orders.stock.planning.commands import AdviceQuery, AlarmQuery, PlanQuery
from orders.stock.planning.demand import WAITING
from orders.stock.planning.tables import StockAlarm, StockForecast, StockPolicy
from orders.stock.planning.views import (
    AdviceView,
    AlarmView,
    ForecastError,
    ForecastView,
    PolicyView,
)
from orders.stock.planning.worker import LEAD_DAYS
from orders.stock.reading import ON_THE_WAY, after, of_goods
from orders.stock.tables import Stock, StockBatch

_SAME_POLICY = and_(StockPolicy.sku == Stock.sku, StockPolicy.warehouse == Stock.warehouse)
_SAME_FORECAST = and_(StockForecast.sku == Stock.sku, StockForecast.warehouse == Stock.warehouse)
_ON_ITS_WAY = and_(ON_THE_WAY.c.sku == Stock.sku, ON_THE_WAY.c.warehouse == Stock.warehouse)
_WAITS = and_(WAITING.c.sku == Stock.sku, WAITING.c.warehouse == Stock.warehouse)
_PACK = select(func.min(ProductPack.factor)).where(ProductPack.sku == Stock.sku).scalar_subquery()
_POLICY = (
    StockPolicy.sku,
    StockPolicy.warehouse,
    StockPolicy.min_quantity,
    StockPolicy.target_quantity,
    StockPolicy.lead_days,
    StockPolicy.lot,
    StockPolicy.version,
)


def _page(found: Select[*tuple[Any, ...]], query: PlanQuery) -> Select[*tuple[Any, ...]]:
    found = of_goods(found.join(Product, Product.sku == Stock.sku), query.sku, query.category_code)
    if query.warehouse is not None:
        found = found.where(Stock.warehouse == query.warehouse)
    return (
        found.where(after(Stock, query.after, query.after_warehouse))
        .order_by(Stock.sku, Stock.warehouse)
        .limit(query.limit)
    )


async def policies(connection: AsyncConnection, query: PlanQuery) -> tuple[PolicyView, ...]:
    found = select(*_POLICY).select_from(Stock).join(StockPolicy, _SAME_POLICY)
    return tuple(PolicyView(*row) for row in await connection.execute(_page(found, query)))


async def forecasts(connection: AsyncConnection, query: PlanQuery) -> tuple[ForecastView, ...]:
    found: Select[*tuple[Any, ...]] = (
        select(
            StockForecast.sku,
            StockForecast.warehouse,
            StockForecast.made_on,
            StockForecast.history_days,
            StockForecast.horizon_days,
            StockForecast.method,
            StockForecast.expected,
            StockForecast.deviation,
            StockForecast.origins,
            StockForecast.errors,
        )
        .select_from(Stock)
        .join(StockForecast, _SAME_FORECAST)
    )
    rows = await connection.execute(_page(found, query))
    return tuple(
        ForecastView(
            **dict(row._mapping) | {"errors": tuple(ForecastError(**each) for each in row.errors)}  # noqa: SLF001
        )
        for row in rows
    )


async def advice(connection: AsyncConnection, query: AdviceQuery) -> tuple[AdviceView, ...]:
    found: Select[*tuple[Any, ...]] = (
        select(
            Stock.sku,
            Product.name_zh,
            Product.name_en,
            Stock.warehouse,
            (Stock.on_hand - Stock.reserved - Stock.blocked).label("available"),
            func.coalesce(ON_THE_WAY.c.quantity, 0).label("on_the_way"),
            func.coalesce(WAITING.c.quantity, 0).label("waiting"),
            StockPolicy.min_quantity,
            StockPolicy.target_quantity,
            StockPolicy.lead_days,
            func.coalesce(StockPolicy.lot, _PACK, Product.order_step).label("lot"),
            StockForecast.expected,
            StockForecast.deviation,
            StockForecast.horizon_days,
            StockForecast.method,
        )
        .outerjoin(StockPolicy, _SAME_POLICY)
        .outerjoin(ON_THE_WAY, _ON_ITS_WAY)
        .outerjoin(WAITING, _WAITS)
        .join(StockForecast, _SAME_FORECAST)
        .where(Product.active)
    )
    rows = await connection.execute(_page(found, query))
    return tuple(_advised(row, query.service_level) for row in rows)


def _advised(row: Any, service_level: float) -> AdviceView:
    situation = Situation(
        row.available,
        int(row.on_the_way),
        int(row.waiting),
        row.min_quantity or 0,
        row.target_quantity or 0,
        row.lead_days or LEAD_DAYS,
        row.lot,
    )
    expected = Expected(float(row.expected), float(row.deviation), row.horizon_days, row.method)
    advised = advise(situation, expected, service_level)
    return AdviceView(
        row.sku, row.name_zh, row.name_en, row.warehouse, advised.quantity, advised.why
    )


async def alarms(connection: AsyncConnection, query: AlarmQuery) -> tuple[AlarmView, ...]:
    found: Select[*tuple[Any, ...]] = (
        select(
            StockAlarm.id,
            StockAlarm.kind,
            StockAlarm.sku,
            Product.name_zh,
            Product.name_en,
            StockAlarm.warehouse,
            StockAlarm.batch_id,
            StockBatch.batch_no,
            StockAlarm.quantity,
            StockAlarm.bound,
            StockAlarm.raised_at,
            StockAlarm.ended_at,
        )
        .join(Product, Product.sku == StockAlarm.sku)
        .outerjoin(StockBatch, StockBatch.id == StockAlarm.batch_id)
        .order_by(StockAlarm.id.desc())
        .limit(query.limit)
    )
    equal = query.model_dump(include={"kind", "sku", "warehouse"})
    for name, value in equal.items():
        if value is not None:
            found = found.where(getattr(StockAlarm, name) == value)
    if not query.ended:
        found = found.where(StockAlarm.ended_at.is_(None))
    if query.before is not None:
        found = found.where(StockAlarm.id < query.before)
    return tuple(AlarmView(*row) for row in await connection.execute(found))
