"""A whole house behind a real server, and browsers that walk up to its door."""

import asyncio
import contextlib
import inspect
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import aiohttp
from argon2 import PasswordHasher
from sqlalchemy import text

from acd import timeline as acd_timeline
from acd.agent_times import AgentTimes
from acd.contact_source import CallContacts
from acd.events import Reason
from acd.familiar import FamiliarAgents
from acd.hanging_up import HangingUp
from acd.journal import Journal
from acd.lineplan_file import read_plan
from acd.located import parse
from acd.log.service import CallLog
from acd.obstacles import held_recordings, live_calls
from acd.pausing import Pausing
from acd.recording_archive import PURPOSE, RecordingArchive
from acd.recording_space import Limits, RecordingSpace
from acd.records import CallerFacts, CallRecord, CallStart
from acd.routing import Route
from acd.service import AcdService
from acd.store import AcdStore
from acd.surveys import Surveys
from acd.tickets import Offer, Ticket
from ami_bridge.commands import Action
from crm_core.audit.service import AuditFiles
from crm_core.blacklist.live import LiveBlacklist
from crm_core.blacklist.policy import BlacklistRules
from crm_core.blacklist.service import BlacklistService
from crm_core.bus import Bus
from crm_core.care.ports import CareSources
from crm_core.customers.fields import NewCustomer
from crm_core.db import Database
from crm_core.errors import Conflict
from crm_core.insight.ports import Sources
from crm_core.people.accounts import AccountService
from crm_core.people.passwords import Passwords
from crm_core.people.users import NewUser
from crm_core.places.finder import Places
from crm_core.places.reach import right_to_dial
from crm_core.rights import SYSTEM, Right
from crm_core.sealed_files import FileKeys
from crm_core.seeds import seed_channel, seed_roles
from crm_core.services import Crm
from dialer.consents.service import ConsentService
from dialer.do_not_call.files import ListFiles
from dialer.do_not_call.service import DoNotCallService
from dialer.law import Law
from dialer.ledger.service import Ledger
from dialer.notice_source import never_called
from dialer.ports import FateUnknown
from dialer.service import Dialer
from dialer.store import DialerStore
from ivr.capacity import Capacity
from ivr.line.service import LineService, seed
from ivr.line.trial import Callers, LineTrial
from ivr.media.service import MediaReports
from ivr.menu import Menus
from ivr.prompt_watch import PromptWatch
from ivr.prompts import PromptLibrary
from ivr.recordings import Recordings
from orders.aftersales import timeline as aftersales_timeline
from orders.catalogue.commands import NewProduct
from orders.payments.ports import Gateway
from orders.sales import quotes
from orders.sales import timeline as order_timeline
from orders.sales.benefit_source import has_delivery
from orders.sales.care_source import OrderBeginnings, OrderDeliveries
from orders.sales.complaint_source import is_order_of
from orders.sales.obstacles import open_orders
from orders.sales.sales_source import OrderSales
from orders.sales.wording import ORDER_WORDS
from orders.services import Trade
from orders.stock.documents.commands import NewReceipt
from tests.ivr.ivr_line import LINE_FILE
from tests.orders.order_shop import LINKS
from webui.ports import Node
from webui.rounds import Rhythm
from webui.server import Tls, WebServer
from webui.services import WebOptions, WebServices

PASSWORD = "a long password 1"
SECRETS_KEY = b"a key of the tests' own, 32 bytes"
FILE_KEYS = FileKeys([b"a key for the tests' recordings, 32"], PURPOSE)
ROLES = ("agent", "supervisor", "operations", "admin")
QUICK = Rhythm(heartbeat_s=0.2, board_s=0.02, stock_s=0.02, sessions_s=0.1, callbacks_s=30)
SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAN = read_plan(
    parse("""\
queues:
  north: {label_zh: 华北, label_en: North, target_s: 20}
dids:
  4006001001: {medium: 电视广告, menu: main}
routes:
  - {name: default, queue: north}
""")
)
WAY = Route("north", 0, "电视广告", (), None, (), (Reason("default"),), "default")
SOURCES = Sources(OrderSales(SHANGHAI), CallContacts(), SHANGHAI)
_numbers = itertools.count(1)


