"""Menus as operations write them: what is accepted, and how each fault is named."""

from pathlib import Path

import pytest

from acd.lineplan import read_plan
from acd.located import FileRefused, parse
from ivr.menu import Menus, load_line, read_menus
from ivr.tree import drawn

HEAD = """\
queues:
  north: {label_zh: 华北, label_en: North}
dids:
  4006001001: {medium: 电视广告, menu: main}
routes:
  - {name: first, when: {menu_choice: CHOICE}, queue: north}
  - {name: default, queue: north}
menus:
"""
GOOD = """\
  main:
    say: {zh: 你好, en: Hello}
    keys:
      "1": {menu: sub}
      "2": {route: true}
  sub:
    say: {zh: 请选择, en: Choose}
    keys:
      "1": {route: true}
      "*": {back: true}
"""


def read(menus: str, choice: str = '"2"') -> Menus:
    document = parse(HEAD.replace("CHOICE", choice) + menus)
    return read_menus(document, read_plan(document))


def faults(menus: str, choice: str = '"2"') -> list[str]:
    with pytest.raises(FileRefused) as refused:
        read(menus, choice)
    return [str(fault) for fault in refused.value.faults]


def test_the_shipped_line_file_is_in_order() -> None:
    plan, menus = load_line(Path("asterisk-conf/line.yaml"))
    assert {did.menu for did in plan.dids} <= menus.by_name.keys()


def test_a_plain_pair_of_menus_is_accepted() -> None:
    assert read(GOOD)["sub"].keys["*"].back


@pytest.mark.parametrize(
    ("written", "instead", "line", "reason"),
    [
        ("menu: sub", "menu: nowhere", 12, "there is no menu “nowhere”"),
        ('"2": {route', '"12": {route', 13, "“12” is not a key"),
        ('"2": {route', '"1": {route', 13, "'1' is written twice; the first is in line 12"),
        ("{menu: sub}", "{menu: sub, repeat: true}", 12, "a key does exactly one thing"),
        ("{menu: sub}", "{}", 12, "a key does exactly one thing"),
        ("{menu: sub}", "{jump: sub}", 12, "'jump' is not a known setting"),
        ("en: Hello", "fr: Salut", 10, "'en' is missing"),
        ("en: Hello", "en: ''", 10, "say.en: String should have at least 1 character"),
        ("say: {zh: 请选择, en: Choose}", "tries: 0", 15, "tries: Input should be greater"),
        ("say: {zh: 请选择, en: Choose}", "timeout_s: soon", 15, "timeout_s: Input should be"),
        ("say: {zh: 请选择, en: Choose}", "tries: 3", 14, "'say' is missing"),
        ('"1": {menu: sub}', '"1": {route: true}', 14, "no number and no key leads to this menu"),
    ],
)
def test_a_fault_is_named_with_its_line(
    written: str, instead: str, line: int, reason: str
) -> None:
    assert written in GOOD
    found = faults(GOOD.replace(written, instead, 1))
    assert any(fault.startswith(f"line.yaml:{line}: {reason}") for fault in found), found


def test_every_fault_is_named_at_once() -> None:
    bad = GOOD.replace("menu: sub", "menu: nowhere").replace('"2": {route', '"22": {route')
    assert len(faults(bad)) >= 3


def test_menus_that_only_lead_to_each_other_are_refused() -> None:
    circle = """\
  main:
    say: {zh: 你好, en: Hello}
    keys:
      "1": {menu: sub}
  sub:
    say: {zh: 请选择, en: Choose}
    keys:
      "1": {menu: main}
      "*": {back: true}
"""
    found = faults(circle)
    assert sum("no key leads out of this menu" in fault for fault in found) == 2


def test_a_menu_that_only_tells_something_needs_no_more_than_a_way_back() -> None:
    told = GOOD.replace('      "1": {route: true}\n      "*"', '      "*"')
    assert list(read(told)["sub"].keys) == ["*"]


def test_a_number_that_leads_to_no_menu_is_refused() -> None:
    renamed = GOOD.replace("  main:", "  start:")
    assert "line.yaml:4: there is no menu “main”" in faults(renamed)


@pytest.mark.parametrize(("choice", "line"), [('"1-7"', 6), ('["2", "1"]', 6)])
def test_a_route_for_a_choice_that_no_keys_give_is_refused(choice: str, line: int) -> None:
    (fault,) = faults(GOOD, choice)
    assert fault.startswith(f"line.yaml:{line}: no keys lead to the choice")


def test_a_menu_whose_silence_leads_nowhere_is_refused() -> None:
    (fault,) = faults(GOOD + '    otherwise: "1-3"\n')
    assert fault == "line.yaml:19: no keys lead to the choice “1-3”"


def test_a_file_without_menus_is_refused() -> None:
    assert faults("") == ["line.yaml:8: here belong the menus"]


def test_the_tree_shows_every_number_key_and_choice() -> None:
    plan, menus = load_line(Path("asterisk-conf/line.yaml"))
    tree = drawn(plan, menus)
    for shown in ("4006001001 (电视广告)", "choice 1-2", "language en", "see above"):
        assert shown in tree
