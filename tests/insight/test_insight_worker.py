"""Insight is kept up to date by looking only at whom something has changed about, and loses nothing."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, func, select, text, update

from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.insight_queue import touch
from crm_core.customers.insight_tables import CustomerInsight
from crm_core.customers.merging import MergeService
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer
from crm_core.errors import DatabaseUnavailable
from crm_core.insight.ports import Holder, SalesDay, SalesSource
from crm_core.rights import SYSTEM
from orders.errors import OutOfStock
from tests.insight.insight_firm import SHANGHAI, Firm, at, days


async def test_an_order_and_each_of_its_moves_mark_its_customer(firm: Firm):
    order = await firm.sell(firm.shop.dealer, 5)
    assert await firm.queued() == [firm.shop.dealer]
    assert await firm.settle() == 1
    row = await firm.row(firm.shop.dealer)
    assert (row.orders_12m, row.revenue_12m, row.segment_code) == (1, Decimal("47.50"), "new")
    await firm.shop.move(order, "cancelled")
    assert await firm.queued() == [firm.shop.dealer]
    await firm.settle()
    row = await firm.row(firm.shop.dealer)
    assert (row.orders_12m, row.segment_code, row.last_order_at) == (0, "none", None)


async def test_an_order_that_is_rolled_back_marks_nobody(firm: Firm):
    before = await firm.queued()
    sku = await firm.shop.product(on_hand=0)
    with pytest.raises(OutOfStock):
        await firm.shop.place((sku, 1), customer=firm.shop.plain)
    async with firm.database.begin() as session:
        await touch(session, (firm.shop.plain,))
        await session.rollback()
    assert await firm.queued() == before


async def test_only_a_conversation_that_is_over_marks_its_customer(firm: Firm):
    await firm.call(firm.shop.plain, answered_at=None, outcome="abandoned")
    await firm.call(firm.shop.plain, ended_at=None, outcome=None)
    await firm.call(987_654_321)
    await firm.call(None)  # type: ignore[arg-type]
    assert await firm.queued() == []
    await firm.call(firm.shop.plain)
    assert await firm.queued() == [firm.shop.plain]
    await firm.settle()
    assert (await firm.row(firm.shop.plain)).last_contact_at == firm.shop.clock()


async def test_a_record_that_is_made_or_changed_marks_its_customer(firm: Firm):
    customers = CustomerService(firm.database)
    card = await customers.create(SYSTEM, NewCustomer(name="记录", credit_limit=Decimal(100)))
    assert await firm.queued() == [card.id]
    await firm.settle()
    overdue = CustomerFields(overdue_entered=Decimal(5))
    await customers.update(SYSTEM, card.id, card.version, overdue)
    await firm.settle()
    codes = [each["code"] for each in (await firm.row(card.id)).warnings]
    assert codes[0] == "credit_overdue"
    warned = (await firm.row(card.id)).warnings[0]
    assert warned["params"] == {"severity": "critical", "credit_overdue": "0"}


async def test_merged_customers_are_worked_out_as_one_and_parted_as_two(firm: Firm):
    kept, dropped = await firm.taken_on("留下"), await firm.taken_on("并入")
    await firm.sell(kept, 1)
    await firm.sell(dropped, 2)
    await firm.settle()
    merging = MergeService(firm.database)
    merge = await merging.merge(SYSTEM, (kept, 1), (dropped, 1))
    await firm.settle()
    assert (await firm.row(kept)).revenue_12m == 30
    assert await firm.row(dropped) is None
    await merging.undo(SYSTEM, merge.id)
    await firm.settle()
    assert [(await firm.row(each)).revenue_12m for each in (kept, dropped)] == [10, 20]


async def test_an_order_counts_on_the_day_of_the_company_s_own_calendar(firm: Firm):
    customer = await firm.taken_on()
    clock = firm.shop.clock
    for moment in (at(date(2026, 3, 31), 23), at(date(2026, 4, 1), 0)):
        clock.now = moment
        await firm.sell(customer)
    found = await firm.insight.customer(SYSTEM, customer)
    assert [quarter.orders for quarter in found.quarters] == [1, 1, 0, 0]
    async with firm.database.reading() as connection:
        read = firm.sources.sales.daily
        rows = await read(connection, [customer], date(2026, 4, 1), date(2026, 4, 2))
    assert [(row.day, row.orders) for row in rows] == [(date(2026, 4, 1), 1)]


async def test_a_customer_is_looked_at_again_when_time_alone_changes_the_result(firm: Firm):
    customer = await firm.taken_on()
    await firm.call(customer)
    await firm.settle()
    start = firm.shop.clock.now
    row = await firm.row(customer)
    assert row.next_due_at == at(start.astimezone(SHANGHAI).date() + days(30), 0)
    firm.shop.clock.now = row.next_due_at - days(0.0001)
    await firm.settle()
    assert (await firm.row(customer)).computed_at == row.computed_at
    firm.shop.clock.now = row.next_due_at
    await firm.settle()
    later = await firm.row(customer)
    assert [each["code"] for each in later.warnings] == ["no_contact"]
    assert later.next_due_at is None


async def test_customers_entered_behind_our_back_are_found(firm: Firm):
    customer = await firm.taken_on()
    worker = firm.worker()
    assert await worker.run_once() == 0
    assert await worker.find_missing() == 1
    assert await worker.find_missing() == 0
    assert await worker.run_once() == 1
    assert (await firm.row(customer)).segment_code == "none"


async def test_of_who_was_erased_nothing_is_worked_out_and_nothing_stays(firm: Firm):
    erased, told = await firm.taken_on(), await firm.taken_on()
    await firm.settle()
    async with firm.database.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id.in_((erased, told))).values(erased_at=func.now())
        )
        await session.execute(delete(CustomerInsight).where(CustomerInsight.customer_id == erased))
        await touch(session, (told,))
    worker = firm.worker()
    assert await worker.find_missing() == 0
    assert await worker.run_once() == 1
    async with firm.database.reading() as connection:
        left = select(func.count()).where(CustomerInsight.customer_id.in_((erased, told)))
        assert await connection.scalar(left) == 0
        everybody = select(func.count(), func.count(Customer.erased_at)).select_from(Customer)
        here, gone = (await connection.execute(everybody)).one()
    assert await firm.insight.recompute_all(SYSTEM) == here - gone


async def test_what_was_worked_out_before_the_clock_was_set_back_is_worked_out_anew(firm: Firm):
    clock, worker, by = firm.shop.clock, firm.worker(), timedelta(days=40)
    clock.set_by(by)
    customer = await firm.taken_on()
    while await worker._round():
        pass
    assert (await firm.row(customer)).computed_at == clock()
    clock.set_by(-by)
    while await worker._round():
        pass
    assert (await firm.row(customer)).computed_at == clock()
    assert await worker._round() == 0


@dataclass
class Interrupted:
    """Sales that are read while something else happens."""

    sales: SalesSource
    reading: asyncio.Event
    go_on: asyncio.Event

    async def daily(
        self, holder: Holder, customer_ids: Sequence[int], since: date, until: date
    ) -> Sequence[SalesDay]:
        found = await self.sales.daily(holder, customer_ids, since, until)
        self.reading.set()
        await self.go_on.wait()
        return found

    def totals(self, since: date, until: date):
        return self.sales.totals(since, until)


def interrupted(firm: Firm) -> Interrupted:
    return Interrupted(firm.sources.sales, asyncio.Event(), asyncio.Event())


async def test_an_order_that_comes_while_its_customer_is_worked_out_is_not_lost_and_waits_for_nothing(
    firm: Firm,
):
    customer = await firm.taken_on()
    await firm.sell(customer, 1)
    sales = interrupted(firm)
    slow = firm.worker(sources=replace(firm.sources, sales=sales))
    running = asyncio.create_task(slow.run_once())
    await sales.reading.wait()
    async with asyncio.timeout(5):
        order = await firm.sell(customer, 2)
        await firm.shop.move(order, "reviewed")
        await firm.call(customer)
    sales.go_on.set()
    assert await running == 1
    assert (await firm.row(customer)).revenue_12m == 10
    await firm.settle()
    assert (await firm.row(customer)).revenue_12m == 30


async def test_a_second_worker_leaves_a_customer_whom_the_first_one_has(firm: Firm):
    customer, other = await firm.taken_on(), await firm.taken_on()
    await firm.sell(customer, 1)
    sales = interrupted(firm)
    slow = firm.worker(sources=replace(firm.sources, sales=sales))
    running = asyncio.create_task(slow.run_once())
    await sales.reading.wait()
    await firm.sell(customer, 2)
    await firm.sell(other, 7)
    quick = firm.worker()
    assert await quick.run_once() == 1
    assert (await firm.row(customer)) is None
    assert (await firm.row(other)).revenue_12m == 70
    sales.go_on.set()
    await running
    assert await quick.run_once() == 1
    assert (await firm.row(customer)).revenue_12m == 30


async def test_two_workers_share_the_work_and_orders_go_on_meanwhile(firm: Firm):
    customers = [await firm.taken_on(f"客{n}") for n in range(60)]
    async with firm.database.begin() as session:
        await touch(session, customers)

    async def work(worker) -> int:
        done, idle = 0, 0
        while idle < 3:
            worked = await worker.run_once()
            idle = 0 if worked else idle + 1
            done += worked
        return done

    async def sell() -> None:
        for customer in customers[::3]:
            await firm.sell(customer)

    shares = await asyncio.gather(work(firm.worker(batch=7)), work(firm.worker(batch=7)), sell())
    assert sum(shares[:2]) >= 60  # type: ignore[arg-type]
    await firm.settle()
    await firm.assert_as_if_worked_out_now()


async def test_what_was_taken_by_a_worker_that_fails_is_still_there(firm: Firm):
    customer = await firm.taken_on()
    await firm.sell(customer)

    class Broken:
        async def latest(self, *_: object) -> Mapping[int, datetime]:
            raise ConnectionError

    broken = firm.worker(sources=replace(firm.sources, contacts=Broken()))
    with pytest.raises(DatabaseUnavailable):
        await broken.run_once()
    assert await firm.queued() == [customer]
    assert await firm.settle() == 1


async def test_a_busy_customer_is_worked_out_once_for_many_orders(firm: Firm):
    for _ in range(20):
        await firm.sell(firm.shop.plain)
    assert await firm.worker().run_once() == 1
    assert await firm.queued() == []


async def warnings(firm: Firm, customer: int) -> list[str]:
    await firm.settle()
    return [each["code"] for each in (await firm.row(customer)).warnings]


async def test_an_order_that_falls_due_warns_until_it_is_paid(firm: Firm):
    customer = await firm.taken_on()
    order = await firm.sell(customer)
    await firm.deliver(order)
    assert "credit_overdue" not in await warnings(firm, customer)
    firm.shop.clock.pass_by(days(2))
    await firm.find_overdue()
    assert "credit_overdue" in await warnings(firm, customer)
    await firm.pay(order)
    assert "credit_overdue" not in await warnings(firm, customer)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_what_is_kept_is_what_a_full_recompute_would_give(
    firm: Firm, seed: int
):
    chance, orders, delivered = random.Random(seed), [], []
    merging, merges = MergeService(firm.database), []
    customers = [await firm.taken_on(f"随机{seed}-{n}") for n in range(3)]
    service = CustomerService(firm.database)

    async def sell() -> None:
        orders.append(await firm.sell(chance.choice(customers), chance.choice((1, 99, 1200, 9000))))

    async def cancel() -> None:
        if orders:
            await firm.shop.move(orders.pop(chance.randrange(len(orders))), "cancelled")

    async def deliver() -> None:
        if orders:
            delivered.append(orders.pop(chance.randrange(len(orders))))
            await firm.deliver(delivered[-1])

    async def pay() -> None:
        if delivered:
            order, whole = delivered.pop(chance.randrange(len(delivered))), chance.random() < 0.5
            await firm.pay(order, Decimal(1) if whole else Decimal("0.4"))
            delivered.extend([] if whole else [order])

    async def merge_or_part() -> None:
        if merges:
            await merging.undo(SYSTEM, merges.pop())
            return
        pair = [await service.get(SYSTEM, each) for each in chance.sample(customers, 2)]
        made = await merging.merge(SYSTEM, *((each.id, each.version) for each in pair))
        merges.append(made.id)

    async def speak() -> None:
        await firm.call(chance.choice(customers))

    async def wait() -> None:
        firm.shop.clock.pass_by(days(chance.choice((0.3, 1, 7, 31, 90, 200))))

    async def edit() -> None:
        card = await service.get(SYSTEM, chance.choice(customers))
        change = CustomerFields(overdue_entered=Decimal(chance.choice((0, 9))))
        await service.update(SYSTEM, card.id, card.version, change)

    steps = (sell, cancel, deliver, pay, firm.find_overdue, merge_or_part, speak, wait, edit)
    for _ in range(60):
        await chance.choices(steps, (8, 2, 8, 5, 5, 3, 2, 6, 1))[0]()
        await firm.settle()
        await firm.assert_as_if_worked_out_now()
        await firm.assert_overdue_adds_up()


async def test_time_and_changes_touch_no_more_customers_than_needed(firm: Firm):
    await firm.sell(firm.shop.plain)
    assert await firm.settle() == 1
    firm.shop.clock.pass_by(days(0.01))
    assert await firm.settle() == 0


async def test_the_worker_finds_its_work_by_indexes(firm: Firm):
    async with firm.database.begin() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        for where in ("next_due_at <= now() ORDER BY next_due_at", "rules_version < 1"):
            plan = "\n".join(
                await session.scalars(
                    text(f"EXPLAIN SELECT customer_id FROM customer_insight WHERE {where} LIMIT 9")
                )
            )
            assert "Index" in plan
