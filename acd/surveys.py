"""What callers said of the talks they had: asked before, and the report by agent, queue, question and day.

Rule: a question counts on the day on which it was asked; the mean is over the answers that have a score
(sum of scores / answers with a score), the response rate answers / questions asked, a key's share that of the answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy import Date, String, cast, func, select

from acd.tables import SurveyAnswer
from crm_core.db import Database
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from crm_core.statement import Statement

_ASKED = Statement(
    "SELECT 1 FROM calls c JOIN survey_answers a ON a.call_id = c.id"
    " WHERE c.caller = :number AND a.asked_at >= :since LIMIT 1"
)
_LONGEST_DAYS = 731


class Grouping(StrEnum):
    AGENT = "agent"
    QUEUE = "queue"
    QUESTION = "question"
    DAY = "day"


class SurveyQuery(BaseModel):
    """Days are those of the company's zone, both included; without them the last 30."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Grouping = Grouping.QUESTION
    first: date | None = None
    last: date | None = None
    survey: str | None = None
    question: str | None = None
    queue: str | None = None
    agent_id: int | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "SurveyQuery":
        first, last = self.first, self.last
        if first and last and not 0 <= (last - first).days < _LONGEST_DAYS:
            raise ValueError(f"last must not be before first, nor {_LONGEST_DAYS} days after it")
        return self


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How often a key was pressed; `share` of the answers, between 0 and 1."""

    key: str
    label_zh: str
    label_en: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class SurveyLine:
    """One question for one agent, queue or day (`group`; `name` is an agent's)."""

    group: str
    name: str | None
    survey: str
    question: str
    asked: int
    answered: int
    response_rate: float
    mean: float | None
    keys: tuple[KeyCount, ...]


class Surveys:
    """Reads `survey_answers`; `zone` is where days begin."""

    def __init__(self, database: Database, *, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    async def asked_since(self, number: str, since: datetime) -> bool:
        """Whether somebody was asked who called from this number. Raises DatabaseUnavailable."""
        return bool(await self._database.fetch(_ASKED, {"number": number, "since": since}))

    async def report(
        self, actor: Actor, query: SurveyQuery, now: datetime
    ) -> tuple[SurveyLine, ...]:
        """Of all, or of the own talks only for who sees neither the board nor others' calls."""
        agent_id = query.agent_id
        if not (actor.may(Right.BOARD_VIEW) or actor.may(Right.CALL_VIEW)):
            actor.require(Right.AGENT_WORK)
            agent_id = actor.user_id
        since, until = self._range(query, now)
        answer, group = SurveyAnswer, self._group(query.by)
        wanted = {
            "survey": query.survey,
            "question": query.question,
            "queue": query.queue,
            "agent_id": agent_id,
        }
        found = (
            select(
                func.coalesce(group, "").label("group"),
                func.max(User.name).label("name"),
                answer.survey,
                answer.question,
                answer.pressed,
                func.max(answer.label_zh).label("label_zh"),
                func.max(answer.label_en).label("label_en"),
                func.count().label("count"),
                func.count(answer.score).label("scored"),
                func.coalesce(func.sum(answer.score), 0).label("total"),
            )
            .outerjoin(User, User.id == answer.agent_id)
            .where(answer.asked_at >= since, answer.asked_at < until)
            .where(
                *(
                    getattr(answer, name) == value
                    for name, value in wanted.items()
                    if value is not None
                )
            )
            .group_by("group", answer.survey, answer.question, answer.pressed)
            .order_by("group", answer.survey, answer.question, answer.pressed)
        )
        async with self._database.searching() as connection:
            rows = (await connection.execute(found)).all()
        return tuple(folded(rows, named=query.by is Grouping.AGENT))

    def _group(self, by: Grouping) -> Any:
        answer = SurveyAnswer
        if by is Grouping.DAY:
            return cast(cast(func.timezone(str(self._zone), answer.asked_at), Date), String)
        columns = {
            Grouping.AGENT: cast(answer.agent_id, String),
            Grouping.QUEUE: answer.queue,
            Grouping.QUESTION: answer.question,
        }
        return columns[by]

    def _range(self, query: SurveyQuery, now: datetime) -> tuple[datetime, datetime]:
        last = query.last or max(now.astimezone(self._zone).date(), query.first or date.min)
        first = query.first or last - timedelta(days=29)
        day_after = last + timedelta(days=1)
        return (
            datetime.combine(first, time(), self._zone),
            datetime.combine(day_after, time(), self._zone),
        )


def folded(rows: Iterable[Any], *, named: bool) -> Iterable[SurveyLine]:
    """Rows of one key each, in order, as lines of one question each."""
    for (group, survey, question), found in groupby(
        rows, lambda r: (r.group, r.survey, r.question)
    ):
        counts = list(found)
        asked = sum(each.count for each in counts)
        pressed = [each for each in counts if each.pressed is not None]
        answered = sum(each.count for each in pressed)
        scored = sum(each.scored for each in pressed)
        yield SurveyLine(
            group=group,
            name=counts[0].name if named else None,
            survey=survey,
            question=question,
            asked=asked,
            answered=answered,
            response_rate=answered / asked,
            mean=float(sum(each.total for each in pressed)) / scored if scored else None,
            keys=tuple(
                KeyCount(
                    each.pressed, each.label_zh, each.label_en, each.count, each.count / answered
                )
                for each in pressed
            ),
        )
