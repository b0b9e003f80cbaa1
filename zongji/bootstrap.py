"""The composition root: the parts (`zongji/parts`) are plugged together here, in the order in which they start.

Rule: nothing imports this module but the daemon; it holds no rules of its own.
"""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from acd.service import AcdService
from ami_bridge.fastagi import FastAgiServer
from ami_bridge.nodes import AsteriskNodes
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.places.finder import Places
from dialer.do_not_call.service import DoNotCallService
from dialer.law import Law
from dialer.line import AsteriskLine, TrunkSettings
from dialer.service import Dialer
from dialer.store import DialerStore
from ivr.prompts import PromptLibrary
from webui.server import WebServer
from zongji import telling
from zongji.collector import Collector
from zongji.core import core, now
from zongji.parts.background import background
from zongji.parts.calls import call_server, house_of
from zongji.parts.floor import asterisk_nodes, follow_line, open_floor
from zongji.parts.ground import Ground
from zongji.parts.trade import trade_of
from zongji.parts.web import web_server
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
    database = Database(settings.database_url.get_secret_value())
    stack.push_async_callback(database.close)
    ground = Ground(settings, bus, database, stack)
    prompts = PromptLibrary(settings.var / "prompts", telling.speech(settings))
    live = await follow_line(ground, prompts)
    nodes = asterisk_nodes(ground)
    trunk = AsteriskLine(nodes, TrunkSettings(settings.trunk, settings.caller_id))
    places = Places()
    await places.load(database)
    law = Law(settings.dial_rules, places.find)
    message_calls = telling.message_calls(settings, database, trunk, law)
    notifiers = telling.notifiers(settings, database, message_calls, stack)
    channels = tuple(notifier.channel for notifier in notifiers)
    crm = core(settings, database, bus, channels=channels)
    with contextlib.suppress(DatabaseUnavailable):
        await crm.privacy.remove_files()
    crm.customers.start()
    stack.push_async_callback(crm.customers.close)
    trade = trade_of(ground, channels)
    for worker in background(
        ground, crm=crm, trade=trade, live=live, places=places, channels=channels
    ):
        ground.run(worker)
    floor = await open_floor(ground, live, prompts, nodes)
    dialer = Dialer(DialerStore(database), floor.acd, trunk, bus, clock=now, law=law)
    refusals = DoNotCallService(database, bus, clock=now, law=law)
    house = house_of(
        ground, floor, crm=crm, trade=trade, places=places, callbacks=dialer, refusals=refusals
    )
    web = web_server(ground, floor, house, crm=crm, trade=trade, dialer=dialer, refusals=refusals)
    agi = call_server(ground, floor, house, message_calls, crm.accounts)
    collector = Collector(lambda: agi.connections)
    collector.start()
    stack.push_async_callback(collector.close)
    await nodes.start()
    stack.push_async_callback(nodes.close)
    await dialer.start(partial(_spoken, floor.acd))
    stack.push_async_callback(dialer.close)
    await agi.start()
    stack.push_async_callback(agi.close)
    with contextlib.suppress(DatabaseUnavailable):
        await message_calls.start()
    await telling.start_outbox(settings, database, bus, notifiers, stack)
    await web.start()
    stack.push_async_callback(web.close)
    return Daemon(web, agi, nodes, floor.acd, database)


def _spoken(acd: AcdService, call_id: str) -> bool | None:
    record = acd.record(call_id)
    return None if record is None else record.row.answered_at is not None
