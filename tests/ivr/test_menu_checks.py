"""What can never happen, and what hides what, is named before it goes live, all at once."""

import pytest

from acd.located import FileRefused
from ivr.line_file import read_line

LINE = """\
queues:
  north: {label_zh: 华北, label_en: North}
  east: {label_zh: 华东, label_en: East}
dids:
  "4006001001": {medium: 电视广告, menu: main}
  "4006001002":
    medium: 报纸广告
    announce: welcome
    by_hours:
      - {hours: office, menu: main}
      - {holiday: spring_festival, announce: feast, hang_up: true}
      - {announce: closed, menu: night}
  "4006001003": {medium: VIP专线, queue: east}
routes:
  - {name: operator, when: {menu_choice: "5"}, queue: east}
  - {name: day, when: {menu_choice: "1", hours: office}, queue: north}
  - {name: night, when: {menu_choice: "1", closed: office}, queue: east}
  - {name: papers, when: {did: "4006001002", menu_choice: "3-1"}, queue: east}
  - {name: default, queue: north}
menus:
  main:
    say: {zh: 一, en: one}
    keys:
      "1": {route: true}
      "3": {menu: night}
      "4": {extension: true}
      "5": {route: true}
  night:
    say: {zh: 二, en: two}
    extensions: true
    keys:
      "1":
        by_hours:
          - {hours: office, announce: closed, route: true}
          - {announce: closed, hang_up: true}
      "*": {back: true}
announcements:
  welcome: {zh: 欢迎, en: Welcome}
  feast: {zh: 春节好, en: Happy new year}
  closed: {zh: 已下班, en: We are closed}
operator: {key: "0", choice: "5"}
extensions: {begin_with: "8", digits: 4}
calendar: china
hours:
  office: {week: {mon-fri: "09:00-17:00"}}
  always: {week: {mon-sun: "00:00-24:00"}, holidays: false}
holidays:
  stocktaking: {days: 06-30}
"""


def faults(*changes: tuple[str, str]) -> list[tuple[int, str]]:
    text = LINE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(FileRefused) as refused:
        read_line(text)
    return [(fault.line, fault.reason) for fault in refused.value.faults]


def line_of(text: str) -> int:
    return LINE[: LINE.index(text)].count("\n") + 1


