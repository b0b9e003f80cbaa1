"""Routing by the demo plan: number, menu, area, level, own salesperson, default."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.lineplan import Conditions, DidPlan, LinePlan, RoutePlan, load_plan
from acd.routing import CallFacts, Route, route

PLAN = load_plan(Path("asterisk-conf/line.yaml"))


def routed(**facts: object) -> Route:
    return route(PLAN, CallFacts(**{"did": "4006001001", **facts}))  # type: ignore[arg-type]


def codes(found: Route) -> list[str]:
    return [reason.code for reason in found.why]


@pytest.mark.parametrize(
    ("choice", "queue"),
    [("1-1", "north"), ("1-2", "east"), ("2", "retail"), ("3", "service"), ("0", "emergency")],
)
def test_the_menu_choice_decides_the_queue(choice: str, queue: str):
    assert routed(menu_choice=choice).queue == queue


def test_without_a_choice_the_area_decides():
    found = routed(area_code="022", city="天津")
    assert (found.queue, codes(found)) == ("north", ["area"])
    assert found.why[0].params == {"area": "天津"}


def test_an_unknown_caller_takes_the_default():
    found = routed()
    assert (found.queue, codes(found)) == ("retail", ["default_route"])


def test_a_vip_goes_ahead_and_the_dedicated_number_adds_to_it():
    assert routed(is_vip=True, level="gold").priority == 50
    assert routed(is_vip=True, level="gold", did="4006001003").priority == 80


def test_the_own_salesperson_is_preferred_and_the_reason_says_so():
    found = routed(salesperson_id=7, menu_choice="1-1")
    assert found.preferred_agent == 7
    assert codes(found) == ["own_salesperson", "menu_choice"]


def test_the_number_called_names_the_medium():
    assert routed(did="4006001002").medium == "报纸广告"
    assert routed(did="95555").medium is None


def test_a_number_with_its_own_queue_goes_there_whatever_was_chosen():
    did = DidPlan(number="95555", medium="VIP", queue="east")
    plan = LinePlan(queues=PLAN.queues, dids=(did,), routes=PLAN.routes)
    found = route(plan, CallFacts("95555", menu_choice="2"))
    assert found.queue == "east"
    assert found.why[0].code == "did"


GRADED = (
    RoutePlan(name="best", when=Conditions(grade=("A", "B")), queue="east", priority=40),
    RoutePlan(name="low_wholesale", when=Conditions(grade="D", level="city"), queue="north"),  # type: ignore[arg-type]
    *PLAN.routes,
)


@pytest.mark.parametrize(
    ("facts", "queue", "priority"),
    [
        ({"grade": "A"}, "east", 40),
        ({"grade": "B", "menu_choice": "2"}, "east", 40),
        ({"grade": "C"}, "retail", 0),
        ({"grade": None}, "retail", 0),
        ({"grade": "D", "level": "city"}, "north", 0),
        ({"grade": "D", "level": "retailer"}, "retail", 0),
    ],
)
def test_the_grade_decides_beside_the_level(facts, queue: str, priority: int):
    plan = LinePlan(queues=PLAN.queues, dids=PLAN.dids, routes=GRADED)
    found = route(plan, CallFacts("4006001001", **facts))
    assert (found.queue, found.priority) == (queue, priority)


def test_a_grade_that_decided_is_among_the_reasons():
    plan = LinePlan(queues=PLAN.queues, dids=PLAN.dids, routes=GRADED)
    best = route(plan, CallFacts("4006001001", grade="A"))
    assert [(each.code, each.params) for each in best.why] == [("grade", {"grade": "A"})]
    low = route(plan, CallFacts("4006001001", grade="D", level="city"))
    assert codes(low) == ["vip_level", "grade"]


words = st.none() | st.sampled_from(["1-1", "2", "022", "天津", "gold", "x"])


@given(
    st.builds(
        CallFacts,
        did=st.sampled_from(["4006001001", "4006001003", "1"]),
        menu_choice=words,
        province=words,
        city=words,
        area_code=words,
        level=words,
        grade=words,
        is_vip=st.booleans(),
        salesperson_id=st.none() | st.integers(1, 9),
    )
)
def test_every_call_has_a_way_and_a_reason(facts: CallFacts):
    found = route(PLAN, facts)
    assert found.queue in PLAN.queue_by_name
    assert 0 <= found.priority <= 100
    assert found.why
