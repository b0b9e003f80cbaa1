"""What pacing learns comes to what is true, from a cold start and after things have changed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.estimate import Handling
from dialer.pacing.learning import Arrivals, Estimates
from dialer.pacing.prediction import Prediction, Sum, quantile, shortage
from dialer.pacing.reported import Agent, Ringing


@given(st.floats(0.1, 0.9), st.integers(0, 1000))
def test_answer_rates_of_segments_and_hours_come_to_the_truth(rate, seed):
    draw, known = random.Random(seed), Estimates()
    truth = {("a", 9): rate, ("a", 10): rate * 0.6, ("b", 9): rate * 0.5}
    for number in range(6000):
        segment, hour = list(truth)[number % 3]
        answered = draw.random() < truth[segment, hour]
        known.rate.learn(segment, hour, answered=answered)
    for (segment, hour), true in truth.items():
        assert known.rate.of(segment, hour) == pytest.approx(true, abs=0.08 + 0.15 * true)


def test_the_level_follows_a_shock_within_some_hundred_calls():
    draw, known = random.Random(1), Estimates()
    for rate in (0.2, 0.45):
        for _ in range(800):
            known.rate.learn("a", 9, answered=draw.random() < rate)
        assert known.rate.of("a", 9) == pytest.approx(rate, rel=0.25)


def test_a_new_segment_begins_at_what_the_others_answer():
    known = Estimates()
    for number in range(1000):
        known.rate.learn("a", 9, answered=number % 5 == 0)
    assert known.rate.of("never called", 9) == pytest.approx(0.2, abs=0.05)


def test_handling_is_learnt_by_campaign():
    draw, known = random.Random(2), Estimates()
    for _ in range(500):
        known.talked("short", draw.expovariate(1 / 30))
        known.talked("long", draw.expovariate(1 / 300))
    assert known.busy("short").talk.mean_s == pytest.approx(30, rel=0.25)
    assert known.busy("long").talk.mean_s == pytest.approx(300, rel=0.25)


def test_a_few_calls_are_not_enough_to_predict_by():
    known = Estimates()
    for _ in range(29):
        known.answered("a", 9, 10)
    assert not known.known
    known.failed("a", 9, 25)
    assert known.known


def test_the_rate_of_callers_who_come_in_is_learnt_and_forgotten():
    arrivals = Arrivals()
    assert arrivals.rate(0) == 0
    for number in range(600):
        arrivals.came(number * 10.0)
    assert arrivals.rate(6000) == pytest.approx(0.1, rel=0.05)
    assert arrivals.rate(6000 + 7200) < 0.001


def test_a_clock_that_is_set_back_makes_no_rate_absurd():
    arrivals = Arrivals()
    for number in range(60):
        arrivals.came(30_000 + number * 10.0)
    assert arrivals.rate(5) >= 0
    for number in range(60):
        arrivals.came(number * 10.0)
    assert arrivals.rate(600) == pytest.approx(0.1, rel=0.15)


def test_the_longer_a_call_has_rung_past_the_usual_delay_the_less_it_counts():
    known = Estimates()
    for number in range(400):
        known.answered("a", 9, 5 + number % 8)
        known.failed("a", 9, 25)
        known.failed("a", 9, 25)
    prediction = Prediction(known)
    fresh, old = (prediction.answers(Ringing("1", 0, "a"), 9, now) for now in (4, 22))
    assert fresh[1] > 0.3
    assert old[1] < 0.05


def test_the_longer_a_talk_of_even_length_has_lasted_the_sooner_it_is_over():
    known = Estimates()
    for number in range(600):
        known.talked("c", 90 + number % 30)
        known.wrapped_up("c", 5)
        known.answered("a", 9, 8)
    prediction = Prediction(known)
    young, old = (prediction.supply([Agent("talking", 0, "c")], now) for now in (20, 112))
    assert young[1].mean < 0.05
    assert old[1].mean > 0.3


@given(
    st.lists(st.floats(0, 0.7), max_size=12),
    st.lists(st.floats(0, 0.7), max_size=12),
    st.integers(-3, 8),
)
def test_the_chance_of_a_shortage_is_near_the_exact_one(coming, freed, needed):
    demand, supply = Sum(), Sum()
    exact = {0: 1.0}
    for chances, sums, step in ((coming, demand, 1), (freed, supply, -1)):
        for chance in chances:
            sums.add(chance)
            before, exact = exact, {}
            for number, weight in before.items():
                exact[number] = exact.get(number, 0) + weight * (1 - chance)
                exact[number + step] = exact.get(number + step, 0) + weight * chance
    true = sum(weight for number, weight in exact.items() if number >= needed)
    assert shortage(needed, demand, supply.chances()) == pytest.approx(true, abs=0.15)


@given(st.floats(0, 60), st.floats(0.01, 0.99))
def test_the_chances_of_a_sum_are_a_distribution(mean, spread):
    chances = Sum(mean, mean * spread).chances()
    assert sum(chances) == pytest.approx(1, abs=0.02)
    assert sum(number * chance for number, chance in enumerate(chances)) == pytest.approx(
        mean, abs=0.1, rel=0.03
    )


def test_a_quantile_is_where_the_share_is_over():
    times = Handling()
    for number in range(2000):
        times.learn(number * 37 % 100)
    assert quantile(times, 0.5) == pytest.approx(50, abs=10)


def test_what_was_counted_can_be_taken_out_again():
    demand = Sum()
    for chance in (0.3, 0.2, 0.7):
        demand.add(chance)
    for chance in (0.3, 0.7, 0.2):
        demand.add(chance, -1)
    assert sum(demand.chances()) == pytest.approx(1)
    assert shortage(1, demand, [1.0]) == pytest.approx(0, abs=1e-6)


def test_of_very_many_calls_the_risk_is_never_lost():
    demand = Sum()
    demand.add(0.3, 5000)
    assert shortage(100, demand, [1.0]) == 1


def test_a_first_mean_holds_until_calls_outweigh_it_and_a_long_memory_outlasts_a_few():
    short, long = Handling(12.0, 0.9), Handling(12.0, 0.999)
    assert short.mean_s == long.mean_s == 12
    for each in (short, long):
        for seconds in (*[20.0] * 500, *[40.0] * 20):
            each.learn(seconds)
    assert long.mean_s < 22
    assert short.mean_s > 35
