"""A shop with a payment gateway and people of each role, where goods come back."""

import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert, text

from crm_core.db import Database
from crm_core.people.tables import User
from crm_core.rights import SYSTEM, Principal
from crm_core.seeds import seed_benefits, seed_roles
from orders.aftersales.exceptions.commands import Decision, NewException
from orders.aftersales.exceptions.views import ExceptionView
from orders.aftersales.returns.commands import (
    Approval,
    Counted,
    GoodsBack,
    NewReturn,
    Receipt,
)
from orders.aftersales.returns.views import ReturnView
from orders.payments.commands import EnteredMoney
from orders.sales.views import OrderView
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop
from tests.payments.till import Till, open_till

_keys = itertools.count(1)
DELIVERED = ("reviewed", "picking", "shipped", "in_transit", "delivered")


@dataclass
class Counter:
    till: Till
    people: dict[str, Principal]

    @property
    def shop(self) -> Shop:
        return self.till.shop

    @property
    def trade(self):
        return self.shop.trade

    async def order(self, *lines, status: str = "delivered", **rest) -> OrderView:
        """An order of new products, as (price, quantity), as far as this status."""
        wanted = []
        for price, quantity in lines or (("10.00", 3),):
            sku = await self.shop.product(on_hand=quantity, price=price)
            wanted.append((sku, quantity))
        customer = await self.shop.customer("退货客户")
        placed = await self.shop.place(*wanted, **{"customer": customer, **rest})
        order_id = placed.order.id
        path = (*DELIVERED[:3], status) if status == "refused" else DELIVERED
        if status in path:
            await self.shop.move(order_id, *path[: path.index(status) + 1])
        return await self.get(order_id)

    async def get(self, order_id: int) -> OrderView:
        return await self.trade.orders.get(SYSTEM, order_id)

    async def pay(self, order_id: int, amount: Decimal | str, method: str = "transfer") -> None:
        """A slip entered by hand."""
        money = EnteredMoney(
            amount=amount,
            method=method,
            reference=f"slip-{next(_keys)}",
            paid_at=self.shop.clock.now,
        )
        await self.trade.payments.enter(SYSTEM, order_id, money)

    async def enter(
        self, order_id: int, back: dict[int, int] | None = None, actor=SYSTEM, **content
    ) -> ReturnView:
        """Goods are to come back: by line how many, without it everything."""
        lines = tuple(GoodsBack(line_no=no, quantity=many) for no, many in (back or {}).items())
        new = NewReturn(**{"reason_code": "unwanted", "lines": lines} | content)
        return await self.trade.returns.enter(actor, order_id, new, f"return-key-{next(_keys)}")

    async def approved(self, order_id: int, back=None, **content) -> ReturnView:
        made = await self.enter(order_id, back, **content)
        if made.summary.state == "approved":
            return made
        version = made.summary.version
        return await self.trade.returns.approve(SYSTEM, made.summary.id, Approval(version=version))

    async def receive(
        self, made: ReturnView, damaged: int = 0, missing: int = 0, actor=SYSTEM
    ) -> ReturnView:
        """It comes; so many of the first line are damaged or missing, the rest is good."""
        lines = [
            Counted(
                line_no=line.line_no,
                good=line.quantity - (0 if place else damaged + missing),
                damaged=0 if place else damaged,
                missing=0 if place else missing,
            )
            for place, line in enumerate(made.lines)
        ]
        receipt = Receipt(version=made.summary.version, lines=tuple(lines))
        return await self.trade.returns.receive(actor, made.summary.id, receipt)

    async def back(self, order_id: int, back=None, *, damaged=0, missing=0, **content):
        """Entered, approved and received."""
        made = await self.approved(order_id, back, **content)
        return await self.receive(made, damaged, missing)

    async def money(self, order_id: int) -> tuple[Decimal, Decimal, Decimal]:
        """What is owed, paid, and held of the credit."""
        money = await self.trade.payments.of_order(SYSTEM, order_id)
        return money.owed, money.paid, (await self.get(order_id)).credit_held

    async def moves(self, order_id: int) -> list[tuple[str, int]]:
        """The ledger of stock, of one order."""
        async with self.shop.database.begin() as session:
            rows = await session.execute(
                text(
                    "SELECT kind, on_hand_change FROM stock_moves WHERE order_id = :id ORDER BY id"
                ),
                {"id": order_id},
            )
            return [tuple(row) for row in rows]

    async def told(self, order_id: int) -> list[str]:
        async with self.shop.database.begin() as session:
            rows = await session.scalars(
                text(
                    "SELECT kind FROM outbox WHERE subject = 'order' AND subject_id = :id"
                    " ORDER BY id"
                ),
                {"id": order_id},
            )
            return list(rows)

    async def raised(self, order_id: int, kind: str = "delay", actor=SYSTEM) -> ExceptionView:
        new = NewException(kind=kind, description="客户来电")
        return await self.trade.exceptions.enter(
            actor, order_id, new, f"exception-key-{next(_keys)}"
        )

    async def decide(self, view: ExceptionView, resolution: str, actor=SYSTEM, **content):
        given = Decision(version=view.summary.version, resolution=resolution, **content)
        return await self.trade.exceptions.decide(actor, view.summary.id, given)

    async def assert_all_agrees(self) -> None:
        """Stock, credit, money and documents say the same."""
        await self.shop.assert_ledger_adds_up()
        for wrong in _WRONG:
            assert await self.shop.scalar(f"SELECT count(*) FROM ({wrong}) w") == 0, wrong

    def pass_by(self, **span: float) -> None:
        self.shop.clock.pass_by(timedelta(**span))


