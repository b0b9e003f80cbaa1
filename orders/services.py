"""The services of orders, made once for whoever composes a program of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

from crm_core.bus import Bus
from crm_core.db import Database
from orders.catalogue.service import CatalogueService
from orders.invoices.service import InvoiceService
from orders.payments.debit.service import DebitService
from orders.payments.gateway import GatewayService
from orders.payments.ports import Gateway
from orders.payments.service import PaymentService
from orders.payments.statements.service import StatementService
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
    payments: PaymentService
    gateway: GatewayService
    debits: DebitService
    statements: StatementService
    invoices: InvoiceService

    @classmethod
    def of(
        cls,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
        zone: tzinfo | None = None,
        gateway: Gateway | None = None,
        debit_merchant: str = "",
    ) -> Self:
        """None is started; `channels` are those that have a notifier, `zone` is the company's, `gateway` where
        customers pay, `debit_merchant` our number at the bank that debits accounts.
        """
        zone = zone or ZoneInfo("Asia/Shanghai")
        orders = OrderService(database, bus, clock=clock, channels=channels, zone=zone)
        return cls(
            orders=orders,
            quotes=QuoteService(database, orders.place, clock=clock, zone=zone),
            catalogue=CatalogueService(database, clock=clock),
            price_rules=PriceRuleService(database, clock=clock),
            payments=PaymentService(database, bus, clock=clock, channels=channels),
            gateway=GatewayService(database, bus, gateway, clock=clock, channels=channels),
            debits=DebitService(
                database, bus, clock=clock, merchant=debit_merchant, channels=channels
            ),
            statements=StatementService(database, gateway, clock=clock, zone=zone),
            invoices=InvoiceService(database, clock=clock),
        )
