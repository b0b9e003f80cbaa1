"""The tree that people see before they put a menu live."""

from ivr.line.picture import picture
from ivr.line_file import read_line as read_text
from ivr.tree import drawn
from tests.ivr.line_files import PLAN, read_line
from tests.ivr.test_menu_checks import LINE


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


def test_branches_announcements_extensions_and_the_operator_are_drawn():
    assert drawn(*read_text(LINE)).splitlines() == [
        "4006001001 (电视广告)",
        "├─ 1 → choice 1",
        "├─ 3 menu night",
        "│  ├─ 1 by hours",
        "│  │  ├─ [hours office] announce closed, then → choice 3-1",
        "│  │  ├─ [else] announce closed, then hang up",
        "│  ├─ * back",
        "│  ├─ 0 operator → choice 5",
        "│  ├─ 8… extension",
        "│  └─ otherwise → default route",
        "├─ 4 extension",
        "├─ 5 → choice 5",
        "├─ 0 operator → choice 5",
        "└─ otherwise → default route",
        "4006001002 (报纸广告) announce welcome",
        "├─ [hours office]",
        "│  └─ menu main, see above",
        "├─ [holiday spring_festival]",
        "│  ├─ announce feast",
        "│  └─ hang up",
        "├─ [else]",
        "│  ├─ announce closed",
        "│  └─ menu night, see above",
        "4006001003 (VIP专线)",
        "└─ east",
    ]


def test_greeting_and_overflow_of_queues_are_drawn_also_where_they_lead_into_each_other():
    north = (
        "label_en: North, greeting: welcome, overflow: [{after_s: 30, to: east},"
        " {when: nobody_there, wait_over_s: 600, announce: feast},"
        " {waiting_over: 20, voicemail: true}, {after_s: 90, outside: '13800138000'}]"
    )
    east = "label_en: East, overflow: [{after_s: 9.5, to: north}, {after_s: 60, callback: true}]"
    text = LINE.replace("label_en: North", north, 1).replace("label_en: East", east, 1)
    assert drawn(*read_text(text)).splitlines()[-8:] == [
        "queue north announce welcome",
        "├─ [after 30 s] queue east",
        "├─ [when nobody there, wait over 600 s] announce feast",
        "├─ [waiting over 20] voicemail north",
        "└─ [after 90 s] outside 13800138000",
        "queue east",
        "├─ [after 9.5 s] queue north",
        "└─ [after 60 s] callback",
    ]
    shown = picture(*read_text(text))
    for words in ("after 30 s", "when nobody there, wa…", "voicemail north", "outside 13800138000"):
        assert shown.count(f">{words}</text>") == 1, words


def test_keys_that_ask_for_the_pin_are_marked_whoever_asks_for_it():
    asking = LINE.replace(
        '"4": {extension: true}',
        '"4": {service: order, pin: true, announce: closed}\n'
        '      "6": {service: credit}\n      "7": {service: products}\n'
        '      "2": {service: order}\n      "9": {service: order, pin: false}',
    )
    lines = drawn(*read_text(asking)).splitlines()
    assert "├─ 4 announce closed, then 电话密码 / PIN, then service order" in lines
    assert "├─ 6 电话密码 / PIN, then service credit" in lines
    assert "├─ 7 service products" in lines
    assert "├─ 2 电话密码 / PIN, then service order" in lines
    assert "├─ 9 service order" in lines
    shown = picture(*read_text(asking))
    assert shown.count(">电话密码 / PIN</text>") == 3