_WRONG = (
    # What a line says of goods that come back is what its returns say.
    """SELECT 1 FROM order_lines l LEFT JOIN (
           SELECT rl.order_id, rl.line_no,
                  sum(rl.quantity) FILTER (WHERE r.state IN ('requested','approved')) AS coming,
                  sum(CASE WHEN r.kind = 'refused_delivery' THEN rl.quantity
                           ELSE rl.good + rl.damaged END)
                      FILTER (WHERE r.state IN ('received','closed')) AS came
           FROM order_return_lines rl JOIN order_returns r ON r.id = rl.return_id
           GROUP BY rl.order_id, rl.line_no) b USING (order_id, line_no)
       WHERE l.coming_back <> coalesce(b.coming, 0) OR l.returned <> coalesce(b.came, 0)""",
    # An order brings less by what came back and what was forgiven, and by nothing else.
    """SELECT 1 FROM orders o WHERE o.given_back <>
           (SELECT coalesce(sum(value), 0) FROM order_returns WHERE order_id = o.id)
         + (SELECT coalesce(sum(refund), 0) FROM order_exceptions WHERE order_id = o.id)""",
    # Goods that came back are in stock, and the damaged ones are written off.
    """SELECT 1 FROM orders o WHERE (
           SELECT coalesce(sum(on_hand_change) FILTER (WHERE kind IN ('restock','write_off')), 0)
           FROM stock_moves WHERE order_id = o.id)
       <> (SELECT coalesce(sum(rl.good * l.factor), 0) FROM order_return_lines rl
           JOIN order_lines l USING (order_id, line_no) WHERE rl.order_id = o.id)""",
    # An exchange moves money and credit, it makes none.
    """SELECT 1 FROM order_returns r JOIN orders p ON p.id = r.replacement_id
       WHERE p.total <> r.value""",
    # An order whose goods are all back is at its end and brings nothing.
    """SELECT 1 FROM orders o WHERE o.status IN ('returned','exchanged')
       AND (o.given_back <> o.total OR o.credit_held <> 0
            OR EXISTS (SELECT 1 FROM order_lines WHERE order_id = o.id AND returned < quantity))""",
    """SELECT 1 FROM orders o WHERE o.status = 'delivered' AND NOT EXISTS (
           SELECT 1 FROM order_lines WHERE order_id = o.id AND returned < quantity)""",
)


@asynccontextmanager
async def open_counter(database: Database, keys):
    async with open_till(database, keys) as till:
        people = {}
        async with database.begin() as session:
            await seed_roles(session)
            await seed_benefits(session)
            for role in ("agent", "supervisor", "operations", "admin"):
                user_id = await session.scalar(
                    insert(User)
                    .values(login=role, name=role, role_code=role, password_hash="-")
                    .returning(User.id)
                )
                people[role] = person(role, user_id)
        yield Counter(till, people)
