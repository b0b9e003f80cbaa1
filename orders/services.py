"""The services of orders, made once for whoever composes a program of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from crm_core.bus import Bus
from crm_core.db import Database
from orders.catalogue.service import CatalogueService
from orders.delivery.courier_service import CourierService
from orders.delivery.fleet_service import FleetService
from orders.delivery.paper_service import PaperService
from orders.delivery.papers.content import Sender
from orders.delivery.run_service import RunService
from orders.delivery.service import WaybillService
from orders.invoices.service import InvoiceService
from orders.payments.debit.service import DebitService
from orders.payments.gateway import GatewayService
from orders.payments.ports import Gateway
from orders.payments.service import PaymentService
from orders.payments.statements.service import StatementService
from orders.pricing.service import PriceRuleService
from orders.quotas.service import QuotaService
from orders.review.service import ReviewRuleService
from orders.sales.changes import OrderChanges
from orders.sales.quotes import QuoteService
from orders.sales.service import OrderService
from orders.settlement.accounts.statement import AccountService
from orders.settlement.finishing import Finisher
from orders.settlement.periods.service import PeriodService
from orders.settlement.report import SettlementReport
from orders.settlement.service import SettlementService
from orders.settlement.suppliers import SupplierService


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
    couriers: CourierService
    waybills: WaybillService
    papers: PaperService
    fleet: FleetService
    runs: RunService
    payments: PaymentService
    gateway: GatewayService
    debits: DebitService
    statements: StatementService
    invoices: InvoiceService
    periods: PeriodService
    settlements: SettlementService
    settlement_report: SettlementReport
    finisher: Finisher
    suppliers: SupplierService
    accounts: AccountService

    @classmethod
    def of(
        cls,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
        zone: tzinfo | None = None,
        sender: Sender | None = None,
        font: Path | None = None,
        gateway: Gateway | None = None,
        debit_merchant: str = "",
    ) -> Self:
        """None is started; `channels` are those that have a notifier, `zone` is the company's; `sender` stands
        on shipping papers, which are set in `font`, or in one that the machine has; `gateway` is where
        customers pay, `debit_merchant` our number at the bank that debits accounts.
        """
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
            couriers=CourierService(database, clock=clock),
            waybills=WaybillService(database, bus, clock=clock, channels=channels, zone=zone),
            papers=PaperService(
                database, clock=clock, zone=zone, sender=sender or Sender(""), font=font
            ),
            fleet=FleetService(database),
            runs=RunService(database, bus, clock=clock, channels=channels, zone=zone),
            payments=PaymentService(database, bus, clock=clock, channels=channels),
            gateway=GatewayService(database, bus, gateway, clock=clock, channels=channels),
            debits=DebitService(
                database, bus, clock=clock, merchant=debit_merchant, channels=channels
            ),
            statements=StatementService(database, gateway, clock=clock, zone=zone),
            invoices=InvoiceService(database, clock=clock),
            periods=PeriodService(database, clock=clock, zone=zone),
            settlements=SettlementService(database, clock=clock, zone=zone),
            settlement_report=SettlementReport(database, zone=zone),
            finisher=Finisher(database, bus, clock=clock),
            suppliers=SupplierService(database, clock=clock),
            accounts=AccountService(database, clock=clock, zone=zone),
        )
