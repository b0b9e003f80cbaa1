"""Exceptions (异常单): raised, escalated, decided, as people use them. Rule: one method, one transaction; events go out
after the commit; the same exception sent again is raised once.
"""

from collections.abc import Callable, Collection
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import select

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import SYSTEM, Actor, Right
from crm_core.worker import Worker
from orders.aftersales.exceptions import asking, book, deciding, flow, reading, writing
from orders.aftersales.exceptions.commands import (
    ChangedRule,
    Closing,
    Decision,
    Escalation,
    ExceptionQuery,
    LevelContent,
    NewException,
    NewRule,
    ReportQuery,
    Withdrawal,
)
from orders.aftersales.exceptions.flow import HIGHEST, RIGHT_OF_LEVEL, Action, State
from orders.aftersales.exceptions.tables import OrderException
from orders.aftersales.exceptions.views import (
    ExceptionSummary,
    ExceptionView,
    LevelView,
    ReportLine,
    RuleView,
)
from orders.aftersales.setting import Setting
from orders.sales import moving

log = structlog.get_logger(__name__)

_BATCH = 50


class ExceptionService:
    """Every method may raise Forbidden, UnknownException and DatabaseUnavailable; every change of an exception
    ExceptionClosed and ChangedMeanwhile.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str],
        zone: tzinfo,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._channels = frozenset(channels)
        self._zone = zone

    async def enter(
        self, actor: Actor, order_id: int, new: NewException, key: str
    ) -> ExceptionView:
        """Somebody who may decide is asked to. Raises UnknownOrder, SameKeyOther."""
        actor.require(Right.EXCEPTION_RAISE)
        setting = self._setting(actor)
        async with self._database.begin() as session:
            order = await moving.held(session, order_id, actor)
            made = await writing.enter(session, order, new, key, setting)
            view = await reading.one(session, actor, made)
        log.info("exception_raised", number=view.summary.number, level=view.summary.level)
        return view

    async def escalate(self, actor: Actor, exception_id: int, given: Escalation) -> ExceptionView:
        """Raises NoHigherLevel."""
        actor.require(Right.EXCEPTION_RAISE)
        setting = self._setting(actor)
        async with self._database.begin() as session:
            order, row = await writing.held(session, setting, exception_id, given.version)
            await writing.escalate(session, order, row, setting, given.reason)
            view = await reading.one(session, actor, exception_id)
        log.info("exception_escalated", number=view.summary.number, level=view.summary.level)
        return view

    async def decide(self, actor: Actor, exception_id: int, given: Decision) -> ExceptionView:
        """With everything that follows of it. Raises BeyondLevel, and what `deciding.decide` raises."""
        setting = self._setting(actor)
        async with self._database.begin() as session:
            order, row = await writing.held(session, setting, exception_id, given.version)
            flow.decide(row.state, Action.DECIDE)
            actor.require(RIGHT_OF_LEVEL[row.level])
            await deciding.decide(session, order, row, given, setting)
            view = await reading.one(session, actor, exception_id)
        log.info("exception_decided", number=view.summary.number, as_=view.summary.resolution)
        for event in setting.effects.events():
            self._bus.publish(event)
        return view

    async def close(self, actor: Actor, exception_id: int, given: Closing) -> ExceptionView:
        """What was decided is done."""
        setting = self._setting(actor)
        async with self._database.begin() as session:
            _, row = await writing.held(session, setting, exception_id, given.version)
            actor.require(RIGHT_OF_LEVEL[row.level])
            await writing.step(session, row, Action.CLOSE, setting, words=given.words)
            return await reading.one(session, actor, exception_id)

    async def withdraw(self, actor: Actor, exception_id: int, given: Withdrawal) -> ExceptionView:
        """It is none after all."""
        actor.require(Right.EXCEPTION_RAISE)
        setting = self._setting(actor)
        async with self._database.begin() as session:
            _, row = await writing.held(session, setting, exception_id, given.version)
            await writing.step(session, row, Action.WITHDRAW, setting, words=given.reason)
            await asking.settle(session, row, setting)
            return await reading.one(session, actor, exception_id)

    async def get(self, actor: Actor, exception_id: int) -> ExceptionView:
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await reading.one(connection, actor, exception_id)

    async def listed(self, actor: Actor, query: ExceptionQuery) -> tuple[ExceptionSummary, ...]:
        """The newest first."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await reading.listed(connection, actor, query, self._clock())

    async def report(self, actor: Actor, wanted: ReportQuery) -> tuple[ReportLine, ...]:
        """How many of each kind and level, and what they cost. Raises Invalid (range)."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await reading.report(connection, actor, wanted, self._clock())

    async def levels(self, actor: Actor) -> tuple[LevelView, ...]:
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return tuple((await book.levels(connection)).values())

    async def put_level(
        self, actor: Actor, level: int, content: LevelContent
    ) -> tuple[LevelView, ...]:
        """Raises NotFound, Conflict (edited since)."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            await book.put_level(session, actor, level, content)
            return tuple((await book.levels(session)).values())

    async def rules(self, actor: Actor) -> tuple[RuleView, ...]:
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await book.rules(connection)

    async def add_rule(self, actor: Actor, new: NewRule) -> RuleView:
        """Raises Invalid (level of customers)."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            return await book.add_rule(session, actor, new)

    async def change_rule(self, actor: Actor, rule_id: int, content: ChangedRule) -> RuleView:
        """Raises NotFound, Conflict (edited since), Invalid (level of customers)."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            return await book.change_rule(session, actor, rule_id, content)

    async def escalate_overdue(self, exception_id: int) -> bool:
        """Escalate it if nobody has decided it in time; whether it was."""
        setting = self._setting(SYSTEM)
        async with self._database.begin() as session:
            order, row = await writing.held(session, setting, exception_id)
            if row.state != State.OPEN or row.level == HIGHEST or row.due_at > setting.now:
                return False
            await writing.escalate(session, order, row, setting, None)
            number, level = row.number, row.level
        log.info("exception_escalated", number=number, level=level)
        return True

    def _setting(self, actor: Actor) -> Setting:
        return Setting(actor, self._channels, self._clock(), self._zone)


class ExceptionEscalation(Worker):
    """Escalates what nobody has decided in time."""

    def __init__(
        self, database: Database, service: ExceptionService, *, clock: Callable[[], datetime]
    ) -> None:
        super().__init__("exception-escalation", every_s=30.0, batch=_BATCH)
        self._database = database
        self._service = service
        self._clock = clock

    async def run_once(self) -> int:
        """How many were escalated. Raises DatabaseUnavailable."""
        table = OrderException
        due = (
            select(table.id)
            .where(table.state == State.OPEN, table.level < HIGHEST, table.due_at <= self._clock())
            .order_by(table.due_at)
            .limit(_BATCH)
        )
        async with self._database.reading() as connection:
            ids = (await connection.scalars(due)).all()
        return sum([await self._service.escalate_overdue(each) for each in ids])
