"""The tree that people see before they put a menu live."""

from ivr.tree import drawn
from tests.ivr.line_files import PLAN, read_line


def test_every_key_is_drawn_with_what_it_does_and_the_choice_it_gives():
    assert drawn(*read_line()).splitlines() == [
        "4006001001 (电视广告)",
        "├─ 1 menu wholesale",
        "│  ├─ 1 → choice 1-1",
        "│  ├─ * back",
        "│  └─ otherwise → 1-1",
        "├─ 2 → choice 2",
        "├─ 8 language zh",
        "├─ 9 language en",
        "├─ # repeat",
        "└─ otherwise → 2",
    ]


def test_a_number_straight_into_a_line_shows_the_queue():
    plan = PLAN.replace("routes:\n", '  "4006001002": {medium: VIP专线, queue: north}\nroutes:\n')

    assert drawn(*read_line(plan=plan)).endswith("4006001002 (VIP专线)\n└─ north")


def test_a_menu_of_two_numbers_is_drawn_once():
    plan = PLAN.replace("routes:\n", '  "4006001002": {medium: 报纸广告, menu: main}\nroutes:\n')

    lines = drawn(*read_line(plan=plan)).splitlines()

    assert lines[-2:] == ["4006001002 (报纸广告)", "└─ menu main, see above"]
