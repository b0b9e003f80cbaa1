"""Whatever happens to stock, in whatever order and at the same time: the ledger adds up, nothing is sold twice."""

import asyncio
import itertools
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
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
from orders.errors import OutOfStock
from orders.lines import StockLine
from orders.stock import ledger
from orders.stock.moves import EFFECT, Goods
from tests.orders.order_shop import NOW, Shop
from tests.orders.stock_room import StockRoom
from tests.repeated import repeated

WAREHOUSES = ("main", "north", "south")
NEXT = {"placed": "reviewed", "reviewed": "picking", "picking": "shipped", "shipped": "refused", "refused": "returned"}  # fmt: skip
# The ledger once more from its beginning: at no moment was there less than nothing, and only what is blocked
# unasked left less available than orders held.
_OVERSOLD = """
SELECT count(*) FROM (
    SELECT kind, on_hand_change - reserved_change - blocked_change AS freed,
           sum(on_hand_change) OVER w AS goods, sum(reserved_change) OVER w AS held,
           sum(blocked_change) OVER w AS blocked, sum(value_change) OVER w AS value
    FROM stock_moves WINDOW w AS (PARTITION BY sku, warehouse ORDER BY id)) m
WHERE goods < 0 OR held < 0 OR blocked < 0 OR held > goods OR blocked > goods OR value < 0
   OR freed < 0 AND kind NOT IN ('expire', 'block') AND goods - held - blocked < 0"""
_LOST = """
SELECT coalesce(sum(on_hand), 0) + (
    SELECT coalesce(sum(l.quantity), 0) FROM stock_document_lines l
    JOIN stock_documents d ON d.id = l.document_id WHERE d.state = 'in_transit') - (
    SELECT coalesce(sum(on_hand_change), 0) FROM stock_moves
    WHERE kind NOT IN ('transfer_out', 'transfer_in'))
FROM stock"""


async def check(shop: Shop) -> None:
    await shop.assert_ledger_adds_up()
    for question in (_OVERSOLD, _LOST):
        assert await shop.scalar(question) == 0, question


