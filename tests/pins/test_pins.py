import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from crm_core.audit.tables import AuditEntry
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Base
from crm_core.errors import Forbidden, Invalid, NotFound, TooManyAttempts
from crm_core.people.tables import LoginLimit
from crm_core.pins.errors import PinLocked, WrongPin
from crm_core.pins.rules import PinRules, problem_of
from crm_core.pins.service import PinService, Proved
from crm_core.pins.tables import CustomerPin
from crm_core.privacy.reach import Rows
from crm_core.todos.tables import Todo
from tests.crm_core.crm_core_support import Clock, quick_passwords
from tests.crm_core.crm_office import Office, empty, furnish

PIN, OTHER, WRONG = "270418", "914260", "111222"
CALL = "c" * 32
NUMBER = "13800138000"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def office(database) -> Office:
    made = await furnish(database)
    await empty(database, CustomerPin, LoginLimit, Todo)
    async with database.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id == made.customer_id).values(code="D-1001")
        )
        await session.execute(text("DELETE FROM customer_phones"))
        session.add(CustomerPhone(customer_id=made.customer_id, number="02223456789"))
    return made


@pytest.fixture
async def pins(database, office, clock) -> PinService:
    return PinService(database, clock=clock, passwords=quick_passwords())


async def given_pin(pins: PinService, office: Office) -> int:
    await pins.give(office.zhao, office.customer_id, PIN)
    return office.customer_id


async def test_the_pin_that_staff_gave_proves_the_customer_and_asks_for_an_own_one(pins, office):
    customer = await given_pin(pins, office)
    assert await pins.prove(customer, PIN, CALL) == Proved(customer, temporary=True)

    await pins.choose(customer, OTHER)

    assert await pins.prove(customer, OTHER, CALL) == Proved(customer, temporary=False)
    with pytest.raises(WrongPin):
        await pins.prove(customer, PIN, CALL)


async def test_only_those_who_see_to_terms_give_and_take_pins(pins, office):
    for refused in (
        pins.give(office.wang, office.customer_id, PIN),
        pins.take_away(office.wang, office.customer_id),
        pins.get(office.wang, office.customer_id),
    ):
        with pytest.raises(Forbidden):
            await refused
    with pytest.raises(NotFound):
        await pins.take_away(office.zhao, office.customer_id)


async def test_after_wrong_tries_the_pin_is_locked_and_somebody_is_told_once(
    pins, office, clock, database
):
    customer = await given_pin(pins, office)
    for _ in range(4):
        with pytest.raises(WrongPin):
            await pins.prove(customer, WRONG, CALL)
    with pytest.raises(PinLocked):
        await pins.prove(customer, WRONG, CALL)
    with pytest.raises(PinLocked):
        await pins.prove(customer, PIN, CALL)

    async with database.begin() as session:
        (todo,) = (await session.scalars(select(Todo))).all()
    assert (todo.customer_id, todo.call_id, todo.due_at) == (customer, CALL, clock.now)
    clock.pass_by(hours=1)
    assert (await pins.prove(customer, PIN, CALL)).customer_id == customer


async def test_a_new_pin_unlocks(pins, office):
    customer = await given_pin(pins, office)
    for _ in range(5):
        with pytest.raises((WrongPin, PinLocked)):
            await pins.prove(customer, WRONG, CALL)
    assert (await pins.get(office.zhao, customer)).locked_until is not None

    await pins.give(office.zhao, customer, OTHER)

    assert (await pins.prove(customer, OTHER, CALL)).temporary


async def test_a_thousand_tries_at_once_are_no_more_than_those_in_turn(pins, office):
    customer = await given_pin(pins, office)
    tries = [pins.prove(customer, f"{n:06}", CALL) for n in range(30)]
    became = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, WrongPin) for each in became) <= pins.rules.tries


async def test_the_right_pin_clears_the_wrong_tries(pins, office):
    customer = await given_pin(pins, office)
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(WrongPin):
                await pins.prove(customer, WRONG, CALL)
        await pins.prove(customer, PIN, CALL)


@pytest.mark.parametrize("typed", ["1001", "02223456789"])
async def test_a_dealer_is_known_by_code_or_number_and_pin(pins, office, typed):
    customer = await given_pin(pins, office)
    assert (await pins.identify(typed, PIN, number=NUMBER, call_id=CALL)).customer_id == customer
    with pytest.raises(WrongPin):
        await pins.identify(typed, OTHER, number=NUMBER, call_id=CALL)


async def test_digits_that_two_customers_could_mean_name_none(pins, office, database):
    await given_pin(pins, office)
    async with database.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id == office.other_customer_id).values(code="E-1001")
        )
    with pytest.raises(WrongPin):
        await pins.identify("1001", PIN, number=NUMBER, call_id=CALL)
    async with database.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id == office.other_customer_id).values(code=None)
        )


async def test_one_telephone_does_not_try_code_after_code(pins, office):
    await given_pin(pins, office)
    for n in range(10):
        with pytest.raises(WrongPin):
            await pins.identify(f"9{n:03}", PIN, number=NUMBER, call_id=CALL)
    with pytest.raises(TooManyAttempts):
        await pins.identify("1001", PIN, number=NUMBER, call_id=CALL)


async def test_no_digits_of_a_pin_are_kept(pins, office, database):
    customer = await given_pin(pins, office)
    await pins.choose(customer, OTHER)
    async with database.begin() as session:
        entries = (await session.scalars(select(AuditEntry))).all()
        kept = (await session.scalars(select(CustomerPin))).one()
    assert [each.action for each in entries][-2:] == ["customer.pin_given", "customer.pin_chosen"]
    said = " ".join(f"{each.before} {each.after}" for each in entries) + kept.secret
    assert PIN not in said
    assert OTHER not in said


def test_who_asks_what_is_kept_of_them_is_not_given_the_hash():
    rows = Rows(Base.metadata.tables["customer_pins"], ((1,),))
    told = {column.name for column in rows.told}
    assert "secret" not in told
    assert "set_at" in told


@pytest.mark.parametrize(
    ("pin", "problem"),
    [
        ("12a456", "not_digits"), ("１２３４５６", "not_digits"), ("270", "length"), ("270418270", "length"),
        ("111222", "repetitive"), ("123456", "sequence"), ("098765", "sequence"), ("890123", "sequence"),
        ("223456", "known"),
    ],
)  # fmt: skip
async def test_a_pin_that_others_guess_is_refused(pins, office, pin, problem):
    with pytest.raises(Invalid) as refused:
        await pins.give(office.zhao, office.customer_id, pin)
    assert refused.value.fields == {"pin": problem}


@given(pin=st.text("0123456789", min_size=6, max_size=8))
def test_an_acceptable_pin_is_none_that_counts_or_repeats(pin):
    if problem_of(pin, (), PinRules().shortest) is None:
        assert len(set(pin)) >= 3
        assert pin not in "01234567890123456789"
        assert pin not in "98765432109876543210"
