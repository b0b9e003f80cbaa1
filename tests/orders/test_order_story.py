"""Whatever is done with orders, in whatever order: stock is never negative, no money is created, no order is in
two states or goes a way that is not in the table, none gets past the customer's credit without a review by a
person who may, and none is settled that is neither paid nor waived by one.
"""

import asyncio
import itertools
from collections import Counter
from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import SYSTEM, Actor, Principal
from crm_core.seeds import seed_roles
from orders.delivery.commands import MakeWaybills, WaybillIds, WaybillQuery
from orders.methods import Method
from orders.payments.commands import EnteredMoney
from orders.review.commands import NewReviewRule, ReviewLimit
from orders.sales.commands import SplitOrder
from orders.sales.flow import MOVES
from orders.sales.rounds import BackorderFilling, OrderApproval
from orders.settlement.finishing import SettlementWorker
from tests.crm_core.crm_core_support import person
from tests.delivery.depot import Depot
from tests.orders.order_shop import NOW, Shop
from tests.orders.test_order_editing import anew
from tests.repeated import repeated
from tests.settlement.counting_house import CountingHouse

ADDRESS = "天津市河西区友谊路5号"
NOTES = (None, "加急", "要定制")
SOME = st.integers(1, 6)
ANY = st.integers(0, 999)
LIMIT, MOST_TOTAL, MOST_BEYOND = Decimal(150), Decimal(100), Decimal(80)
MOST_WAIVED = Decimal(90)
CLERK, BOSS = person("operations", user_id=901), person("supervisor", user_id=902)
COD = Method.CASH_ON_DELIVERY
WAYS = {"review": "reviewed", "placed": "reviewed", "reviewed": "picking"}
DELIVERY = ("placed", "reviewed", "picking", "shipped", "in_transit", "delivered")
LEAST = {
    "place": 40, "change": 3, "split": 4, "move": 2, "go_on": 6, "approve": 2, "pay": 5, "pack": 3, "send": 3,
    "courier_says": 4, "come_back": 1, "settle": 1, "waive": 1, "fill": 1, "time_passes": 5,
}  # fmt: skip
"""How often each must have succeeded at least, so that the machine is known to move; far below what is usual, because
the values that hypothesis draws depend on every constant of the code that is loaded.
"""


