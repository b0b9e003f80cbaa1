"""Line files: what operations write, and how its faults are named."""

from pathlib import Path

import pytest

from acd.lineplan import LinePlan, load_plan, read_plan
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
        (", menu: main", "", 5, "needs either a menu or a queue"),
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
