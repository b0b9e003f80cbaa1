"""Line files: what operations write, and how its faults are named."""

from pathlib import Path

import pytest

from acd.core_types import Ageing, OverflowStep, RelaxStep, Way
from acd.lineplan import LinePlan
from acd.lineplan_file import load_plan, read_plan
from acd.located import FileRefused, load, parse

DEMO = Path("asterisk-conf/line.yaml")
GOOD = """\
queues:
  north: {label_zh: 华北, label_en: North, overflow: [{after_s: 30, to: east}]}
  east: {label_zh: 华东, label_en: East, wrap_up_s: null}
dids:
  4006001001: {medium: 电视广告, menu: main}
routes:
  - {name: vip, when: {vip: true}, priority: 50}
  - {name: default, queue: north}
"""


def faults(text: str) -> list[str]:
    with pytest.raises(FileRefused) as refused:
        read_plan(parse(text))
    return [str(fault) for fault in refused.value.faults]


def test_the_demo_plan_is_sound():
    plan = load_plan(DEMO)
    assert [queue.label_zh for queue in plan.queues] == ["华北", "华东", "零售", "售后", "紧急"]
    assert plan.did_by_number["4006001003"].medium == "VIP专线"


def test_numbers_stay_as_they_are_written_and_null_means_without_limit():
    plan = read_plan(parse(GOOD.replace("4006001001", "02223456789")))
    assert isinstance(plan, LinePlan)
    assert plan.dids[0].number == "02223456789"
    assert plan.queue_by_name["east"].wrap_up_s is None


def test_a_route_may_ask_for_one_grade_or_several():
    text = GOOD.replace("when: {vip: true}", "when: {grade: [A, B], level: city}")
    assert read_plan(parse(text)).routes[0].when.grade == ("A", "B")
    text = GOOD.replace("when: {vip: true}", "when: {grade: A}")
    assert read_plan(parse(text)).routes[0].when.grade == ("A",)


SKILLED = GOOD.replace(
    "when: {vip: true}, priority: 50",
    "when: {vip: true}, skills: {wine: 3}, relax: [{after_s: 30, skills: {wine: 1}}, {after_s: 60}]",
).replace("label_en: East", "label_en: East, strategy: proficiency")


def test_a_route_may_ask_for_skills_and_for_less_of_them_as_time_passes():
    plan = read_plan(parse(SKILLED + "ageing: {every_s: 60, by: 5}\n"))
    assert plan.routes[0].needs == (("wine", 3),)
    assert plan.routes[0].relaxing == (RelaxStep(30, (("wine", 1),)), RelaxStep(60, ()))
    assert plan.queue_by_name["east"].rules().strategy == "proficiency"
    assert plan.queue_by_name["north"].rules().strategy == "longest_idle"
    assert plan.growth == Ageing(60, 5)
    assert read_plan(parse(GOOD)).growth is None


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("skills: {wine: 3}", "skills: {wine: 6}", 7, "less than or equal to 5"),
        ("skills: {wine: 3}", "skills: {Wine: 3}", 7, "should match pattern"),
        ("skills: {wine: 1}", "skills: {wine: 4}", 7, "wine: a step may only ask for less"),
        ("skills: {wine: 1}", "skills: {beer: 1}", 7, "beer: a step may only ask for less"),
        ("skills: {wine: 1}", "skills: {wine: 3}", 7, "asks for the same"),
        ("{after_s: 60}", "{after_s: 30}", 7, "must come later"),
        ("strategy: proficiency", "strategy: fastest", 3, "'least_calls' or 'proficiency'"),
        ("by: 5", "by: 0", 9, "greater than 0"),
        ("every_s: 60, ", "", 9, "'every_s' is missing"),
    ],
)
def test_a_fault_of_skills_strategy_or_ageing_is_named_with_its_line(
    old: str, new: str, line: int, reason: str
):
    found = faults((SKILLED + "ageing: {every_s: 60, by: 5}\n").replace(old, new, 1))
    assert any(f.startswith(f"line.yaml:{line}: ") and reason in f for f in found), found


