"""Routing by the demo plan: number, menu, area, level, own salesperson, default."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core_types import Preferred
from acd.events import Reason
from acd.lineplan import Conditions, DidPlan, LinePlan, RegionPlan, RoutePlan
from acd.lineplan_file import load_plan
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
    found = routed(area_code="022", city="天津", province="天津")
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
    assert found.preferred == (Preferred("salesperson", (7,)),)
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


SKILLED = (
    RoutePlan(name="wine", when=Conditions(province="北京"), skills={"wine": 2}),  # type: ignore[arg-type]
    RoutePlan(name="north", when=Conditions(grade="A"), queue="north", skills={"beer": 1}),  # type: ignore[arg-type]
    *PLAN.routes,
)


@pytest.mark.parametrize(
    ("facts", "skills", "by"),
    [
        ({"province": "北京"}, (("wine", 2),), "wine"),
        ({"grade": "A"}, (("beer", 1),), "north"),
        ({"grade": "A", "province": "北京"}, (("wine", 2),), "wine"),
        ({"grade": "B"}, (), None),
    ],
)
def test_the_first_rule_with_skills_says_which_are_needed(facts, skills, by):
    plan = LinePlan(queues=PLAN.queues, dids=PLAN.dids, routes=SKILLED)
    found = route(plan, CallFacts("4006001001", **facts))
    assert (found.skills, found.skills_by) == (skills, by)
    assert ("skills_needed" in codes(found)) == bool(skills)
    assert found.entry("c", datetime(2026, 3, 2, tzinfo=UTC)).skills == skills


def planned(*routes: RoutePlan, dids: tuple[DidPlan, ...] = PLAN.dids) -> LinePlan:
    """The demo plan with these rules first and two sales regions."""
    return LinePlan(
        queues=PLAN.queues,
        dids=dids,
        routes=(*routes, *PLAN.routes),
        regions=(
            RegionPlan(name="jing", label_zh="京津", label_en="Capital", city=("北京", "天津")),  # type: ignore[arg-type]
            RegionPlan(
                name="bohai", label_zh="环渤海", label_en="Bohai", province="天津", area_code="0411"
            ),  # type: ignore[arg-type]
        ),
    )


def rule(when: dict[str, object] | None = None, **more: object) -> RoutePlan:
    return RoutePlan.model_validate({"name": "tried", "when": when or {}, **more})


@pytest.mark.parametrize(
    ("home", "regions"),
    [
        ({"province": "天津", "city": "天津", "area_code": "022"}, {"jing", "bohai"}),
        ({"province": "辽宁", "city": "大连", "area_code": "0411"}, {"bohai"}),
        ({"province": "河北", "city": "唐山", "area_code": "0315"}, set()),
        ({}, set()),
    ],
)
def test_a_sales_region_holds_places_by_province_city_or_area_code(home, regions):
    for region in ("jing", "bohai"):
        plan = planned(rule({"region": region}, queue="east"))
        found = route(plan, CallFacts("4006001001", **home))
        assert (found.decided_by == "tried") == (region in regions)


def test_the_medium_of_the_number_called_is_a_condition():
    plan = planned(rule({"medium": "报纸广告"}, queue="east"))
    assert route(plan, CallFacts("4006001002")).queue == "east"
    assert route(plan, CallFacts("4006001001")).queue == "retail"
    assert route(plan, CallFacts("95555")).queue == "retail"


def test_a_number_may_lead_to_a_rule_whatever_its_conditions():
    did = DidPlan(number="95555", medium="VIP", route="tried", priority=10)
    gold = rule({"grade": "A"}, queue="east", priority=20, skills={"wine": 2})
    found = route(planned(gold, dids=(did,)), CallFacts("95555", menu_choice="0"))
    assert (found.queue, found.priority, found.skills) == ("east", 30, (("wine", 2),))
    assert found.decided_by == "tried"
    assert next(each for each in found.verdicts if each.rule == "emergency").outcome == "too_late"


def test_a_number_may_lead_to_one_person_before_the_line():
    did = DidPlan(number="95555", medium="VIP", queue="east", agent="1003")
    found = route(planned(dids=(did,)), CallFacts("95555", at_number=3, salesperson_id=7))
    assert found.preferred == (Preferred("dialled", (3,)), Preferred("salesperson", (7,)))
    assert (found.queue, found.decided_by) == ("east", "95555")


OWN = {"salesperson_id": 7, "deputies": (8, 9), "last_agent": 9, "last_agent_days": 3}


@pytest.mark.parametrize(
    ("asked", "facts", "preferred"),
    [
        ({"own_salesperson": True}, OWN, [("salesperson", (7,)), ("deputy", (8, 9))]),
        ({"own_salesperson": True, "deputies": False}, OWN, [("salesperson", (7,))]),
        ({"last_agent": True}, OWN, [("spoke_last", (9,))]),
        ({"last_agent": True, "within_days": 2}, OWN, []),
        ({"own_salesperson": True}, {"deputies": (8,)}, []),
        (
            {"own_salesperson": True, "last_agent": True},
            OWN | {"last_agent": 5},
            [("salesperson", (7,)), ("deputy", (8, 9)), ("spoke_last", (5,))],
        ),
        (
            {"own_salesperson": True, "last_agent": True},
            OWN,
            [("salesperson", (7,)), ("deputy", (8, 9))],
        ),
        ({"last_agent": True}, {}, []),
    ],
)
def test_who_is_asked_before_the_queue(asked, facts, preferred):
    plan = LinePlan(queues=PLAN.queues, dids=PLAN.dids, routes=(rule(**asked), PLAN.routes[-1]))
    found = route(plan, CallFacts("4006001001", **facts))
    assert [(each.role, each.agents) for each in found.preferred] == preferred


def test_a_rule_that_had_nobody_to_ask_says_so():
    plan = planned(rule(own_salesperson=True, last_agent=True, within_days=2))
    nobody = route(plan, CallFacts("4006001001")).verdicts[0]
    assert [each.code for each in nobody.why] == ["no_salesperson", "nobody_spoke"]
    old = route(plan, CallFacts("4006001001", last_agent=5, last_agent_days=9)).verdicts[0]
    assert old.why[-1].params == {"days": "9", "within": "2"}


def test_a_condition_that_did_not_hold_says_what_was_wanted_and_what_was_there():
    found = routed(area_code="022", city="天津", province="天津")
    by_rule = {each.rule: each for each in found.verdicts}
    assert list(by_rule) == [each.name for each in PLAN.routes]
    assert by_rule["vip_first"].why == (
        Reason("unmet", {"condition": "vip", "wanted": "yes", "found": "no"}),
    )
    assert by_rule["area_east"].why[0].params["found"] == "huabei"
    assert by_rule["area_north"].outcome == "decided"
    assert by_rule["default"].why == (Reason("decided_by", {"by": "area_north"}),)


words = st.none() | st.sampled_from(["1-1", "2", "022", "天津", "gold", "x"])


facts = st.builds(
    CallFacts,
    did=st.sampled_from(["4006001001", "4006001003", "111"]),
    menu_choice=words,
    province=words,
    city=words,
    area_code=words,
    level=words,
    grade=words,
    is_vip=st.booleans(),
    salesperson_id=st.none() | st.integers(1, 9),
    deputies=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    last_agent=st.none() | st.integers(1, 9),
    last_agent_days=st.integers(0, 400),
    at_number=st.none() | st.integers(1, 9),
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "did": st.just("4006001001"),
        "medium": st.sampled_from(["电视广告", "报纸广告"]),
        "menu_choice": st.sampled_from(["1-1", "2"]),
        "region": st.sampled_from(["jing", "bohai"]),
        "province": st.just("天津"),
        "area_code": st.just("022"),
        "grade": st.just("gold"),
        "vip": st.booleans(),
        "salesperson": st.booleans(),
    },
)
rules = st.fixed_dictionaries(
    {"when": conditions},
    optional={
        "queue": st.sampled_from(sorted(PLAN.queue_by_name)),
        "priority": st.integers(0, 100),
        "own_salesperson": st.booleans(),
        "deputies": st.booleans(),
        "last_agent": st.booleans(),
        "within_days": st.integers(1, 366),
        "skills": st.just({"wine": 2}),
    },
)


@given(facts, st.lists(rules, max_size=6))
def test_every_call_has_one_way_and_an_explanation_that_names_who_decided(facts, rules):
    added = [RoutePlan.model_validate({"name": f"r{n}", **each}) for n, each in enumerate(rules)]
    straight = DidPlan(number="111", medium="VIP", queue="east", agent="1001", priority=100)
    plan = planned(*added, dids=(*PLAN.dids, straight))
    found = route(plan, facts)
    assert found == route(plan, facts)
    assert found.queue in plan.queue_by_name
    assert 0 <= found.priority <= 100
    assert [each.rule for each in found.verdicts] == [each.name for each in plan.routes]
    assert all(each.why for each in found.verdicts if each.outcome in ("unmet", "too_late"))
    deciders = [each.rule for each in found.verdicts if each.outcome == "decided"]
    assert deciders == ([] if facts.did == "111" else [found.decided_by])
    if facts.did != "111":
        assert plan.route_by_name[found.decided_by].queue == found.queue
    agents = [agent for group in found.preferred for agent in group.agents]
    assert len(agents) == len(set(agents))