class Orders(RuleBasedStateMachine):
    runner: asyncio.Runner
    shop: Shop
    house: CountingHouse
    courier: str
    done: Counter[str]
    wrong: list[str]

    def run(self, what: str, coroutine):
        """What is refused for a good reason changes nothing; what is done is counted."""

        async def attempt():
            try:
                return await coroutine
            except (Conflict, Invalid, NotFound):
                return None

        found = self.runner.run(attempt())
        self.done[what] += found is not None
        self.touched = True
        return found

    @initialize(stock=st.lists(st.integers(3, 15), min_size=3, max_size=3))
    def furnish(self, stock) -> None:
        self.touched = False
        self.slips = itertools.count(1)
        self.orders: list[int] = []
        self.sent = []
        self.skus = [
            self.runner.run(
                self.shop.product(on_hand=many, price=price, weight_g=500, volume_ml=1000)
            )
            for many, price in zip(stock, ("9.99", "33.33", "60.00"), strict=True)
        ]
        self.customers = [self.shop.dealer, self.shop.plain, self.runner.run(self.poor())]
        for who, note in enumerate(NOTES):
            self.order({who: 1, (who + 1) % 3: 2}, who, note=note, backorder=True, payment=COD)

    async def poor(self) -> int:
        """A customer with little credit."""
        customer = await self.shop.customer("小本经营")
        async with self.shop.database.begin() as session:
            limited = text("UPDATE customers SET credit_limit = :limit WHERE id = :id")
            await session.execute(limited, {"limit": LIMIT, "id": customer})
        return customer

    def chosen(self, choice: int, *statuses: str):
        """One of the orders as it is now; with `statuses` one that has one of them, if there is any."""
        found = self.runner.run(self._standing(statuses)) if statuses else self.orders
        if not found:
            return None
        order_id = found[choice % len(found)]
        return self.runner.run(self.shop.service.get(SYSTEM, order_id))

    async def _standing(self, statuses: tuple[str, ...]) -> list[int]:
        async with self.shop.database.begin() as session:
            rows = await session.scalars(
                text(
                    "SELECT id FROM orders WHERE (id = ANY(:ids) OR split_from = ANY(:ids))"
                    " AND status = ANY(:these) ORDER BY id"
                ),
                {"ids": self.orders, "these": list(statuses)},
            )
            return list(rows)

    @rule(
        quantities=st.dictionaries(st.integers(0, 2), SOME, min_size=1),
        who=st.sampled_from([0, 1, 2, 2]),
        note=st.sampled_from(NOTES),
        backorder=st.booleans(),
        payment=st.sampled_from([COD, Method.TRANSFER]),
    )
    def place(self, quantities, who, note, backorder, payment) -> None:
        self.order(quantities, who, note=note, backorder=backorder, payment=payment)

    def order(self, quantities: dict[int, int], who: int, **wanted) -> None:
        lines = [(self.skus[n], many) for n, many in quantities.items()]
        wanted |= {"customer": self.customers[who], "address": ADDRESS}
        placed = self.run("place", self.shop.place(*lines, **wanted))
        if placed is not None:
            self.orders += [placed.order.id, *(part.id for part in placed.order.parts)]

    @rule(choice=ANY, quantities=st.dictionaries(st.integers(0, 2), SOME, min_size=1))
    def change(self, choice, quantities) -> None:
        order = self.chosen(choice, "backordered", "review", "placed", "reviewed")
        if order is not None:
            lines = [(self.skus[n], many) for n, many in quantities.items()]
            content = anew(*lines, version=order.version, address=ADDRESS)
            self.run("change", self.shop.trade.changes.edit(SYSTEM, order.id, content))

    @rule(choice=ANY, quantity=SOME, backorder=st.booleans())
    def split(self, choice, quantity, backorder) -> None:
        if (order := self.chosen(choice)) is None:
            return
        line = order.lines[choice % len(order.lines)]
        wanted = SplitOrder.model_validate(
            {
                "version": order.version,
                "lines": [{"line_no": line.line_no, "quantity": min(quantity, line.quantity)}],
                "backorder": backorder,
            }
        )
        part = self.run("split", self.shop.trade.changes.split(SYSTEM, order.id, wanted))
        if part is not None:
            left = self.runner.run(self.shop.service.get(SYSTEM, order.id))
            assert left.total + part.total == order.total
            self.orders.append(part.id)

    @rule(choice=ANY, way=ANY)
    def move(self, choice, way) -> None:
        """Any way that the table has."""
        if (order := self.chosen(choice)) is not None:
            ways = [to for origin, to in MOVES if origin == order.status]
            if ways:
                to = ways[way % len(ways)]
                self.run("move", self.shop.service.move(order.id, to, SYSTEM))

    @rule(choice=ANY, steps=st.integers(1, 7), end=st.sampled_from(["delivered"] * 3 + ["refused"]))
    def go_on(self, choice, steps, end) -> None:
        """The usual way: approved, packed, handed over with a waybill, and at the customer's door."""
        order = self.chosen(choice, *WAYS, "picking", "shipped", "in_transit")
        for _ in range(steps if order is not None else 0):
            if order.status in WAYS:
                to = WAYS[order.status]
                self.run("go_on", self.shop.service.move(order.id, to, SYSTEM))
            elif order.status == "picking":
                if self.run("pack", self._packed(order.id)) is None:
                    self.send(order.id)
            elif waybills := [each for each in self.sent if each.order_id == order.id]:
                self.run("courier_says", self.house.depot.hear(waybills[-1], end))
            order = self.runner.run(self.shop.service.get(SYSTEM, order.id))

    def send(self, order_id: int) -> None:
        if (waybill := self.run("send", self._sent(order_id))) is not None:
            self.sent.append(waybill)

    async def _sent(self, order_id: int):
        """With the waybill that was made before, where that still holds: it collects what is owed by now."""
        waybills = self.shop.trade.waybills
        there = [
            each.id
            for each in await waybills.list(SYSTEM, WaybillQuery(order_id=order_id))
            if each.kind == "outward" and each.state != "void"
        ]
        if not there:
            return None
        (done,) = await waybills.hand_over(SYSTEM, WaybillIds(waybill_ids=there))
        if done.waybill is not None:
            assert done.waybill.cod_amount == await self.shop.scalar(OWED, id=order_id)
            assert done.waybill.weight_g == await self.shop.scalar(WEIGHT, id=order_id)
        return done.waybill

    async def _packed(self, order_id: int):
        wanted = MakeWaybills(order_ids=(order_id,), courier_code=self.courier, reason="顺路")
        (done,) = await self.shop.trade.waybills.make(SYSTEM, wanted)
        return done.waybill

    @rule(choice=ANY, who=st.sampled_from([CLERK, BOSS, BOSS]))
    def approve(self, choice, who: Principal) -> None:
        """By a person, who has limits."""
        if (order := self.chosen(choice, "review")) is None:
            return
        move = self.shop.service.move(order.id, "reviewed", who)
        if self.run("approve", move) is not None and who is CLERK:
            assert order.total <= MOST_TOTAL

    @rule(choice=ANY, share=st.integers(1, 4))
    def pay(self, choice, share) -> None:
        if (order := self.chosen(choice)) is not None and order.total >= 4:
            money = EnteredMoney.model_validate(
                {
                    "amount": (order.total / share).quantize(Decimal("0.01")),
                    "method": "cash",
                    "reference": f"slip-{id(self)}-{next(self.slips)}",
                    "paid_at": NOW,
                }
            )
            self.run("pay", self.shop.trade.payments.enter(SYSTEM, order.id, money))

    @rule(choice=ANY, codes=st.lists(st.sampled_from(
        ["accepted", "in_transit", "not_delivered", "delivered", "delivered", "refused", "returned"]
    ), min_size=1, max_size=3))  # fmt: skip
    def courier_says(self, choice, codes) -> None:
        for code in codes if self.sent else ():
            waybill = self.sent[choice % len(self.sent)]
            self.run("courier_says", self.house.depot.hear(waybill, code))

    @rule(choice=ANY, quantity=st.integers(1, 2), exchanged=st.booleans())
    def come_back(self, choice, quantity, exchanged) -> None:
        if (order := self.chosen(choice, "delivered", "refused", "exchanged")) is not None:
            line = order.lines[choice % len(order.lines)]
            back = {line.line_no: quantity} if order.status != "refused" else None
            self.run("come_back", self._come_back(order.id, back, exchanged=exchanged))

    async def _come_back(self, order_id: int, back: dict[int, int] | None, **how: bool) -> bool:
        await self.shop.come_back(order_id, back, **how)
        return True

    @rule()
    def settle(self) -> None:
        """With the courier, who has collected cash; what was paid otherwise settles by itself."""
        if self.sent:
            self.run("settle", self.house.settled(self.courier))
        self.touched = True
        self.runner.run(SettlementWorker(self.house.trade.finisher).run_once())

    @rule(choice=ANY, who=st.sampled_from([CLERK, BOSS, BOSS, SYSTEM]))
    def waive(self, choice, who: Actor) -> None:
        """Delivered without a courier, and settled by somebody, paid or not."""
        if (order := self.chosen(choice, *DELIVERY)) is not None:
            self.run("waive", self._settled(order.id, order.status, who))

    async def _settled(self, order_id: int, status: str, who: Actor) -> bool:
        for to in DELIVERY[DELIVERY.index(status) + 1 :]:
            await self.shop.service.move(order_id, to, SYSTEM)
        await self.shop.service.move(order_id, "settled", who, reason="收不回来")
        return True

    @rule(number=st.integers(0, 2), quantity=SOME)
    def goods_arrive(self, number, quantity) -> None:
        self.touched = True
        self.runner.run(self.shop.receive(self.skus[number], quantity))
        filling = BackorderFilling(self.shop.database, self.shop.service)
        self.done["fill"] += self.runner.run(filling.run_once())

    @rule()
    def time_passes(self) -> None:
        self.touched = True
        orders = OrderApproval(
            self.shop.database, self.shop.service, clock=self.shop.clock, after=timedelta(0)
        )
        self.done["time_passes"] += self.runner.run(orders.run_once())

    @invariant()
    def everything_adds_up(self) -> None:
        """Nothing to look at after a step that had nothing to do."""
        if not self.touched:
            return
        self.touched = False
        self.runner.run(self.shop.assert_ledger_adds_up())
        wrong = self.runner.run(self.shop.scalar(ALL_WRONG, beyond=MOST_BEYOND))
        self.wrong.extend([wrong] if wrong else [])
        assert wrong is None, wrong


