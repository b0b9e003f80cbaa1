"""What goes on in the background, apart from calls."""

from collections.abc import Sequence
from datetime import timedelta

from acd.log.expiry import CallsExpire, Keeping
from acd.voicemail_todos import VoicemailTodos
from crm_core.audit.expiry import AuditExpiry
from crm_core.audit.sealing import AuditSealer
from crm_core.benefits.runs import CouponRuns
from crm_core.care.worker import CareWorker
from crm_core.complaints.alarms import ComplaintAlarms
from crm_core.db import Database
from crm_core.exchange.worker import ExchangeWorker
from crm_core.faxes.retention import FaxPurge
from crm_core.insight.worker import InsightWorker
from crm_core.messages.watching import OutboxPurge, OutboxWatch
from crm_core.notices.sending import NoticeSender
from crm_core.people.purging import AccountPurge
from crm_core.places.finder import Places
from crm_core.places.watch import PlacesWatch
from crm_core.privacy.deadlines import PrivacyDeadlines
from crm_core.privacy.watch import ErasureWatch
from crm_core.request_keys.service import RequestKeyPurge
from crm_core.services import Crm
from crm_core.todos.alarms import TodoAlarms
from crm_core.worker import Worker
from dialer.notice_source import never_called
from ivr.line.live import LiveLine
from orders.aftersales.exceptions.service import ExceptionEscalation
from orders.connections.delivering import WebhookDeliverer
from orders.connections.purging import ConnectionPurge
from orders.connections.sequencing import EventSequencer
from orders.connections.working import ConnectionWorker
from orders.delivery.late import LateParcels
from orders.invoices.asking import InvoiceAsking
from orders.payments.watch import OverpaidWatch, PaymentWatch
from orders.sales.rounds import BackorderFilling, OrderApproval
from orders.services import Trade
from orders.settlement.accounts.overdue import OverdueWorker
from orders.settlement.finishing import SettlementWorker
from orders.stock.expiry import ExpiryWorker
from orders.stock.planning.alarms import StockAlarms
from orders.stock.planning.worker import ForecastWorker
from orders.suggestions.counting import PairCounting
from webui.described import describer
from zongji.core import care_sources, insight_sources, now
from zongji.exchange import launch
from zongji.parts.ground import Ground
from zongji.parts.recording import sound_retention
from zongji.settings import CallSettings, Settings


def background(
    ground: Ground,
    *,
    crm: Crm,
    trade: Trade,
    live: LiveLine,
    places: Places,
    channels: Sequence[str],
) -> tuple[Worker, ...]:
    """Everything that is not started yet."""
    settings, database = ground.settings, ground.database
    return (
        *_workers(ground),
        *_order_workers(settings, database, trade),
        *_connecting(ground, crm=crm, trade=trade, channels=channels),
        *_keepers(settings, database, crm),
        sound_retention(settings, database, live),
        PlacesWatch(database, places),
    )


def _workers(ground: Ground) -> tuple[Worker, ...]:
    """What goes on in the background of the SQL core and of orders."""
    settings, database, bus = ground.settings, ground.database, ground.bus
    return (
        AccountPurge(database, clock=now),
        AuditSealer(database, settings.audit_anchor, clock=now),
        CareWorker(database, care_sources(settings), clock=now),
        ComplaintAlarms(database, clock=now),
        CouponRuns(database, clock=now),
        ExchangeWorker(database, launch, settings.var / "exchange", clock=now),
        ExpiryWorker(database, bus, clock=now, zone=settings.zone),
        ForecastWorker(database, clock=now, zone=settings.zone),
        InsightWorker(database, insight_sources(settings), clock=now),
        LateParcels(database, clock=now),
        NoticeSender(database, clock=now, never_called=never_called),
        OverpaidWatch(database, clock=now),
        OutboxPurge(database, clock=now, kept=timedelta(days=settings.messages.kept_days)),
        OutboxWatch(database, bus, clock=now),
        PrivacyDeadlines(
            database,
            clock=now,
            zone=settings.zone,
            before=timedelta(days=settings.privacy.remind_days),
        ),
        StockAlarms(database, clock=now, zone=settings.zone),
        VoicemailTodos(database, clock=now),
        TodoAlarms(database, bus, clock=now),
    )


def _order_workers(settings: Settings, database: Database, trade: Trade) -> tuple[Worker, ...]:
    """What orders do by themselves."""
    workers: list[Worker] = [
        BackorderFilling(database, trade.orders),
        PairCounting(database, clock=now),
        ExceptionEscalation(database, trade.exceptions, clock=now),
        InvoiceAsking(database, trade.invoices),
        OverdueWorker(database, clock=now, zone=settings.zone),
        SettlementWorker(trade.finisher),
    ]
    if settings.approve_orders_after_min is not None:
        after = timedelta(minutes=settings.approve_orders_after_min)
        workers.append(OrderApproval(database, trade.orders, clock=now, after=after))
    if settings.wechat_pay is not None:
        workers.append(PaymentWatch(database, trade.gateway, clock=now))
    return tuple(workers)


def _connecting(
    ground: Ground, *, crm: Crm, trade: Trade, channels: Sequence[str]
) -> tuple[Worker, ...]:
    """What goes on between us and other programs."""
    settings, database, bus = ground.settings, ground.database, ground.bus
    used = trade.connections
    describe = describer(database, crm, trade)
    return (
        EventSequencer(database, clock=now),
        WebhookDeliverer(database, used.vault, used.outgoing, describe, bus, clock=now),
        ConnectionWorker(
            database, used.clients, bus, clock=now, channels=channels, zone=settings.zone
        ),
        ConnectionPurge(database, clock=now),
        RequestKeyPurge(database, clock=now),
    )


def _keepers(settings: Settings, database: Database, crm: Crm) -> tuple[Worker, ...]:
    """What keeps to what was promised of data: erased is forgotten, and what is old goes."""
    workers: list[Worker] = [
        ErasureWatch(database, crm.customers.forget, crm.customers.learn),
        CallsExpire(database, _keeping(settings.calls), clock=now),
    ]
    if settings.audit_keep_days is not None:
        keep = timedelta(days=settings.audit_keep_days)
        workers.append(AuditExpiry(crm.audit, settings.audit_archives, keep, clock=now))
    if settings.faxes_keep_days is not None:
        kept = timedelta(days=settings.faxes_keep_days)
        workers.append(FaxPurge(database, settings.fax_folder, clock=now, kept=kept))
    return tuple(workers)


def _keeping(calls: CallSettings) -> Keeping:
    def days(kept: int | None) -> timedelta | None:
        return None if kept is None else timedelta(days=kept)

    return Keeping(steps=days(calls.keep_steps_days), personal=days(calls.keep_personal_days))
