import asyncio

import pytest
from sqlalchemy import insert, text

from crm_core.customers.fields import NewCustomer
from crm_core.customers.identity import BY_NUMBER
from crm_core.customers.insight_tables import CustomerInsight
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Database
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_channel, seed_roles
from tests.proxy import Proxy

KNOWN = "13700000001"


@pytest.fixture(scope="module")
async def filled(database):
    """A few thousand customers, so that a plan without an index would be chosen if there were one."""
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
    await CustomerService(database).create(SYSTEM, NewCustomer(name="老客户", phones=(KNOWN,)))
    async with database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO customers (name, level_code, price_policy_code) "
                "SELECT 'c' || n, 'consumer', 'list' FROM generate_series(1, 3000) n"
            )
        )
        await session.execute(
            text(
                "INSERT INTO customer_phones (number, customer_id, is_main) "
                "SELECT '136' || lpad(id::text, 8, '0'), id, true FROM customers WHERE name LIKE 'c%'"
            )
        )
        await session.execute(text(f"ANALYZE {Customer.__tablename__}"))
        await session.execute(text(f"ANALYZE {CustomerPhone.__tablename__}"))
    return database


async def first_fresh_answer(customers):
    async with asyncio.timeout(30):
        while True:
            found = await customers.identify(KNOWN)
            if found is not None and not found.stale:
                return found
            await asyncio.sleep(0.01)


async def test_a_caller_is_identified_through_indexes_alone(filled):
    statement = BY_NUMBER.sql.replace(":number", f"'{KNOWN}'", 1)
    async with filled.begin() as session:
        plan = "\n".join(await session.scalars(text(f"EXPLAIN {statement}")))
    assert "Index Scan using pk_customer_phones" in plan
    assert "Seq Scan on customer" not in plan


async def test_while_postgresql_is_frozen_the_last_answer_is_given_and_says_so(filled, pg_server):
    async with Proxy(pg_server.port) as proxy:
        url = pg_server.url(filled._engine.url.database)
        database = Database(
            url.replace(f":{pg_server.port}/", f":{proxy.port}/"),
            connect_timeout_s=0.5,
            statement_timeout_s=0.5,
        )
        customers = CustomerService(database, identify_deadline_s=0.05)
        fresh = await first_fresh_answer(customers)
        proxy.stall()
        asked = await asyncio.gather(*(customers.identify(KNOWN) for _ in range(50)))
        assert all(answer is not None and answer.stale for answer in asked)
        assert await customers.identify("13600000042") is None
        proxy.open()
        assert await first_fresh_answer(customers) == fresh
        await customers.close()
        await database.close()


async def test_customers_learned_at_start_are_known_when_postgresql_goes_away(filled, pg_server):
    async with Proxy(pg_server.port) as proxy:
        url = pg_server.url(filled._engine.url.database)
        database = Database(
            url.replace(f":{pg_server.port}/", f":{proxy.port}/"), statement_timeout_s=0.2
        )
        customers = CustomerService(database, identify_deadline_s=0.05, remembered=100_000)
        assert await customers.learn() == 3001
        proxy.stall()
        answer = await customers.identify(KNOWN)
        assert answer is not None
        assert (answer.name, answer.stale) == ("老客户", True)
        proxy.open()
        await customers.close()
        await database.close()


async def test_customers_are_learned_as_soon_as_postgresql_answers(filled, pg_server):
    async with Proxy(pg_server.port) as proxy:
        url = pg_server.url(filled._engine.url.database)
        database = Database(
            url.replace(f":{pg_server.port}/", f":{proxy.port}/"),
            connect_timeout_s=0.2,
            statement_timeout_s=0.2,
        )
        customers = CustomerService(database, identify_deadline_s=0.05, retry_s=0.01)
        proxy.stall()
        customers.start()
        async with asyncio.timeout(30):
            while database.available:
                await asyncio.sleep(0.01)
        assert await customers.identify(KNOWN) is None
        proxy.open()
        async with asyncio.timeout(30):
            await asyncio.wait({customers._learning})
        proxy.stall()
        answer = await customers.identify(KNOWN)
        assert answer is not None
        assert answer.stale
        proxy.open()
        await customers.close()
        await database.close()


async def test_a_storm_of_callers_leaves_connections_for_everybody_else(filled, pg_server):
    database = Database(pg_server.url(filled._engine.url.database), pool_size=8)
    customers = CustomerService(database, identify_deadline_s=0.2)

    async def order() -> None:
        async with database.begin() as session:
            await session.execute(text("SELECT 1"))

    async with asyncio.TaskGroup() as crowd:
        for n in range(3000):
            crowd.create_task(customers.identify(f"136{n:08d}"))
        for _ in range(20):
            crowd.create_task(order())
    assert database.available
    assert (await first_fresh_answer(customers)).name == "老客户"
    await customers.close()
    await database.close()


async def test_a_caller_is_identified_with_the_grade_that_was_worked_out(filled):
    customers = CustomerService(filled, identify_deadline_s=30, remembered=100_000)
    known = await customers.identify(KNOWN)
    assert known.grade is None
    async with filled.begin() as session:
        await session.execute(
            insert(CustomerInsight).values(customer_id=known.customer_id, grade_code="A")
        )
    found = await customers.identify(KNOWN)
    assert (found.grade, found.stale) == ("A", False)
    await customers.learn()
    assert customers._identities._known[KNOWN] == found


async def test_what_is_remembered_is_bounded(filled):
    customers = CustomerService(filled, identify_deadline_s=30, remembered=10)
    assert await customers.learn() == 10
    for row in range(20):
        await customers.identify(f"136{row + 2:08d}")
    assert len(customers._identities._known) <= 10


async def test_a_customer_that_is_gone_is_forgotten(filled):
    customers = CustomerService(filled, identify_deadline_s=30)
    made = await customers.create(SYSTEM, NewCustomer(name="走了", phones=("13700000009",)))
    assert await customers.identify("13700000009") is not None
    async with filled.begin() as session:
        await session.delete(await session.get_one(Customer, made.id))
    assert await customers.identify("13700000009") is None
    assert "13700000009" not in customers._identities._known
