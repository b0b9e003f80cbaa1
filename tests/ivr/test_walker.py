"""Walks: whatever is pressed, they end, and say truly which keys led there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.hours import Moment
from acd.lineplan import DidBranch, DidPlan
from ivr.menu import (
    Announcement,
    Branch,
    ExtensionsPlan,
    KeyAction,
    MenuPlan,
    Menus,
    OperatorPlan,
)
from ivr.said import KEYS, Say
from ivr.walker import (
    MOST_STEPS,
    Chosen,
    Decision,
    Dial,
    HangUp,
    Play,
    Serve,
    Walk,
    begin,
    dialled,
    is_typed,
    press,
    served,
    to_operator,
)
from tests.ivr.line_files import PLAN, read_line

_, MENUS = read_line()
DID = DidPlan(number="4006001001", medium="TV", menu="main")
OPERATOR_ROUTE = 'routes:\n  - {name: operator, when: {menu_choice: "5"}, queue: north}\n'
OPEN, CLOSED = Moment(frozenset({"office"})), Moment()
NAMES = ("main", "second", "third")


@st.composite
def menu_trees(draw: st.DrawFn) -> Menus:
    """Any menus at all, also such as a line file would be refused for."""
    actions = st.one_of(
        st.sampled_from(NAMES).map(lambda name: KeyAction(menu=name)),
        st.sampled_from(
            [
                KeyAction(route=True),
                KeyAction(service="order"),
                KeyAction(repeat=True),
                KeyAction(back=True),
                KeyAction(language="en"),
                KeyAction(language="zh"),
                KeyAction(hang_up=True),
                KeyAction(extension=True),
                KeyAction(announce="news"),
                KeyAction(announce="news", route=True),
                KeyAction(
                    by_hours=(
                        Branch(hours="office", route=True),
                        Branch(announce="news", menu="second"),
                    )
                ),
            ]
        ),
    )
    keys = st.dictionaries(st.sampled_from(KEYS), actions, min_size=1)
    return Menus(
        by_name={
            name: MenuPlan(
                name=name,
                say=Say(zh="一", en="one"),
                keys=draw(keys),
                tries=draw(st.integers(1, 9)),
                otherwise=draw(st.sampled_from([None, "1", "1-2", "hang_up"])),
                extensions=draw(st.booleans()),
                operator=draw(st.booleans()),
            )
            for name in NAMES
        },
        announcements={"news": Announcement(name="news", zh="一", en="one")},
        operator=draw(st.sampled_from([None, OperatorPlan(key="0", choice="1")])),
        extensions=ExtensionsPlan(begin_with="8", digits=4),
    )


presses = st.lists(st.sampled_from([*KEYS, None]), min_size=MOST_STEPS, max_size=MOST_STEPS)


def walk(
    menus: Menus, keys: list[str | None], moment: Moment = OPEN
) -> tuple[Chosen | HangUp, list[Play]]:
    """The end, and all that was played; digits of an extension are those of nobody."""
    decision: Decision = begin(DID, "zh", moment)
    played = []
    for key in keys:
        if isinstance(decision, Chosen | HangUp):
            break
        assert isinstance(decision, Play)
        played.append(decision)
        decision = press(menus, decision.walk, key, moment)
        if isinstance(decision, Serve):
            decision = served(decision.walk)
        if isinstance(decision, Dial):
            decision = dialled(menus, decision.walk, "8999", there=False)
    assert isinstance(decision, Chosen | HangUp)
    return decision, played


def chosen_by(menus: Menus, keys: list[str | None], moment: Moment = OPEN) -> Chosen:
    found, _ = walk(menus, keys, moment)
    assert isinstance(found, Chosen)
    return found


@given(menus=menu_trees(), keys=presses)
def test_every_walk_ends_within_the_most_steps(menus: Menus, keys: list[str | None]):
    chosen, played = walk(menus, keys)

    assert len(played) <= MOST_STEPS
    assert chosen.language in {"zh", "en"}


@given(menus=menu_trees(), keys=presses)
def test_the_path_is_made_of_the_keys_pressed_in_their_order(menus: Menus, keys: list[str | None]):
    chosen, _ = walk(menus, keys)
    pressed = iter(keys)

    assert all(key in pressed for key in chosen.path)


@given(menus=menu_trees(), keys=presses)
def test_the_path_replayed_from_the_first_menu_leads_to_where_the_caller_was(
    menus: Menus, keys: list[str | None]
):
    _, played = walk(menus, keys)
    for play in played:
        first = begin(DID, "zh", OPEN)
        assert isinstance(first, Play)
        here = first.walk
        for key in play.walk.path:
            following = press(menus, here, key, OPEN)
            assert isinstance(following, Play)
            here = following.walk
        assert here.menu == play.walk.menu


@given(menus=menu_trees(), keys=presses)
def test_a_walk_given_up_takes_what_its_last_menu_says_and_others_their_keys(
    menus: Menus, keys: list[str | None]
):
    end, played = walk(menus, keys)
    last, pressed = played[-1].walk, keys[len(played) - 1]
    menu = menus[last.menu]
    action = menu.keys[pressed].at(OPEN) if pressed in menu.keys else None
    operator = menus.operator_in(menu)
    given_up = len(played) == MOST_STEPS
    if action is not None and (action.route or action.hang_up) and not given_up:
        assert end.path == (*last.path, pressed)
        assert isinstance(end, HangUp) == action.hang_up
        assert isinstance(end, HangUp) or end.choice == "-".join(end.path)
    elif action is None and operator and pressed == operator.key and not given_up:
        assert (end.path, getattr(end, "choice", None)) == ((*last.path, pressed), operator.choice)
    elif menu.otherwise == "hang_up":
        assert (isinstance(end, HangUp), end.path) == (True, last.path)
    else:
        assert isinstance(end, Chosen)
        assert end.choice == menu.otherwise


@given(menus=menu_trees(), keys=presses)
def test_only_prompts_that_exist_are_played(menus: Menus, keys: list[str | None]):
    known = {f"menu_{name}" for name in NAMES} | {
        *("wrong_key", "no_key", "announcement_news", "extension_away", "thank_you")
    }

    end, played = walk(menus, keys)

    assert all(set(play.prompts) <= known for play in (*played, end))


def test_one_then_one_is_the_choice_one_one():
    chosen = chosen_by(MENUS, ["1", "1"])

    assert (chosen.choice, chosen.path) == ("1-1", ("1", "1"))


def test_back_takes_the_key_out_of_the_path_again():
    chosen = chosen_by(MENUS, ["1", "*", "2"])

    assert (chosen.choice, chosen.path) == ("2", ("2",))


def test_a_language_key_goes_on_in_that_language_without_being_part_of_the_choice():
    chosen = chosen_by(MENUS, ["9", "2"])
    _, played = walk(MENUS, ["9", "2"])

    assert (chosen.choice, chosen.language) == ("2", "en")
    assert played[1].walk.language == "en"


def test_silence_and_wrong_keys_are_told_apart_and_counted_together():
    chosen = chosen_by(MENUS, [None, "5", None])
    _, played = walk(MENUS, [None, "5", None])

    assert [play.prompts for play in played] == [
        ("menu_main",),
        ("no_key", "menu_main"),
        ("wrong_key", "menu_main"),
    ]
    assert (chosen.choice, chosen.path) == ("2", ())


def test_a_new_menu_gives_new_tries():
    chosen = chosen_by(MENUS, [None, None, "1", None, None, "1"])

    assert chosen.choice == "1-1"


BY_TIME = """\
  main:
    say: {zh: 一, en: one}
    keys:
      "1":
        by_hours:
          - {hours: office, route: true}
          - {announce: closed, hang_up: true}
      "2": {announce: closed}
      "3": {announce: closed, menu: below}
      "4": {extension: true}
      "5": {route: true}
  below:
    say: {zh: 二, en: two}
    extensions: true
    keys:
      "*": {back: true}
