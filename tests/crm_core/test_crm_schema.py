import asyncio
import importlib
import secrets
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, text

from crm_core import schema
from crm_core.audit.service import AuditTrail
from crm_core.customers.criteria import Condition
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.search import SearchService
from crm_core.customers.service import CustomerService
from crm_core.db import Base, Database
from crm_core.demo import USERS, seed_demo
from crm_core.people.tables import RoleRight
from crm_core.rights import ROLES, SYSTEM
from crm_core.seeds import seed_channel, seed_roles
from tests.conftest import PACKAGES
from tests.databases import database_at


@pytest.fixture
def empty_url(pg_server):
    importlib.import_module("crm_core.tables")
    name = f"schema_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    return pg_server.url(name)


async def test_a_revision_written_from_the_tables_builds_them_all(empty_url, tmp_path):
    assert await schema.current(empty_url) is None
    assert await schema.check(empty_url, Base.metadata)
    await schema.revise(empty_url, Base.metadata, "the beginning", versions=tmp_path)
    ended = await asyncio.gather(*(schema.upgrade(empty_url, versions=tmp_path) for _ in range(3)))
    assert set(ended) == {await schema.current(empty_url)}
    assert ended[0] is not None
    assert await schema.check(empty_url, Base.metadata) == ()


async def test_demo_data_may_be_seeded_again_and_again(database):
    asked: list[str] = []

    def password_for(login: str) -> str:
        asked.append(login)
        return secrets.token_urlsafe(16)

    made = await seed_demo(database, password_for)
    assert made == tuple(user.login for user in USERS) == tuple(asked)
    assert await seed_demo(database, password_for) == ()
    customers, search = CustomerService(database, identify_deadline_s=30), SearchService(database)
    found = await customers.identify("02223456789")
    assert found is not None
    assert (found.name, found.is_vip, found.city) == ("华北食品总代理有限公司", True, "天津")
    card = await customers.get(SYSTEM, (await search.quick(SYSTEM, "唐山"))[0].id)
    assert card.parent_name == "河北冀中副食批发"
    assert card.salesperson is not None
    assert card.salesperson.name == "张丽"
    assert len((await search.find(SYSTEM, (), limit=100)).hits) == 12


async def test_a_seed_does_not_undo_what_was_changed(database: Database):
    async with database.begin() as session:
        await seed_roles(session)
        await session.execute(delete(RoleRight).where(RoleRight.right_code == "number.unmask"))
        await seed_roles(session)
        left = await session.scalars(
            select(RoleRight.role_code).where(RoleRight.right_code == "number.unmask")
        )
        assert not left.all()


async def test_the_migrations_lead_to_the_tables_of_the_code(empty_url):
    for package in PACKAGES:
        importlib.import_module(f"{package}.tables")
    await schema.upgrade(empty_url)
    assert await schema.check(empty_url, Base.metadata) == ()


async def test_customers_of_the_first_version_keep_everything(empty_url):
    await schema.upgrade(empty_url, to="0001")
    old = database_at(empty_url)
    async with old.begin() as session:
        for statement in FIRST_VERSION.strip().split(";\n"):
            await session.execute(text(statement))
    await old.close()
    await schema.upgrade(empty_url)
    database = database_at(empty_url)
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        rights = await session.scalars(
            select(RoleRight.right_code).where(RoleRight.role_code == "operations")
        )
        assert set(rights) == set(ROLES["operations"].rights) | {"own.decision"}
    customers, search = CustomerService(database), SearchService(database)
    (hit,) = await search.quick(SYSTEM, "hhsh")
    card = await customers.get(SYSTEM, hit.id)
    assert (card.address, card.parent_name, card.phones[0].number) == (
        "友谊路5号",
        "总代",
        "13800000001",
    )
    (hit,) = (
        await search.find(SYSTEM, (Condition(field="addresses", op="contains", value="yyl"),))
    ).hits
    assert hit.id == card.id
    new = NewCustomer(name="县代", level_code="county", parent_id=card.parent_id)
    made = await customers.create(SYSTEM, new)
    below = CustomerFields(parent_id=made.id)
    assert (await customers.update(SYSTEM, card.id, 1, below)).parent_name == "县代"
    async with database.reading() as connection:
        told = await connection.execute(text("SELECT subject, subject_id, customer_id FROM outbox"))
        assert [tuple(row) for row in told] == [("order", 1, 2)]
    seen = await AuditTrail(database, clock=lambda: datetime.now(UTC)).verify()
    assert not seen.faults
    await database.close()


FIRST_VERSION = """
INSERT INTO roles (code, name_zh, name_en) VALUES ('operations', '运营', 'Operations');
INSERT INTO role_rights VALUES ('operations', 'board.view'), ('operations', 'call.view'),
  ('operations', 'customer.view'), ('operations', 'order.review'), ('operations', 'order.view'),
  ('operations', 'own.decision');
INSERT INTO levels VALUES ('national', '全国总代', 'National agent', 1, true),
  ('retailer', '零售商', 'Retailer', 4, false);
INSERT INTO price_policies VALUES ('list', '标价', 'List price', 1);
INSERT INTO customers (name, level_code, price_policy_code) VALUES ('总代', 'national', 'list');
INSERT INTO customers (name, level_code, price_policy_code, parent_id, address)
  VALUES ('海河商行', 'retailer', 'list', 1, '友谊路5号');
INSERT INTO customer_phones VALUES ('13800000001', 2, true);
INSERT INTO orders (number, key, fingerprint, customer_id, status, total, credit_held, placed_at)
  VALUES ('260101-000001', 'k', 'f', 2, 'placed', 5, 0, now());
INSERT INTO outbox (token, order_id, kind, channel, recipient, language, params)
  VALUES ('t', 1, 'order_placed', 'email', 'a@b.example', 'zh', '{}');
INSERT INTO audit_log (action, entity, entity_id, after) VALUES
  ('customer.create', 'customer', '2', '{"name": "海河商行"}')
"""