_MOVES = ", ".join(f"('{origin}', '{to}')" for origin, to in MOVES)
_WAIVED = f"""EXISTS (
    SELECT FROM audit_log a WHERE a.action = 'order.waive' AND a.entity_id = CAST(o.id AS text)
      AND a.actor_id = {BOSS.user_id} AND CAST(a.after->>'waived' AS numeric) <= {MOST_WAIVED})"""
_OWED = f"""
    SELECT o.*, greatest(o.total - o.given_back - (
        SELECT coalesce(sum(CASE kind WHEN 'receipt' THEN amount ELSE -amount END), 0)
        FROM payment_entries WHERE order_id = o.id), 0) AS owed
    FROM orders o WHERE status IN ('placed','reviewed','picking','shipped','in_transit','delivered')
       OR status = 'settled' AND NOT {_WAIVED}"""
OWED = """
    SELECT CASE payment WHEN 'cash_on_delivery' THEN greatest(total - given_back - (
        SELECT coalesce(sum(CASE kind WHEN 'receipt' THEN amount ELSE -amount END), 0)
        FROM payment_entries WHERE order_id = :id), 0) ELSE 0 END FROM orders WHERE id = :id"""
WEIGHT = "SELECT sum(base_quantity) * 500 FROM order_lines WHERE order_id = :id"
WRONG = {
    "stock is below nothing": "SELECT FROM stock WHERE reserved < 0 OR on_hand < reserved",
    "a total is not its lines less the discount": """
        SELECT FROM orders o WHERE o.total <> (
            SELECT sum(line_total) FROM order_lines WHERE order_id = o.id) - o.discount""",
    "an order is not in the state that its log says": """
        SELECT FROM orders o WHERE o.status <> (
            SELECT to_status FROM order_status_log WHERE order_id = o.id ORDER BY id DESC LIMIT 1)""",
    "a log does not go on where it was": """
        SELECT FROM (
            SELECT from_status, lag(to_status) OVER (PARTITION BY order_id ORDER BY id) AS before
            FROM order_status_log) l
        WHERE from_status IS DISTINCT FROM before""",
    "an order went a way that is not in the table": f"""
        SELECT FROM order_status_log WHERE from_status IS NOT NULL
          AND (from_status, to_status) NOT IN ({_MOVES})""",
    "an order is settled that is neither paid nor waived by a person who may": f"""
        SELECT FROM ({_OWED}) o WHERE o.status = 'settled' AND o.owed > 0""",
    "an order began in the middle": """
        SELECT FROM order_status_log l JOIN orders o ON o.id = l.order_id
        WHERE l.from_status IS NULL AND o.split_from IS NULL
          AND l.to_status NOT IN ('backordered', 'review', 'placed')""",
    "the credit that is held is not what is owed": f"""
        SELECT FROM ({_OWED}) o WHERE o.credit_held <> o.owed""",
    "more is owed than the credit and what a person may give beyond it": f"""
        SELECT FROM customers c JOIN ({_OWED}) o ON o.customer_id = c.id
        GROUP BY c.id HAVING sum(o.owed) > c.credit_limit + CASE WHEN EXISTS (
            SELECT FROM orders p JOIN order_status_log l ON l.order_id IN (p.id, p.split_from)
            WHERE p.customer_id = c.id AND p.credit_held > 0 AND l.from_status = 'review'
              AND l.to_status = 'reviewed' AND l.actor_id = {BOSS.user_id}
        ) THEN :beyond ELSE 0 END""",
    "an order that the rules hold went on without a review": """
        SELECT FROM orders o WHERE o.review = 'hold'
          AND o.status NOT IN ('review', 'backordered', 'cancelled') AND NOT EXISTS (
            SELECT FROM order_status_log l WHERE l.from_status = 'review'
              AND l.to_status = 'reviewed' AND l.order_id IN (o.id, o.split_from))""",
}  # fmt: skip
ALL_WRONG = (
    " UNION ALL ".join(
        f"SELECT '{sentence}' WHERE EXISTS ({wrong})" for sentence, wrong in WRONG.items()
    )
    + " LIMIT 1"
)