announcements:
  closed: {zh: 现在是非工作时间。, en: We are closed.}
operator: {key: "0", choice: "5"}
extensions: {begin_with: "8", digits: 4}
hours:
  office: {week: {mon-fri: "09:00-17:00"}}
"""
_, TIMED = read_line(BY_TIME, PLAN.replace("routes:\n", OPERATOR_ROUTE))


def test_a_key_leads_where_the_hours_say():
    assert chosen_by(TIMED, ["1"]).choice == "1"
    end, _ = walk(TIMED, ["1"], CLOSED)
    assert isinstance(end, HangUp)
    assert (end.path, end.prompts) == (("1",), ("announcement_closed", "thank_you"))


def test_an_announcement_is_said_before_the_menu_or_comes_back_to_it():
    _, played = walk(TIMED, ["2", "3", "0"])
    assert [play.prompts for play in played] == [
        ("menu_main",),
        ("announcement_closed", "menu_main"),
        ("announcement_closed", "menu_below"),
    ]


def test_the_operators_key_holds_in_every_menu_and_is_written_down():
    chosen = chosen_by(TIMED, ["3", "0"])
    assert (chosen.choice, chosen.path) == ("5", ("3", "0"))


def test_digits_of_an_extension_lead_to_whoever_is_there_or_back_to_the_menu():
    first = begin(DID, "zh", OPEN)
    assert isinstance(first, Play)
    asked = press(TIMED, first.walk, "4", OPEN)
    assert isinstance(asked, Dial)
    assert (asked.typed, asked.prompts) == ("", ("extension_ask",))
    below = press(TIMED, first.walk, "3", OPEN)
    assert isinstance(below, Play)
    begun = press(TIMED, below.walk, "8", OPEN)
    assert isinstance(begun, Dial)
    assert begun.typed == "8"
    there = dialled(TIMED, begun.walk, "8001", there=True)
    assert isinstance(there, Chosen)
    assert (there.extension, there.choice, there.path) == ("8001", None, ("3", *"8001"))
    away = dialled(TIMED, begun.walk, "8001", there=False)
    assert isinstance(away, Play)
    assert away.prompts == ("extension_away", "menu_below")


def asked_by(key: str, begin_with: str = "8") -> tuple[Menus, Walk]:
    """A caller who is asked for an extension; the operator's key is this one."""
    operator = OperatorPlan(key=key, choice="5")
    extensions = ExtensionsPlan(begin_with=begin_with, digits=4)
    menus = TIMED.model_copy(update={"operator": operator, "extensions": extensions})
    return menus, Walk("main", "zh")


