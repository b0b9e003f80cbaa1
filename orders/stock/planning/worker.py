"""The worker that forecasts, once a day for each product and warehouse. Rule: it works in small parts, beside the
loop, and a part that is done twice by two daemons gives the same.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert

from crm_core.db import Database
from crm_core.worker import Worker
from orders.catalogue.tables import Product
from orders.stock.planning import demand
from orders.stock.planning.forecast import History, forecast
from orders.stock.planning.tables import StockForecast, StockPolicy
from orders.stock.tables import Stock

LEAD_DAYS = 7
_EVERY_S = 1800.0
_BATCH = 100
_CENT = Decimal("0.01")


class ForecastWorker(Worker):
    """Looks every `every_s` seconds for products whose forecast is of an earlier day."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: ZoneInfo,
        every_s: float = _EVERY_S,
    ) -> None:
        super().__init__("stock-forecast", every_s=every_s, batch=_BATCH)
        self._database = database
        self._clock = clock
        self._zone = zone

    async def run_once(self) -> int:
        """One part; how many were forecast. Raises DatabaseUnavailable."""
        today = self._clock().astimezone(self._zone).date()
        async with self._database.begin() as session:
            await demand.open_balances(session)
        async with self._database.reading() as connection:
            rows = (await connection.execute(_stale(today))).all()
            keys = [(sku, warehouse) for sku, warehouse, _ in rows]
            histories = await demand.histories(connection, keys, today, self._zone)
        horizons = {(sku, warehouse): days or LEAD_DAYS for sku, warehouse, days in rows}
        work = [(key, histories[key], horizons[key]) for key in keys]
        made = await asyncio.to_thread(_forecast_all, work, today)
        if made:
            async with self._database.begin() as session:
                written = insert(StockForecast).values(made)
                kept = {name: written.excluded[name] for name in made[0] if name not in _KEY}
                await session.execute(
                    written.on_conflict_do_update(index_elements=list(_KEY), set_=kept)
                )
        return len(made)


_KEY = ("sku", "warehouse")


def _stale(today: date) -> Any:
    """(sku, warehouse, lead days) of what is sold and not yet forecast today."""
    same = and_(StockForecast.sku == Stock.sku, StockForecast.warehouse == Stock.warehouse)
    policy = and_(StockPolicy.sku == Stock.sku, StockPolicy.warehouse == Stock.warehouse)
    return (
        select(Stock.sku, Stock.warehouse, StockPolicy.lead_days)
        .join(Product, Product.sku == Stock.sku)
        .outerjoin(StockForecast, same)
        .outerjoin(StockPolicy, policy)
        .where(
            Product.active,
            or_(StockForecast.made_on.is_(None), StockForecast.made_on < today),
        )
        .order_by(Stock.sku, Stock.warehouse)
        .limit(_BATCH)
    )


def _forecast_all(
    work: Sequence[tuple[demand.Key, History, int]], today: date
) -> list[dict[str, Any]]:
    rows = []
    for (sku, warehouse), history, horizon in work:
        made = forecast(history, horizon)
        rows.append(
            {
                "sku": sku,
                "warehouse": warehouse,
                "made_on": today,
                "history_days": len(history),
                "horizon_days": horizon,
                "method": made.method,
                "expected": Decimal(made.expected).quantize(_CENT),
                "deviation": Decimal(made.deviation).quantize(_CENT),
                "origins": made.origins,
                "errors": [_rounded(asdict(each)) for each in made.errors],
            }
        )
    return rows


def _rounded(error: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in error.items()}
