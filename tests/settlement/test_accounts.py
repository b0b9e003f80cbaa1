"""Customers who pay by the month: their statement, and what they owe beyond their terms."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crm_core.customers.fields import CustomerFields
from crm_core.customers.merging import MergeService
from crm_core.customers.service import CustomerService
from crm_core.errors import Invalid
from crm_core.rights import SYSTEM
from orders.payments import booking
from orders.payments.commands import EnteredMoney
from orders.settlement.accounts.overdue import OverdueWorker
from orders.settlement.accounts.statement import AccountQuery
from tests.settlement.counting_house import CountingHouse

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
MARCH = AccountQuery(begins="2026-03-01", ends="2026-03-31")


@pytest.fixture
def worker(house: CountingHouse):
    house.shop.clock.now = NOW
    yield OverdueWorker(house.shop.database, clock=house.shop.clock, zone=ZoneInfo("Asia/Shanghai"))
    house.shop.clock.now = NOW


async def on_account(house: CountingHouse, days: int = 30) -> int:
    """A customer who pays so many days after delivery."""
    customer = await house.shop.customer("月结客户")
    await house.rows(
        "INSERT INTO payment_terms (code, name_zh, name_en, days) VALUES (:code, '月结', 'Net', :days)"
        " ON CONFLICT (code) DO NOTHING RETURNING 1",
        code=f"net{days}",
        days=days,
    )
    await house.rows(
        "UPDATE customers SET payment_terms_code = :code WHERE id = :id RETURNING 1",
        code=f"net{days}",
        id=customer,
    )
    return customer


async def bought(
    house: CountingHouse,
    customer: int,
    price: str,
    payment: str = "account",
    quantity: int = 1,
) -> int:
    sku = await house.shop.product(on_hand=quantity, price=price)
    placed = await house.shop.place((sku, quantity), customer=customer, payment=payment)
    await house.shop.move(
        placed.order.id, "reviewed", "picking", "shipped", "in_transit", "delivered"
    )
    return placed.order.id


async def pay(house: CountingHouse, order_id: int, amount: str) -> None:
    money = EnteredMoney(
        amount=Decimal(amount),
        method="transfer",
        reference=f"pay-{order_id}-{amount}",
        paid_at=house.shop.clock.now,
    )
    await house.trade.payments.enter(SYSTEM, order_id, money)


async def overdue(house: CountingHouse, customer: int) -> Decimal:
    return await house.shop.scalar(
        "SELECT credit_overdue FROM customers WHERE id = :id", id=customer
    )


async def test_an_order_is_overdue_the_day_after_its_last_day_and_no_more_when_paid(
    house: CountingHouse, worker: OverdueWorker
):
    customer = await on_account(house)
    order_id = await bought(house, customer, "100.00")
    await bought(house, customer, "70.00", payment="cash_on_delivery")
    house.shop.clock.now = NOW + timedelta(days=30)
    await worker.run_once()
    assert await overdue(house, customer) == 0
    house.shop.clock.now = NOW + timedelta(days=31)
    assert await worker.run_once() == 1
    assert await overdue(house, customer) == 100
    assert await worker.run_once() == 0
    await pay(house, order_id, "40.00")
    assert await overdue(house, customer) == 60
    assert await worker.run_once() == 0
    await pay(house, order_id, "60.00")
    assert await overdue(house, customer) == 0
    assert await worker.run_once() == 0
    assert (
        await house.rows("SELECT 1 FROM orders WHERE id = :id AND overdue > 0", id=order_id) == []
    )


async def test_whose_orders_become_or_stop_being_overdue_is_worked_out_again(
    house: CountingHouse, worker: OverdueWorker
):
    async def queued() -> bool:
        rows = await house.rows("DELETE FROM insight_queue RETURNING customer_id")
        return (customer,) in rows

    customer = await on_account(house, 0)
    order_id = await bought(house, customer, "25.00")
    await queued()
    house.shop.clock.pass_by(timedelta(days=2))
    await worker.run_once()
    assert await queued()
    await worker.run_once()
    assert not await queued()
    await pay(house, order_id, "25.00")
    assert await queued()
    assert await overdue(house, customer) == 0


async def test_an_order_that_came_back_is_not_overdue_any_more(
    house: CountingHouse, worker: OverdueWorker
):
    customer = await on_account(house, 0)
    order_id = await bought(house, customer, "25.00")
    house.shop.clock.pass_by(timedelta(days=2))
    await worker.run_once()
    assert await overdue(house, customer) == 25
    await house.shop.move(order_id, "returned")
    assert await overdue(house, customer) == 0
    assert await worker.run_once() == 0


async def test_an_order_that_somebody_holds_is_left_for_the_next_round(
    house: CountingHouse, worker: OverdueWorker
):
    customer = await on_account(house, 0)
    held = await bought(house, customer, "25.00")
    await bought(house, customer, "7.00")
    house.shop.clock.pass_by(timedelta(days=2))
    async with house.shop.database.begin() as session:
        await booking.held(session, held)
        await worker.run_once()
        assert await overdue(house, customer) == 7
    assert await worker.run_once() == 1
    assert await overdue(house, customer) == 32


async def test_a_round_takes_many_orders_in_batches(house: CountingHouse, worker: OverdueWorker):
    small = OverdueWorker(
        house.shop.database, clock=house.shop.clock, zone=ZoneInfo("Asia/Shanghai"), batch=2
    )
    customers = [await on_account(house, 0) for _ in range(2)]
    for customer in customers * 2 + customers[:1]:
        await bought(house, customer, "10.00")
    house.shop.clock.pass_by(timedelta(days=2))
    await small.run_once()
    assert [await overdue(house, each) for each in customers] == [30, 20]
    assert await worker.run_once() == 0


async def test_what_people_entered_as_overdue_stays_beside_what_is_worked_out(
    house: CountingHouse, worker: OverdueWorker
):
    customer = await on_account(house, 0)
    await house.rows(
        "UPDATE customers SET overdue_entered = 500 WHERE id = :id RETURNING 1", id=customer
    )
    order_id = await bought(house, customer, "25.00")
    house.shop.clock.pass_by(timedelta(days=2))
    await worker.run_once()
    assert await overdue(house, customer) == 525
    card = await CustomerService(house.shop.database).update(
        SYSTEM, customer, 1, CustomerFields(overdue_entered=Decimal(300))
    )
    assert (card.credit_overdue, card.overdue_entered) == (325, 300)
    await pay(house, order_id, "25.00")
    assert await overdue(house, customer) == 300
    await worker.run_once()
    assert await overdue(house, customer) == 300


async def test_terms_that_become_longer_take_back_what_was_overdue(
    house: CountingHouse, worker: OverdueWorker
):
    customer = await on_account(house, 0)
    await bought(house, customer, "30.00")
    house.shop.clock.pass_by(timedelta(days=2))
    await worker.run_once()
    assert await overdue(house, customer) == 30
    await on_account(house, 60)
    await house.rows(
        "UPDATE customers SET payment_terms_code = 'net60' WHERE id = :id RETURNING 1", id=customer
    )
    await worker.run_once()
    assert await overdue(house, customer) == 0


async def test_what_is_overdue_goes_along_when_customers_are_merged(
    house: CountingHouse, worker: OverdueWorker
):
    kept, dropped = await on_account(house, 0), await on_account(house, 0)
    order_id = await bought(house, dropped, "45.00")
    house.shop.clock.pass_by(timedelta(days=2))
    await worker.run_once()
    await merged(house, kept, dropped)
    assert await overdue(house, kept) == 45
    await worker.run_once()
    assert await overdue(house, kept) == 45
    await pay(house, order_id, "45.00")
    await worker.run_once()
    assert await overdue(house, kept) == 0


async def merged(house: CountingHouse, kept: int, dropped: int) -> int:
    """The id of their merge."""
    versions = dict(await house.rows("SELECT id, version FROM customers"))
    merge = await MergeService(house.shop.database).merge(
        SYSTEM, (kept, versions[kept]), (dropped, versions[dropped])
    )
    return merge.id


async def test_what_was_paid_while_customers_were_one_is_not_owed_when_they_are_two_again(
    house: CountingHouse, worker: OverdueWorker
):
    kept, dropped = await on_account(house, 0), await on_account(house, 0)
    await bought(house, kept, "30.00")
    order_id = await bought(house, dropped, "45.00")
    house.shop.clock.pass_by(timedelta(days=2))
    await worker.run_once()
    merge_id = await merged(house, kept, dropped)
    assert await overdue(house, kept) == 75
    await pay(house, order_id, "45.00")
    await MergeService(house.shop.database).undo(SYSTEM, merge_id)
    assert [await overdue(house, each) for each in (kept, dropped)] == [30, 0]
    assert await worker.run_once() == 0


async def test_what_fell_due_while_customers_were_one_goes_with_the_order_when_they_are_two_again(
    house: CountingHouse, worker: OverdueWorker
):
    kept, dropped = await on_account(house, 0), await on_account(house, 0)
    order_id = await bought(house, dropped, "45.00")
    merge_id = await merged(house, kept, dropped)
    house.shop.clock.pass_by(timedelta(days=2))
    await worker.run_once()
    assert await overdue(house, kept) == 45
    await MergeService(house.shop.database).undo(SYSTEM, merge_id)
    assert [await overdue(house, each) for each in (kept, dropped)] == [0, 45]
    await pay(house, order_id, "45.00")
    assert [await overdue(house, each) for each in (kept, dropped)] == [0, 0]
    assert await worker.run_once() == 0


async def test_of_what_was_entered_by_hand_no_more_goes_back_than_is_still_there(
    house: CountingHouse, worker: OverdueWorker
):
    kept, dropped = await on_account(house, 0), await on_account(house, 0)
    for customer, amount in ((kept, 5), (dropped, 20)):
        await house.rows(
            "UPDATE customers SET overdue_entered = :amount WHERE id = :id RETURNING 1",
            id=customer,
            amount=amount,
        )
    merge_id = await merged(house, kept, dropped)
    assert await overdue(house, kept) == 25
    card = await CustomerService(house.shop.database).get(SYSTEM, kept)
    await CustomerService(house.shop.database).update(
        SYSTEM, kept, card.version, CustomerFields(overdue_entered=Decimal(12))
    )
    await MergeService(house.shop.database).undo(SYSTEM, merge_id)
    assert [await overdue(house, each) for each in (kept, dropped)] == [0, 12]


async def test_a_statement_leads_from_the_opening_to_the_closing_balance(
    house: CountingHouse, worker: OverdueWorker
):
    customer = await on_account(house)
    house.shop.clock.now = datetime(2026, 2, 20, 4, tzinfo=UTC)
    old = await bought(house, customer, "200.00")
    await pay(house, old, "50.00")
    house.shop.clock.now = datetime(2026, 3, 5, 4, tzinfo=UTC)
    await bought(house, customer, "80.00")
    back = await bought(house, customer, "33.00")
    await house.shop.move(back, "returned")
    await pay(house, old, "150.00")
    house.shop.clock.now = datetime(2026, 4, 10, 4, tzinfo=UTC)
    await bought(house, customer, "1000.00")
    found = await house.trade.accounts.of_customer(SYSTEM, customer, MARCH)
    assert (found.opening, found.delivered, found.paid, found.closing) == (150, 80, 150, 80)
    assert found.opening + found.delivered - found.paid == found.closing
    assert sum(each.amount for each in found.movements) == found.closing - found.opening
    assert [(each.total, each.days_over) for each in found.open_orders] == [(80, 6), (1000, 0)]
    assert found.overdue == 80
    with pytest.raises(Invalid):
        await house.trade.accounts.of_customer(
            SYSTEM, customer, AccountQuery(begins="2026-03-02", ends="2026-03-01")
        )


async def test_what_came_back_in_part_is_neither_owed_nor_overdue(
    house: CountingHouse, worker: OverdueWorker
):
    customer = await on_account(house, days=0)
    order_id = await bought(house, customer, "40.00", quantity=3)
    await house.shop.come_back(order_id, {1: 1})
    house.shop.clock.now = NOW + timedelta(days=2)
    await worker.run_once()
    assert await overdue(house, customer) == 80
    found = await house.trade.accounts.of_customer(SYSTEM, customer, MARCH)
    assert (found.delivered, found.paid, found.closing, found.overdue) == (80, 0, 80, 80)
    await pay(house, order_id, "80.00")
    await worker.run_once()
    assert await overdue(house, customer) == 0
    found = await house.trade.accounts.of_customer(SYSTEM, customer, MARCH)
    assert (found.closing, found.open_orders) == (0, ())