@pytest.mark.parametrize(
    ("key", "typed", "leads"),
    [
        ("0", "0", True),
        ("0", "80", False),
        ("0", "8000", False),
        ("0", "", False),
        ("8", "8", False),
        ("*", "*", True),
        ("*", "80*", True),
        ("#", "#", True),
        ("#", "80#", False),
    ],
)
def test_the_operators_key_holds_while_an_extension_is_typed_unless_it_belongs_to_it(
    key: str, typed: str, leads: bool
):
    menus, asked = asked_by(key)
    led = Chosen("5", (key,), "zh") if leads else None
    assert to_operator(menus, asked, typed) == led
    assert is_typed(menus, asked, typed) == (leads or typed in ("8000", "80#"))


def test_where_the_operators_key_is_none_it_is_an_extensions():
    menus, asked = asked_by("0")
    without = menus.model_copy(
        update={"by_name": {"main": menus["main"].model_copy(update={"operator": False})}}
    )
    assert to_operator(without, asked, "0") is None
    assert not is_typed(without, asked, "0")


def test_a_number_leads_where_the_hours_say_after_its_greeting():
    did = DidPlan(
        number="95555",
        medium="TV",
        announce="hello",
        by_hours=(
            DidBranch(hours="office", queue="north"),
            DidBranch(holiday="any", announce="closed", hang_up=True),
            DidBranch(announce="closed", menu="night"),
        ),
    )
    day = begin(did, "zh", OPEN)
    assert isinstance(day, Chosen)
    assert (day.queue, day.prompts) == ("north", ("announcement_hello",))
    feast = begin(did, "zh", Moment(holiday="national_day"))
    assert isinstance(feast, HangUp)
    assert feast.prompts == ("announcement_hello", "announcement_closed", "thank_you")
    night = begin(did, "en", CLOSED)
    assert isinstance(night, Play)
    assert night.prompts == ("announcement_hello", "announcement_closed", "menu_night")
