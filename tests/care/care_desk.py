"""A care worker on real tables, and what the tests put before it."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from crm_core.care.ports import CareSources
from crm_core.care.rules import seed_care
from crm_core.care.tables import CareRule
from crm_core.care.worker import CareWorker
from crm_core.customers.tables import Customer, CustomerContact, CustomerMerge
from crm_core.db import Database
from crm_core.people.tables import Unit, User
from crm_core.todos.tables import Todo
from orders.sales.care_source import OrderBeginnings, OrderDeliveries
from orders.sales.tables import Order, OrderStatusLog
from tests.crm_core.crm_core_support import Clock

SOURCES = CareSources(OrderDeliveries(), OrderBeginnings())
OCCASIONS = ("birthday", "first_order", "after_delivery")
_TABLES = (Todo, OrderStatusLog, Order, CustomerContact, CustomerMerge)


@dataclass
class Desk:
    database: Database
    clock: Clock
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    async def begin_anew(self, rules: tuple[str, ...] = OCCASIONS) -> None:
        """Nobody to care for, and the seeded rules, of which only these look."""
        async with self.database.begin() as session:
            for table in _TABLES:
                await session.execute(delete(table))
            await session.execute(delete(CareRule))
            await seed_care(session)
            await session.execute(
                update(CareRule).values(
                    active=CareRule.code.in_(rules), active_since=self.clock(), looked_at=None
                )
            )
            plain = {"birthday": None, "anniversary": None, "salesperson_id": None}
            await session.execute(update(Customer).values(**plain))
            await session.execute(update(User).values(unit_id=None, locale="zh-CN"))
            await session.execute(delete(Unit))
            await session.execute(update(User).where(User.login != "gone").values(active=True))

    async def worker_round(self, **more) -> int:
        return await CareWorker(self.database, SOURCES, clock=self.clock, **more).run_once()

    async def rule(self, code: str, **values) -> None:
        async with self.database.begin() as session:
            await session.execute(update(CareRule).where(CareRule.code == code).values(**values))

    async def customer(self, customer_id: int, **values) -> None:
        async with self.database.begin() as session:
            await session.execute(
                update(Customer).where(Customer.id == customer_id).values(**values)
            )

    async def new_customers(self, count: int, **values) -> list[int]:
        plain = {"level_code": "city", "price_policy_code": "list"}
        async with self.database.begin() as session:
            made = await session.scalars(
                insert(Customer).returning(Customer.id),
                [{"name": f"店{next(self.numbers)}", **plain, **values} for _ in range(count)],
            )
            return list(made)

    async def contact(self, customer_id: int, name: str, birthday: date) -> int:
        async with self.database.begin() as session:
            made = await session.scalar(
                insert(CustomerContact)
                .values(customer_id=customer_id, name=name, birthday=birthday)
                .returning(CustomerContact.id)
            )
            assert made is not None
            return made

    async def order(
        self,
        customer_id: int,
        *,
        placed_at: datetime | None = None,
        delivered_at: datetime | None = None,
        status: str = "delivered",
    ) -> str:
        number = f"SO{next(self.numbers):06d}"
        async with self.database.begin() as session:
            order_id = await session.scalar(
                insert(Order)
                .values(
                    number=number,
                    key=number,
                    fingerprint="-",
                    customer_id=customer_id,
                    status=status,
                    total=0,
                    credit_held=0,
                    placed_at=placed_at or self.clock(),
                )
                .returning(Order.id)
            )
            if delivered_at is not None:
                await session.execute(
                    insert(OrderStatusLog).values(
                        order_id=order_id, to_status="delivered", at=delivered_at
                    )
                )
        return number

    async def user(self, user_id: int, **values) -> None:
        async with self.database.begin() as session:
            await session.execute(update(User).where(User.id == user_id).values(**values))

    async def unit(self, name: str, above: int | None = None, path: tuple[int, ...] = ()) -> int:
        values = {"name": name, "parent_id": above, "path": list(path)}
        async with self.database.begin() as session:
            made = await session.scalar(upsert(Unit).values(**values).returning(Unit.id))
            assert made is not None
            return made

    async def todos(self) -> list[Todo]:
        async with self.database.reading_entities() as session:
            return list(await session.scalars(select(Todo).order_by(Todo.id)))

    async def references(self) -> list[str | None]:
        return [each.source_reference for each in await self.todos()]


def born(day: date, age: int = 30) -> date:
    return day.replace(year=day.year - age)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A time of Shanghai."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=8)
