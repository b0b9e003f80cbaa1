"""The worker that reminds of requests which the law wants answered: to-dos for everybody who may answer them.

Rule: of each request a person is reminded once before its last day and once when that has passed, and has one open
to-do of it at a time; what a request asked of people is done when it is decided.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import String, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.people.holders import holders
from crm_core.privacy.tables import PrivacyRequest
from crm_core.rights import SYSTEM, Actor, Right
from crm_core.todos import asking, staff, writing
from crm_core.todos.commands import LONGEST_ALARM, NewTodo, Priority, TodoSource, TodoState
from crm_core.todos.staff import Worker as Person
from crm_core.todos.tables import Todo
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

SOURCE = "privacy_request"
BEFORE = timedelta(days=5)
_EVERY_S = 300.0
_BATCH = 200


class Stage(StrEnum):
    SOON = "soon"
    OVERDUE = "overdue"


_TITLES = {
    Stage.SOON: (
        "个人信息请求 #{id} 须在 {day} 前答复",
        "Personal data: answer request #{id} by {day}",
    ),
    Stage.OVERDUE: (
        "个人信息请求 #{id} 已超过法定期限（{day}）：请立即答复",
        "Personal data: request #{id} was to be answered by {day}: answer it now",
    ),
}


class PrivacyDeadlines(Worker):
    """Looks every `every_s` seconds; people are told `before` the last day, in the company's `zone`."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        before: timedelta = BEFORE,
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("privacy-deadlines", every_s=every_s, batch=batch)
        self._database = database
        self._clock = clock
        self._zone = zone
        self._before = before
        self._batch = batch

    async def run_once(self) -> int:
        """Of how many requests people were reminded. Raises DatabaseUnavailable."""
        now = self._clock()
        async with self._database.begin() as session:
            rows = await _pressing(session, now, self._before, self._batch)
            people = await _who_may_answer(session) if rows else ()
            return sum([await self._remind(session, row, people, now) for row in rows])

    async def _remind(
        self, session: AsyncSession, row: Any, people: Sequence[Person], now: datetime
    ) -> bool:
        seeing = await staff.who_see(session, people, row.customer_id)
        if not seeing:
            log.warning("privacy_request_without_assignee", request=row.id)
            return False
        await settle(session, SYSTEM, row.id, now, state=TodoState.CANCELLED)
        day = row.due_at.astimezone(self._zone).date()
        made = [await _ask(session, row, who, f"{day}", now) for who in seeing]
        return any(made)


async def settle(
    session: AsyncSession,
    actor: Actor,
    request_id: int,
    now: datetime,
    *,
    state: TodoState = TodoState.DONE,
) -> None:
    """Nobody is asked for this request any more."""
    open_ones = await session.scalars(
        select(Todo.source_reference).where(
            Todo.source_kind == SOURCE,
            Todo.source_reference.startswith(f"{request_id}:", autoescape=True),
            Todo.state == TodoState.OPEN,
        )
    )
    for reference in open_ones.all():
        source = TodoSource(kind=SOURCE, reference=reference or "")
        await writing.settle(session, actor, source, now, state=state)


async def _pressing(
    session: AsyncSession, now: datetime, before: timedelta, batch: int
) -> Sequence[Any]:
    """Open requests of whose stage nobody was told yet."""
    stage = case(
        (PrivacyRequest.due_at <= now, literal(Stage.OVERDUE.value)),
        else_=literal(Stage.SOON.value),
    )
    told = (
        select(Todo.id)
        .where(
            Todo.source_kind == SOURCE,
            Todo.source_reference.startswith(
                func.concat(cast(PrivacyRequest.id, String), literal(":"), stage, literal(":"))
            ),
        )
        .exists()
    )
    rows = await session.execute(
        select(
            PrivacyRequest.id,
            PrivacyRequest.customer_id,
            PrivacyRequest.due_at,
            stage.label("stage"),
        )
        .where(PrivacyRequest.state == "open", PrivacyRequest.due_at - before <= now, ~told)
        .order_by(PrivacyRequest.due_at, PrivacyRequest.id)
        .limit(batch)
        .with_for_update(of=PrivacyRequest, skip_locked=True)
    )
    return rows.all()


async def _who_may_answer(session: AsyncSession) -> tuple[Person, ...]:
    able = {row.id for row in await session.execute(holders(Right.PRIVACY_MANAGE))}
    known = await staff.read(session)
    return tuple(known.workers[each] for each in sorted(able) if each in known.workers)


async def _ask(session: AsyncSession, row: Any, who: Person, day: str, now: datetime) -> bool:
    """Whether this person was asked to answer it; the alarm comes at once."""
    zh, en = _TITLES[Stage(row.stage)]
    title = en if who.locale.startswith("en") else zh
    due_at = max(row.due_at, now)
    new = NewTodo(
        title=title.format(id=row.id, day=day),
        due_at=due_at,
        customer_id=row.customer_id,
        priority=Priority.HIGH,
        alarm_before_min=min(-((now - due_at) // timedelta(minutes=1)), LONGEST_ALARM),
        assignee_id=who.id,
    )
    source = TodoSource(kind=SOURCE, reference=f"{row.id}:{row.stage}:{who.id}")
    return bool(await asking.ask(session, new, source, now))
