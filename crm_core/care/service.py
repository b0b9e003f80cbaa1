"""Customer care (客户关怀): rules kept by people, and lists of what is coming.

Rule: every change is one transaction with its audit entry and names the version it was made from; the
to-dos themselves are made by `worker` and done as any other.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from crm_core.care import lists, rules
from crm_core.care.commands import CareHistoryQuery, CareRuleEdit, NewCareRule, UpcomingQuery
from crm_core.care.ports import CareSources
from crm_core.care.views import CarePreview, CareRuleView, Upcoming
from crm_core.db import Database
from crm_core.rights import Actor, Right
from crm_core.todos.views import TodoView

log = structlog.get_logger(__name__)


class CareService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        sources: CareSources | None = None,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._sources = sources or CareSources()
        self._clock = clock

    async def rules(self, actor: Actor) -> tuple[CareRuleView, ...]:
        """Those that are switched off too."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.reading() as connection:
            return await rules.all_of_them(connection)

    async def rule(self, actor: Actor, code: str) -> CareRuleView:
        """Raises NotFound."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.reading() as connection:
            return await rules.read(connection, code)

    async def add_rule(self, actor: Actor, new: NewCareRule) -> CareRuleView:
        """Raises Conflict (code taken, too many), Invalid."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            rule = await rules.add(session, actor, new, self._clock())
        log.info("care_rule_added", rule=rule.code, by=actor.user_id)
        return rule

    async def edit_rule(self, actor: Actor, code: str, edit: CareRuleEdit) -> CareRuleView:
        """Raises NotFound, Conflict (edited since), Invalid."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            rule = await rules.change(session, actor, code, edit, self._clock())
        log.info("care_rule_edited", rule=rule.code, active=rule.active, by=actor.user_id)
        return rule

    async def preview(self, actor: Actor, code: str) -> CarePreview:
        """Also of a rule that is switched off. Raises NotFound."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.reading() as connection:
            rule = await rules.read(connection, code)
            return await lists.preview(connection, rule, self._sources, self._clock())

    async def upcoming(self, actor: Actor, wanted: UpcomingQuery) -> tuple[Upcoming, ...]:
        """Whose day is today or comes soon. Raises Invalid (after)."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            return await lists.upcoming(connection, actor, wanted, self._sources, self._clock())

    async def history(self, actor: Actor, wanted: CareHistoryQuery) -> tuple[TodoView, ...]:
        """A customer's to-dos that rules made, newest first. Raises NotFound."""
        actor.require(Right.TODO_WORK)
        async with self._database.reading() as connection:
            return await lists.history(connection, actor, wanted, self._clock())