PLACED = GOOD.replace(
    "{vip: true}, priority: 50", "{region: bohai, medium: 电视广告}, queue: east, last_agent: true"
).replace("dids:\n", "dids:\n  95555: {medium: VIP, route: vip, agent: 1001}\n") + (
    "regions:\n  bohai: {label_zh: 环渤海, label_en: Bohai, province: [天津, 辽宁], city: 唐山}\n"
)


def test_regions_media_and_numbers_that_lead_to_rules_and_people():
    plan = read_plan(parse(PLACED))
    assert plan.regions_of("河北", "唐山", "0315") == ("bohai",)
    assert plan.regions_of("河北", "石家庄", "0311") == ()
    assert plan.regions_of(None, None, None) == ()
    assert (plan.dids[0].route, plan.dids[0].agent) == ("vip", "1001")
    assert plan.asks_for_last_agent_within == 30
    assert read_plan(parse(GOOD)).asks_for_last_agent_within is None


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("region: bohai", "region: hai", 8, "there is no region 'hai'; there are: bohai"),
        ("medium: 电视广告}, q", "medium: 电台}, q", 8, "there is no medium '电台'"),
        ("route: vip", "route: gold", 5, "there is no route 'gold' with a queue"),
        ("queue: east, ", "", 5, "there is no route 'vip' with a queue"),
        ("route: vip", "menu: main", 5, "an agent is asked before a queue or route"),
        ("route: vip", "route: vip, queue: east", 5, "one of menu, queue, route, by_hours and fax"),
        ("agent: 1001", "agent: Wang", 5, "should match pattern"),
        ("province: [天津, 辽宁], city: 唐山", "", 11, "holds no province, city or area_code"),
        ("last_agent: true", "last_agent: true, within_days: 0", 8, "greater than or equal to 1"),
    ],
)
def test_a_fault_of_regions_media_or_numbers_is_named_with_its_line(
    old: str, new: str, line: int, reason: str
):
    found = faults(PLACED.replace(old, new, 1))
    assert any(f.startswith(f"line.yaml:{line}: ") and reason in f for f in found), found


def test_all_faults_come_at_once_each_with_file_and_line():
    text = GOOD.replace("after_s: 30", "after_s: soon").replace("menu: main", "menue: main")
    found = faults(text)
    assert [fault.split(" ")[0] for fault in found] == ["line.yaml:2:", "line.yaml:5:"]
    assert "'menue' is not a known setting" in found[1]


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("to: east", "to: west", 2, "there is no queue 'west'; there are: east, north"),
        ("to: east", "to: north", 2, "overflows into itself"),
        ("4006001001", "400-600", 5, "should match pattern"),
        ("menu: main", "queue: main", 5, "there is no queue 'main'"),
        (", menu: main", "", 5, "needs one of menu, queue, route, by_hours and fax"),
        (
            ", menu: main",
            ", menu: main, fax: true",
            5,
            "needs one of menu, queue, route, by_hours and fax",
        ),
        ("priority: 50", "priority: 500", 7, "less than or equal to 100"),
        (", priority: 50", "", 7, "has no effect"),
        ("name: vip", "name: default", 8, "two routes are named 'default'"),
        ("when: {vip: true}, priority: 50", "queue: east", 7, "takes every call"),
        ("when: {vip: true}", 'when: {did: "95"}', 7, "there is no number '95' under dids"),
        ("name: default, queue: north", "name: x, priority: 1", 8, "the last route must"),
        ("label_en: East, ", "", 3, "'label_en' is missing"),
        ("  east: {", "  north: {label_zh: a, label_en: b}\n  east: {", 3, "written twice"),
    ],
)
def test_a_fault_is_named_with_its_line(old: str, new: str, line: int, reason: str):
    found = faults(GOOD.replace(old, new, 1))
    assert any(f.startswith(f"line.yaml:{line}: ") and reason in f for f in found), found


def test_a_missing_section_and_an_empty_file_are_named():
    assert "'routes' is missing" in faults(GOOD[: GOOD.index("routes")])[0]
    assert faults("# nothing\n") == ["line.yaml:1: the file is empty"]