class Warehouses(RuleBasedStateMachine):
    """Many products, three warehouses, and everything that people and time do to them."""

    runner: asyncio.Runner
    room: StockRoom

    def run(self, coroutine):
        """What is refused for a good reason changes nothing."""

        async def attempt():
            try:
                return await coroutine
            except (Conflict, Invalid, NotFound):
                return None

        return self.runner.run(attempt())

    @initialize()
    def furnish(self) -> None:
        self.steps = 0
        self.goods: list[str] = []
        self.batched: list[str] = []
        self.orders: list[tuple[int, str]] = []
        self.travelling: list[int] = []
        self.counts: list[tuple[int, int]] = []
        self.posted: list[int] = []
        self.numbers = itertools.count(1)
        self.room.shop.clock.now = NOW
        for life in (None, None, 5, 30):
            more = {} if life is None else {"shelf_life_days": life}
            sku = self.runner.run(self.room.shop.product(on_hand=0, **more))
            (self.goods if life is None else self.batched).append(sku)
            for warehouse in WAREHOUSES[:2]:
                self.receive(sku, warehouse, 6, 3)

    places = st.sampled_from(WAREHOUSES)
    any_goods = st.integers(0, 3)
    some = st.integers(1, 8)

    def sku(self, number: int) -> str:
        return (self.goods + self.batched)[number]

    def receive(self, sku: str, warehouse: str, quantity: int, cost: int) -> None:
        line = {"unit_cost": f"{cost}.37"}
        if sku in self.batched:
            today = self.room.shop.clock.now.date()
            line |= {"batch_no": f"B{next(self.numbers)}", "made_on": today}
        made = self.run(self.room.shop.receive(sku, quantity, warehouse=warehouse, **line))
        if made is not None:
            self.posted.append(made.document.id)

    @rule(number=any_goods, warehouse=places, quantity=some, cost=st.integers(0, 9))
    def goods_arrive(self, number, warehouse, quantity, cost) -> None:
        self.receive(self.sku(number), warehouse, quantity, cost)

    @rule(numbers=st.sets(any_goods, min_size=1), warehouse=places, quantity=some)
    def an_order_is_placed(self, numbers, warehouse, quantity) -> None:
        lines = [(self.sku(n), quantity) for n in sorted(numbers)]
        placed = self.run(self.room.shop.place(*lines, warehouse=warehouse))
        if placed is not None:
            self.orders.append((placed.order.id, placed.order.status))

    @rule(choice=st.integers(0, 99), cancel=st.booleans())
    def an_order_goes_on(self, choice, cancel) -> None:
        if not self.orders:
            return
        order_id, status = self.orders[choice % len(self.orders)]
        to = "cancelled" if cancel and status in ("placed", "reviewed") else NEXT.get(status)
        if to is not None and self.run(self.room.shop.move(order_id, to)) is not None:
            self.orders[choice % len(self.orders)] = order_id, to

    @rule(number=any_goods, start=places, end=places, quantity=some)
    def goods_are_sent(self, number, start, end, quantity) -> None:
        if start != end:
            line = {"sku": self.sku(number), "quantity": quantity}
            sent = self.run(self.room.send(line, start=start, end=end))
            if sent is not None:
                self.travelling.append(sent.document.id)

    @rule(first=st.none() | st.integers(0, 9), back=st.booleans())
    def goods_come_to_an_end_of_their_way(self, first, back) -> None:
        if not self.travelling:
            return
        document_id = self.travelling.pop(0)
        if back:
            assert self.run(self.room.documents.call_back(SYSTEM, document_id)) is not None
        else:
            given = {} if first is None else {"_1": first}
            assert self.run(self.room.arrive(document_id, **given)) is not None

    @rule(number=any_goods, warehouse=places)
    def a_count_begins(self, number, warehouse) -> None:
        begun = self.run(self.room.count(self.sku(number), warehouse=warehouse))
        if begun is not None:
            self.counts.append((begun.document.id, len(begun.lines)))

    @rule(found=st.integers(0, 9), whole=st.booleans())
    def a_count_is_entered_and_perhaps_posted(self, found, whole) -> None:
        if not self.counts:
            return
        document_id, lines = self.counts[0]
        numbers = range(1, lines + 1)
        self.run(self.room.counted(document_id, **{f"_{n}": found for n in numbers}))
        if whole:
            self.counts.pop(0)
            if self.run(self.room.finish(document_id)) is not None:
                self.posted.append(document_id)

    @rule(number=st.integers(0, 1), warehouse=places, quantity=some, what=st.sampled_from("albwbu"))
    def something_is_found_lost_or_blocked(self, number, warehouse, quantity, what) -> None:
        sku, room = self.sku(number), self.room
        done = {
            "a": lambda: room.adjust(warehouse, sku=sku, quantity=quantity),
            "l": lambda: room.adjust(warehouse, sku=sku, quantity=-quantity),
            "w": lambda: room.write_off(warehouse, sku=sku, quantity=quantity),
            "b": lambda: room.hold(warehouse, sku=sku, quantity=quantity),
            "u": lambda: room.hold(warehouse, sku=sku, quantity=-quantity),
        }[what]
        made = self.run(done())
        if made is not None:
            self.posted.append(made.document.id)

    @rule(number=st.integers(2, 3), warehouse=places, free=st.booleans())
    def a_batch_is_blocked_or_freed(self, number, warehouse, free) -> None:
        found = self.run(self.room.batches(self.sku(number), warehouse))
        if found:
            self.run(self.room.block(next(iter(found.values())), None if free else "recall"))

    @rule(choice=st.integers(0, 99))
    def a_document_is_reversed(self, choice) -> None:
        if self.posted:
            self.run(self.room.reverse(self.posted[choice % len(self.posted)]))

    @rule(days=st.integers(1, 4))
    def time_goes_by(self, days) -> None:
        self.room.shop.clock.pass_by(timedelta(days=days))
        self.run(self.room.expire())

    @invariant()
    def it_adds_up(self) -> None:
        """Not after every step: the ledger forgets nothing."""
        self.steps += 1
        if self.steps % 6 == 0:
            self.runner.run(check(self.room.shop))

    def teardown(self) -> None:
        self.runner.run(check(self.room.shop))


@pytest.fixture(scope="module")
def ledger_of_its_own(shop_of_its_own):
    """A loop and a stock room for what is not asynchronous: (runner, room)."""
    runner, shop = shop_of_its_own
    room = StockRoom(shop)
    for code in WAREHOUSES[1:]:
        runner.run(room.warehouse(code))
    return runner, room


def test_whatever_is_done_the_ledger_adds_up_to_the_balances_and_the_batches(ledger_of_its_own):
    runner, room = ledger_of_its_own
    machine = type("Machine", (Warehouses,), {"runner": runner, "room": room})
    run_state_machine_as_test(
        machine,
        settings=repeated(8, stateful_step_count=30),
    )


@pytest.fixture(scope="module")
async def room(shop: Shop) -> StockRoom:
    found = StockRoom(shop)
    for code in WAREHOUSES[1:]:
        await found.warehouse(code)
    return found


