"""The composition root: everything is plugged together here, in the order in which it starts.

Rule: nothing imports this module but the daemon; it holds no rules of its own.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network

from acd.fallback import FallbackMembers
from acd.journal import Journal
from acd.lineplan import LinePlan
from acd.recordings import Recordings
from acd.service import AcdService
from acd.store import AcdStore
from ami_bridge.agi import AgiSession
from ami_bridge.agi_framing import AgiEnvironment, AgiLimits
from ami_bridge.commands import PlayDtmf
from ami_bridge.events import AsteriskEvent, LinkUp
from ami_bridge.fastagi import FastAgiServer, Handler
from ami_bridge.node import NodeSettings
from ami_bridge.nodes import AsteriskNodes
from crm_core.audit.expiry import AuditExpiry
from crm_core.audit.sealing import AuditSealer
from crm_core.benefits.runs import CouponRuns
from crm_core.bus import Bus
from crm_core.care.worker import CareWorker
from crm_core.complaints.alarms import ComplaintAlarms
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.exchange.worker import ExchangeWorker
from crm_core.insight.worker import InsightWorker
from crm_core.messages.watching import OutboxPurge, OutboxWatch
from crm_core.notices.sending import NoticeSender
from crm_core.people.purging import AccountPurge
from crm_core.places.finder import Places
from crm_core.places.reach import RIGHTS, reach
from crm_core.privacy.watch import ErasureWatch
from crm_core.request_keys.service import RequestKeyPurge
from crm_core.services import Crm
from crm_core.todos.alarms import TodoAlarms
from crm_core.worker import Worker
from dialer.line import AsteriskLine, TrunkSettings
from dialer.message_calls import ANNOUNCEMENT, FAX, MessageCalls
from dialer.notice_source import never_called
from dialer.policy import DialRules
from dialer.service import Dialer
from dialer.store import DialerStore
from ivr.call import House, Line
from ivr.menu import load_line
from ivr.prompts import PromptLibrary
from orders.aftersales.exceptions.service import ExceptionEscalation
from orders.connections.delivering import WebhookDeliverer
from orders.connections.purging import ConnectionPurge
from orders.connections.sequencing import EventSequencer
from orders.connections.working import ConnectionWorker
from orders.delivery.late import LateParcels
from orders.delivery.papers.content import Sender
from orders.payments.watch import OverpaidWatch, PaymentWatch
from orders.payments.wechat.client import WechatAccount, WechatGateway
from orders.payments.wechat.signing import private_key, public_key
from orders.sales.rounds import BackorderFilling, OrderApproval
from orders.services import Trade
from orders.settlement.accounts.overdue import OverdueWorker
from orders.settlement.finishing import SettlementWorker
from orders.stock.expiry import ExpiryWorker
from orders.stock.planning.alarms import StockAlarms
from orders.stock.planning.worker import ForecastWorker
from orders.suggestions.counting import PairCounting
from webui.client_address import Proxies
from webui.described import describer
from webui.server import Tls, WebServer
from webui.services import WebOptions, WebServices
from zongji import telling
from zongji.core import care_sources, core, insight_sources, link_terms, now, secrets_key
from zongji.exchange import launch
from zongji.settings import Settings


@dataclass(frozen=True)
class Daemon:
    """What runs, for whoever watches it."""

    web: WebServer
    agi: FastAgiServer
    nodes: AsteriskNodes
    acd: AcdService
    database: Database


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Daemon]:
    """Start every part and stop them in reverse order at the end of the block."""
    async with AsyncExitStack() as stack:
        yield await _start(settings, stack)


async def _start(settings: Settings, stack: AsyncExitStack) -> Daemon:
    bus = Bus()
    plan, menus = load_line(settings.line_file)
    database = Database(settings.database_url.get_secret_value())
    stack.push_async_callback(database.close)
    nodes = _nodes(settings, bus)
    line = AsteriskLine(nodes, TrunkSettings(settings.trunk, settings.caller_id))
    message_calls = telling.message_calls(settings, database, line)
    notifiers = telling.notifiers(settings, database, message_calls, stack)
    channels = tuple(notifier.channel for notifier in notifiers)
    crm = core(settings, database, bus, channels=channels)
    with contextlib.suppress(DatabaseUnavailable):
        await crm.privacy.remove_files()
    crm.customers.start()
    stack.push_async_callback(crm.customers.close)
    places = Places()
    await places.load(database)

    calls = AcdStore(database)
    trade = _trade(settings, database, bus, channels, stack)
    stack.push_async_callback(trade.connections.outgoing.close)
    for worker in (
        *_workers(settings, database, bus),
        *_order_workers(settings, database, trade),
        *_connecting(settings, database, bus, crm=crm, trade=trade, channels=channels),
        *_keepers(settings, database, crm),
    ):
        worker.start()
        stack.push_async_callback(worker.close)
    acd = await _acd(settings, plan, bus, calls, stack)

    bus.subscribe(acd.on_asterisk_event, AsteriskEvent)
    await _fallback(bus, acd, nodes, stack)

    dialer = Dialer(
        DialerStore(database),
        acd,
        line,
        bus,
        clock=now,
        rules=DialRules(zone=settings.zone),
    )
    web = WebServer(
        WebServices(
            crm=crm,
            trade=trade,
            acd=acd,
            calls=calls,
            callbacks=dialer,
            recordings=settings.recording_folder,
            database=database,
            bus=bus,
            nodes=[nodes.client(name) for name in nodes.names],
            queues_of=lambda who: crm.groups.queues_of(who, tuple(plan.queue_by_name)),
            right_to_dial=lambda number: RIGHTS[reach(number, places, settings.home_area_code)],
            clock=now,
            options=_web_options(settings),
        ),
        host=settings.web.host,
        port=settings.web.port,
        tls=_tls(settings),
    )
    house = House(
        acd=acd,
        plan=plan,
        menus=menus,
        prompts=PromptLibrary(settings.var / "prompts"),
        customers=crm.customers,
        places=places,
        callbacks=dialer,
        recordings=settings.recording_folder,
        language=settings.language,
        clock=now,
    )
    agi = _agi(settings, _calls(Line(house), message_calls), nodes)
    await nodes.start()
    stack.push_async_callback(nodes.close)
    await dialer.start(lambda call_id: _spoken(acd, call_id))
    stack.push_async_callback(dialer.close)
    await agi.start()
    stack.push_async_callback(agi.close)
    with contextlib.suppress(DatabaseUnavailable):
        await message_calls.start()
    await telling.start_outbox(settings, database, bus, notifiers, stack)
    await web.start()
    stack.push_async_callback(web.close)
    return Daemon(web, agi, nodes, acd, database)


def _trade(
    settings: Settings, database: Database, bus: Bus, channels: Sequence[str], stack: AsyncExitStack
) -> Trade:
    """The services of orders, with the payment gateway when there is one."""
    gateway = _gateway(settings)
    if gateway is not None:
        stack.push_async_callback(gateway.close)
    return Trade.of(
        database,
        bus,
        clock=now,
        channels=channels,
        zone=settings.zone,
        sender=_sender(settings),
        font=settings.paper_font,
        gateway=gateway,
        debit_merchant=settings.debit_merchant,
        links=link_terms(settings),
        secrets_key=secrets_key(settings),
        callable_networks=settings.connections.networks,
    )


def _gateway(settings: Settings) -> WechatGateway | None:
    """Raises OSError, ValueError for keys that cannot be read."""
    chosen = settings.wechat_pay
    if chosen is None:
        return None
    account = WechatAccount(
        endpoint=chosen.endpoint,
        app_id=chosen.app_id,
        merchant=chosen.merchant,
        serial=chosen.serial,
        key=private_key(chosen.key_file.read_bytes()),
        platform_serial=chosen.platform_serial,
        platform_key=public_key(chosen.platform_key_file.read_bytes()),
        api_key=chosen.api_key.get_secret_value().encode(),
        notify_url=chosen.notify_url,
    )
    return WechatGateway(account, clock=now)


async def _acd(
    settings: Settings, plan: LinePlan, bus: Bus, calls: AcdStore, stack: AsyncExitStack
) -> AcdService:
    """The ACD and, behind it, the recordings of its calls."""
    journal = Journal(settings.var / "journal")
    acd = AcdService(plan, bus=bus, store=calls, journal=journal, zone=settings.zone, clock=now)
    await acd.start()
    stack.push_async_callback(acd.close)
    recordings = Recordings(
        settings.recording_folder,
        bus=bus,
        journal=journal,
        clock=now,
        is_open=lambda call_id: acd.record(call_id) is not None,
    )
    await recordings.start()
    stack.push_async_callback(recordings.close)
    return acd


def _spoken(acd: AcdService, call_id: str) -> bool | None:
    record = acd.record(call_id)
    return None if record is None else record.row.answered_at is not None


def _workers(settings: Settings, database: Database, bus: Bus) -> tuple[Worker, ...]:
    """What goes on in the background of the SQL core and of orders."""
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
        StockAlarms(database, clock=now, zone=settings.zone),
        TodoAlarms(database, bus, clock=now),
    )


def _keepers(settings: Settings, database: Database, crm: Crm) -> tuple[Worker, ...]:
    """What keeps to what was promised of data: erased is forgotten, and what is old goes."""
    watch = ErasureWatch(database, crm.customers.forget, crm.customers.learn)
    if settings.audit_keep_days is None:
        return (watch,)
    keep = timedelta(days=settings.audit_keep_days)
    return (watch, AuditExpiry(crm.audit, settings.audit_archives, keep, clock=now))


def _order_workers(settings: Settings, database: Database, trade: Trade) -> tuple[Worker, ...]:
    """What orders do by themselves."""
    workers: list[Worker] = [
        BackorderFilling(database, trade.orders),
        PairCounting(database, clock=now),
        ExceptionEscalation(database, trade.exceptions, clock=now),
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
    settings: Settings,
    database: Database,
    bus: Bus,
    *,
    crm: Crm,
    trade: Trade,
    channels: Sequence[str],
) -> tuple[Worker, ...]:
    """What goes on between us and other programs."""
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


def _nodes(settings: Settings, bus: Bus) -> AsteriskNodes:
    return AsteriskNodes(
        [
            NodeSettings(
                name=node.name,
                host=node.host,
                port=node.port,
                username=node.username,
                secret=node.secret.get_secret_value(),
            )
            for node in settings.asterisk
        ],
        on_event=bus.publish,
    )


async def _fallback(bus: Bus, acd: AcdService, nodes: AsteriskNodes, stack: AsyncExitStack) -> None:
    """Asterisk's own queue knows the agents, for the time when no daemon answers."""
    members = {name: FallbackMembers(bus, nodes.client(name).send) for name in nodes.names}
    bus.subscribe(lambda event: members[event.node].link_up(), LinkUp)
    for member in members.values():
        await member.start(acd.agent_views())
        stack.push_async_callback(member.close)


