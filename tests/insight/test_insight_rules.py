"""Figures, results, reasons and the moment of the next look: pure, held against counting day by day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from crm_core.insight import calendar
from crm_core.insight.due import Due
from crm_core.insight.evaluation import Insight, Kind, evaluate, explain, reasons
from crm_core.insight.metrics import Facts, measure
from crm_core.insight.rules import InsightRules
from tests.insight.insight_rules import (
    TODAY,
    USUAL,
    ago,
    any_facts,
    any_rules,
    condition,
    facts,
    rules,
    sale,
)


def segment(known: Facts) -> str:
    return evaluate(known, USUAL, TODAY).result.segment.code


def warned(known: Facts, used: InsightRules = USUAL) -> list[str]:
    return [rule.code for rule in evaluate(known, used, TODAY).result.warnings]


def kept(insight: Insight) -> tuple[object, ...]:
    """All that is kept of a customer and may change with time."""
    metrics, result = insight.metrics, insight.result
    sums = (metrics.year, metrics.ninety, metrics.quarters, metrics.first_order_at)
    codes = (result.segment.code, result.grade.code, [each.code for each in result.warnings])
    return (*sums, metrics.last_order_at, metrics.order_interval_days, result.scores, *codes)


def test_figures_count_whole_days_back_from_today():
    known = facts(ago(0, "1"), ago(89, "2"), ago(90, "4"), ago(364, "8"), ago(365, "16"))
    found = measure(known, USUAL.rfm, TODAY)
    assert (found.ninety.orders, found.ninety.revenue) == (2, Decimal(3))
    assert (found.year.orders, found.year.revenue) == (4, Decimal(15))
    assert (found.orders_total, found.days_since_order, found.days_since_first_order) == (5, 0, 365)
    assert found.order_interval_days == Decimal(365) / 4


def test_quarters_are_those_of_the_calendar_and_only_finished_ones_fall():
    known = facts(
        sale(date(2025, 7, 1), "300"),
        sale(date(2025, 12, 31), "200"),
        sale(date(2026, 1, 1), "100"),
        sale(date(2026, 4, 1), "900"),
    )
    found = measure(known, USUAL.rfm, TODAY)
    assert [each.revenue for each in found.quarters] == [900, 100, 200, 300]
    assert found.falling_quarters == 2
    assert "falling" in warned(known)
    risen = measure(facts(sale(date(2025, 7, 1), "1"), sale(date(2025, 11, 1))), USUAL.rfm, TODAY)
    assert risen.falling_quarters == 1


@pytest.mark.parametrize(
    ("sales", "code"),
    [
        ((), "none"),
        ((ago(20),), "new"),
        ((ago(300),), "dormant"),
        ((ago(130), ago(200)), "at_risk"),
        (tuple(ago(day * 14, "9000") for day in range(25)), "core"),
        ((ago(10, "20000"), ago(100, "40000")), "potential"),
        ((ago(50, "500"), ago(100, "500")), "regular"),
    ],
)
def test_the_usual_segments(sales, code):
    assert segment(facts(*sales)) == code


def test_a_grade_is_what_the_customer_s_own_level_needs():
    grades = {
        level: evaluate(facts(ago(5, "20000"), level_code=level), USUAL, TODAY).result.grade.code
        for level in ("consumer", "retailer")
    }
    assert grades == {"consumer": "A", "retailer": "C"}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (facts(ago(1), contact=29), []),
        (facts(ago(1), contact=30), ["no_contact"]),
        (facts(ago(1), credit_limit=Decimal(100), credit_used=Decimal("89.99")), []),
        (
            facts(ago(1), credit_limit=Decimal(100), credit_used=Decimal(90)),
            ["credit_nearly_used"],
        ),
        (facts(ago(1), credit_used=Decimal(0), credit_overdue=Decimal("0.01")), ["credit_overdue"]),
        (facts(ago(19), ago(29), ago(39)), []),
        (facts(ago(20), ago(30), ago(40)), ["order_overdue"]),
    ],
)
def test_the_usual_warnings_begin_exactly_at_their_bounds(known: Facts, expected: list[str]):
    assert warned(known) == expected


def test_a_figure_that_is_not_known_fulfils_no_condition():
    silly = rules(
        health=[
            {"code": code, "name_zh": "x", "name_en": "x", "when": [condition(metric, op, 0)]}
            for code, metric, op in (
                ("a", "days_since_order", ">="),
                ("b", "days_since_order", "<="),
                ("c", "credit_use_percent", "="),
            )
        ]
    )
    assert warned(facts(), silly) == []


def test_the_reasons_say_why_a_customer_is_dormant():
    known = facts(ago(300, "50"), ago(310, "50"))
    found = evaluate(known, USUAL, TODAY)
    tried = {(each.kind, each.code): each for each in explain(found, USUAL, "retailer")}
    dormant, none = tried[Kind.SEGMENT, "dormant"], tried[Kind.SEGMENT, "none"]
    assert dormant.chosen
    assert [(each.metric, each.value, each.bound, each.held) for each in dormant.tried] == [
        ("r", 1, Decimal(1), True)
    ]
    assert [(each.value, each.held) for each in none.tried] == [(2, False)]
    regular = tried[Kind.SEGMENT, "regular"]
    assert (regular.held, regular.chosen) == (True, False)
    assert {(kind, code) for kind, code, _ in reasons(found, "retailer")} >= {
        (Kind.SEGMENT, "dormant"),
        (Kind.GRADE, "D"),
    }


@settings(max_examples=150)
@given(any_facts(), any_rules(), st.integers(0, 60))
def test_the_explanation_never_differs_from_the_result(known, used, later):
    found = evaluate(known, used, TODAY + timedelta(days=later))
    tried = explain(found, used, known.level_code)
    chosen = [(each.kind, each.code) for each in tried if each.chosen]
    assert chosen == [
        (Kind.SEGMENT, found.result.segment.code),
        (Kind.GRADE, found.result.grade.code),
        *((Kind.HEALTH, each.code) for each in found.result.warnings),
    ]
    assert all(each.held for each in tried if each.chosen)
    assert all(tried.held for _, _, tried in reasons(found, known.level_code))


@settings(max_examples=150, deadline=None)
@given(any_facts(), any_rules())
def test_nothing_changes_before_the_next_look_is_due(known, used):
    now = kept(evaluate(known, used, TODAY))
    due = Due(used).after(known, TODAY)
    ahead = (due - TODAY).days if due else 1600
    for days in range(1, min(ahead, 1600)):
        assert kept(evaluate(known, used, TODAY + timedelta(days=days))) == now, days


@settings(max_examples=100, deadline=None)
@given(any_facts())
def test_with_the_usual_rules_looks_are_few(known):
    day, looks, due = TODAY, 0, Due(USUAL)
    while (again := due.after(known, day)) is not None:
        assert again > day
        day, looks = again, looks + 1
    assert looks <= 4 + 3 * len(known.sales) + 14 + 8


def test_a_customer_of_whom_nothing_can_change_is_never_looked_at_again():
    assert Due(USUAL).after(facts(contact=30), TODAY) is None
    assert Due(USUAL).after(facts(contact=29), TODAY) == TODAY + timedelta(days=1)


def test_bounds_beyond_all_calendars_are_harmless():
    far = rules(
        health=[
            {
                "code": f"far{n}",
                "name_zh": "x",
                "name_en": "x",
                "when": [condition(metric, ">=", 10**11)],
            }
            for n, metric in enumerate(
                ("days_since_order", "days_since_contact", "intervals_waited")
            )
        ]
    )
    known = facts(ago(800), ago(900), contact=3)
    assert Due(far).after(known, TODAY) is None


@given(st.dates(date(1971, 1, 1), date(2190, 1, 1)))
def test_quarters_follow_one_another(day: date):
    starts = calendar.quarter_starts(day)
    assert starts[0] <= day < calendar.next_quarter(day)
    assert [calendar.next_quarter(start) for start in starts[1:]] == [*starts[:3]]


_NAMES = {"name_zh": "名", "name_en": "name"}


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"segments": []}, "at least 1 item"),
        ({"segments": [{"code": "a", "when": [condition("r", ">=", 1)]} | _NAMES]}, "the last"),
        ({"segments": [{"code": "a"} | _NAMES, {"code": "b"} | _NAMES]}, "the last"),
        ({"segments": [{"code": "A B"} | _NAMES]}, "pattern"),
        ({"health": [{"code": "a", "when": []} | _NAMES]}, "at least 1 item"),
        ({"grades": [{"code": "A", "revenue_at_least": 5} | _NAMES]}, "must need 0"),
        (
            {"grades": [{"code": c, "revenue_at_least": 0} | _NAMES for c in "AB"]},
            "less than the one before",
        ),
        (
            {
                "grades": [
                    {"code": "A", "revenue_at_least": 9} | _NAMES,
                    {
                        "code": "B",
                        "revenue_at_least": 0,
                        "levels": [{"level_code": "city", "revenue_at_least": 3}],
                    }
                    | _NAMES,
                ]
            },
            "for the level “city”",
        ),
        (
            {"rfm": USUAL.rfm.model_dump() | {"r_days": (30, 30, 60, 90)}},
            "greater than the one before",
        ),
        ({"rfm": USUAL.rfm.model_dump() | {"r_days": (1, 2, 3)}}, "Field required"),
    ],
)
def test_rules_that_would_leave_somebody_out_are_refused(part, reason):
    with pytest.raises(ValidationError, match=reason):
        rules(**part)


def test_two_rules_with_one_code_are_refused():
    double = [{"code": "a", "when": [condition("r", ">=", 1)]} | _NAMES] * 2
    with pytest.raises(ValidationError, match="two rules have the code"):
        rules(health=double)


@given(any_rules())
def test_rules_come_back_from_json_as_they_were(used: InsightRules):
    assert InsightRules.model_validate_json(used.model_dump_json()) == used
