"""Who does what a rule asks for.

Rule: a to-do always finds somebody who is at work here: without the one the rule names it goes to the
nearest supervisor above the salesperson, and without such a one to the first supervisor of the house.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.care.commands import AssignTo
from crm_core.care.views import CareRuleView
from crm_core.people.tables import Unit, User
from crm_core.rights import Right
from crm_core.todos.staff import holders


@dataclass(frozen=True, slots=True)
class Assignee:
    id: int
    locale: str
    supervises: bool


@dataclass(frozen=True, slots=True)
class Staff:
    """`workers` are those who can be given to-dos; `units` the units above each person, own first."""

    workers: Mapping[int, Assignee]
    units: Mapping[int, tuple[int, ...]]

    def assignee(self, rule: CareRuleView, salesperson_id: int | None) -> Assignee | None:
        """None when no supervisor is at work here."""
        named = {AssignTo.SALESPERSON: salesperson_id, AssignTo.USER: rule.assignee_id}
        return self.nearest(named.get(AssignTo(rule.assign_to)), salesperson_id)

    def nearest(self, wanted_id: int | None, salesperson_id: int | None) -> Assignee | None:
        """The one who is wanted, or the nearest supervisor above the salesperson."""
        return self.workers.get(wanted_id or 0) or self._supervisor(salesperson_id)

    def _supervisor(self, salesperson_id: int | None) -> Assignee | None:
        supervisors = sorted(
            (each for each in self.workers.values() if each.supervises), key=lambda each: each.id
        )
        for unit in self.units.get(salesperson_id or 0, ()):
            for each in supervisors:
                if self.units[each.id][:1] == (unit,):
                    return each
        return supervisors[0] if supervisors else None


async def read(holder: AsyncSession | AsyncConnection) -> Staff:
    supervisors = {row.id for row in await holder.execute(holders(Right.TODO_SUPERVISE))}
    able = holders(Right.TODO_WORK).add_columns(User.locale)
    people = await holder.execute(
        select(User.id, User.unit_id, Unit.path).outerjoin(Unit, Unit.id == User.unit_id)
    )
    units = {
        row.id: () if row.unit_id is None else (row.unit_id, *reversed(row.path)) for row in people
    }
    workers = {
        row.id: Assignee(row.id, row.locale, row.id in supervisors)
        for row in await holder.execute(able)
    }
    return Staff(workers, units)
