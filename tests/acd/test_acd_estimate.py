"""The waiting time that callers are told: what is learnt, what is foreseen, and what the core makes of it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core import AcdCore
from acd.core_types import AnnouncementDue, Caller, Login, Preferred, QueueRules, needs
from acd.estimate import (
    FIRST_MEAN_S,
    Correction,
    Forecast,
    Handling,
    Patience,
    Talking,
    age_of,
    forecast,
    wait_s,
)

CLOSE = 1e-4  # times are read between the points of a forecast
NOW = 1_000.0
seconds = st.floats(0, 20_000)


def learnt(*handled: float) -> Handling:
    found = Handling()
    for each in handled:
        found.learn(each)
    return found


def seen(*groups: Talking, idle: int = 0, mean_s: float = FIRST_MEAN_S) -> Forecast:
    found = forecast(idle, groups, mean_s)
    assert found is not None
    return found


# ---- what is learnt -----------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 9_000), max_size=60), seconds, seconds, seconds)
def test_chances_are_chances_and_grow_with_time(handled, elapsed, one, other):
    found = learnt(*handled)
    early, late = sorted((one, other))
    rounding = 1e-12
    assert 0 <= found.longer_than(late) <= found.longer_than(early) + rounding <= 1 + 2 * rounding
    sooner, later = (found.over_within(elapsed, each) for each in (early, late))
    assert 0 <= sooner <= later + rounding <= 1 + 2 * rounding


def test_before_anything_is_known_a_call_has_no_age():
    found = Handling()
    assert found.mean_s == FIRST_MEAN_S
    for elapsed in (0, 60, 300):
        assert found.over_within(elapsed, FIRST_MEAN_S) == pytest.approx(1 - 1 / 2.71828, abs=0.04)


def test_calls_that_all_take_a_minute_are_over_after_a_minute():
    found = learnt(*[60.0] * 300)
    assert found.mean_s == pytest.approx(60, rel=0.02)
    assert found.over_within(0, 30) < 0.05
    assert found.over_within(50, 30) > 0.95


def test_what_was_learnt_long_ago_is_forgotten():
    assert learnt(*[600.0] * 300, *[60.0] * 500).mean_s == pytest.approx(60, rel=0.1)
    assert learnt(*[60.0] * 3_000).mean_s == pytest.approx(60, rel=0.01)


def test_a_clock_that_was_set_back_leaves_sensible_figures():
    handling, patience, correction = learnt(*[-3_600.0] * 500), Patience(), Correction()
    for _ in range(500):
        patience.learn(-3_600, gave_up=True)
        correction.learn(0, -3_600)
    assert handling.mean_s >= 1
    assert 0 <= patience.rate <= 1
    assert 0.4 <= correction.factor <= 2.5
    found = seen(Talking(2, 0, handling), mean_s=handling.mean_s)
    assert 0 <= wait_s(found, 5, 1, patience.rate) < 60


def test_patience_is_the_share_that_gives_up_for_the_time_waited():
    found = Patience()
    assert found.rate == 0
    chosen = random.Random(1)
    for _ in range(2_000):
        patience, wait = chosen.expovariate(1 / 300), chosen.uniform(0, 400)
        found.learn(min(patience, wait), gave_up=patience < wait)
    assert found.rate == pytest.approx(1 / 300, rel=0.35)


def test_a_correction_follows_what_happened_within_bounds():
    found = Correction()
    assert found.factor == 1
    for _ in range(300):
        found.learn(100, 150)
    assert found.factor == pytest.approx(1.5, rel=0.05)
    for _ in range(600):
        found.learn(1, 100)
    assert found.factor == 2.5


# ---- what is foreseen ----------------------------------------------------------------------------------


def test_without_agents_nothing_is_foreseen():
    assert forecast(0, (), 100) is None


@pytest.mark.parametrize("agents", [1, 5, 40])
@pytest.mark.parametrize("ahead", [0, 3, 30, 300])
def test_calls_without_age_take_the_mean_for_each_place_and_agent(agents: int, ahead: int):
    found = seen(Talking(agents, age_of(45), Handling()))
    usual = (ahead + 1) * FIRST_MEAN_S / agents
    assert wait_s(found, ahead, 1, 0) == pytest.approx(usual, rel=0.12)


def test_a_call_that_is_nearly_over_shortens_the_wait():
    minute = learnt(*[60.0] * 300)
    fresh, old = (seen(Talking(1, age_of(age), minute), mean_s=60) for age in (0, 50))
    assert wait_s(fresh, 0, 1, 0) == pytest.approx(60, abs=15)
    assert wait_s(old, 0, 1, 0) < 25


def test_an_agent_who_is_idle_is_there_at_once():
    assert wait_s(seen(Talking(3, age_of(10), Handling()), idle=1), 0, 1, 0) == 0


@given(
    agents=st.lists(st.tuples(st.integers(1, 30), st.floats(0, 2_000)), min_size=1, max_size=5),
    handled=st.lists(st.floats(1, 2_000), max_size=50),
    ahead=st.floats(0, 500),
    share=st.floats(0.05, 1),
    rate=st.floats(0, 0.01),
)
def test_more_ahead_fewer_agents_and_more_patience_make_the_wait_longer(
    agents, handled, ahead, share, rate
):
    handling = learnt(*handled)
    found = seen(*(Talking(n, age_of(age), handling) for n, age in agents), mean_s=handling.mean_s)
    waited = wait_s(found, ahead, share, rate)
    assert 0 <= waited <= wait_s(found, ahead, share, 0) * (1 + CLOSE)
    nearly = waited * (1 - CLOSE)
    assert nearly <= wait_s(found, ahead + 1, share, rate)
    assert nearly <= wait_s(found, ahead, share / 2, rate)


# ---- what the core makes of it ----------------------------------------------------------------------------


def busy(core: AcdCore, *logins: tuple[tuple[str, ...], dict[str, int]], at: float = NOW) -> None:
    """Agents 1, 2 … who have just begun to talk."""
    for number, (queues, skills) in enumerate(logins, 1):
        core.log_in(Login(number, "A", f"80{number}", queues, skills), at)
        call_id = f"busy{number}"
        own = (Preferred("salesperson", (number,)),)
        core.join(Caller(call_id, queues[0], 100, at, own), at)
        core.answered(call_id, at)


def two_queues() -> AcdCore:
    return AcdCore((QueueRules("line", announce_every_s=10, wrap_up_s=0), QueueRules("other")))


def estimate(core: AcdCore, queue: str = "line", *, ahead: int = 0, **more: object) -> float:
    """Of a caller who comes after so many others have come into `other`."""
    for number in range(ahead):
        core.join(Caller(f"o{number}", "other", 0, NOW + 1 + number / 100), NOW + 2)
    core.join(Caller("me", queue, 0, NOW + 3, **more), NOW + 3)  # type: ignore[arg-type]
    found = core.estimate_s("me", NOW + 3)
    assert found is not None
    return found


def test_callers_of_another_queue_count_when_the_same_agents_serve_it():
    alone, apart, shared = two_queues(), two_queues(), two_queues()
    busy(alone, (("line", "other"), {}))
    busy(apart, (("line",), {}), (("other",), {}))
    busy(shared, (("line", "other"), {}))
    assert estimate(apart, ahead=4) == pytest.approx(estimate(alone))
    assert estimate(shared, ahead=4) > 4 * alone.estimate_s("me", NOW + 3)


def test_who_needs_a_skill_waits_for_those_who_have_it():
    wine = needs({"wine": 2})
    some, everybody = two_queues(), two_queues()
    busy(some, (("line",), {"wine": 2}), (("line",), {}), (("line",), {}))
    busy(everybody, *[(("line",), {"wine": 2})] * 3)
    assert estimate(some, skills=wine) == pytest.approx(
        3 * estimate(everybody, skills=wine), rel=0.3
    )
    nobody = two_queues()
    busy(nobody, (("line",), {}))
    nobody.join(Caller("me", "line", 0, NOW, skills=wine), NOW)
    assert nobody.estimate_s("me", NOW) is None


def test_nobody_who_serves_is_no_estimate_and_an_agent_who_comes_makes_one():
    core = two_queues()
    core.join(Caller("me", "line", 0, NOW), NOW)
    assert core.estimate_s("me", NOW) is None
    assert core.estimate_s("gone", NOW) is None
    busy(core, (("other",), {}))
    assert core.estimate_s("me", NOW) is None
    core.log_in(Login(2, "A", "802", ("line",)), NOW)
    core.join(Caller("second", "line", 0, NOW), NOW)
    assert core.estimate_s("second", NOW) is not None


def day(core: AcdCore, calls: int, talk_s: float) -> float:
    """One agent and callers who come together, each announced before being served; the last estimate."""
    at, told = NOW, 0.0
    core.log_in(Login(1, "A", "801", ("line",)), at)
    core.join(Caller("c0", "line", 0, at), at)
    for number in range(calls):
        core.answered(f"c{number}", at + 1)
        core.join(Caller(f"c{number + 1}", "line", 0, at + 1), at + 1)
        for decision in core.tick(at + 11):
            if isinstance(decision, AnnouncementDue) and decision.estimate_s is not None:
                told = decision.estimate_s
        at += talk_s
        core.hung_up(1, at)
        core.tick(at)
    return told


def test_the_core_learns_how_long_calls_take():
    first = day(two_queues(), 1, 60)
    assert first == pytest.approx(FIRST_MEAN_S, rel=0.15)
    assert day(two_queues(), 200, 60) == pytest.approx(60 - 11 + 1, abs=12)
