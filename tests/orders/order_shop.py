"""A shop in a fresh schema: two levels, a policy, three customers, an agent, and products with stock."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert, text

from crm_core.bus import Bus
from crm_core.customers.tables import Customer, CustomerPhone, Level, PricePolicy
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.aftersales.returns.commands import (
    Approval,
    Counted,
    GoodsBack,
    NewReturn,
    Receipt,
)
from orders.catalogue.commands import NewProduct
from orders.lines import OrderLine
from orders.payments.commands import EnteredMoney
from orders.payments.ports import Gateway
from orders.pricing.commands import NewRule
from orders.pricing.service import RuleView
from orders.progress.links import LinkTerms
from orders.sales.commands import PlaceOrder
from orders.sales.service import OrderService
from orders.sales.views import PlacedOrder
from orders.services import Trade
from orders.stock.documents.commands import NewReceipt
from orders.stock.documents.reading import DocumentView

LINKS = LinkTerms(
    "https://shop.example", (b"the key of the links of the tests 1",), company="总机商贸"
)
NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


class Clock:
    """Time passes by; besides, somebody may set the clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.passed = timedelta(0)

    def __call__(self) -> datetime:
        return self.now

    def steady(self) -> float:
        return self.passed.total_seconds()

    def truth(self) -> datetime:
        """What it is by everybody else's clock."""
        return NOW + self.passed

    def pass_by(self, span: timedelta) -> None:
        self.now += span
        self.passed += span

    def set_by(self, span: timedelta) -> None:
        self.now += span


@dataclass
class Shop:
    """The service on real tables, and what the tests ask of them."""

    database: Database
    bus: Bus
    trade: Trade
    clock: Clock
    dealer: int
    plain: int
    poor: int
    heard: list[object]
    _numbers: itertools.count

    @property
    def service(self) -> OrderService:
        return self.trade.orders

    async def product(
        self, *, on_hand: int, price: str = "10.00", level_price: str | None = None, **more
    ):
        """A new product with stock; returns its sku."""
        sku = f"SKU-{next(self._numbers):04d}"
        await self.trade.catalogue.add(
            SYSTEM,
            NewProduct(
                **{
                    "sku": sku,
                    "name_zh": f"货{sku}",
                    "name_en": f"Goods {sku}",
                    "unit": "箱",
                    "list_price": Decimal(price),
                }
                | more
            ),
        )
        if level_price is not None:
            await self.rule("price", sku=sku, level_code="agent", value=Decimal(level_price))
        if on_hand:
            await self.receive(sku, on_hand)
        return sku

    async def receive(
        self, sku: str, quantity: int, *, warehouse: str = "main", **line
    ) -> DocumentView:
        """Goods from a supplier; `line` says what they cost, and their batch."""
        lines = ({"sku": sku, "quantity": quantity} | line,)
        new = NewReceipt(warehouse=warehouse, lines=lines)
        key = f"receipt-{next(self._numbers)}"
        return (await self.trade.stock_documents.receive(SYSTEM, key, new)).view

    async def rule(self, kind: str, **content) -> RuleView:
        """A new price rule."""
        return await self.trade.price_rules.add(SYSTEM, NewRule(kind=kind, **content))

    def order(
        self,
        *lines: tuple[str, int] | tuple[str, int, str],
        key: str | None = None,
        customer: int | None = None,
        **rest,
    ):
        return PlaceOrder(
            key or f"key-{next(self._numbers)}",
            customer or self.dealer,
            tuple(OrderLine(*line) for line in lines),
            **rest,
        )

    async def place(self, *lines: tuple[str, int], **rest) -> PlacedOrder:
        return await self.service.place(SYSTEM, self.order(*lines, **rest))

    async def customer(self, name: str, *, level: str = "retail", policy: str = "plain") -> int:
        """A new customer with a telephone and all the credit one could want."""
        number = f"139{next(self._numbers):08d}"
        async with self.database.begin() as session:
            return await _customer(session, name, level, policy, number=number)

    async def scalar(self, sql: str, **values):
        async with self.database.begin() as session:
            return await session.scalar(text(sql), values)

    async def balance(self, sku: str) -> tuple[int, int]:
        async with self.database.begin() as session:
            row = await session.execute(
                text("SELECT on_hand, reserved FROM stock WHERE sku = :sku"), {"sku": sku}
            )
            return tuple(row.one())

    async def credit_used(self, customer: int) -> Decimal:
        return await self.scalar("SELECT credit_used FROM customers WHERE id = :id", id=customer)

    async def move(self, order_id: int, *statuses: str):
        """Along these statuses; to the last two of them by a return of everything, in good order."""
        for status in statuses:
            if status in ("returned", "exchanged"):
                await self.come_back(order_id, exchanged=status == "exchanged")
                view = await self.service.get(SYSTEM, order_id)
            else:
                view = await self.service.move_and_read(order_id, status, SYSTEM)
        return view

    async def pay(self, order_id: int, amount: Decimal) -> None:
        money = EnteredMoney(
            amount=amount,
            method="transfer",
            reference=f"slip-{next(self._numbers)}",
            paid_at=self.clock.now,
        )
        await self.trade.payments.enter(SYSTEM, order_id, money)

    async def come_back(
        self, order_id: int, back: dict[int, int] | None = None, *, exchanged: bool = False
    ) -> None:
        """So many of these lines, without it everything, are returned and received in good order."""
        status = await self.scalar("SELECT status FROM orders WHERE id = :id", id=order_id)
        kind = "exchange" if exchanged else "return"
        lines = tuple(GoodsBack(line_no=no, quantity=many) for no, many in (back or {}).items())
        new = NewReturn(
            kind="refused_delivery" if status == "refused" else kind,
            reason_code="other",
            reason="test",
            lines=lines,
        )
        made = await self.trade.returns.enter(SYSTEM, order_id, new, f"back-{next(self._numbers)}")
        if made.summary.state == "requested":
            approval = Approval(version=made.summary.version)
            made = await self.trade.returns.approve(SYSTEM, made.summary.id, approval)
        counted = tuple(
            Counted(line_no=line.line_no, good=line.quantity, damaged=0, missing=0)
            for line in made.lines
        )
        receipt = Receipt(version=made.summary.version, lines=counted)
        await self.trade.returns.receive(SYSTEM, made.summary.id, receipt)

    async def assert_ledger_adds_up(self) -> None:
        """Every balance is the sum of its moves; what is reserved is what open orders hold."""
        wrong = await self.scalar("""
            SELECT count(*) FROM stock s
            LEFT JOIN (SELECT sku, warehouse, sum(on_hand_change) AS goods, sum(reserved_change) AS held,
                              sum(blocked_change) AS blocked, sum(value_change) AS value
                       FROM stock_moves GROUP BY sku, warehouse) m USING (sku, warehouse)
            WHERE s.on_hand <> coalesce(m.goods, 0) OR s.reserved <> coalesce(m.held, 0)
               OR s.blocked <> coalesce(m.blocked, 0) OR s.value <> coalesce(m.value, 0)""")
        assert wrong == 0
        unlike = await self.scalar("""
            SELECT count(*) FROM stock s
            LEFT JOIN (SELECT l.sku, o.warehouse, sum(l.base_quantity) AS held FROM order_lines l
                       JOIN orders o ON o.id = l.order_id
                       WHERE o.status IN ('review','placed','reviewed','picking')
                       GROUP BY l.sku, o.warehouse) h
            USING (sku, warehouse) WHERE s.reserved <> coalesce(h.held, 0)""")
        assert unlike == 0
        batches = await self.scalar("""
            SELECT count(*) FROM stock s JOIN products p USING (sku)
            LEFT JOIN (SELECT sku, warehouse, sum(on_hand) AS held,
                              sum(on_hand) FILTER (WHERE blocked) AS blocked
                       FROM stock_batches GROUP BY sku, warehouse) b USING (sku, warehouse)
            WHERE coalesce(b.held, 0) <> CASE WHEN p.shelf_life_days IS NULL THEN 0 ELSE s.on_hand END
               OR p.shelf_life_days IS NOT NULL AND coalesce(b.blocked, 0) <> s.blocked""")
        assert batches == 0
        moved = await self.scalar("""
            SELECT count(*) FROM stock_batches b LEFT JOIN (
                SELECT batch_id, sum(quantity) AS held FROM stock_batch_moves GROUP BY batch_id) m
            ON m.batch_id = b.id WHERE b.on_hand <> coalesce(m.held, 0)""")
        assert moved == 0
        credit = await self.scalar("""
            SELECT count(*) FROM customers c
            WHERE c.credit_used <> (SELECT coalesce(sum(credit_held), 0) FROM orders
                                    WHERE customer_id = c.id)""")
        assert credit == 0
        beyond = await self.scalar("""
            SELECT count(*) FROM orders o
            WHERE credit_held > greatest(total - (
                SELECT coalesce(sum(CASE kind WHEN 'receipt' THEN amount ELSE -amount END), 0)
                FROM payment_entries WHERE order_id = o.id), 0)""")
        assert beyond == 0