def _calls(line: Line, messages: MessageCalls) -> Handler:
    """Calls for people go one way, calls that only tell something the other."""

    async def enter(session: AgiSession) -> None:
        script = session.env.script.strip("/")
        await (messages.enter if script in (ANNOUNCEMENT, FAX) else line)(session)

    return enter


def _agi(settings: Settings, line: Handler, nodes: AsteriskNodes) -> FastAgiServer:
    """Calls enter here; the wake key goes to the node that the call is on."""

    async def interrupt(env: AgiEnvironment) -> None:
        node = env.query.get("node", "")
        client = nodes.client(node if node in nodes.names else nodes.names[0])
        await client.send(PlayDtmf(channel=env.channel, digit="D", receive=True))

    return FastAgiServer(
        line,
        host=settings.agi.host,
        port=settings.agi.port,
        allowed=settings.agi.networks,
        interrupt=interrupt,
        limits=AgiLimits(connections=settings.agi.connections),
    )


def _sender(settings: Settings) -> Sender:
    given = settings.sender
    return Sender(given.name or settings.company, given.phone, given.address, given.postcode)


def _web_options(settings: Settings) -> WebOptions:
    return WebOptions(
        origins=settings.web.allowed_origins,
        metrics_from=tuple(ip_network(network) for network in settings.web.metrics_from),
        proxies=Proxies(
            tuple(ip_network(network) for network in settings.web.trusted_proxies),
            settings.web.forwarded_header,
        ),
    )


def _tls(settings: Settings) -> Tls | None:
    web = settings.web
    if web.tls_certificate is None or web.tls_key is None:
        return None
    return Tls(web.tls_certificate, web.tls_key)
