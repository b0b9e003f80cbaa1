"""The services of orders, made once for whoever composes a program of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.people.login_limits import Allowance
from orders.aftersales.exceptions.service import ExceptionService
from orders.aftersales.returns.service import ReturnService
from orders.catalogue.service import CatalogueService
from orders.connections.addresses import Networks
from orders.connections.services import Connections
from orders.delivery import carriage, consignees
from orders.delivery.courier_service import CourierService
from orders.delivery.fleet_service import FleetService
from orders.delivery.paper_service import PaperService
from orders.delivery.papers.content import Sender
from orders.delivery.run_service import RunService
from orders.delivery.service import WaybillService
from orders.invoices.service import InvoiceService
from orders.offers.papers import QuotePapers
from orders.offers.service import OfferService
from orders.payments.debit.service import DebitService
from orders.payments.gateway import GatewayService
from orders.payments.ports import Gateway
from orders.payments.service import PaymentService
from orders.payments.statements.service import StatementService
from orders.pricing.service import PriceRuleService
from orders.progress.links import LinkTerms
from orders.progress.service import ProgressService
from orders.quotas.service import QuotaService
from orders.review.service import ReviewRuleService
from orders.sales.assortment import AssortmentService
from orders.sales.changes import OrderChanges
from orders.sales.inquiries import LIMIT, InquiryService
from orders.sales.quotes import QuoteService
from orders.sales.recall import RecallService
from orders.sales.service import OrderService
from orders.settlement.accounts.statement import AccountService
from orders.settlement.finishing import Finisher
from orders.settlement.periods.service import PeriodService
from orders.settlement.report import SettlementReport
from orders.settlement.service import SettlementService
from orders.settlement.suppliers import SupplierService
from orders.stock.documents.service import DocumentService
from orders.stock.planning.service import PlanningService
from orders.stock.service import StockService
from orders.suggestions.service import SuggestionService


@dataclass(frozen=True, slots=True)
class Trade:
    """One of each."""

    orders: OrderService
    inquiries: InquiryService
    assortment: AssortmentService
    changes: OrderChanges
    review_rules: ReviewRuleService
    quotas: QuotaService
    quotes: QuoteService
    offers: OfferService
    catalogue: CatalogueService
    price_rules: PriceRuleService
    connections: Connections
    stock: StockService
    stock_documents: DocumentService
    stock_planning: PlanningService
    recalls: RecallService
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
    progress: ProgressService
    suggestions: SuggestionService
    returns: ReturnService
    exceptions: ExceptionService
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
        zone: ZoneInfo | None = None,
        sender: Sender | None = None,
        font: Path | None = None,
        gateway: Gateway | None = None,
        debit_merchant: str = "",
        secrets_key: bytes | None = None,
        callable_networks: Networks = (),
        links: LinkTerms | None = None,
        inquiry_limit: Allowance = LIMIT,
    ) -> Self:
        """None is started; `channels` are those that have a notifier, `zone` is the company's; `sender` stands
        on shipping papers, which are set in `font`, or in one that the machine has; `gateway` is where
        customers pay, `debit_merchant` our number at the bank that debits accounts, `links` how customers are
        sent to the pages of their orders.

        Without `secrets_key` there are no connections; `callable_networks` they may call besides the internet.
        """
        zone = zone or ZoneInfo("Asia/Shanghai")
        sender = sender or Sender("")
        orders = OrderService(database, bus, clock=clock, channels=channels, zone=zone)
        quotes = QuoteService(database, orders.place, clock=clock, zone=zone)
        till = GatewayService(database, bus, gateway, clock=clock, channels=channels)
        return cls(
            orders=orders,
            inquiries=InquiryService(database, clock=clock, limit=inquiry_limit),
            assortment=AssortmentService(database, clock=clock, zone=zone),
            changes=OrderChanges(
                database,
                bus,
                clock=clock,
                channels=channels,
                zone=zone,
                goes_to=consignees.follow,
                carried_by=carriage.expected,
            ),
            quotas=QuotaService(database, clock=clock, zone=zone),
            review_rules=ReviewRuleService(database, clock=clock),
            quotes=quotes,
            offers=OfferService(
                database,
                quotes,
                QuotePapers(database, clock=clock, zone=zone, sender=sender, font=font),
                channels=channels,
                clock=clock,
            ),
            catalogue=CatalogueService(database, clock=clock),
            price_rules=PriceRuleService(database, clock=clock),
            connections=Connections.of(
                database, clock=clock, secrets_key=secrets_key, allowed=callable_networks
            ),
            stock=StockService(database, bus, clock=clock, zone=zone),
            stock_documents=DocumentService(database, bus, clock=clock, zone=zone),
            stock_planning=PlanningService(database),
            recalls=RecallService(database),
            couriers=CourierService(database, clock=clock),
            waybills=WaybillService(database, bus, clock=clock, channels=channels, zone=zone),
            papers=PaperService(database, clock=clock, zone=zone, sender=sender, font=font),
            fleet=FleetService(database),
            runs=RunService(database, bus, clock=clock, channels=channels, zone=zone),
            payments=PaymentService(database, bus, clock=clock, channels=channels),
            gateway=till,
            debits=DebitService(
                database, bus, clock=clock, merchant=debit_merchant, channels=channels
            ),
            statements=StatementService(database, gateway, clock=clock, zone=zone),
            invoices=InvoiceService(database, clock=clock),
            progress=ProgressService(
                database, bus, till, links or LinkTerms(), clock=clock, zone=zone
            ),
            suggestions=SuggestionService(database, clock=clock, zone=zone),
            returns=ReturnService(database, bus, clock=clock, channels=channels, zone=zone),
            exceptions=ExceptionService(database, bus, clock=clock, channels=channels, zone=zone),
            periods=PeriodService(database, clock=clock, zone=zone),
            settlements=SettlementService(database, clock=clock, zone=zone),
            settlement_report=SettlementReport(database, zone=zone),
            finisher=Finisher(database, bus, clock=clock, channels=channels),
            suppliers=SupplierService(database, clock=clock),
            accounts=AccountService(database, clock=clock, zone=zone),
        )