def test_the_line_of_these_tests_is_in_order():
    plan, menus = read_line(LINE)
    assert {each.name for each in plan.times.hours} == {"office", "always"}
    assert menus.announcements.keys() == {"welcome", "feast", "closed"}


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ("{hours: office, menu", "{hours: ofice, menu", None, "there is no hours 'ofice'; there are: always, office"),
        ("{hours: office, menu", "{hours: always, menu", "{holiday: spring", "at all its times a branch before it holds"),
        ("{hours: office, menu", "{closed: always, menu", None, "no time at which its conditions hold"),
        ("{hours: office, menu", "{menu", "{holiday: spring", "at all its times a branch before it holds"),
        ("{announce: closed, menu: night}", "{closed: office, announce: closed, menu: night}", None, "the last branch must be without conditions"),
        ("holiday: spring_festival", "holiday: spring", "holiday: spring_festival", "there is no holiday 'spring'; there are: "),
        ("feast, hang_up: true", "feast", "{holiday: spring", "a branch leads either to a menu, a queue or hang_up"),
        ("closed, menu: night", "closed, queue: west", "{announce: closed, menu", "there is no queue 'west'"),
        ("closed, menu: night", "closed, menu: nihgt", "{announce: closed, menu", "there is no menu “nihgt”"),
        ("announce: welcome", "announce: welcom", None, "there is no announcement “welcom”"),
        ("    announce: welcome\n", "    priority: 1\n", "  welcome:", "this announcement is said nowhere"),
        ("label_en: North", "label_en: North, greeting: helo", None, "there is no announcement “helo”"),
        ("label_en: North", "label_en: North, overflow: [{after_s: 9, announce: shop}]", None, "there is no announcement “shop”"),
        ('"5": {route', '"0": {route', None, "“0” hides the operator's key"),
        ('"*": {back', '"8": {back', None, "“8” hides the extensions that begin with 8"),
        ('key: "0"', 'key: "8"', None, "the operator's key hides the extensions that begin with 8"),
        ('choice: "5"}\n', 'choice: "4"}\n', None, "no route is for the choice “4” of the operator's key"),
        ('begin_with: "8"', 'begin_with: "x"', None, "begin_with"),
        ('menu_choice: "1", hours: office', 'menu_choice: "1", closed: always', "{name: day", "there is no time at which its conditions hold"),
        ('menu_choice: "1", hours: office', 'menu_choice: "1"', "{name: night", "'day' takes all its calls"),
        ("closed: office}, queue", "holiday: feast}, queue", "{name: night", "there is no holiday 'feast'"),
        ('did: "4006001002", menu_choice', 'did: "4006001003", menu_choice', "{name: papers", "its numbers lead straight into a queue"),
        ('mon-fri: "09:00-17:00"', "mon: []", "  office:", "the hours 'office' are never open"),
        ('"5": {route: true}', '"5": {route: true, pin: false}', None, "`pin` goes with a service"),
        ('"5": {route: true}', '"5": {service: credit, pin: false}', None, "credit always asks for the PIN"),
        ("{hours: office, announce: closed, route: true}", "{hours: office, route: true, back: true}", None, "a key does exactly one thing"),
    ],
)  # fmt: skip
def test_a_fault_is_named_where_it_stands(old: str, new: str, place: str | None, reason: str):
    line = line_of(place or old)
    found = faults((old, new))
    assert any(each == line and reason in why for each, why in found), found


def test_what_queues_announce_is_said_somewhere():
    queue = "label_en: North, greeting: hello, overflow: [{after_s: 9, announce: shop}]"
    more = "  hello: {zh: 您好, en: Hello}\n  shop: {zh: 网店, en: Our shop}\noperator:"
    text = LINE.replace("label_en: North", queue, 1).replace("operator:", more, 1)
    _, menus = read_line(text)
    assert {"announcement_hello", "announcement_shop"} <= menus.said.keys()


def test_a_menu_without_a_way_out_at_night_only_is_named():
    shut = ("{announce: closed, hang_up: true}", "{announce: closed}")
    back = ('"*": {back', '"*": {repeat')
    operator = ('operator: {key: "0", choice: "5"}\n', "")
    found = faults(shut, back, operator)
    assert found == [
        (line_of("  night:\n"), "at some times no key leads out of this menu: give one `route`")
    ]


def test_the_operators_key_hides_extensions_also_where_a_key_asks_for_them():
    found = faults(("    extensions: true\n", ""), ('key: "0"', 'key: "8"'))
    assert [reason for _, reason in found] == [
        "the operator's key hides the extensions that begin with 8"
    ]


def test_a_choice_of_another_number_only_is_no_choice_of_this_one():
    leading = ("{medium: 电视广告, menu: main}", "{medium: 电视广告, menu: night}")
    did = ('did: "4006001002", menu_choice: "3-1"', 'did: "4006001001", menu_choice: "3-1"')
    assert faults(leading, did) == [
        (line_of("{name: papers"), "callers of these numbers cannot choose 3-1")
    ]


def test_a_route_covered_by_an_earlier_one_in_every_condition_is_named():
    wide = ('when: {menu_choice: "5"}', 'when: {menu_choice: ["5", "3-1"]}')
    assert faults(wide) == [
        (
            line_of("{name: papers"),
            "route 'papers' is never reached: 'operator' takes all its calls",
        )
    ]


def test_faults_of_every_kind_are_told_at_once():
    found = faults(
        ("{hours: office, menu", "{hours: ofice, menu"),
        ("feast, hang_up: true", "feast"),
        ("closed: office}", "closed: offices}"),
    )
    assert [line for line, _ in found] == [10, 11, 17]
