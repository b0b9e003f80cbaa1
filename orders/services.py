"""The services of orders, made once for whoever composes a program of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from crm_core.bus import Bus
from crm_core.db import Database
from orders.catalogue.service import CatalogueService
from orders.pricing.service import PriceRuleService
from orders.sales.quotes import QuoteService
from orders.sales.recall import RecallService
from orders.sales.service import OrderService
from orders.stock.documents.service import DocumentService
from orders.stock.planning.service import PlanningService
from orders.stock.service import StockService


@dataclass(frozen=True, slots=True)
class Trade:
    """One of each."""

    orders: OrderService
    quotes: QuoteService
    catalogue: CatalogueService
    price_rules: PriceRuleService
    stock: StockService
    stock_documents: DocumentService
    stock_planning: PlanningService
    recalls: RecallService

    @classmethod
    def of(
        cls,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
        zone: ZoneInfo | None = None,
    ) -> Self:
        """None is started; `channels` are those that have a notifier, `zone` is the company's."""
        zone = zone or ZoneInfo("Asia/Shanghai")
        orders = OrderService(database, bus, clock=clock, channels=channels, zone=zone)
        return cls(
            orders=orders,
            quotes=QuoteService(database, orders.place, clock=clock, zone=zone),
            catalogue=CatalogueService(database, clock=clock),
            price_rules=PriceRuleService(database, clock=clock),
            stock=StockService(database, bus, clock=clock, zone=zone),
            stock_documents=DocumentService(database, bus, clock=clock, zone=zone),
            stock_planning=PlanningService(database),
            recalls=RecallService(database),
        )
