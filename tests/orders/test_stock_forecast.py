"""Forecasts and restocking advice: pure, and held to what must be true of any."""

import math
import random
from dataclasses import replace
from statistics import NormalDist, fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.stock.planning.advice import Expected, Situation, advise
from orders.stock.planning.forecast import (
    METHODS,
    croston,
    forecast,
    known_days,
    masked,
    origins,
    seasonal_naive,
    smoothing,
    sold_in,
)

sold = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=120)
with_gaps = st.lists(st.none() | st.integers(0, 50).map(float), min_size=1, max_size=120).filter(
    known_days
)
horizons = st.integers(1, 30)
WEEKDAYS = (5.0, 9.0, 3.0, 12.0, 20.0, 1.0, 0.0)


@given(sold | with_gaps, horizons)
def test_no_method_expects_less_than_nothing_or_more_than_the_best_day_each_day(history, horizon):
    for method in METHODS.values():
        assert 0 <= method(history, horizon) <= max(known_days(history)) * horizon + 1e-6


@given(st.floats(0, 1000), st.lists(st.booleans(), min_size=1, max_size=120).filter(any), horizons)
def test_what_is_sold_every_day_alike_is_expected_to_go_on_however_many_days_are_unknown(
    daily, known, horizon
):
    history = [daily if each else None for each in known]
    for name, method in METHODS.items():
        share = 0.95 if name == "croston" else 1
        assert method(history, horizon) == pytest.approx(daily * horizon * share)


@given(with_gaps, horizons)
def test_only_the_seasonal_method_asks_where_the_unknown_days_are(history, horizon):
    for method in {*METHODS.values()} - {seasonal_naive}:
        assert method(history, horizon) == method(known_days(history), horizon)


def test_the_seasonal_method_takes_the_last_week_in_which_the_day_is_known():
    history = [*WEEKDAYS, 6.0, None, None, 13.0, 21.0, None, 0.0]
    assert seasonal_naive(history, 7) == 6 + 9 + 3 + 13 + 21 + 1 + 0
    never = [None if day % 7 == 2 else 4.0 for day in range(21)]
    assert seasonal_naive(never, 3) == 12


@given(st.lists(st.tuples(st.integers(0, 50).map(float), st.booleans()), max_size=60))
def test_a_day_is_unknown_only_without_goods_and_where_less_was_ordered_on_such_days(days):
    amounts, without = [day[0] for day in days], [day[1] for day in days]
    history = masked(amounts, without)
    assert [seen for seen in history if seen is not None] == [
        amount for amount, seen in zip(amounts, history, strict=True) if seen is not None
    ]
    there = [amount for amount, out in days if not out]
    gone = [amount for amount, out in days if out]
    lost = bool(there and gone) and fmean(gone) < fmean(there)
    assert [each is None for each in history] == [lost and out for out in without]


def shop_with_stock_outs(chance: random.Random) -> tuple[list[float], list[float], list[bool]]:
    """(wanted, sold, without goods) by day: new goods come now and then, too few or too late."""
    level = chance.uniform(2, 12)
    wanted, sold_, without = [], [], []
    stock, due = 60.0, 0
    for day in range(182):
        if day == due:
            stock += level * chance.uniform(6, 16)
            due = day + chance.randint(12, 22)
        usual = level * (0.5 + WEEKDAYS[day % 7] / fmean(WEEKDAYS) / 2)
        want = float(max(round(chance.gauss(usual, usual / 3)), 0))
        take = min(want, stock)
        without.append(stock == 0)
        stock -= take
        wanted.append(want)
        sold_.append(take)
    return wanted, sold_, without


def test_where_goods_run_out_the_forecast_misses_what_is_wanted_by_less_than_with_zeros():
    chance = random.Random(5)
    masking, zeros = [], []
    for _ in range(12):
        wanted, sold_, without = shop_with_stock_outs(chance)
        assert any(without)
        for cut in range(84, 175, 7):
            true = sum(wanted[cut : cut + 7])
            seen = forecast(masked(sold_[:cut], without[:cut]), 7)
            blind = forecast(sold_[:cut], 7)
            masking.append((seen.expected - true) / true)
            zeros.append((blind.expected - true) / true)
    assert fmean(map(abs, masking)) < 0.6 * fmean(map(abs, zeros))
    assert abs(fmean(masking)) < 0.1 < -fmean(zeros)


@given(sold, horizons, st.integers(2, 9))
def test_in_another_unit_it_is_the_same_forecast(history, horizon, factor):
    one, many = forecast(history, horizon), forecast([each * factor for each in history], horizon)
    best = {each.method: each.mae for each in one.errors}
    if one.method == many.method:
        assert many.expected == pytest.approx(one.expected * factor)
        assert many.deviation == pytest.approx(one.deviation * factor)
    else:
        assert best[many.method] == pytest.approx(best[one.method])
    for before, after in zip(one.errors, many.errors, strict=True):
        assert (before.wape is None) == (after.wape is None)
        if before.wape is not None:
            assert after.wape == pytest.approx(before.wape)


@given(sold, horizons)
def test_the_chosen_method_was_the_best_in_the_past_and_no_worse_than_the_naive_one(
    history, horizon
):
    made = forecast(history, horizon)
    errors = {each.method: each for each in made.errors}
    assert (made.origins == 0) == (not errors)
    if errors:
        assert set(errors) == set(METHODS)
        assert errors[made.method].mae == min(each.mae for each in errors.values())
        assert made.deviation >= errors[made.method].mae - 1e-9


