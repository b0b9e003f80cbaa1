"""What an event does to a waybill and its order: the tables, against every sequence. No database."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.delivery.codes import EventCode, Outcome, State
from orders.delivery.tracking import order_path, step
from orders.sales.flow import MOVES, Status

ENDS = {EventCode.DELIVERED, EventCode.REFUSED, EventCode.LOST, EventCode.RETURNED}


def followed(codes) -> tuple[State, list[Outcome]]:
    state, outcomes = State.CREATED, []
    for code in codes:
        done = step(state, code, older=False)
        outcomes.append(done.outcome)
        state = done.state or state
    return state, outcomes


@given(st.lists(st.sampled_from(EventCode), max_size=12))
def test_the_same_word_twice_changes_nothing_more(codes):
    once, _ = followed(codes)
    twice, _ = followed([code for each in codes for code in (each, each)])
    assert once == twice


@given(st.permutations([*EventCode][:4]), st.sampled_from(sorted(ENDS)), st.integers(0, 4))
def test_words_of_the_way_in_any_order_do_not_hide_how_it_ended(way, end, place):
    state, outcomes = followed([*way[:place], end])
    assert state == end.value
    late, _ = followed([*way[:place], end, *way[place:]])
    assert late == state or end is EventCode.LOST
    assert Outcome.CONFLICT not in outcomes


@given(st.lists(st.sampled_from(EventCode), max_size=12))
def test_a_conflict_changes_nothing_and_an_end_stays_the_end(codes):
    state = State.CREATED
    for code in codes:
        done = step(state, code, older=False)
        assert (done.state is not None) == (done.outcome is Outcome.APPLIED)
        if state in (State.DELIVERED, State.RETURNED, State.VOID):
            assert done.state is None
        state = done.state or state


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ("delivered refused", "conflict"),
        ("refused delivered", "conflict"),
        ("refused returned", "applied"),
        ("returned refused", "noted"),
        ("lost delivered", "applied"),
        ("lost in_transit", "applied"),
        ("delivered in_transit", "noted"),
    ],
)
def test_what_may_follow_what(said: str, ends: str):
    _, outcomes = followed(map(EventCode, said.split()))
    assert outcomes[-1] == ends


def test_what_was_said_before_the_loss_does_not_find_the_parcel():
    assert step(State.LOST, EventCode.IN_TRANSIT, older=True) == step(
        State.LOST, EventCode.LOST, older=False
    )


def test_a_void_waybill_answers_every_word_with_a_conflict():
    assert {step(State.VOID, code, older=False).outcome for code in EventCode} == {Outcome.CONFLICT}


@pytest.mark.parametrize(("status", "state"), list(itertools.product(Status, State)))
def test_an_order_follows_only_along_its_own_table(status: Status, state: State):
    path = order_path(status, state)
    if path is None:
        return
    for origin, to in itertools.pairwise((status, *path)):
        assert (origin, to) in MOVES
    if state is State.DELIVERED:
        end = path[-1] if path else status
        assert end in (Status.DELIVERED, Status.SETTLED, Status.EXCHANGED)


def test_an_order_that_was_cancelled_follows_no_parcel():
    for state in (State.IN_TRANSIT, State.DELIVERED, State.REFUSED):
        assert order_path("cancelled", state) is None
    assert order_path("delivered", State.REFUSED) is None
    assert order_path("picking", State.DELIVERED) == ("shipped", "in_transit", "delivered")
    assert order_path("picking", State.REFUSED) == ("shipped", "refused")
