"""What operations write is refused with line and reason, all faults at once, before a caller hears it."""

import pytest

from acd.located import FileRefused
from ivr.line_file import load_line
from tests.ivr.line_files import FIRST_MENU_LINE, PLAN, TWO_MENUS, read_line
from zongji.settings import ROOT


def faults(menus: str, plan: str = PLAN) -> list[tuple[int, str]]:
    with pytest.raises(FileRefused) as refused:
        read_line(menus, plan)
    return [(fault.line - FIRST_MENU_LINE + 1, fault.reason) for fault in refused.value.faults]


def menu(*keys: str, more: str = "") -> str:
    """A `main` menu whose first key stands in its line 4."""
    rows = "".join(f"      {key}\n" for key in keys)
    return f"  main:\n    say: {{zh: 请按键, en: Press}}\n    keys:\n{rows}{more}"


def test_the_shipped_line_file_is_in_order():
    plan, menus = load_line(ROOT / "asterisk-conf" / "line.yaml")

    assert set(menus.by_name) == {
        *("main", "closed", "wholesale", "self_service", "assortment", "account")
    }
    assert menus["main"].keys["1"].menu == "wholesale"
    assert {branch.menu for did in plan.dids for branch in did.branches} == {"main", "closed"}


def test_a_key_to_a_menu_that_is_not_there_is_named_with_its_line():
    found = faults(menu('"1": {route: true}', '"2": {menu: nowhere}'))

    assert found == [(5, "there is no menu “nowhere”")]


def test_a_menu_that_nothing_leads_to_is_named_with_its_line():
    lonely = '  lonely:\n    say: {zh: 一, en: one}\n    keys:\n      "1": {route: true}\n'

    found = faults(menu('"1": {route: true}') + lonely)

    assert found == [(5, "no number and no key leads to this menu")]


def test_a_loop_without_a_way_out_is_named_at_every_menu_in_it():
    ring = '  ring:\n    say: {zh: 一, en: one}\n    keys:\n      "1": {menu: main}\n'

    found = faults(menu('"1": {menu: ring}', '"#": {repeat: true}') + ring)

    assert [line for line, _ in found] == [1, 6]
    assert {reason for _, reason in found} == {"no key leads out of this menu: give one `route`"}


def test_going_back_to_a_menu_with_a_route_is_a_way_out():
    below = '  below:\n    say: {zh: 一, en: one}\n    keys:\n      "*": {back: true}\n'

    _, menus = read_line(menu('"1": {menu: below}', '"2": {route: true}') + below)

    assert menus["below"].keys["*"].back


@pytest.mark.parametrize("key", ["11", "A", "a", "-", "１"])
def test_what_is_not_a_key_of_a_telephone_is_refused(key: str):
    [(line, reason)] = faults(menu('"1": {route: true}', f'"{key}": {{route: true}}'))

    assert line == 5
    assert reason == f"“{key}” is not a key: use one of 0123456789*#"


@pytest.mark.parametrize(
    "actions", ["{menu: main, route: true}", "{route: true, back: true}", "{}"]
)
def test_a_key_does_exactly_one_thing(actions: str):
    [(line, reason)] = faults(menu('"1": {route: true}', f'"2": {actions}'))

    assert line == 5
    assert reason.startswith("a key does exactly one thing")


def test_one_key_twice_names_both_lines():
    [(line, reason)] = faults(menu('"1": {route: true}', '"1": {repeat: true}'))

    assert line == 5
    assert "written twice" in reason
    assert str(FIRST_MENU_LINE + 3) in reason


@pytest.mark.parametrize("said", ["{zh: 请按键}", "{zh: 请按键, en: }", '{zh: 请按键, en: "  "}'])
def test_a_text_missing_in_one_language_is_refused(said: str):
    text = f'  main:\n    say: {said}\n    keys:\n      "1": {{route: true}}\n'

    [(line, reason)] = faults(text)

    assert line == 2
    assert "en" in reason


def test_a_menu_without_keys_is_refused():
    found = faults("  main:\n    say: {zh: 一, en: one}\n    keys: {}\n")

    assert (1, "a menu needs at least one key") in found


def test_an_unknown_setting_is_refused_by_its_name():
    [(line, reason)] = faults(menu('"1": {route: true}', more="    patience: 3\n"))

    assert (line, reason) == (5, "'patience' is not a known setting")


@pytest.mark.parametrize("wrong", ["timeout_s: 0", "timeout_s: soon", "tries: 0", "tries: 99"])
def test_a_number_out_of_range_is_refused_where_it_stands(wrong: str):
    [(line, reason)] = faults(menu('"1": {route: true}', more=f"    {wrong}\n"))

    assert line == 5
    assert reason.startswith(wrong.split(":", maxsplit=1)[0])


def test_a_choice_that_no_keys_give_is_refused():
    found = faults(menu('"1": {route: true}', more='    otherwise: "7"\n'))

    assert found == [(5, "no keys lead to the choice “7”")]


def test_a_route_for_a_choice_that_no_keys_give_is_refused():
    plan = PLAN.replace(
        "routes:\n", 'routes:\n  - {name: typo, when: {menu_choice: "1-9"}, queue: north}\n'
    )

    with pytest.raises(FileRefused) as refused:
        read_line(TWO_MENUS, plan)

    [fault] = refused.value.faults
    assert fault.line == 6
    assert fault.reason == "no keys lead to the choice “1-9”"


def test_a_number_that_leads_to_no_menu_is_refused_at_the_number():
    plan = PLAN.replace("menu: main", "menu: mian")

    with pytest.raises(FileRefused) as refused:
        read_line(TWO_MENUS, plan)

    assert (4, "there is no menu “mian”") in [(f.line, f.reason) for f in refused.value.faults]


@pytest.mark.parametrize("menus", ["  {}\n", "  []\n", ""])
def test_a_file_without_menus_says_where_they_belong(menus: str):
    with pytest.raises(FileRefused) as refused:
        read_line(menus)

    assert [fault.reason for fault in refused.value.faults] == ["here belong the menus"]


def test_all_faults_are_told_at_once_in_the_order_of_lines():
    found = faults(menu('"1": {menu: nowhere}', '"B": {route: true}', '"3": {}'))

    assert [line for line, _ in found] == [4, 5, 6]
