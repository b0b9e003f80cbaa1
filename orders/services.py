"""The services of orders, made once for whoever composes a program of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

from crm_core.bus import Bus
from crm_core.db import Database
from orders.catalogue.service import CatalogueService
from orders.connections.addresses import Networks
from orders.connections.services import Connections
from orders.pricing.service import PriceRuleService
from orders.sales.quotes import QuoteService
from orders.sales.service import OrderService


@dataclass(frozen=True, slots=True)
class Trade:
    """One of each."""

    orders: OrderService
    quotes: QuoteService
    catalogue: CatalogueService
    price_rules: PriceRuleService
    connections: Connections

    @classmethod
    def of(
        cls,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
        zone: tzinfo | None = None,
        secrets_key: bytes | None = None,
        callable_networks: Networks = (),
    ) -> Self:
        """None is started; `channels` are those that have a notifier, `zone` is the company's.

        Without `secrets_key` there are no connections; `callable_networks` they may call besides the internet.
        """
        zone = zone or ZoneInfo("Asia/Shanghai")
        orders = OrderService(database, bus, clock=clock, channels=channels, zone=zone)
        return cls(
            orders=orders,
            quotes=QuoteService(database, orders.place, clock=clock, zone=zone),
            catalogue=CatalogueService(database, clock=clock),
            price_rules=PriceRuleService(database, clock=clock),
            connections=Connections.of(
                database, clock=clock, secrets_key=secrets_key, allowed=callable_networks
            ),
        )