@given(st.integers(1, 400), horizons)
def test_the_past_is_cut_so_that_each_forecast_has_a_past_and_a_whole_future(days, horizon):
    history = [1.0] * days
    for cut in origins(history, horizon):
        assert cut >= max(2 * horizon, 14)
        assert cut + horizon <= days
    if days >= max(3 * horizon, 14 + horizon):
        assert origins(history, horizon)[-1] == days - horizon


@given(with_gaps, horizons)
def test_the_past_is_asked_only_where_enough_of_it_is_known(history, horizon):
    for cut in origins(history, horizon):
        assert len(known_days(history[:cut])) >= 14
        assert len(known_days(history[cut : cut + horizon])) >= horizon / 2


def test_of_days_half_unknown_the_sum_is_that_of_the_others_for_all_of_them():
    assert sold_in([3.0, None, 5.0, None]) == 16


@given(
    st.lists(st.none() | st.integers(0, 50).map(float), min_size=30, max_size=90).filter(
        known_days
    ),
    st.integers(1, 8),
)
def test_an_error_in_back_test_is_a_forecast_from_the_days_before_held_against_the_days_after(
    history, horizon
):
    cuts = origins(history, horizon)
    for error in forecast(history, horizon).errors:
        method = METHODS[error.method]
        misses = [
            abs(method(history[:cut], horizon) - sold_in(history[cut:][:horizon])) for cut in cuts
        ]
        assert error.mae == pytest.approx(sum(misses) / len(cuts))


def test_a_weekly_rhythm_is_found_by_the_seasonal_method():
    made = forecast(list(WEEKDAYS) * 10, 3)
    assert (made.method, made.expected, made.deviation) == ("seasonal_naive", 17.0, 0.0)
    errors = {each.method: each for each in made.errors}
    assert errors["seasonal_naive"].wape == 0
    assert errors["smoothing"].wape > 0.3


def test_croston_and_smoothing_as_their_books_say():
    assert croston([0, 0, 6, 0, 0, 6], 10) == pytest.approx(0.95 * 6 / 3 * 10)
    steady = [3.0, 3.0, 3.0, 9.0, 9.0, 9.0, 9.0, 9.0]
    level = 3.0
    for each in steady[1:]:
        level += 0.5 * (each - level)
    assert smoothing(steady, 2) == pytest.approx(2 * level)


def test_a_short_history_is_taken_by_its_mean_and_nothing_sold_is_nothing_expected():
    assert forecast([], 7).expected == 0
    short = forecast([2.0, 4.0], 7)
    assert (short.method, short.expected, short.origins) == ("moving_mean", 21.0, 0)
    assert short.deviation == pytest.approx(math.sqrt(7))


situations = st.builds(
    Situation,
    available=st.integers(-50, 500),
    on_the_way=st.integers(0, 200),
    waiting=st.integers(0, 100),
    least=st.integers(0, 100),
    target=st.integers(100, 300),
    lead_days=st.integers(1, 60),
    lot=st.integers(1, 50),
)
expectations = st.builds(
    Expected,
    quantity=st.floats(0, 500),
    deviation=st.floats(0, 100),
    days=st.integers(1, 60),
    method=st.just("smoothing"),
)


@given(situations, expectations, st.floats(0.5, 0.999))
def test_advice_covers_what_will_be_sold_in_whole_lots_and_no_lot_too_many(
    situation, expected, level
):
    advice = advise(situation, expected, level)
    assert advice.quantity % situation.lot == 0
    why = {each.code: each.params for each in advice.why}
    goal = int(why["expected_sales"]["quantity"]) + int(why["safety_stock"]["quantity"])
    position = situation.available + situation.on_the_way - situation.waiting
    if "below_minimum" in why:
        assert position < situation.least
        goal = max(goal, situation.target)
    assert position + advice.quantity >= goal
    assert advice.quantity == 0 or position + advice.quantity - situation.lot < goal


@given(situations, expectations, st.floats(0.5, 0.98), st.integers(0, 50))
def test_more_safety_or_less_stock_never_makes_less_to_restock(situation, expected, level, more):
    one = advise(situation, expected, level).quantity
    assert advise(situation, expected, level + 0.01).quantity >= one
    for poorer in (
        replace(situation, available=situation.available - more),
        replace(situation, waiting=situation.waiting + more),
    ):
        assert advise(poorer, expected, level).quantity >= one


@given(situations, expectations, st.integers(1, 100))
def test_what_orders_wait_for_is_restocked_as_if_it_were_missing_from_the_stock(
    situation, expected, many
):
    waits = replace(situation, waiting=many)
    reserved = replace(situation, waiting=0, available=situation.available - many)
    assert advise(waits, expected, 0.95).quantity == advise(reserved, expected, 0.95).quantity
    why = {each.code: dict(each.params) for each in advise(waits, expected, 0.95).why}
    assert why["waiting"] == {"quantity": str(many)}
    assert "waiting" not in {each.code for each in advise(reserved, expected, 0.95).why}


def test_the_safety_stock_is_the_quantile_of_the_error_over_the_lead_time():
    situation = Situation(30, 12, 5, 0, 0, 28, 6)
    advice = advise(situation, Expected(70.0, 10.0, 7, "croston"), 0.95)
    safety = math.ceil(NormalDist().inv_cdf(0.95) * 20)
    assert [(each.code, dict(each.params)) for each in advice.why] == [
        ("expected_sales", {"quantity": "280", "days": "28", "method": "croston"}),
        ("safety_stock", {"quantity": str(safety), "level": "95.0%"}),
        ("available", {"quantity": "30"}),
        ("on_the_way", {"quantity": "12"}),
        ("waiting", {"quantity": "5"}),
        ("whole_lots", {"lot": "6", "missing": str(280 + safety - 37)}),
    ]
    assert advice.quantity == 276
