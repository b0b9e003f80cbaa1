"""A shop with its connections: real tables, the real API views, a clock, and neighbours on this machine."""

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from sqlalchemy import text

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.people import principals
from crm_core.people.accounts import AccountService
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM, Principal
from crm_core.seeds import seed_roles
from crm_core.services import Crm
from orders.connections.connection_views import NewConnection, PaperQuery
from orders.connections.delivering import WebhookDeliverer
from orders.connections.feed import Describe
from orders.connections.papers import OutsideOrder
from orders.connections.ports import Signed
from orders.connections.retrying import RetryRules
from orders.connections.sequencing import EventSequencer
from orders.connections.services import Connections
from orders.connections.webhook_views import DeliveryQuery, NewWebhook
from orders.connections.webhooks import WithSecret
from orders.connections.working import ConnectionWorker
from tests.connections.neighbours import APP_KEY, APP_SECRET, signed_query
from tests.orders.order_shop import Shop, open_shop
from tests.webui.web_house import SHANGHAI, quick_passwords
from webui.described import describer

KEY = b"a key of the tests' own, 32 bytes"
LOOPBACK = (ip_network("127.0.0.0/8"),)
SHOP = {
    "level_code": "retail",
    "price_policy_code": "plain",
    "prices": "own",
    "credit_limit": "1000000",
}


@dataclass
class Desk:
    shop: Shop
    used: Connections
    owner: Principal
    describe: Describe
    sequencer: EventSequencer
    heard: list[Any] = field(default_factory=list)
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    @property
    def database(self) -> Database:
        return self.shop.database

    def deliverer(self, rules: RetryRules | None = None) -> WebhookDeliverer:
        return WebhookDeliverer(
            self.database,
            self.used.vault,
            self.used.outgoing,
            self.describe,
            self.shop.bus,
            clock=self.shop.clock,
            rules=rules,
        )

    def worker(self) -> ConnectionWorker:
        return ConnectionWorker(
            self.database,
            self.used.clients,
            self.shop.bus,
            clock=self.shop.clock,
            zone=SHANGHAI,
        )

    async def webhook(self, url: str, *kinds: str) -> WithSecret:
        new = NewWebhook(
            name=f"hook {next(self._numbers)}",
            url=url,
            kinds=frozenset(kinds or ("customer.changed",)),
        )
        return await self.used.webhooks.add(self.owner, new)

    async def deliveries(self, webhook_id: int, state: str | None = None):
        wanted = DeliveryQuery(webhook_id=webhook_id, state=state, limit=200)
        return (await self.used.webhooks.deliveries(self.owner, wanted))[::-1]

    async def connection(
        self, kind: str, settings: dict, secrets: dict | None = None, *send_on: str
    ) -> int:
        new = NewConnection(
            code=f"c{next(self._numbers)}",
            kind=kind,
            name="旗舰店",
            settings=settings,
            secrets=secrets or {"app_key": APP_KEY, "app_secret": APP_SECRET},
            send_on=frozenset(send_on),
        )
        return (await self.used.connections.add(self.owner, new)).id

    async def code_of(self, connection_id: int) -> str:
        return await self.shop.scalar(
            "SELECT code FROM connections WHERE id = :id", id=connection_id
        )

    async def papers(self, connection_id: int, **more):
        wanted = PaperQuery(connection_id=connection_id, limit=200, **more)
        return (await self.used.papers.search(self.owner, wanted))[::-1]

    async def comes(self, connection_id: int, method: str, body: bytes, **query) -> bytes:
        """A signed request of the shop's, as the web door hands it on."""
        at = self.shop.clock() if "at" not in query else query.pop("at")
        given = signed_query(method, body, at, **query)
        reply = await self.used.receiver.receive(
            await self.code_of(connection_id), Signed(given, body)
        )
        return reply.body

    async def work(self, rounds: int = 30) -> None:
        """Everything in the background, until nothing is due."""
        worker = self.worker()
        for _ in range(rounds):
            if not (await self.sequencer.run_once() + await worker.run_once()):
                return

    async def orders_of(self, number: str) -> list[tuple[str, int]]:
        """Orders that a number of theirs became, with what they ask for."""
        async with self.database.reading() as connection:
            rows = await connection.execute(
                text(
                    "SELECT o.status, sum(l.base_quantity) FROM orders o JOIN order_lines l"
                    " ON l.order_id = o.id WHERE o.note LIKE :note GROUP BY o.id ORDER BY o.id"
                ),
                {"note": f"% {number}%"},
            )
            return [(row[0], int(row[1])) for row in rows]

    async def todos(self, order_id: int) -> list[str]:
        """What a person is asked to see to, of this order's papers."""
        async with self.database.reading() as connection:
            rows = await connection.execute(
                text(
                    "SELECT t.title FROM todos t JOIN connection_documents d"
                    " ON d.id::text = t.source_reference AND t.source_kind = 'connection'"
                    " LEFT JOIN connection_links l ON l.connection_id = d.connection_id"
                    " AND l.outside_key = d.outside_key"
                    " WHERE coalesce(d.order_id, l.order_id) = :id ORDER BY t.id"
                ),
                {"id": order_id},
            )
            return [row.title for row in rows]

    def later(self, **span: float) -> None:
        self.shop.clock.pass_by(timedelta(**span))


async def open_desk(database: Database, folder: Path) -> Desk:
    shop = await open_shop(database)
    async with database.begin() as session:
        await seed_roles(session)
    accounts = AccountService(database, passwords=quick_passwords())
    new = NewUser(login="admin", name="管理员", role="admin", extension="7001")
    made = await accounts.create_user(SYSTEM, new, "a long password 1")
    async with database.reading() as connection:
        owner = await principals.of_user(connection, made.id)
    assert owner is not None
    crm = Crm.of(database, Bus(), shop.clock, files=folder)
    used = Connections.of(database, clock=shop.clock, secrets_key=KEY, allowed=LOOPBACK)
    describe = describer(database, crm, shop.trade)
    return Desk(shop, used, owner, describe, EventSequencer(database, clock=shop.clock))


def paper(number: str, version: int, *lines: tuple[str, int], **more) -> OutsideOrder:
    return OutsideOrder(
        number=number,
        version=version,
        lines=[{"code": code, "quantity": quantity} for code, quantity in lines],
        **{"buyer_code": "nick", "buyer_name": "王五", "phone": "13700137000"} | more,
    )
