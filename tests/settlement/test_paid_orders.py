"""An order is settled when it is paid, by itself; unpaid only by a person who may waive so much."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm_core.errors import Invalid
from crm_core.rights import SYSTEM, Principal, System
from crm_core.seeds import seed_roles
from orders.errors import NotPaid
from orders.payments.debit.store import due
from orders.review.commands import ReviewLimit
from orders.sales.flow import Status
from orders.sales.moving_many import move_many
from orders.settlement.accounts.overdue import OverdueWorker
from orders.settlement.accounts.statement import AccountQuery
from orders.settlement.finishing import SettlementWorker
from tests.crm_core.crm_core_support import person
from tests.settlement.counting_house import CountingHouse
from tests.settlement.test_accounts import bought, on_account, overdue, pay, worker

__all__ = ["worker"]

MARCH = AccountQuery(begins="2026-03-01", ends="2026-03-31")


@pytest.fixture
async def boss(house: CountingHouse) -> Principal:
    """Somebody whose role may waive up to 50."""
    async with house.shop.database.begin() as session:
        await seed_roles(session)
        await session.execute(text("DELETE FROM order_review_limits"))
        await session.execute(
            text(
                "INSERT INTO users (id, login, name, password_hash, role_code, locale)"
                " VALUES (911, 'boss', 'boss', 'x', 'supervisor', 'zh-CN') ON CONFLICT DO NOTHING"
            )
        )
    await house.trade.review_rules.limit(SYSTEM, "supervisor", ReviewLimit(most_waived=50))
    return person("supervisor", user_id=911)


async def customer_of(house: CountingHouse) -> int:
    return await house.shop.customer("先款客户")


async def work(house: CountingHouse) -> int:
    return await SettlementWorker(house.trade.finisher).run_once()


async def history(house: CountingHouse, order_id: int) -> list[tuple]:
    return await house.rows(
        "SELECT to_status, reason, actor_id FROM order_status_log WHERE order_id = :id"
        " AND to_status = 'settled'",
        id=order_id,
    )


@pytest.mark.parametrize("actor", [SYSTEM, System(911)])
async def test_what_is_not_paid_is_not_settled_by_a_program(
    house: CountingHouse, boss: Principal, actor: System
):
    customer = await customer_of(house)
    order_id = await bought(house, customer, "40.00")
    await pay(house, order_id, "15.00")
    with pytest.raises(NotPaid) as refused:
        await house.shop.service.move(order_id, "settled", actor, reason="就这样")
    assert refused.value.fields == {"owed": "25.00", "most": "0"}
    assert await house.shop.credit_used(customer) == 25
    assert await house.status(order_id) == "delivered"


async def test_a_person_waives_up_to_the_limit_of_the_role_for_a_reason(
    house: CountingHouse, boss: Principal
):
    customer = await customer_of(house)
    dear = await bought(house, customer, "60.00")
    with pytest.raises(NotPaid) as refused:
        await house.shop.service.move(dear, "settled", boss, reason="破产")
    assert refused.value.fields == {"owed": "60.00", "most": "50.00"}
    await pay(house, dear, "10.00")
    for reason in (None, "  "):
        with pytest.raises(Invalid) as asked:
            await house.shop.service.move(dear, "settled", boss, reason=reason)
        assert asked.value.fields == {"reason": "missing"}
    assert await house.shop.credit_used(customer) == 50
    view = await house.shop.service.move(dear, "settled", boss, reason="破产")
    assert (view.status, await house.shop.credit_used(customer)) == ("settled", 0)
    entries = await house.rows(
        "SELECT actor_id, after FROM audit_log WHERE action = 'order.waive' AND entity_id = :id",
        id=str(dear),
    )
    assert entries == [(911, {"waived": "50.00", "reason": "破产"})]


async def test_a_role_without_a_limit_waives_nothing_and_settles_what_is_paid(
    house: CountingHouse, boss: Principal
):
    await house.rows("DELETE FROM order_review_limits RETURNING 1")
    customer = await customer_of(house)
    order_id = await bought(house, customer, "1.00")
    with pytest.raises(NotPaid):
        await house.shop.service.move(order_id, "settled", boss, reason="小数")
    await pay(house, order_id, "1.00")
    assert (await house.shop.service.move(order_id, "settled", boss)).status == "settled"
    assert (
        await house.rows(
            "SELECT 1 FROM audit_log WHERE action = 'order.waive' AND entity_id = :id",
            id=str(order_id),
        )
        == []
    )


@pytest.mark.parametrize("payment", ["account", "transfer", None])
async def test_a_waiver_stands_in_the_statement_whatever_the_payment_way(
    house: CountingHouse, boss: Principal, payment: str | None
):
    customer = await customer_of(house)
    order_id = await bought(house, customer, "30.00", payment=payment)
    await pay(house, order_id, "10.00")
    await house.shop.service.move(order_id, "settled", boss, reason="了结")
    statement = await house.trade.accounts.of_customer(SYSTEM, customer, MARCH)
    told = [(each.kind, each.amount) for each in statement.movements]
    assert told[-1] == ("waived", Decimal(-20))
    assert ("unpaid", Decimal(20)) in told or payment == "account"
    assert statement.closing == 0
    assert statement.opening + statement.delivered - statement.paid == statement.closing


async def test_what_is_waived_is_not_overdue_any_more(
    house: CountingHouse, worker: OverdueWorker, boss: Principal
):
    customer = await on_account(house, 0)
    order_id = await bought(house, customer, "25.00")
    house.shop.clock.pass_by(timedelta(days=2))
    await worker.run_once()
    assert await overdue(house, customer) == 25
    await house.shop.service.move(order_id, "settled", boss, reason="了结")
    assert (await overdue(house, customer), await worker.run_once()) == (0, 0)


async def test_what_is_waived_is_not_taken_from_the_bank(house: CountingHouse, boss: Principal):
    customer = await customer_of(house)
    order_id = await bought(house, customer, "30.00", payment="debit")
    await house.rows(
        "INSERT INTO debit_accounts (customer_id, account_no, account_name, bank_code, mandate, created_at)"
        " VALUES (:id, '6222', '户名', '102', 'M1', now()) RETURNING 1",
        id=customer,
    )

    async def taken(ids: tuple[int, ...]) -> list[int]:
        async with house.shop.database.begin() as session:
            return [row.id for row in await due(session, SYSTEM, ids) if row.id == order_id]

    assert [await taken(()), await taken((order_id,))] == [[order_id]] * 2
    await house.shop.service.move(order_id, "settled", boss, reason="了结")
    assert [await taken(()), await taken((order_id,))] == [[], []]


@pytest.mark.parametrize("payment", ["prepaid", "transfer", "account", "debit", None])
@pytest.mark.parametrize("first", ["money", "goods"])
async def test_a_paid_order_settles_by_itself_whichever_comes_last(
    house: CountingHouse, payment: str | None, first: str
):
    customer = await customer_of(house)
    sku = await house.shop.product(on_hand=1, price="30.00")
    order_id = (await house.shop.place((sku, 1), customer=customer, payment=payment)).order.id
    if first == "money":
        await pay(house, order_id, "30.00")
    path = ("reviewed", "picking", "shipped", "in_transit", "delivered")
    for status in path:
        assert await work(house) == 0
        await house.shop.move(order_id, status)
    if first == "goods":
        await pay(house, order_id, "29.99")
        assert await work(house) == 0
        await pay(house, order_id, "0.01")
    assert await asyncio.gather(*(work(house) for _ in range(3))) != [0, 0, 0]
    assert await house.status(order_id) == "settled"
    assert await history(house, order_id) == [("settled", "paid", None)]
    assert await work(house) == 0
    moved = [e for e in house.shop.heard if getattr(e, "order_id", 0) == order_id]
    assert [getattr(e, "status", "") for e in moved].count("settled") == 1


async def test_many_paid_orders_are_settled_batch_by_batch(house: CountingHouse):
    finisher = house.trade.finisher
    finisher._batch, before = 2, finisher._batch
    customer = await customer_of(house)
    orders = [await bought(house, customer, "1.00") for _ in range(5)]
    for each in orders:
        await pay(house, each, "1.00")
    assert await work(house) == 5
    assert {await house.status(each) for each in orders} == {"settled"}
    finisher._batch = before


async def test_what_goods_that_came_back_leave_paid_is_settled(house: CountingHouse):
    customer = await customer_of(house)
    order_id = await bought(house, customer, "10.00", quantity=3)
    await pay(house, order_id, "20.00")
    assert await work(house) == 0
    await house.shop.come_back(order_id, {1: 1})
    assert (await work(house), await house.status(order_id)) == (1, "settled")


async def test_a_parcel_whose_cash_comes_by_a_settlement_is_settled_by_that_alone(
    house: CountingHouse,
):
    courier = await house.courier()
    order_id, _ = await house.delivered(courier, "80.00")
    await pay(house, order_id, "80.00")
    assert (await work(house), await house.status(order_id)) == (0, "delivered")
    await house.settled(courier)
    assert [reason for _, reason, _ in await history(house, order_id)] != ["paid"]
    assert await house.status(order_id) == "settled"


async def test_many_orders_at_once_are_settled_only_where_they_are_paid(house: CountingHouse):
    customer = await customer_of(house)
    paid, unpaid = [await bought(house, customer, "10.00") for _ in range(2)]
    await pay(house, paid, "10.00")
    async with house.shop.database.begin() as session:
        moved = await move_many(
            session,
            [paid, unpaid],
            Status.SETTLED,
            actor=SYSTEM,
            channels=(),
            now=house.shop.clock.now,
        )
    assert [each.order_id for each in moved] == [paid]
    assert await house.status(unpaid) == "delivered"
    assert await house.shop.credit_used(customer) == 10


async def test_a_settled_order_takes_its_goods_back(house: CountingHouse):
    customer = await customer_of(house)
    order_id = await bought(house, customer, "10.00", quantity=2)
    await pay(house, order_id, "20.00")
    await work(house)
    await house.shop.come_back(order_id, {1: 1})
    assert await house.status(order_id) == "settled"
    await house.shop.come_back(order_id)
    assert await house.status(order_id) == "returned"
