"""The worker that makes to-dos of care rules.

Rule: one daemon at a time works on a rule, and an occasion makes one to-do for good, whoever looks and how
often. What came round while no daemon ran is made up for within seven days; what lies before a rule was
switched on is never told. What nobody can do just now is looked for again, within the same seven days.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.care import due, views
from crm_core.care import staff as care_staff
from crm_core.care.due import SOURCE, DueCare, Place
from crm_core.care.ports import CareSources
from crm_core.care.tables import CareRule
from crm_core.care.views import CareRuleView
from crm_core.care.wording import fill
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.todos import asking, staff
from crm_core.todos.commands import NewTodo, Priority, TodoKind, TodoSource
from crm_core.todos.staff import Worker as Assignee
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

_EVERY_S = 300.0
_BATCH = 100
_BEGINNING: Place = (0, "")


class CareWorker(Worker):
    """Looks every `every_s` seconds for customers to care for."""

    def __init__(
        self,
        database: Database,
        sources: CareSources | None = None,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("care", every_s=every_s)
        self._database = database
        self._sources = sources or CareSources()
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """Make all to-dos that are missing; returns how many. Raises DatabaseUnavailable."""
        now = self._clock()
        async with self._database.reading() as connection:
            codes = list(
                await connection.scalars(
                    select(CareRule.code).where(CareRule.active).order_by(CareRule.code)
                )
            )
        return sum([await self._keep_alone(code, now) for code in codes])

    async def _keep_alone(self, code: str, now: datetime) -> int:
        """Keep one rule; when it fails, the others are kept all the same. Raises DatabaseUnavailable."""
        try:
            return await self._keep(code, now)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("care_rule_failed", rule=code)
            return 0

    async def _keep(self, code: str, now: datetime) -> int:
        """Keep one rule, batch by batch; leave it to another daemon that has begun."""
        made, place, skipped = 0, _BEGINNING, 0
        while True:
            async with self._database.begin() as session:
                rule = await _claimed(session, code)
                if rule is None:
                    return made
                found = await due.missing(
                    session, rule, self._sources, now, after=place, limit=self._batch
                )
                todos = await self._make(session, rule, found, now)
                made += sum(todos)
                skipped += len(found) - len(todos)
                if len(found) < self._batch:
                    if not skipped:
                        await _looked(session, code, now)
                    return made
                place = (found[-1].customer_id, found[-1].reference)

    async def _make(
        self, session: AsyncSession, rule: CareRuleView, found: Sequence[DueCare], now: datetime
    ) -> tuple[bool, ...]:
        """Whether each to-do was made now; what nobody can do just now is left out."""
        made: list[bool] = []
        known = await staff.read(session) if found else None
        for each in found:
            assert known is not None
            assignee = await care_staff.assignee(session, known, rule, each)
            if assignee is None:
                log.warning("care_without_assignee", rule=rule.code, customer=each.customer_id)
                continue
            source = TodoSource(kind=SOURCE, reference=each.reference)
            asked = await asking.ask(session, self._todo(rule, each, assignee), source, now)
            if asked is not None:
                made.append(asked)
        if any(made):
            log.info("care_todos_made", rule=rule.code, count=sum(made))
        return tuple(made)

    def _todo(self, rule: CareRuleView, each: DueCare, assignee: Assignee) -> NewTodo:
        due_at = each.due(rule, self._sources)
        return NewTodo(
            title=_title(rule, each, assignee.locale),
            due_at=due_at.at,
            customer_id=each.customer_id,
            kind=TodoKind.TASK if each.at is None else TodoKind.FOLLOW_UP,
            priority=Priority(rule.priority),
            escalate_after_min=due_at.escalate_after_min,
            assignee_id=assignee.id,
        )


async def _claimed(session: AsyncSession, code: str) -> CareRuleView | None:
    """The rule, held; None when another daemon holds it or nobody wants it any more."""
    row = (
        await session.execute(
            views.rules()
            .where(CareRule.code == code, CareRule.active)
            .with_for_update(of=CareRule, skip_locked=True)
        )
    ).one_or_none()
    return None if row is None else CareRuleView(*row)


async def _looked(session: AsyncSession, code: str, now: datetime) -> None:
    until = func.greatest(CareRule.looked_at, now)
    await session.execute(update(CareRule).where(CareRule.code == code).values(looked_at=until))


def _title(rule: CareRuleView, each: DueCare, locale: str) -> str:
    english = locale.startswith("en")
    values = {
        "customer": each.customer_name,
        "contact": each.contact_name or "",
        "date": _day(each.day, english=english),
        "years": "" if each.years is None else str(each.years),
        "order": each.order_number or "",
    }
    template, name = (rule.title_en, rule.name_en) if english else (rule.title_zh, rule.name_zh)
    return fill(template, values) or name


def _day(day: date | None, *, english: bool) -> str:
    if day is None:
        return ""
    return day.isoformat() if english else f"{day.month}月{day.day}日"
