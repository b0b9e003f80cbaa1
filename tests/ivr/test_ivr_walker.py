"""Walking a menu: what keys do, and that every walk ends."""

from hypothesis import given
from hypothesis import strategies as st

from ivr.menu import KEYS, KeyAction, Language, MenuPlan, Menus, Say
from ivr.walker import MOST_STEPS, Chosen, Decision, Play, begin, press

NAMES = ("main", "sub", "deep")
actions = st.one_of(
    st.sampled_from(NAMES).map(lambda name: KeyAction(menu=name)),
    st.just(KeyAction(route=True)),
    st.just(KeyAction(repeat=True)),
    st.just(KeyAction(back=True)),
    st.sampled_from(["zh", "en"]).map(lambda code: KeyAction.model_validate({"language": code})),
)
one_menu = st.builds(
    MenuPlan,
    name=st.just("main"),
    say=st.just(Say(zh="你好", en="Hello")),
    keys=st.dictionaries(st.sampled_from(KEYS), actions, min_size=1),
    tries=st.integers(1, 9),
    otherwise=st.sampled_from([None, "2", "1-1"]),
)
any_menus = st.tuples(*(one_menu for _ in NAMES)).map(
    lambda plans: Menus(
        by_name={
            name: plan.model_copy(update={"name": name})
            for name, plan in zip(NAMES, plans, strict=True)
        }
    )
)
keys = st.one_of(st.none(), st.sampled_from(KEYS), st.characters())


def menus(**more: MenuPlan) -> Menus:
    say = Say(zh="你好", en="Hello")
    main = MenuPlan(
        name="main",
        say=say,
        keys={
            "1": KeyAction(menu="sub"),
            "2": KeyAction(route=True),
            "9": KeyAction(language="en"),
            "#": KeyAction(repeat=True),
        },
        otherwise="2",
    )
    sub = MenuPlan(
        name="sub", say=say, keys={"1": KeyAction(route=True), "*": KeyAction(back=True)}, tries=1
    )
    return Menus(by_name={"main": main, "sub": sub} | more)


def walked(pressed: list[str | None], language: Language = "zh") -> Decision:
    decision: Decision = begin("main", language)
    for key in pressed:
        assert isinstance(decision, Play)
        decision = press(menus(), decision.walk, key)
    return decision


def test_the_keys_pressed_are_the_choice() -> None:
    assert walked(["1", "1"]) == Chosen("1-1", ("1", "1"), "zh")


def test_going_back_takes_the_key_back() -> None:
    assert walked(["1", "*", "2"]) == Chosen("2", ("2",), "zh")


def test_a_language_is_spoken_from_then_on() -> None:
    heard = walked(["9"])
    assert isinstance(heard, Play)
    assert heard.walk.language == "en"
    assert walked(["9", "2"]) == Chosen("2", ("2",), "en")


def test_a_wrong_key_and_a_silence_are_told_apart() -> None:
    wrong, silent = walked(["7"]), walked([None])
    assert isinstance(wrong, Play)
    assert isinstance(silent, Play)
    assert wrong.prompts == ("wrong_key", "menu_main")
    assert silent.prompts == ("no_key", "menu_main")


def test_after_too_many_failures_the_menu_decides() -> None:
    assert walked([None, "7", None]) == Chosen("2", (), "zh")
    assert walked(["1", None]) == Chosen(None, ("1",), "zh")


def test_repeating_is_no_failure_but_does_not_go_on_for_ever() -> None:
    assert isinstance(walked(["#"] * (MOST_STEPS - 1)), Play)
    assert isinstance(walked(["#"] * MOST_STEPS), Chosen)


@given(any_menus, st.lists(keys, min_size=MOST_STEPS, max_size=MOST_STEPS))
def test_every_walk_ends_whatever_is_pressed(plan: Menus, pressed: list[str | None]) -> None:
    decision: Decision = begin("main", "zh")
    taken = 0
    for key in pressed:
        if isinstance(decision, Chosen):
            break
        assert all(isinstance(prompt, str) for prompt in decision.prompts)
        decision = press(plan, decision.walk, key)
        taken += 1
    assert isinstance(decision, Chosen)
    assert taken <= MOST_STEPS
    assert set("".join(decision.path)) <= set(KEYS)
