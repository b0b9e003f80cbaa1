"""Who can be given to-dos and who stands above whom, read from the people's tables.

Rule: only active people count, and nobody is given a to-do of a customer whom he may not see.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers import visibility
from crm_core.errors import Invalid
from crm_core.people.holders import holders
from crm_core.people.tables import Role, Unit, User
from crm_core.rights import Right, Scope
from crm_core.todos.commands import TodoKind


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who can be given to-dos; `scope` says of whose customers."""

    id: int
    locale: str
    scope: Scope
    supervises: bool


@dataclass(frozen=True, slots=True)
class Staff:
    """Those who can be given to-dos, by their id; `units` the units above each person, own first."""

    workers: Mapping[int, Worker]
    units: Mapping[int, tuple[int, ...]]

    def above(self, user_id: int | None) -> Iterator[tuple[Worker, ...]]:
        """Supervisors above a person: of the nearest unit that has one, of the next; the whole house's."""
        supervisors = sorted(
            (each for each in self.workers.values() if each.supervises), key=lambda each: each.id
        )
        for unit in self.units.get(user_id or 0, ()):
            here = tuple(each for each in supervisors if self.units[each.id][:1] == (unit,))
            if here:
                yield here
        if supervisors:
            yield tuple(supervisors)


async def read(holder: AsyncSession | AsyncConnection) -> Staff:
    supervisors = {row.id for row in await holder.execute(holders(Right.TODO_SUPERVISE))}
    able = holders(Right.TODO_WORK).join(Role, Role.code == User.role_code)
    people = await holder.execute(
        select(User.id, User.unit_id, Unit.path).outerjoin(Unit, Unit.id == User.unit_id)
    )
    units = {
        row.id: () if row.unit_id is None else (row.unit_id, *reversed(row.path)) for row in people
    }
    workers = {
        row.id: Worker(row.id, row.locale, Scope(row.scope), row.id in supervisors)
        for row in await holder.execute(able.add_columns(User.locale, Role.scope))
    }
    return Staff(workers, units)


async def who_see(
    holder: AsyncSession | AsyncConnection, workers: Collection[Worker], customer_id: int | None
) -> tuple[Worker, ...]:
    """Those of them who may see the customer."""
    return tuple([each for each in workers if await _sees(holder, each, customer_id)])


async def _sees(
    holder: AsyncSession | AsyncConnection, worker: Worker, customer_id: int | None
) -> bool:
    if customer_id is None or worker.scope is Scope.ALL:
        return True
    return await visibility.is_seen_by(holder, worker.id, customer_id)


async def nearest_above(
    holder: AsyncSession | AsyncConnection,
    staff: Staff,
    user_id: int | None,
    customer_id: int | None,
) -> tuple[Worker, ...]:
    """The nearest supervisors above a person who may see the customer; nobody when there is none."""
    for group in staff.above(user_id):
        if seeing := await who_see(holder, group, customer_id):
            return seeing
    return ()


async def nearest(
    holder: AsyncSession | AsyncConnection,
    known: Staff,
    wanted_id: int | None,
    salesperson_id: int | None,
    customer_id: int | None,
) -> Worker | None:
    """The one who is wanted, or the nearest supervisor above the salesperson; None when nobody at work here may
    see the customer.
    """
    wanted = known.workers.get(wanted_id or 0)
    if wanted is not None and await who_see(holder, (wanted,), customer_id):
        return wanted
    above = await nearest_above(holder, known, salesperson_id, customer_id)
    return above[0] if above else None


async def supervisors(holder: AsyncSession | AsyncConnection) -> tuple[Person, ...]:
    """To whom notes and escalations go."""
    rows = await holder.execute(holders(Right.TODO_SUPERVISE).order_by(User.name, User.id))
    return tuple(Person(*row) for row in rows)


async def check_can_take(
    session: AsyncSession, kind: str, user_id: int, customer_id: int | None
) -> None:
    """Raises Invalid when this person cannot be given such a to-do, or not of this customer."""
    is_note = kind == TodoKind.NOTE_TO_SUPERVISOR
    right = Right.TODO_SUPERVISE if is_note else Right.TODO_WORK
    if (await session.execute(holders(right).where(User.id == user_id))).first() is None:
        raise Invalid(
            "A note goes to a supervisor: choose one of them."
            if is_note
            else "This person is not at work here or has no to-dos: choose somebody else.",
            fields={"assignee_id": "unknown"},
        )
    if customer_id is not None and not await visibility.is_seen_by(session, user_id, customer_id):
        raise Invalid(
            "This person may not see the customer: choose somebody else, or give him the customer.",
            fields={"assignee_id": "customer out of scope"},
        )
