"""Insight (客户洞察): contribution, segments and health of customers, and the rules they come from.

Rule: one customer is worked out anew for whoever asks, lists show what the worker kept; a figure made of
fields that a role may not see is not shown to it, nor a warning that follows from it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers.insight_tables import CustomerInsight, InsightQueueEntry
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.insight import brief, calendar, lists, rule_book, store
from crm_core.insight.commands import ContributionQuery, PageQuery, RulesEdit, VersionQuery
from crm_core.insight.conditions import SHOWS, Condition, Metric
from crm_core.insight.evaluation import Insight, evaluate, explain
from crm_core.insight.metrics import Facts
from crm_core.insight.ports import Sources
from crm_core.insight.rule_book import RuleBook, RulesInForce
from crm_core.insight.rules import HealthRule, InsightRules
from crm_core.insight.views import (
    ContributionReport,
    CustomerInsightView,
    Figure,
    HealthCount,
    InsightBrief,
    InsightItem,
    Named,
    Progress,
    QuarterSum,
    RulesVersion,
    SegmentCount,
    Warned,
)
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RulesAndProgress:
    """The rules in force, and how far everybody is worked out by them."""

    book: RulesInForce
    progress: Progress


class InsightService:
    """Every method may raise Forbidden, NotFound and DatabaseUnavailable."""

    def __init__(
        self, database: Database, sources: Sources, *, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._sources = sources
        self._clock = clock
        self._book = RuleBook()

    async def customer(self, actor: Actor, customer_id: int) -> CustomerInsightView:
        """One customer as of now, with every rule that was tried."""
        actor.require(Right.CUSTOMER_VIEW)
        today = calendar.local_day(self._clock(), self._sources.zone)
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            book = await self._book.in_force(connection)
            known = await store.read_facts(connection, self._sources, (seen,), today)
            if not known:
                raise NotFound(f"There is no customer {customer_id}.")
            kept = await _kept(connection, seen)
        insight = evaluate(known[0], book.rules, today)
        return _view(actor, known[0], insight, book, kept)

    async def brief(self, customer_id: int) -> InsightBrief | None:
        """For the pop of whoever speaks with this customer; None when nothing is known yet."""
        async with self._database.reading() as connection:
            try:
                book = await self._book.in_force(connection)
            except NotFound:
                return None
            return await brief.read(connection, book.rules, customer_id)

    async def contribution(self, actor: Actor, query: ContributionQuery) -> ContributionReport:
        """Who brought how much in any time, the greatest first."""
        actor.require(Right.INSIGHT_VIEW)
        async with self._database.reading() as connection:
            return await lists.contribution(connection, actor, self._sources.sales, query)

    async def segments(self, actor: Actor) -> tuple[SegmentCount, ...]:
        """Every segment in the order of the rules."""
        actor.require(Right.INSIGHT_VIEW)
        async with self._database.reading() as connection:
            book = await self._book.in_force(connection)
            found = await lists.segments(connection, actor)
        return tuple(
            SegmentCount(
                each.code,
                each.name_zh,
                each.name_en,
                each.strategy_zh,
                each.strategy_en,
                *found.get(each.code, (0, 0, 0)),
            )
            for each in book.rules.segments
        )

    async def in_segment(
        self, actor: Actor, code: str, query: PageQuery
    ) -> tuple[InsightItem, ...]:
        actor.require(Right.INSIGHT_VIEW)
        async with self._database.reading() as connection:
            book = await self._book.in_force(connection)
            if code not in {each.code for each in book.rules.segments}:
                raise NotFound(f"There is no segment {code}.")
            found = await lists.page(connection, actor, lists.in_segment(code), query)
        return _without_hidden(found, _visible(actor, book.rules))

    async def health(self, actor: Actor) -> tuple[HealthCount, ...]:
        """Every warning in the order of the rules, with how many give it."""
        actor.require(Right.INSIGHT_VIEW)
        async with self._database.reading() as connection:
            book = await self._book.in_force(connection)
            found = await lists.warnings(connection, actor)
        return tuple(
            HealthCount(
                each.code,
                each.name_zh,
                each.name_en,
                each.advice_zh,
                each.advice_en,
                each.severity,
                found.get(each.code, 0),
            )
            for each in _visible(actor, book.rules)
        )

    async def warned(self, actor: Actor, code: str, query: PageQuery) -> tuple[InsightItem, ...]:
        actor.require(Right.INSIGHT_VIEW)
        async with self._database.reading() as connection:
            book = await self._book.in_force(connection)
            visible = _visible(actor, book.rules)
            if code not in {each.code for each in visible}:
                raise NotFound(f"There is no warning {code}.")
            found = await lists.page(connection, actor, lists.warned_of(code), query)
        return _without_hidden(found, visible)

    async def rules(self, actor: Actor) -> RulesAndProgress:
        """The rules in force, and how far everybody is worked out by them."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.reading() as connection:
            book = await self._book.in_force(connection)
            done = await lists.progress(connection, book.version, self._clock())
        return RulesAndProgress(book, done)

    async def change_rules(self, actor: Actor, edit: RulesEdit) -> RulesAndProgress:
        """Everybody is worked out anew, by the worker. Raises Conflict (changed since), Invalid."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            before = await self._book.in_force(session)
            version = await rule_book.replace(session, edit.version, edit.rules, actor.user_id)
            was, became = trail.changes(
                before.rules.model_dump(mode="json"), edit.rules.model_dump(mode="json")
            )
            await trail.record(
                session,
                actor.user_id,
                "insight.rules",
                "insight_rules",
                version,
                before=was,
                after=became,
            )
        log.info("insight_rules_changed", version=version, by=actor.user_id)
        return await self.rules(actor)

    async def versions(self, actor: Actor, wanted: VersionQuery) -> tuple[RulesVersion, ...]:
        """Every set of rules that was ever in force, the newest first."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.reading() as connection:
            return await rule_book.versions(connection, wanted)

    async def version(self, actor: Actor, version: int) -> RulesInForce:
        """Rules as they were. Raises NotFound."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.reading() as connection:
            return await rule_book.of_version(connection, version)

    async def progress(self) -> Progress:
        async with self._database.reading() as connection:
            book = await self._book.in_force(connection)
            return await lists.progress(connection, book.version, self._clock())

    async def recompute_all(self, actor: Actor) -> int:
        """Ask for everybody to be worked out anew; how many that is."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            asked = await store.queue_all(session)
            await trail.record(
                session, actor.user_id, "insight.recompute", "insight_rules", "all",
                after={"customers": asked},
            )  # fmt: skip
        return asked