def test_broken_yaml_says_where():
    assert faults("queues:\n  north: [\n")[0].startswith("line.yaml:3: not valid YAML")


def test_anchors_are_refused():
    assert any(
        "anchor" in f
        for f in faults(
            GOOD.replace("label_en: East", "label_en: &a East").replace(
                "label_en: North", "label_en: North, music: x"
            )
            + "x: *a\n"
        )
    )


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path):
    with pytest.raises(FileRefused, match=r"none\.yaml:1: cannot be read"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("step", "rules"),
    [
        ("{after_s: 30, to: east}", OverflowStep(30, "east")),
        ("{when: nobody_there, to: east}", OverflowStep(0, "east", state="nobody_there")),
        (
            "{waiting_over: 20, callback: true}",
            OverflowStep(0, way=Way("callback"), waiting_over=20),
        ),
        (
            "{when: nobody_there, voicemail: true}",
            OverflowStep(0, way=Way("voicemail", "north"), state="nobody_there"),
        ),
        (
            "{wait_over_s: 600, voicemail: east}",
            OverflowStep(0, way=Way("voicemail", "east"), wait_over_s=600),
        ),
        (
            "{after_s: 60, when: nobody_ready, outside: '13800138000', ring_s: 25}",
            OverflowStep(60, way=Way("outside", "13800138000", 25), state="nobody_ready"),
        ),
        ("{after_s: 40, announce: shop}", OverflowStep(40, way=Way("announce", "shop"))),
    ],
)
def test_a_queue_overflows_by_time_and_state_to_queues_numbers_messages_and_call_backs(
    step: str, rules: OverflowStep
):
    plan = read_plan(parse(GOOD.replace("{after_s: 30, to: east}", step)))
    assert plan.queue_by_name["north"].rules().overflow == (rules,)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("{after_s: 30}", "exactly one: to, outside, voicemail, callback, announce"),
        ("{after_s: 30, to: east, callback: true}", "exactly one"),
        ("{to: east}", "say when"),
        ("{after_s: 5, waiting_over: 3, to: east}", "leave after_s out"),
        ("{after_s: 5, to: east, ring_s: 20}", "is for outside numbers only"),
        ("{after_s: 5, voicemail: west}", "there is no queue 'west'"),
        ("{after_s: 5, outside: '12345'}", "is not a number that can be dialled"),
        ("{after_s: 5, outside: '008613800138000'}", "is not a number that can be dialled"),
        ("{after_s: 5, outside: '110'}", "is not a number that can be dialled"),
        ("{after_s: 5, outside: '+14155550100'}", "is abroad: write `outside: {abroad: true}`"),
        ("{after_s: 5, outside: '4006001001'}", "is a number of this line"),
        ("{after_s: 5, to: east}, {after_s: 9, to: east}", "into 'east' twice"),
        ("{after_s: 5, announce: shop}, {after_s: 5, announce: shop}", "into 'announce' twice"),
        ("{when: asleep, to: east}", "nobody_there"),
    ],
)
def test_a_step_that_could_not_work_is_refused_with_its_line(step: str, reason: str):
    found = faults(GOOD.replace("{after_s: 30, to: east}", step))
    assert any(f.startswith("line.yaml:2: ") and reason in f for f in found), found


def test_the_same_is_announced_again_later():
    steps = "{after_s: 40, announce: shop}, {after_s: 90, announce: shop}"
    plan = read_plan(parse(GOOD.replace("{after_s: 30, to: east}", steps)))
    assert [each.after_s for each in plan.queue_by_name["north"].rules().overflow] == [40, 90]


def test_numbers_abroad_are_dialled_where_the_plan_allows_it():
    text = GOOD.replace("{after_s: 30, to: east}", "{after_s: 5, outside: '+14155550100'}")
    plan = read_plan(parse(text + "outside: {abroad: true, at_once: 2}\n"))
    assert (plan.outside.at_once, plan.outside.longest_min) == (2, 120)


def test_comfort_that_would_never_come_is_refused():
    text = GOOD.replace("label_en: North,", "label_en: North, comfort_every_s: 60,")
    assert "never comes" in faults(text)[0]
