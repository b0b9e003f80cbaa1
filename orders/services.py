"""The services of orders, made once for whoever composes a program of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

from crm_core.bus import Bus
from crm_core.db import Database
from orders.catalogue.service import CatalogueService
from orders.pricing.service import PriceRuleService
from orders.quotas.service import QuotaService
from orders.review.service import ReviewRuleService
from orders.sales.changes import OrderChanges
from orders.sales.quotes import QuoteService
from orders.sales.service import OrderService


@dataclass(frozen=True, slots=True)
class Trade:
    """One of each."""

    orders: OrderService
    changes: OrderChanges
    review_rules: ReviewRuleService
    quotas: QuotaService
    quotes: QuoteService
    catalogue: CatalogueService
    price_rules: PriceRuleService

    @classmethod
    def of(
        cls,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
        zone: tzinfo | None = None,
    ) -> Self:
        """None is started; `channels` are those that have a notifier, `zone` is the company's."""
        zone = zone or ZoneInfo("Asia/Shanghai")
        orders = OrderService(database, bus, clock=clock, channels=channels, zone=zone)
        return cls(
            orders=orders,
            changes=OrderChanges(database, bus, clock=clock, channels=channels, zone=zone),
            quotas=QuotaService(database, clock=clock, zone=zone),
            review_rules=ReviewRuleService(database, clock=clock),
            quotes=QuoteService(database, orders.place, clock=clock, zone=zone),
            catalogue=CatalogueService(database, clock=clock),
            price_rules=PriceRuleService(database, clock=clock),
        )