async def test_everything_at_the_same_time_neither_deadlocks_nor_loses_goods(room: StockRoom):
    shop, chance = room.shop, random.Random(3)
    skus = [await shop.product(on_hand=0) for _ in range(3)]
    skus += [await shop.product(on_hand=0, shelf_life_days=30) for _ in range(3)]
    for sku, warehouse in itertools.product(skus, WAREHOUSES):
        batch = {"batch_no": "B0", "expires_on": NOW.date() + timedelta(days=9)}
        more = batch if sku in skus[3:] else {}
        await shop.receive(sku, 60, warehouse=warehouse, unit_cost="3.33", **more)

    turns = asyncio.Semaphore(12)

    async def one(turn: int) -> None:
        async with turns:
            await step(turn)

    async def step(turn: int) -> None:
        start, end = chance.sample(WAREHOUSES, 2)
        goods = chance.sample(skus, 3)
        match turn % 4:
            case 0:
                await room.shipped(*((sku, 1) for sku in goods), warehouse=start)
            case 1:
                sent = await room.send(
                    *({"sku": s, "quantity": 2} for s in goods), start=start, end=end
                )
                await room.arrive(sent.document.id, _1=1)
            case 2:
                begun = await room.count(*goods, warehouse=start)
                given = {f"_{line.line_no}": (line.expected or 0) - 1 for line in begun.lines}
                await room.counted(begun.document.id, **given)
                await room.finish(begun.document.id)
            case 3:
                await room.adjust(start, sku=goods[0], quantity=-1)

    ended = await asyncio.gather(*(one(turn) for turn in range(48)), return_exceptions=True)
    failed = [each for each in ended if each is not None and not isinstance(each, OutOfStock)]
    assert failed == []
    assert ended.count(None) > 30
    await check(shop)


TAKING = [Goods.RESERVE, Goods.REPLACE, Goods.TRANSFER_OUT, Goods.LOSS, Goods.WRITE_OFF]


@example([(kind, 7, None) for kind in TAKING])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Goods)), st.integers(-6, 9), st.none() | st.integers(0, 500)
        ),
        min_size=1,
        max_size=20,
    )
)
@repeated(12)
def test_the_statement_itself_does_what_the_table_of_effects_says_and_nothing_impossible(
    ledger_of_its_own, steps
):
    """Held against the same rules in a few lines of Python."""
    runner, room = ledger_of_its_own
    shop = room.shop
    sku = runner.run(shop.product(on_hand=0))
    goods = held = barred = 0

    async def open_it() -> None:
        async with shop.database.begin() as session:
            await ledger.open_balances(session, "main", [sku])

    runner.run(open_it())

    async def change(kind: Goods, quantity: int, value: int | None) -> bool:
        worth = None if value is None or EFFECT[kind].on_hand * quantity <= 0 else Decimal(value)
        try:
            async with shop.database.begin() as session:
                lines = [StockLine(sku, quantity, worth)]
                await ledger.change(session, kind, "main", lines, ledger.Cause(NOW))
        except OutOfStock:
            return False
        return True

    beginning = ((Goods.RECEIVE, 20, 60), (Goods.BLOCK, 6, None), (Goods.RESERVE, 8, None))
    for kind, quantity, value in (*beginning, *steps):
        effect = EFFECT[kind]
        after = (
            goods + quantity * effect.on_hand,
            held + quantity * effect.reserved,
            barred + quantity * effect.blocked,
        )
        takes = quantity * effect.available < 0 and kind not in (Goods.EXPIRE, Goods.BLOCK)
        possible = 0 <= after[1] <= after[0] and 0 <= after[2] <= after[0]
        possible = possible and not (takes and after[0] - after[1] - after[2] < 0)
        assert runner.run(change(kind, quantity, value)) == possible, (kind, quantity)
        if possible:
            goods, held, barred = after
    level = runner.run(room.level(sku))
    assert (level.on_hand, level.reserved, level.blocked) == (goods, held, barred)
    wrong = runner.run(
        shop.scalar(
            "SELECT count(*) FROM stock s WHERE sku = :sku AND (on_hand, reserved, blocked, value) <> ("
            " SELECT coalesce(sum(on_hand_change), 0), coalesce(sum(reserved_change), 0),"
            " coalesce(sum(blocked_change), 0), coalesce(sum(value_change), 0)"
            " FROM stock_moves m WHERE m.sku = s.sku)",
            sku=sku,
        )
    )
    assert wrong == 0