async def furnished(shop: Shop) -> tuple[CountingHouse, str]:
    """Reviewers with limits, a rule of review, and a courier who collects."""
    async with shop.database.begin() as session:
        await seed_roles(session)
        for who in (CLERK, BOSS):
            await session.execute(
                text(
                    "INSERT INTO users (id, login, name, password_hash, role_code, locale)"
                    " VALUES (:id, :role, :role, 'x', :role, 'zh-CN')"
                ),
                {"id": who.user_id, "role": who.role},
            )
    rules = shop.trade.review_rules
    held = {"kind": "note_words", "says": "hold", "words": ["定制"]}
    named = {"name_zh": "定制", "name_en": "Custom"}
    await rules.add(SYSTEM, NewReviewRule.model_validate(held | named))
    await rules.limit(SYSTEM, CLERK.role, ReviewLimit(most_total=MOST_TOTAL))
    boss = ReviewLimit(most_beyond_credit=MOST_BEYOND, most_waived=MOST_WAIVED)
    await rules.limit(SYSTEM, BOSS.role, boss)
    house = CountingHouse(Depot(shop, CLERK.user_id, BOSS.user_id))
    return house, await house.courier()


def test_whatever_is_done_with_orders_everything_adds_up(shop_of_its_own):
    runner, shop = shop_of_its_own
    house, courier = runner.run(furnished(shop))
    done: Counter[str] = Counter()
    wrong: list[str] = []
    parts = {"runner": runner, "shop": shop, "house": house, "courier": courier}
    machine = type("Machine", (Orders,), parts | {"done": done, "wrong": wrong})
    try:
        run_state_machine_as_test(machine, settings=repeated(14, stateful_step_count=30))
    finally:  # it stays in the database, so that a second look ends sooner and tells of that only
        assert not wrong, wrong[0]
    idle = {what: (done[what], least) for what, least in LEAST.items() if done[what] < least}
    assert not idle, (idle, done)
