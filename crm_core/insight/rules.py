"""The rules of insight, as operations edit them: bounds of the scores, segments, grades, warnings.

Rule: a set of rules that is accepted gives every customer exactly one segment and one grade, whatever
the figures; the first segment, or the first grade, whose conditions hold is the one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from crm_core.fields import Command, Text
from crm_core.insight.conditions import Condition, Metric

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
GradeCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9+-]{0,9}$")]
LevelCode = Annotated[Text, Field(min_length=1, max_length=30)]
_Name = Annotated[Text, Field(min_length=1, max_length=50)]
_Words = Annotated[Text, Field(max_length=300)]
_Days = Annotated[int, Field(ge=0, le=3650)]
_Count = Annotated[int, Field(ge=1, le=100_000)]
_Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
_Conditions = Annotated[tuple[Condition, ...], Field(max_length=8)]


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about it, in both languages."""

    zh: str = ""
    en: str = ""


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class RfmBounds(Command):
    """Four bounds make five scores.

    `r_days`: at most so many days since the last order for 5, 4, 3, 2. `f_orders`, `m_revenue`: at least
    so much in twelve months for 2, 3, 4, 5.
    """

    r_days: tuple[_Days, _Days, _Days, _Days]
    f_orders: tuple[_Count, _Count, _Count, _Count]
    m_revenue: tuple[_Money, _Money, _Money, _Money]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        every: tuple[tuple[Decimal | int, ...], ...] = (
            self.r_days,
            self.f_orders,
            self.m_revenue,
        )
        for bounds in every:
            if any(above <= below for below, above in pairwise(bounds)):
                raise ValueError("each bound must be greater than the one before")
        return self


class SegmentRule(Command):
    """Without conditions it takes everybody who is left."""

    code: Code
    name_zh: _Name
    name_en: _Name
    strategy_zh: _Words = ""
    strategy_en: _Words = ""
    when: _Conditions = ()

    @property
    def advice(self) -> Advice:
        return Advice(self.strategy_zh, self.strategy_en)


class LevelBound(Command):
    """What customers of one level of the channel need instead."""

    level_code: LevelCode
    revenue_at_least: _Money


class GradeRule(Command):
    """Contribution: what a customer brought in twelve months."""

    code: GradeCode
    name_zh: _Name
    name_en: _Name
    revenue_at_least: _Money
    levels: Annotated[tuple[LevelBound, ...], Field(max_length=20)] = ()

    @property
    def advice(self) -> Advice:
        return Advice()

    def bound(self, level_code: str) -> Decimal:
        """What a customer of this level needs for the grade."""
        for each in self.levels:
            if each.level_code == level_code:
                return each.revenue_at_least
        return self.revenue_at_least


class HealthRule(Command):
    """A warning, and what to do then; all of its conditions must hold."""

    code: Code
    name_zh: _Name
    name_en: _Name
    advice_zh: _Words = ""
    advice_en: _Words = ""
    severity: Severity = Severity.WARNING
    when: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=8)]
    active: bool = True

    @property
    def advice(self) -> Advice:
        return Advice(self.advice_zh, self.advice_en)


class InsightRules(Command):
    """The whole set; order counts."""

    rfm: RfmBounds
    segments: Annotated[tuple[SegmentRule, ...], Field(min_length=1, max_length=20)]
    grades: Annotated[tuple[GradeRule, ...], Field(min_length=1, max_length=10)]
    health: Annotated[tuple[HealthRule, ...], Field(max_length=30)] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _check_codes(each.code for each in self.segments)
        _check_codes(each.code for each in self.grades)
        _check_codes(each.code for each in self.health)
        open_ended = [not segment.when for segment in self.segments]
        if open_ended != [*[False] * (len(open_ended) - 1), True]:
            raise ValueError("the last segment, and no other, must have no conditions")
        for level in (None, *self.level_codes()):
            _check_grades(self.grades, level)
        return self

    def level_codes(self) -> tuple[str, ...]:
        """The levels that are named, each once."""
        named = (bound.level_code for grade in self.grades for bound in grade.levels)
        return tuple(dict.fromkeys(named))

    def conditions(self) -> Iterator[Condition]:
        """Every condition of a segment or warning."""
        for segment in self.segments:
            yield from segment.when
        for warning in self.health:
            yield from warning.when

    def conditions_on(self, metric: Metric) -> Iterator[Condition]:
        return (each for each in self.conditions() if each.metric is metric)


def _check_codes(codes: Iterable[str]) -> None:
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            raise ValueError(f"two rules have the code “{code}”")
        seen.add(code)


def _check_grades(grades: Sequence[GradeRule], level: str | None) -> None:
    bounds = [g.revenue_at_least if level is None else g.bound(level) for g in grades]
    whom = "" if level is None else f" for the level “{level}”"
    if any(lower >= higher for higher, lower in pairwise(bounds)):
        raise ValueError(f"each grade must need less than the one before{whom}")
    if bounds[-1] != 0:
        raise ValueError(f"the last grade must need 0{whom}, so that everybody has one")
    for grade in grades:
        _check_codes(bound.level_code for bound in grade.levels)
