"""A shop, an office and insight in one fresh schema, with a clock that tests move."""

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text

from acd.contact_source import CallContacts
from acd.rows import CallRow, Line, encode, split
from acd.store import AcdStore
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.insight import calendar, store
from crm_core.insight.due import Due
from crm_core.insight.evaluation import evaluate
from crm_core.insight.ports import Sources
from crm_core.insight.rule_book import RuleBook
from crm_core.insight.service import InsightService
from crm_core.insight.worker import InsightWorker
from crm_core.rights import SYSTEM
from orders.payments.commands import EnteredMoney
from orders.sales.sales_source import OrderSales
from orders.settlement.accounts.overdue import OverdueWorker
from tests.crm_core.crm_office import Office, furnish
from tests.orders.order_shop import Shop, open_shop

SHANGHAI = ZoneInfo("Asia/Shanghai")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = itertools.count(1)


@dataclass
class Firm:
    """`dealer`, `plain` and `poor` of the shop are its customers, and more may be `taken_on`."""

    database: Database
    shop: Shop
    office: Office
    sources: Sources
    insight: InsightService
    calls: AcdStore
    sku: str

    def worker(self, **more: Any) -> InsightWorker:
        sources = more.pop("sources", self.sources)
        return InsightWorker(self.database, sources, clock=self.shop.clock, **more)

    async def settle(self) -> int:
        """Work out all that waits; how many."""
        worker, done = self.worker(), 0
        await worker.find_missing()
        while worked := await worker.run_once():
            done += worked
        return done

    async def taken_on(self, name: str = "新店", **values: object) -> int:
        """A new customer, entered behind the service's back."""
        row = {"level_code": "retailer", "price_policy_code": "plain", "credit_limit": 10**9}
        async with self.database.begin() as session:
            made = await session.execute(
                insert(Customer)
                .values(name=name, created_at=LONG_AGO, **(row | values))
                .returning(Customer.id)
            )
            return made.scalar_one()

    async def sell(self, customer: int, quantity: int = 1) -> int:
        """Each piece costs 10 yuan, to be paid at once when it is there; the order's id."""
        placed = await self.shop.place((self.sku, quantity), customer=customer, payment="account")
        return placed.order.id

    async def deliver(self, order_id: int) -> None:
        await self.shop.move(order_id, "reviewed", "picking", "shipped", "in_transit", "delivered")

    async def pay(self, order_id: int, share: Decimal = Decimal(1)) -> None:
        """This share of what is still owed."""
        money = await self.shop.trade.payments.of_order(SYSTEM, order_id)
        given = EnteredMoney(
            amount=max(round((money.owed - money.paid) * share, 2), Decimal("0.01")),
            method="transfer",
            reference=f"slip-{next(_numbers)}",
            paid_at=self.shop.clock(),
        )
        await self.shop.trade.payments.enter(SYSTEM, order_id, given)

    async def find_overdue(self) -> None:
        await OverdueWorker(self.database, clock=self.shop.clock, zone=SHANGHAI).run_once()

    async def call(self, customer: int, **values: object) -> None:
        """A call of this customer as the journal stores it, answered and over unless said otherwise."""
        at = self.shop.clock()
        row = {
            "id": f"{next(_numbers):032x}", "node": "pbx1", "linkedid": "1.1",
            "direction": "inbound", "caller": "1", "did": "2", "customer_id": customer,
            "started_at": at, "answered_at": at, "ended_at": at, "outcome": "answered",
        }  # fmt: skip
        await self.calls.write([self.line(CallRow(**(row | values)))])  # type: ignore[arg-type]

    @staticmethod
    def line(row: CallRow) -> Line:
        return split(encode(row))

    async def row(self, customer: int) -> Any:
        """What is kept of a customer."""
        async with self.database.begin() as session:
            found = await session.execute(
                text("SELECT * FROM customer_insight WHERE customer_id = :id"), {"id": customer}
            )
            return found.one_or_none()

    async def queued(self) -> list[int]:
        async with self.database.begin() as session:
            found = await session.scalars(
                text("SELECT DISTINCT customer_id FROM insight_queue ORDER BY 1")
            )
            return list(found)

    async def assert_as_if_worked_out_now(self) -> None:
        """Every row kept is what a full recompute of this moment gives."""
        now = self.shop.clock()
        today = calendar.local_day(now, SHANGHAI)
        async with self.database.begin() as session:
            book = await RuleBook().in_force(session)
            ids = list(await session.scalars(text("SELECT id FROM customers ORDER BY id")))
            known = await store.read_facts(session, self.sources, ids, today)
            rows = await session.execute(text("SELECT * FROM customer_insight"))
            kept = {row.customer_id: row._asdict() for row in rows}
        assert set(kept) == {facts.customer_id for facts in known}
        for facts in known:
            due = store.next_due_at(Due(book.rules), facts, self.sources, today)
            insight = evaluate(facts, book.rules, today)
            wanted = store.row_of(store.Computed(facts, insight, now, due, book.version))
            assert _comparable(kept[facts.customer_id]) == _comparable(wanted)

    async def assert_overdue_adds_up(self) -> None:
        """Each customer's is that of the orders, none of which is overdue by more than is still owed of it."""
        async with self.database.begin() as session:
            wrong = await session.scalars(
                text("""
                SELECT c.id FROM customers c
                LEFT JOIN (SELECT customer_id, sum(overdue) AS overdue FROM orders GROUP BY 1) o
                    ON o.customer_id = c.id
                WHERE c.credit_overdue <> c.overdue_entered + coalesce(o.overdue, 0)""")
            )
            assert list(wrong) == []
            beyond = await session.scalars(
                text("""
                SELECT o.id FROM orders o WHERE o.overdue > 0 AND o.overdue > o.total - o.given_back - (
                    SELECT coalesce(sum(CASE e.kind WHEN 'receipt' THEN e.amount ELSE -e.amount END), 0)
                    FROM payment_entries e WHERE e.order_id = o.id)""")
            )
            assert list(beyond) == []


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    """Without what may differ: when it was worked out, and how long a silence was at that time."""
    reasons = [
        {name: str(value) for name, value in each.items() if name != "value"}
        for each in row["reasons"]
    ]
    return {name: _plain(value) for name, value in row.items() if name != "computed_at"} | {
        "reasons": reasons
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value.normalize()
    return [_plain(each) for each in value] if isinstance(value, list) else value


async def open_firm(database: Database) -> Firm:
    office = await furnish(database)
    shop = await open_shop(database)
    async with database.begin() as session:
        await session.execute(text("UPDATE customers SET created_at = :at"), {"at": LONG_AGO})
    sources = Sources(OrderSales(SHANGHAI), CallContacts(), SHANGHAI)
    insight = InsightService(database, sources, clock=shop.clock)
    sku = await shop.product(on_hand=100_000)
    for _ in range(20):
        await shop.receive(sku, 100_000)
    return Firm(database, shop, office, sources, insight, AcdStore(database), sku)


def at(day: date, hour: int = 12) -> datetime:
    """An hour of that day in Shanghai."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI).astimezone(UTC)


def days(count: float) -> timedelta:
    return timedelta(days=count)
