"""Who may hear of an order that is not theirs, and what stops those who guess."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update

from crm_core.audit.tables import AuditEntry
from crm_core.customers.tables import Customer
from crm_core.errors import TooManyAttempts
from crm_core.people.tables import LoginLimit
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_roles
from crm_core.todos.tables import Todo
from orders.errors import UnknownOrder
from orders.sales.inquiries import SOURCE
from orders.sales.views import OrderSummary
from tests.orders.order_shop import Shop

CALL = "c" * 32
CALLER = "02155550001"
RIGHT, WRONG = "9000", "1111"


@pytest.fixture
async def number(shop: Shop) -> str:
    """An order of the customer whose number ends in the right digits."""
    async with shop.database.begin() as session:
        for table in (LoginLimit, Todo):
            await session.execute(delete(table))
    sku = await shop.product(on_hand=5)
    return (await shop.place((sku, 1), customer=shop.poor)).order.number


async def ask(shop: Shop, number: str, digits: str, caller: str | None = CALLER) -> OrderSummary:
    return await shop.trade.inquiries.find(SYSTEM, number, digits, caller=caller, call_id=CALL)


async def guess(shop: Shop, number: str, times: int, callers: Iterator[str | None]) -> None:
    for _ in range(times):
        with pytest.raises(UnknownOrder):
            await ask(shop, number, WRONG, next(callers))


def one(caller: str | None) -> Iterator[str | None]:
    while True:
        yield caller


def many() -> Iterator[str]:
    return (f"021666{n:05}" for n in range(100_000))


async def test_the_last_digits_of_a_number_of_the_customer_tell_the_order(shop: Shop, number: str):
    assert (await ask(shop, number, RIGHT)).number == number
    with pytest.raises(UnknownOrder):
        await ask(shop, number[:-1], RIGHT)


async def test_an_order_is_locked_after_wrong_digits_from_whatever_telephones(
    shop: Shop, number: str
):
    await guess(shop, number, 5, many())

    for caller in ("02177770001", None):
        with pytest.raises(TooManyAttempts):
            await ask(shop, number, RIGHT, caller)
    shop.clock.pass_by(timedelta(hours=1))
    assert (await ask(shop, number, RIGHT)).number == number


async def test_after_the_lock_each_wrong_try_locks_again(shop: Shop, number: str):
    await guess(shop, number, 5, many())
    shop.clock.pass_by(timedelta(hours=1))
    await guess(shop, number, 1, one("02177770002"))
    with pytest.raises(TooManyAttempts):
        await ask(shop, number, RIGHT)


async def test_a_telephone_is_locked_after_wrong_digits_for_whatever_orders(
    shop: Shop, number: str
):
    for n in range(5):
        await guess(shop, f"260101-{n:04}", 1, one(CALLER))
    with pytest.raises(TooManyAttempts):
        await ask(shop, number, RIGHT)
    assert (await ask(shop, number, RIGHT, "02177770003")).number == number


async def test_telephones_that_hide_their_numbers_are_counted_by_the_order_alone(
    shop: Shop, number: str
):
    for n in range(9):
        await guess(shop, f"260102-{n:04}", 1, one(None))
    await guess(shop, number, 4, one(None))
    assert (await ask(shop, number, RIGHT, None)).number == number
    await guess(shop, number, 5, one(None))
    with pytest.raises(TooManyAttempts):
        await ask(shop, number, RIGHT, None)


async def test_an_order_that_there_is_not_is_locked_like_one_that_there_is(shop: Shop):
    await guess(shop, "260103-0001", 5, many())
    with pytest.raises(TooManyAttempts):
        await ask(shop, "260103-0001", RIGHT, "02177770004")


async def test_right_digits_clear_the_wrong_ones(shop: Shop, number: str):
    for _ in range(3):
        await guess(shop, number, 4, many())
        await ask(shop, number, RIGHT, "02177770005")


async def test_wrong_tries_are_counted_for_a_day(shop: Shop, number: str):
    for _ in range(2):
        await guess(shop, number, 2, many())
        shop.clock.pass_by(timedelta(hours=23))
    await guess(shop, number, 1, many())
    with pytest.raises(TooManyAttempts):
        await ask(shop, number, RIGHT)


async def test_a_hundred_tries_at_once_are_no_more_than_those_in_turn(shop: Shop, number: str):
    tries = [ask(shop, number, f"{n:04}", None) for n in range(100)]
    became = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, UnknownOrder) for each in became) <= 5


async def test_the_salesperson_is_told_once_that_an_order_is_locked(shop: Shop, number: str):
    async with shop.database.begin() as session:
        await seed_roles(session)
        seller = await session.scalar(
            text(
                "INSERT INTO users (login, name, role_code, password_hash)"
                " VALUES ('guarded', 'guarded', 'agent', 'x') RETURNING id"
            )
        )
        await session.execute(
            update(Customer).where(Customer.id == shop.poor).values(salesperson_id=seller)
        )

    await guess(shop, number, 5, many())
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            await ask(shop, number, WRONG)

    async with shop.database.begin() as session:
        (todo,) = (await session.scalars(select(Todo).where(Todo.source_kind == SOURCE))).all()
        noted = await session.scalars(
            select(AuditEntry.after["call_id"].astext)
            .where(AuditEntry.action == "order.check_locked")
            .order_by(AuditEntry.id.desc())
            .limit(1)
        )
    assert (todo.assignee_id, todo.customer_id, todo.call_id) == (seller, shop.poor, CALL)
    assert number in todo.title
    assert todo.due_at == shop.clock.now
    assert noted.all() == [CALL]
