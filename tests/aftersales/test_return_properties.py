"""Money and stock agree after any sequence of returns, exchanges and receipts, by several people."""

import asyncio
import contextlib
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.rights import SYSTEM
from orders.aftersales.errors import MoreThanOrdered, NothingDelivered, ReturnClosed
from orders.aftersales.returns.commands import Approval, Ending, ReturnQuery
from orders.aftersales.returns.worth import Line, of_goods
from orders.errors import ChangedMeanwhile
from orders.money import line_total, shared, total_of
from orders.sales.flow import Status
from tests.aftersales.counter import Counter

_LINES = st.lists(
    st.tuples(st.decimals("0", "999.99", places=2), st.integers(1, 12)), min_size=1, max_size=6
)


@given(_LINES, st.decimals("0", "1", places=4), st.integers(0, 2**16))
def test_the_refunds_of_all_parts_are_what_was_paid_in_whatever_order_they_come_back(
    ordered, kept, seed
):
    chance = random.Random(seed)
    totals = [line_total(price, quantity) for price, quantity in ordered]
    total = (total_of(totals) * kept).quantize(Decimal("0.01"))
    returned = [0] * len(ordered)
    refunded = Decimal(0)
    while any(done < quantity for done, (_, quantity) in zip(returned, ordered, strict=True)):
        back = {
            place + 1: chance.randint(0, quantity - returned[place])
            for place, (_, quantity) in enumerate(ordered)
        }
        lines = [
            Line(place + 1, quantity, totals[place], returned[place])
            for place, (_, quantity) in enumerate(ordered)
        ]
        values = of_goods(total, lines, back)
        for line_no, value in values.items():
            assert 0 <= value <= line_total(ordered[line_no - 1][0], back[line_no])
            returned[line_no - 1] += back[line_no]
        refunded += sum(values.values())
        assert refunded <= total
    assert refunded == total
    assert sum(shared(total, totals)) == total


@pytest.mark.parametrize("seed", range(5))
async def test_money_and_stock_agree_after_any_sequence_of_steps_by_several_people(
    counter: Counter, seed: int
):
    chance = random.Random(seed)
    skus = [await counter.shop.product(on_hand=30, price=price) for price in ("3.33", "7.01")]
    customer = await counter.shop.customer("同一客户")
    orders, came_in = [], Decimal(0)
    if seed == 0:
        await counter.shop.rule(
            "order_amount_off", value=Decimal("1.37"), name_zh="立减", name_en="Off"
        )
    for _ in range(2):
        wanted = [(sku, chance.randint(1, 4)) for sku in skus]
        placed = (await counter.shop.place(*wanted, customer=customer)).order
        await counter.shop.move(placed.id, *("reviewed", "picking", "shipped", "in_transit"))
        await counter.shop.move(placed.id, chance.choice(("delivered", "delivered", "refused")))
        if chance.random() < 0.5 and placed.total > 2:
            await counter.pay(placed.id, placed.total)
            came_in += placed.total
        orders.append(placed.id)
    for _ in range(8):
        step = _Steps(counter, chance)
        await asyncio.gather(*(step.any_of(chance.choice(orders)) for _ in range(3)))
    await counter.assert_all_agrees()
    for order_id in orders:
        await _bring_all_back(counter, order_id)
        found = await counter.get(order_id)
        assert found.status in (Status.RETURNED, Status.EXCHANGED)
        assert (await counter.money(order_id))[0] == 0
    await counter.assert_all_agrees()
    paid = await counter.shop.scalar(_PAID, id=customer)
    assert paid == came_in


_PAID = """
SELECT coalesce(sum(CASE e.kind WHEN 'receipt' THEN e.amount ELSE -e.amount END), 0)
FROM payment_entries e JOIN orders o ON o.id = e.order_id WHERE o.customer_id = :id"""


class _Steps:
    """What people do with an order, without asking one another."""

    def __init__(self, counter: Counter, chance: random.Random) -> None:
        self._counter = counter
        self._chance = chance

    async def any_of(self, order_id: int) -> None:
        step = self._chance.choice((self._enter, self._enter, self._go_on, self._go_on))
        with contextlib.suppress(ChangedMeanwhile, MoreThanOrdered, NothingDelivered, ReturnClosed):
            await step(order_id)

    async def _enter(self, order_id: int) -> None:
        kind = self._chance.choice(("return", "exchange", "refused_delivery"))
        back = {self._chance.randint(1, 2): self._chance.randint(1, 3)}
        await self._counter.enter(order_id, back, kind=kind)

    async def _go_on(self, order_id: int) -> None:
        found = [each for each in await _returns(self._counter, order_id) if each.state in _COMING]
        if not found:
            return
        one = self._chance.choice(found)
        returns = self._counter.trade.returns
        if self._chance.random() < 0.2:
            ending = Ending(version=one.version, reason="不退了")
            await returns.cancel(SYSTEM, one.id, ending)
        elif one.state == "requested":
            await returns.approve(SYSTEM, one.id, Approval(version=one.version))
        else:
            view = await returns.get(SYSTEM, one.id)
            most = view.lines[0].quantity
            damaged = self._chance.randint(0, most)
            await self._counter.receive(view, damaged, self._chance.randint(0, most - damaged))


_COMING = ("requested", "approved")


async def _returns(counter: Counter, order_id: int):
    return await counter.trade.returns.listed(SYSTEM, ReturnQuery(order_id=order_id))


async def _bring_all_back(counter: Counter, order_id: int) -> None:
    for each in await _returns(counter, order_id):
        if each.state in _COMING:
            ending = Ending(version=each.version, reason="重新登记")
            await counter.trade.returns.cancel(SYSTEM, each.id, ending)
    order = await counter.get(order_id)
    if order.status in (Status.DELIVERED, Status.REFUSED):
        kind = "refused_delivery" if order.status == Status.REFUSED else "return"
        await counter.back(order_id, kind=kind)