@dataclass
class Link:
    """The link to an Asterisk, as the daemon would show it."""

    name: str = "pbx1"
    connected: bool = True
    lag: int = 0


class NoTrunk:
    """A trunk that leads nowhere."""

    async def dial(self, call_id: str, number: str, *, purpose: str, queue: str) -> FateUnknown:
        return FateUnknown()


@dataclass
class Page:
    """A browser's page: it applies what it hears, as the real one does."""

    socket: aiohttp.ClientWebSocketResponse
    state: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: list[dict[str, Any]] = field(default_factory=list)
    sequence: int | None = None

    async def hear(self) -> dict[str, Any]:
        """The next message, applied. Raises ConnectionError when the socket is closed."""
        frame = await asyncio.wait_for(self.socket.receive(), 10)
        if frame.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(frame.data)
        message: dict[str, Any] = json.loads(frame.data)
        self.heard.append(message)
        if message["type"] == "snapshot":
            self.state, self.sequence = message["state"], message["seq"]
        elif message["type"] == "change":
            assert message["seq"] == (self.sequence or 0) + 1
            self.sequence = message["seq"]
            for name, objects in message["set"].items():
                self.state[name] |= objects
            for name, keys in message["remove"].items():
                for key in keys:
                    del self.state[name][key]
        return message

    async def until(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Listen until the page shows it."""
        while not (self.state and condition(self.state)):
            await self.hear()
        return self.state

    async def closed(self) -> int | None:
        """Listen until the server closes; the code it gave."""
        while True:
            try:
                await self.hear()
            except ConnectionError as closed:
                return closed.args[0]


class Browser:
    """One browser: cookies, the header and the origin of our pages."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = aiohttp.ClientSession(
            base_url=address,
            cookie_jar=aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=[address]),
            headers={"Origin": address, "X-Zongji": "1"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Status and JSON (None without a body)."""
        async with self.http.request(method, path, json=body, **more) as answer:
            raw = await answer.read()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(raw) if raw and is_json else raw or None

    async def log_in(self, login: str) -> dict[str, Any]:
        status, body = await self.ask(
            "POST", "/api/session", {"login": login, "password": PASSWORD}
        )
        assert status == 200, body
        return body["user"]

    async def ticket(self) -> str:
        _, body = await self.ask("POST", "/api/ws-ticket", {})
        return body["ticket"]

    async def open(self, page: str = "sidebar", **more: Any) -> Page:
        query = {"ticket": await self.ticket(), "page": page}
        socket = await self.http.ws_connect("/ws", params=query, max_msg_size=0, **more)
        return Page(socket)


@dataclass
class House:
    """Services on a real database, and the server before them; `asked` is what Asterisk was asked for."""

    services: WebServices
    server: WebServer
    link: Node
    ids: dict[str, int]
    customer_id: int
    asked: list[Action]

    @property
    def acd(self) -> AcdService:
        return self.services.acd

    @contextlib.asynccontextmanager
    async def browser(self, login: str | None = None) -> AsyncIterator[Browser]:
        async with Browser(self.server.address) as browser:
            if login is not None:
                await browser.log_in(login)
            yield browser

    def call(self, caller: str | None = "13800138000", *, known: bool = True) -> CallRecord:
        """Somebody rings, is looked up and routed."""
        record = self.acd.begin_call(
            CallStart(
                uuid.uuid4().hex, f"{next(_numbers)}.1", "pbx1", "inbound", caller, "4006001001"
            )
        )
        facts = CallerFacts(province="天津", city="天津", area_code="022")
        if known:
            facts = replace(
                facts, customer_id=self.customer_id, customer_name="滨海商贸", level="city"
            )
        record.identified(facts)
        record.routed(WAY, ("代理批发",))
        return record

    def queue(self, record: CallRecord) -> Ticket:
        return self.acd.enter(WAY.entry(record.call_id, self.services.clock()))

    @contextlib.asynccontextmanager
    async def at_work(self, login: str) -> AsyncIterator[int]:
        """An agent who is ready for calls."""
        agent_id = self.ids[login]
        extension = f"80{agent_id}"
        await self.acd.log_in(agent_id, login, extension, ("north",))
        yield agent_id
        view = self.acd.agent_view(agent_id)
        if view and view.state == "wrap_up":
            await self.acd.finish_wrap_up(agent_id)
        with contextlib.suppress(Conflict):
            await self.acd.log_out(agent_id)


async def until(condition: Callable[[], Any]) -> None:
    """Wait until it holds; it may be a coroutine function."""
    async with asyncio.timeout(10):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.005)


def offer_in(ticket: Ticket) -> Offer:
    word = ticket.take()
    assert isinstance(word, Offer)
    return word


@contextlib.asynccontextmanager
async def on_screen(
    house: House, login: str, caller: str, customer_id: int | None = None
) -> AsyncIterator[str]:
    """A call from this number, a stranger's or this customer's, rises on somebody's screen and stays there; its id."""
    async with house.at_work(login) as agent_id:
        record = house.call(caller, known=False)
        record.identified(CallerFacts(customer_id=customer_id))
        ticket = house.queue(record)
        offer_in(ticket)
        await until(lambda: house.server.door.live.on_screen(agent_id, record.call_id))
        yield record.call_id
        ticket.leave("abandoned")
        record.end("abandoned")


def quick_passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@contextlib.asynccontextmanager
async def open_house(
    database: Database,
    folder: Path,
    options: WebOptions | None = None,
    *,
    tls: Tls | None = None,
    link: Node | None = None,
    gateway: Gateway | None = None,
) -> AsyncIterator[House]:
    """Build everything, with a user of each role (the login is the role) and `agent2`."""
    bus, link = Bus(), link or Link()

    def clock() -> datetime:
        return datetime.now(UTC)

    store = AcdStore(database)
    acd = AcdService(
        PLAN, bus=bus, store=store, journal=Journal(folder / "journal"), zone=ZoneInfo("UTC")
    )
    await acd.start()
    accounts = AccountService(
        database,
        passwords=quick_passwords(),
        secrets_key=SECRETS_KEY,
    )
    crm = replace(
        Crm.of(
            database,
            bus,
            clock,
            files=folder / "exchange",
            told=(
                (None, acd_timeline.entries),
                (Right.ORDER_VIEW, order_timeline.entries),
                (Right.ORDER_VIEW, quotes.entries),
                (Right.ORDER_VIEW, aftersales_timeline.returns),
                (Right.ORDER_VIEW, aftersales_timeline.exceptions),
            ),
            sources=SOURCES,
            channels=("email", "sms"),
            obstacles=(open_orders, live_calls, held_recordings),
            folders={"recordings": folder / "recordings"},
            care=CareSources(OrderDeliveries(), OrderBeginnings()),
            words=ORDER_WORDS,
            company="总机商贸",
            has_delivery=has_delivery,
            is_order_of=is_order_of,
            never_called=never_called,
            audit_files=AuditFiles(folder / "audit-seals.log", folder / "audit-archives"),
        ),
        accounts=accounts,
    )
    asked: list[Action] = []

    async def send(_: str, action: Action) -> None:
        asked.append(action)

    pausing = Pausing(acd, send, bus=bus, clock=clock)
    blacklist = LiveBlacklist(
        database, BlacklistRules(), kept=folder / "blacklist.json", clock=clock
    )
    services = WebServices(
        crm=crm,
        trade=Trade.of(
            database,
            bus,
            clock=clock,
            channels=("email", "sms"),
            gateway=gateway,
            debit_merchant="ZJ001",
            secrets_key=SECRETS_KEY,
            callable_networks=(ip_network("127.0.0.0/8"),),
            links=LINKS,
        ),
        acd=acd,
        calls=store,
        blacklist=BlacklistService(
            database, blacklist.rules, clock=clock, changed=blacklist.run_once
        ),
        listed=blacklist.find,
        surveys=Surveys(database, zone=ZoneInfo("Asia/Shanghai")),
        call_log=CallLog(database, clock=clock, zone=UTC),
        media=MediaReports(database, clock=clock, zone=UTC),
        pausing=pausing,
        hanging_up=HangingUp(acd, send),
        agent_times=AgentTimes(database, zone=ZoneInfo("Asia/Shanghai")),
        callbacks=Dialer(DialerStore(database), acd, NoTrunk(), bus, clock=clock),
        do_not_call=DoNotCallService(database, bus, clock=clock, law=Law()),
        list_files=ListFiles(database, folder / "exchange", clock=clock),
        consents=ConsentService(database, clock=clock),
        ledger=Ledger(database),
        recordings=RecordingArchive(database, folder / "recordings", FILE_KEYS, clock),
        room=RecordingSpace(folder, Limits(0, 0)),
        prompts=PromptWatch(PromptLibrary(folder / "prompts"), lambda: Menus(by_name={})),
        capacity=Capacity(words=1, music=1),
        faxes=folder / "faxes",
        database=database,
        bus=bus,
        nodes=(link,),
        line=await _line(database, clock, folder),
        trial=LineTrial(
            clock=clock,
            zone=ZoneInfo("Asia/Shanghai"),
            language="zh",
            callers=Callers(
                database=database,
                customers=crm.customers,
                places=Places(),
                familiar=FamiliarAgents(
                    database, clock=clock, zone=ZoneInfo("Asia/Shanghai"), deadline_s=5
                ),
                listed=blacklist.find,
                at_extension=acd.at_extension,
            ),
        ),
        queues_of=lambda who: crm.groups.queues_of(who, ("north",)),
        home_of=Places().look_up,
        right_to_dial=lambda number: right_to_dial(number, Places(), "022"),
        clock=clock,
        options=options or WebOptions(rhythm=QUICK),
    )
    await pausing.start()
    ids, customer_id = await _furnish(services)
    server = await WebServer(services, host="127.0.0.1", port=0, tls=tls).start()
    yield House(services, server, link, ids, customer_id, asked)
    await server.close()
    await pausing.close()
    await acd.close()


async def _furnish(services: WebServices) -> tuple[dict[str, int], int]:
    async with services.database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        found = await session.execute(text("SELECT login, id FROM users"))
        ids: dict[str, int] = dict(found.all())
        customer_id = await session.scalar(text("SELECT min(id) FROM customers"))
    if customer_id is None:
        for number, login in enumerate((*ROLES, "agent2")):
            new = NewUser(
                login=login,
                name=f"{login}先生",
                role=login.rstrip("2"),
                extension=f"70{number:02d}",
            )
            ids[login] = (await services.crm.accounts.create_user(SYSTEM, new, PASSWORD)).id
        card = await services.crm.customers.create(
            SYSTEM,
            NewCustomer(
                name="滨海商贸",
                phones=("13800138000", "02223456789"),
                level_code="city",
                price_policy_code="off5",
                credit_limit=Decimal(1_000_000),
            ),
        )
        customer_id = card.id
        tea = NewProduct(
            sku="A1", name_zh="茶叶", name_en="Tea", unit="箱", list_price=Decimal(100)
        )
        await services.trade.catalogue.add(SYSTEM, tea)
        goods = NewReceipt(lines=({"sku": "A1", "quantity": 1000},))
        await services.trade.stock_documents.receive(SYSTEM, "opening stock", goods)
    return ids, customer_id


async def _line(database: Database, clock: Callable[[], datetime], folder: Path) -> LineService:
    """The shipped line as its first version; nothing is spoken."""

    async def silent(_: Menus) -> None: ...

    await seed(database, LINE_FILE.read_text(encoding="utf-8"), clock())
    return LineService(
        database,
        clock=clock,
        zone=ZoneInfo("Asia/Shanghai"),
        prepare=silent,
        recordings=Recordings(folder / "prompts", clock),
    )