_Kept = tuple[datetime | None, datetime | None, bool]


async def _kept(holder: AsyncConnection | AsyncSession, customer_id: int) -> _Kept:
    """When it was worked out, when it is due again, and whether it waits in the queue."""
    row = (
        await holder.execute(
            select(CustomerInsight.computed_at, CustomerInsight.next_due_at).where(
                CustomerInsight.customer_id == customer_id
            )
        )
    ).one_or_none()
    waits = exists().where(InsightQueueEntry.customer_id == customer_id)
    queued = bool((await holder.execute(select(waits))).scalar())
    return (row.computed_at, row.next_due_at, queued) if row else (None, None, True)


def _view(
    actor: Actor, facts: Facts, insight: Insight, book: RulesInForce, kept: _Kept
) -> CustomerInsightView:
    metrics, result = insight.metrics, insight.result
    segment, grade = result.segment, result.grade
    tried = explain(insight, book.rules, facts.level_code)
    visible = _visible(actor, book.rules)
    shown = [each for each in Metric if _may_read(actor, each)]
    return CustomerInsightView(
        customer_id=facts.customer_id,
        r=metrics.r,
        f=metrics.f,
        m=metrics.m,
        segment=Named(segment.code, segment.name_zh, segment.name_en),
        strategy_zh=segment.strategy_zh,
        strategy_en=segment.strategy_en,
        grade=Named(grade.code, grade.name_zh, grade.name_en),
        warnings=tuple(_warned(each) for each in result.warnings if each in visible),
        figures=tuple(Figure(each, metrics.value(each)) for each in shown),
        quarters=tuple(QuarterSum(each.orders, each.revenue) for each in metrics.quarters),
        first_order_at=metrics.first_order_at,
        last_order_at=metrics.last_order_at,
        last_contact_at=facts.last_contact_at,
        rules=tuple(each for each in tried if all(_may_read(actor, t.metric) for t in each.tried)),
        rules_version=book.version,
        computed_at=kept[0],
        next_due_at=kept[1],
        pending=kept[2],
    )


def _warned(rule: HealthRule) -> Warned:
    return Warned(
        rule.code, rule.name_zh, rule.name_en, rule.advice_zh, rule.advice_en, rule.severity
    )


def _may_read(actor: Actor, metric: Metric) -> bool:
    return all(actor.may_read("customer", field) for field in SHOWS.get(metric, ()))


def _all_readable(actor: Actor, when: Iterable[Condition]) -> bool:
    return all(_may_read(actor, condition.metric) for condition in when)


def _visible(actor: Actor, rules: InsightRules) -> tuple[HealthRule, ...]:
    """The warnings that give away nothing this person may not see."""
    return tuple(each for each in rules.health if each.active and _all_readable(actor, each.when))


def _without_hidden(
    items: Iterable[InsightItem], visible: Iterable[HealthRule]
) -> tuple[InsightItem, ...]:
    codes = {each.code for each in visible}
    return tuple(
        replace(item, warnings=tuple(code for code in item.warnings if code in codes))
        for item in items
    )
