"""The share of abandoned calls is held over the day and the window, by either formula, whatever happens."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.budget import Budget, BudgetRules, Counts, share


def test_each_formula_counts_as_the_law_does():
    ofcom = Counts(served=9, abandoned=29, machines=7)
    assert share(ofcom, "us") == pytest.approx(29 / 38)
    assert share(ofcom, "uk") == pytest.approx(0.6444, abs=1e-4)
    assert share(Counts(), "us") == 0


@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from(["us", "uk"]))
def test_without_a_limit_there_is_never_a_price(served, machines, formula):
    budget = Budget(BudgetRules(limit=0, formula=formula))
    for _ in range(served):
        budget.served()
    for _ in range(machines):
        budget.machine()
    assert budget.price() == 0


@given(st.integers(0, 2000), st.integers(0, 60))
def test_over_the_limit_there_is_no_price(served, abandoned):
    budget = Budget(BudgetRules(window_days=1))
    for _ in range(served):
        budget.served()
    for _ in range(abandoned):
        budget.abandoned()
    if budget.share() > 0.03:
        assert budget.price() == 0


def test_a_window_that_is_over_the_limit_is_paid_back_first():
    budget = Budget(BudgetRules(), Counts(served=900, abandoned=100))
    for _ in range(300):
        budget.served()
    assert budget.price() == 0
    budget.new_day(Counts(served=9900, abandoned=100))
    for _ in range(300):
        budget.served()
    assert budget.price() > 0


def test_a_good_window_does_not_let_a_day_pass_the_limit():
    budget = Budget(BudgetRules(), Counts(served=100_000))
    for _ in range(100):
        budget.served()
    for _ in range(5):
        budget.abandoned()
    assert budget.price() == 0


def test_those_who_wait_are_counted_on_the_budget_already():
    budget = Budget(BudgetRules())
    for _ in range(80):
        budget.served()
    assert budget.price(waiting=2) < budget.price(waiting=1) < budget.price()
    assert budget.price(waiting=10) == 0


@pytest.mark.parametrize("closing_is_known", [True, False])
@pytest.mark.parametrize("worth", [0.2, 1.0, 4.0])
def test_the_share_is_held_whatever_the_risks_are_worth(worth, closing_is_known):
    """Calls are abandoned `worth` times as often as was reckoned, in pairs at times."""
    draw, days, over, abandoned, answers = random.Random(3), 60, 0, 0, 0
    budget = Budget(BudgetRules())
    past: list[Counts] = []
    for _ in range(days):
        window = Counts()
        for each in past[-29:]:
            window += each
        budget.new_day(window)
        while budget.today.served < 800:
            budget.to_come = 800 - budget.today.served if closing_is_known else 0
            if draw.random() < 0.7 * worth * budget.price():
                for _ in range(draw.choice((1, 1, 1, 1, 2))):
                    budget.abandoned()
            else:
                budget.served()
        past.append(budget.today)
        over += budget.share() > 0.03
        abandoned += budget.today.abandoned
        answers += budget.today.abandoned + budget.today.served
    assert over <= days // 10
    assert 0.022 < abandoned / answers <= 0.03


def test_the_price_is_steadier_in_the_morning_than_before_closing():
    def fall(to_come):
        budget = Budget(BudgetRules())
        for _ in range(50):
            budget.served()
        budget.to_come = to_come
        before = budget.price()
        budget.abandoned()
        return budget.price() / before

    assert fall(to_come=20) < 0.8 * fall(to_come=700)


def test_at_closing_the_next_abandoned_call_must_be_within_the_limit():
    budget = Budget(BudgetRules())
    for _ in range(30):
        budget.served()
    assert budget.price() == 0
    budget.to_come = 500
    assert budget.price() > 0
