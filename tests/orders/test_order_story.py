"""Whatever is done with orders, in whatever order: stock is never negative, no money is created, no order is in
two states, and none gets past the customer's credit without a review.
"""

import asyncio
import itertools
from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import SYSTEM
from orders.payments.commands import EnteredMoney
from orders.review.commands import NewReviewRule
from orders.sales.commands import SplitOrder
from orders.sales.flow import MOVES
from orders.sales.rounds import BackorderFilling, OrderApproval
from tests.orders.order_shop import NOW, Shop
from tests.orders.test_order_editing import anew

NOTES = (None, "加急", "要定制")
SOME = st.integers(1, 6)
ANY = st.integers(0, 999)


class Orders(RuleBasedStateMachine):
    runner: asyncio.Runner
    shop: Shop

    def run(self, coroutine):
        """What is refused for a good reason changes nothing."""

        async def attempt():
            try:
                return await coroutine
            except (Conflict, Invalid, NotFound):
                return None

        return self.runner.run(attempt())

    @initialize(stock=st.lists(st.integers(0, 12), min_size=3, max_size=3))
    def furnish(self, stock) -> None:
        self.slips = itertools.count(1)
        self.orders: list[int] = []
        self.skus = [
            self.runner.run(self.shop.product(on_hand=many, price=price))
            for many, price in zip(stock, ("9.99", "33.33", "60.00"), strict=True)
        ]

    def chosen(self, choice: int):
        """One of the orders as it is now."""
        if not self.orders:
            return None
        return self.run(self.shop.service.get(SYSTEM, self.orders[choice % len(self.orders)]))

    @rule(
        quantities=st.dictionaries(st.integers(0, 2), SOME, min_size=1),
        who=st.sampled_from(["dealer", "plain", "poor"]),
        note=st.sampled_from(NOTES),
        backorder=st.booleans(),
    )
    def place(self, quantities, who, note, backorder) -> None:
        lines = [(self.skus[n], many) for n, many in quantities.items()]
        customer = getattr(self.shop, who)
        placed = self.run(
            self.shop.place(*lines, customer=customer, note=note, backorder=backorder)
        )
        if placed is not None:
            self.orders += [placed.order.id, *(part.id for part in placed.order.parts)]

    @rule(choice=ANY, quantities=st.dictionaries(st.integers(0, 2), SOME, min_size=1))
    def change(self, choice, quantities) -> None:
        if (order := self.chosen(choice)) is not None:
            lines = [(self.skus[n], many) for n, many in quantities.items()]
            content = anew(*lines, version=order.version)
            self.run(self.shop.trade.changes.edit(SYSTEM, order.id, content))

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
        part = self.run(self.shop.trade.changes.split(SYSTEM, order.id, wanted))
        if part is not None:
            left = self.run(self.shop.service.get(SYSTEM, order.id))
            assert left.total + part.total == order.total
            self.orders.append(part.id)

    @rule(choice=ANY, way=ANY)
    def move(self, choice, way) -> None:
        if (order := self.chosen(choice)) is not None:
            ways = [to for origin, to in MOVES if origin == order.status]
            if ways:
                self.run(self.shop.service.move(order.id, ways[way % len(ways)], SYSTEM))

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
            self.run(self.shop.trade.payments.enter(SYSTEM, order.id, money))

    @rule(number=st.integers(0, 2), quantity=SOME)
    def goods_arrive(self, number, quantity) -> None:
        self.run(self.shop.receive(self.skus[number], quantity))
        self.run(BackorderFilling(self.shop.database, self.shop.service).run_once())

    @rule()
    def time_passes(self) -> None:
        after = timedelta(0)
        orders = OrderApproval(
            self.shop.database, self.shop.service, clock=self.shop.clock, after=after
        )
        self.run(orders.run_once())

    @invariant()
    def everything_adds_up(self) -> None:
        self.runner.run(self.shop.assert_ledger_adds_up())
        for sentence, wrong in WRONG.items():
            assert not self.runner.run(self.shop.scalar(wrong)), sentence


WRONG = {
    "stock is below nothing": "SELECT count(*) FROM stock WHERE reserved < 0 OR on_hand < reserved",
    "a total is not its lines less the discount": """
        SELECT count(*) FROM orders o WHERE o.total <> (
            SELECT sum(line_total) FROM order_lines WHERE order_id = o.id) - o.discount""",
    "an order is not in the state that its log says": """
        SELECT count(*) FROM orders o WHERE o.status <> (
            SELECT to_status FROM order_status_log WHERE order_id = o.id ORDER BY id DESC LIMIT 1)""",
    "credit is used beyond the limit": """
        SELECT count(*) FROM customers WHERE credit_used > credit_limit""",
    "an order that the rules hold went on without a review": """
        SELECT count(*) FROM orders o WHERE o.review = 'hold'
          AND o.status NOT IN ('review', 'backordered', 'cancelled') AND NOT EXISTS (
            SELECT FROM order_status_log l WHERE l.from_status = 'review'
              AND l.to_status = 'reviewed' AND l.order_id IN (o.id, o.split_from))""",
}


def test_whatever_is_done_with_orders_everything_adds_up(shop_of_its_own):
    runner, shop = shop_of_its_own
    held = {"kind": "note_words", "says": "hold", "words": ["定制"]}
    named = {"name_zh": "定制", "name_en": "Custom"}
    runner.run(shop.trade.review_rules.add(SYSTEM, NewReviewRule.model_validate(held | named)))
    machine = type("Machine", (Orders,), {"runner": runner, "shop": shop})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
