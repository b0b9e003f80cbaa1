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
from ami_bridge.agi_framing import AgiEnvironment, AgiLimits
from ami_bridge.commands import PlayDtmf
from ami_bridge.events import AsteriskEvent, LinkUp
from ami_bridge.fastagi import FastAgiServer
from ami_bridge.node import NodeSettings
from ami_bridge.nodes import AsteriskNodes
from crm_core.audit.expiry import AuditExpiry
from crm_core.audit.sealing import AuditSealer
from crm_core.bus import Bus
from crm_core.care.worker import CareWorker
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.exchange.worker import ExchangeWorker
from crm_core.insight.worker import InsightWorker
from crm_core.notices.sending import NoticeSender
from crm_core.notices.wording import NOTICE_WORDS
from crm_core.outbox.email import EmailNotifier, MailServer
from crm_core.outbox.ports import Notifier
from crm_core.outbox.sms_aliyun import AliyunAccount, AliyunSms
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.worker import OutboxWorker
from crm_core.people.purging import AccountPurge
from crm_core.places.finder import Places
from crm_core.places.reach import RIGHTS, reach
from crm_core.privacy.watch import ErasureWatch
from crm_core.services import Crm
from crm_core.todos.alarms import TodoAlarms
from crm_core.worker import Worker
from dialer.line import AsteriskLine, TrunkSettings
from dialer.policy import DialRules
from dialer.service import Dialer
from dialer.store import DialerStore
from ivr.call import House, Line
from ivr.menu import load_line
from ivr.prompts import PromptLibrary
from orders.sales.events import OrderMoved, OrderPlaced
from orders.sales.rounds import BackorderFilling, OrderApproval
from orders.sales.wording import ORDER_WORDS
from orders.services import Trade
from webui.client_address import Proxies
from webui.server import Tls, WebServer
from webui.services import WebOptions, WebServices
from zongji.core import care_sources, core, insight_sources, now
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
    notifiers = await _notifiers(settings, stack)
    channels = tuple(notifier.channel for notifier in notifiers)
    crm = core(settings, database, bus, channels=channels)
    with contextlib.suppress(DatabaseUnavailable):
        await crm.privacy.remove_files()
    crm.customers.start()
    stack.push_async_callback(crm.customers.close)
    places = Places()
    await places.load(database)

    calls = AcdStore(database)
    trade = Trade.of(database, bus, clock=now, channels=channels, zone=settings.zone)
    for worker in (
        *_workers(settings, database, bus),
        *_order_workers(settings, database, trade),
        *_keepers(settings, database, crm),
    ):
        worker.start()
        stack.push_async_callback(worker.close)
    await _outbox(database, bus, notifiers, stack)
    acd = await _acd(settings, plan, bus, calls, stack)

    nodes = _nodes(settings, bus)
    bus.subscribe(acd.on_asterisk_event, AsteriskEvent)
    await _fallback(bus, acd, nodes, stack)

    trunk = TrunkSettings(settings.trunk, settings.caller_id)
    dialer = Dialer(
        DialerStore(database),
        acd,
        AsteriskLine(nodes, trunk),
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
    agi = _agi(settings, Line(house), nodes)
    await nodes.start()
    stack.push_async_callback(nodes.close)
    await dialer.start(lambda call_id: _spoken(acd, call_id))
    stack.push_async_callback(dialer.close)
    await agi.start()
    stack.push_async_callback(agi.close)
    await web.start()
    stack.push_async_callback(web.close)
    return Daemon(web, agi, nodes, acd, database)


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
    """What goes on in the background of the SQL core."""
    return (
        AccountPurge(database, clock=now),
        AuditSealer(database, settings.audit_anchor, clock=now),
        CareWorker(database, care_sources(settings), clock=now),
        ExchangeWorker(database, launch, settings.var / "exchange", clock=now),
        InsightWorker(database, insight_sources(settings), clock=now),
        NoticeSender(database, clock=now),
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
    filling = BackorderFilling(database, trade.orders)
    if settings.approve_orders_after_min is None:
        return (filling,)
    after = timedelta(minutes=settings.approve_orders_after_min)
    return (filling, OrderApproval(database, trade.orders, clock=now, after=after))


async def _outbox(
    database: Database, bus: Bus, notifiers: Sequence[Notifier], stack: AsyncExitStack
) -> None:
    """The messages to customers."""
    outbox = OutboxWorker(
        OutboxStore(database), notifiers, bus, clock=now, wakes_on=(OrderPlaced, OrderMoved)
    )
    await outbox.start()
    stack.push_async_callback(outbox.close)


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


async def _notifiers(settings: Settings, stack: AsyncExitStack) -> list[Notifier]:
    """The ways of telling customers for which there are settings."""
    found: list[Notifier] = []
    if settings.mail is not None:
        mail = settings.mail
        password = mail.password.get_secret_value() if mail.password else None
        server = MailServer(
            mail.host, mail.port, mail.sender, mail.username, password, mail.start_tls
        )
        found.append(
            EmailNotifier(
                server, company=settings.company, words=ORDER_WORDS | NOTICE_WORDS, clock=now
            )
        )
    if settings.sms is not None:
        sms = settings.sms
        secret = sms.access_key_secret.get_secret_value()
        account = AliyunAccount(
            sms.endpoint, sms.access_key_id, secret, sms.sign_name, sms.templates
        )
        connector = AliyunSms(account, clock=now)
        stack.push_async_callback(connector.close)
        found.append(connector)
    return found


def _agi(settings: Settings, line: Line, nodes: AsteriskNodes) -> FastAgiServer:
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


def _web_options(settings: Settings) -> WebOptions:
    return WebOptions(
        origins=settings.web.origins,
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
