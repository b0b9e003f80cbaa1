import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.complaints import flow
from crm_core.complaints.flow import HANDLED, MOVES, UNHANDLED, Action, MoveNotAllowed, State
from crm_core.errors import DomainError, Forbidden
from crm_core.rights import Right
from tests.crm_core.crm_core_support import person

states = st.sampled_from(State)
actions = st.sampled_from(Action)
roles = st.sampled_from(("agent", "supervisor", "operations"))
handlers = st.none() | st.sampled_from((1, 2))


def outcome(actor, state, handler_id, action):
    try:
        return flow.decide(actor, state, handler_id, action)
    except DomainError as refused:
        return type(refused)


@given(states, actions, roles, handlers)
def test_a_move_is_made_exactly_where_table_right_and_handler_allow_it(
    state, action, role, handler
):
    actor = person(role, 1)
    move = MOVES.get((state, action))
    manages = Right.COMPLAINT_MANAGE in actor.rights
    is_handler = handler == 1 or manages
    ended = outcome(actor, state, handler, action)
    if move is None:
        assert ended is MoveNotAllowed
    elif move.right not in actor.rights or (move.handler_only and not is_handler):
        assert ended is Forbidden
    else:
        assert ended == move


@given(states, roles, handlers)
def test_the_buttons_shown_are_the_moves_that_are_accepted(state, role, handler):
    actor = person(role, 1)
    accepted = {
        each for each in Action if isinstance(outcome(actor, state, handler, each), flow.Move)
    }
    assert set(flow.allowed(actor, state, handler)) == accepted


@given(states, actions)
def test_the_right_asked_for_first_never_refuses_what_the_table_allows(state, action):
    move = MOVES.get((state, action))
    if move is not None and move.right is Right.COMPLAINT_WORK:
        assert flow.right_for(action) is Right.COMPLAINT_WORK


@given(st.lists(actions, max_size=30))
def test_whatever_is_done_a_manager_can_bring_every_complaint_to_its_end(wanted):
    manager, state = person("supervisor", 1), State.OPEN
    for action in wanted:
        move = MOVES.get((state, action))
        state = move.to if move else state
    way_out = {
        State.OPEN: (Action.TAKE, Action.RESOLVE, Action.CLOSE),
        State.REOPENED: (Action.TAKE, Action.RESOLVE, Action.CLOSE),
        State.REJECTED: (Action.REOPEN, Action.TAKE, Action.RESOLVE, Action.CLOSE),
        State.IN_PROGRESS: (Action.RESOLVE, Action.CLOSE),
        State.RESOLVED: (Action.CLOSE,),
        State.CLOSED: (),
    }[state]
    for action in way_out:
        state = flow.decide(manager, state, 2, action).to
    assert state is State.CLOSED


def test_only_a_reopened_complaint_is_worked_on_again():
    assert set(State) == HANDLED | UNHANDLED
    for (origin, action), move in MOVES.items():
        if origin in HANDLED and move.to in UNHANDLED:
            assert (action, move.to) == (Action.REOPEN, State.REOPENED)


@pytest.mark.parametrize("state", State)
def test_what_is_handled_is_not_edited(state):
    if state in HANDLED:
        with pytest.raises(MoveNotAllowed):
            flow.check_unhandled(state)
    else:
        flow.check_unhandled(state)