async def open_shop(
    database: Database,
    clock: Clock | None = None,
    gateway: Gateway | None = None,
    links: LinkTerms | None = None,
) -> Shop:
    async with database.begin() as session:
        await session.execute(
            insert(Level),
            [
                {
                    "code": "agent",
                    "name_zh": "一级代理",
                    "name_en": "Agent",
                    "rank": 1,
                    "is_vip": True,
                },
                {
                    "code": "retail",
                    "name_zh": "零售",
                    "name_en": "Retail",
                    "rank": 4,
                    "is_vip": False,
                },
            ],
        )
        await session.execute(
            insert(PricePolicy),
            [
                {"code": "plain", "name_zh": "原价", "name_en": "List", "discount": Decimal(1)},
                {
                    "code": "p95",
                    "name_zh": "九五折",
                    "name_en": "5 % off",
                    "discount": Decimal("0.95"),
                },
            ],
        )
        ids = [
            await _customer(
                session, "滨海商贸", "agent", "p95", number="13800138000", email="a@example.com"
            ),
            await _customer(
                session, "Corner Shop", "retail", "plain", number="02223456789", language="en"
            ),
            await _customer(
                session, "小本经营", "retail", "plain", number="13900139000", limit=100
            ),
        ]
    bus, clock, heard = Bus(), clock or Clock(), []
    bus.subscribe(heard.append, object)
    trade = Trade.of(
        database,
        bus,
        clock=clock,
        channels=("email", "sms"),
        gateway=gateway,
        debit_merchant="ZJ001",
        links=links or LINKS,
    )
    return Shop(database, bus, trade, clock, *ids, heard, itertools.count(1))


async def _customer(
    session, name, level, policy, *, number, email=None, language=None, limit=10_000_000
) -> int:
    made = await session.execute(
        insert(Customer)
        .values(
            name=name,
            level_code=level,
            price_policy_code=policy,
            credit_limit=limit,
            email=email,
            language=language,
        )
        .returning(Customer.id)
    )
    found = made.scalar_one()
    await session.execute(
        insert(CustomerPhone).values(number=number, customer_id=found, is_main=True)
    )
    return found
