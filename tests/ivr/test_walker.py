"""Walks: whatever is pressed, they end, and say truly which keys led there."""

from hypothesis import given
from hypothesis import strategies as st

from ivr.menu import KEYS, KeyAction, MenuPlan, Menus, Say
from ivr.walker import MOST_STEPS, Chosen, Play, begin, press
from tests.ivr.line_files import read_line

_, MENUS = read_line()
NAMES = ("main", "second", "third")


@st.composite
def menu_trees(draw: st.DrawFn) -> Menus:
    """Any menus at all, also such as a line file would be refused for."""
    actions = st.one_of(
        st.sampled_from(NAMES).map(lambda name: KeyAction(menu=name)),
        st.sampled_from(
            [
                KeyAction(route=True),
                KeyAction(repeat=True),
                KeyAction(back=True),
                KeyAction(language="en"),
                KeyAction(language="zh"),
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
                otherwise=draw(st.sampled_from([None, "1", "1-2"])),
            )
            for name in NAMES
        }
    )


presses = st.lists(st.sampled_from([*KEYS, None]), min_size=MOST_STEPS, max_size=MOST_STEPS)


def walk(menus: Menus, keys: list[str | None]) -> tuple[Chosen, list[Play]]:
    decision: Play | Chosen = begin("main", "zh")
    played = []
    for key in keys:
        if isinstance(decision, Chosen):
            break
        played.append(decision)
        decision = press(menus, decision.walk, key)
    assert isinstance(decision, Chosen)
    return decision, played


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
        decision = begin("main", "zh").walk
        for key in play.walk.path:
            following = press(menus, decision, key)
            assert isinstance(following, Play)
            decision = following.walk
        assert decision.menu == play.walk.menu


@given(menus=menu_trees(), keys=presses)
def test_a_walk_given_up_takes_what_its_last_menu_says_and_others_their_keys(
    menus: Menus, keys: list[str | None]
):
    chosen, played = walk(menus, keys)
    last = played[-1].walk
    pressed = keys[len(played) - 1]
    action = menus[last.menu].keys.get(pressed or "")
    if action is not None and action.route and len(played) < MOST_STEPS:
        assert chosen.choice == "-".join([*last.path, pressed or ""])
        assert chosen.path == (*last.path, pressed)
    else:
        assert chosen.choice == menus[last.menu].otherwise


@given(menus=menu_trees(), keys=presses)
def test_only_prompts_that_exist_are_played(menus: Menus, keys: list[str | None]):
    known = {f"menu_{name}" for name in NAMES} | {"wrong_key", "no_key"}

    _, played = walk(menus, keys)

    assert all(set(play.prompts) <= known for play in played)


def test_one_then_one_is_the_choice_one_one():
    chosen, _ = walk(MENUS, ["1", "1"])

    assert (chosen.choice, chosen.path) == ("1-1", ("1", "1"))


def test_back_takes_the_key_out_of_the_path_again():
    chosen, _ = walk(MENUS, ["1", "*", "2"])

    assert (chosen.choice, chosen.path) == ("2", ("2",))


def test_a_language_key_goes_on_in_that_language_without_being_part_of_the_choice():
    chosen, played = walk(MENUS, ["9", "2"])

    assert (chosen.choice, chosen.language) == ("2", "en")
    assert played[1].walk.language == "en"


def test_silence_and_wrong_keys_are_told_apart_and_counted_together():
    chosen, played = walk(MENUS, [None, "5", None])

    assert [play.prompts for play in played] == [
        ("menu_main",),
        ("no_key", "menu_main"),
        ("wrong_key", "menu_main"),
    ]
    assert (chosen.choice, chosen.path) == ("2", ())


def test_a_new_menu_gives_new_tries():
    chosen, _ = walk(MENUS, [None, None, "1", None, None, "1"])

    assert chosen.choice == "1-1"
