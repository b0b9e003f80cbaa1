"""From figures and rules to what is said of a customer, with the reasons. Rule: pure; the explanation is
made by the same questions as the result, so that they cannot differ.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from crm_core.insight.conditions import Condition, Metric, Operator, Tried, holds, try_out
from crm_core.insight.metrics import Facts, Metrics, measure
from crm_core.insight.rules import Advice, GradeRule, HealthRule, InsightRules, SegmentRule


@dataclass(frozen=True, slots=True)
class Result:
    """What is said of a customer: it stays the same from day to day until it changes."""

    scores: tuple[int, int, int]
    segment: SegmentRule
    grade: GradeRule
    warnings: tuple[HealthRule, ...]


@dataclass(frozen=True, slots=True)
class Insight:
    """The result on one day, with the figures it came from."""

    metrics: Metrics
    result: Result


class Kind(StrEnum):
    SEGMENT = "segment"
    GRADE = "grade"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class RuleTried:
    """A rule with each of its conditions; `chosen`: it held and was the first of its kind to do so."""

    kind: Kind
    code: str
    name_zh: str
    name_en: str
    held: bool
    chosen: bool
    tried: tuple[Tried, ...]
    advice: Advice


def evaluate(facts: Facts, rules: InsightRules, today: date) -> Insight:
    metrics = measure(facts, rules.rfm, today)
    result = Result(
        (metrics.r, metrics.f, metrics.m),
        next(each for each in rules.segments if _holds(each.when, metrics)),
        next(each for each in rules.grades if _earned(each, facts.level_code, metrics).held),
        tuple(each for each in rules.health if each.active and _holds(each.when, metrics)),
    )
    return Insight(metrics, result)


def explain(insight: Insight, rules: InsightRules, level_code: str) -> tuple[RuleTried, ...]:
    """Every rule that was tried, in the order of the rules."""
    metrics, result = insight.metrics, insight.result
    segments = (
        _tried(Kind.SEGMENT, each, _try(each.when, metrics), chosen=each is result.segment)
        for each in rules.segments
    )
    grades = (
        _tried(Kind.GRADE, each, (_earned(each, level_code, metrics),), chosen=each is result.grade)
        for each in rules.grades
    )
    health = (
        _tried(Kind.HEALTH, each, _try(each.when, metrics), chosen=each in result.warnings)
        for each in rules.health
        if each.active
    )
    return (*segments, *grades, *health)


def reasons(insight: Insight, level_code: str) -> Iterator[tuple[Kind, str, Tried]]:
    """What held of the segment, the grade and the warnings that came out."""
    metrics, result = insight.metrics, insight.result
    for condition in result.segment.when:
        yield Kind.SEGMENT, result.segment.code, try_out(condition, metrics)
    yield Kind.GRADE, result.grade.code, _earned(result.grade, level_code, metrics)
    for rule in result.warnings:
        for condition in rule.when:
            yield Kind.HEALTH, rule.code, try_out(condition, metrics)


def _holds(when: Iterable[Condition], metrics: Metrics) -> bool:
    return all(holds(condition, metrics) for condition in when)


def _try(when: Iterable[Condition], metrics: Metrics) -> tuple[Tried, ...]:
    return tuple(try_out(condition, metrics) for condition in when)


def _earned(grade: GradeRule, level_code: str, metrics: Metrics) -> Tried:
    """Whether a customer of this level brought enough."""
    bound, brought = grade.bound(level_code), metrics.year.revenue
    return Tried(Metric.REVENUE_12M, Operator.AT_LEAST, bound, brought, brought >= bound)


def _tried(
    kind: Kind,
    rule: SegmentRule | GradeRule | HealthRule,
    tried: tuple[Tried, ...],
    *,
    chosen: bool,
) -> RuleTried:
    held = all(each.held for each in tried)
    return RuleTried(kind, rule.code, rule.name_zh, rule.name_en, held, chosen, tried, rule.advice)
