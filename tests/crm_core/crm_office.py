"""An office with people of several roles and one customer, for tests of the rooms."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from crm_core.customers.custom_fields import CustomFieldService, NewCustomField
from crm_core.customers.tables import Customer, CustomField, CustomValue
from crm_core.db import Database
from crm_core.people.tables import User
from crm_core.rights import SYSTEM, Principal
from crm_core.seeds import seed_channel, seed_roles
from tests.crm_core.crm_core_support import person

_PEOPLE = {
    "wang": "agent",
    "li": "agent",
    "zhao": "supervisor",
    "qian": "supervisor",
    "sun": "operations",
    "gone": "supervisor",
}


@dataclass(frozen=True)
class Office:
    """王 and 李 are agents, 赵 and 钱 supervisors, 孙 in operations; `gone` has left the company."""

    wang: Principal
    li: Principal
    zhao: Principal
    qian: Principal
    sun: Principal
    gone: Principal
    customer_id: int
    other_customer_id: int


async def furnish(database: Database) -> Office:
    """Seed roles, categories, people and two customers; may be repeated."""
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        for login, role in _PEOPLE.items():
            values = {"login": login, "name": login.title(), "role_code": role}
            await session.execute(
                upsert(User)
                .values(**values, password_hash="none", active=login != "gone")
                .on_conflict_do_nothing()
            )
        ids = {row.login: row.id for row in await session.execute(select(User.login, User.id))}
        customers = list(await session.scalars(select(Customer.id).order_by(Customer.id)))
        for name in ("天津一号店", "北京二号店")[len(customers) :]:
            made = Customer(name=name, level_code="city", price_policy_code="list")
            session.add(made)
            await session.flush()
            customers.append(made.id)
    people = {login: person(role, ids[login]) for login, role in _PEOPLE.items()}
    return Office(**people, customer_id=customers[0], other_customer_id=customers[1])


async def empty(database: Database, *tables: type) -> None:
    """Delete all rows of these tables."""
    async with database.begin() as session:
        for table in tables:
            await session.execute(delete(table))


@contextlib.asynccontextmanager
async def required_field(database: Database) -> AsyncIterator[str]:
    """The business asks for something of every new customer; the field's code."""
    new = NewCustomField(code="licence", type="text", label_zh="证号", label_en="L", required=True)
    await CustomFieldService(database).create(SYSTEM, new)
    try:
        yield new.code
    finally:
        await empty(database, CustomValue, CustomField)
