from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import DomainError, Forbidden, NotFound
from crm_core.rights import SYSTEM
from crm_core.todos import rules
from crm_core.todos.commands import TodoKind, TodoState
from crm_core.todos.rules import PARTIES, STATES, Action, NotInThisState
from crm_core.todos.views import TodoView
from tests.crm_core.crm_core_support import person

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODO = TodoView(
    id=1,
    title="回访",
    note=None,
    customer_id=None,
    customer_name=None,
    call_id=None,
    kind="task",
    priority="normal",
    due_at=NOW,
    overdue=False,
    alarm_before_min=0,
    escalate_after_min=30,
    assignee_id=2,
    assignee_name="王",
    creator_id=3,
    creator_name="赵",
    state="open",
    source_kind=None,
    source_reference=None,
    snoozes=0,
    completion_note=None,
    alarm_at=NOW,
    escalate_at=NOW,
    alarmed_at=None,
    escalated_at=None,
    closed_at=None,
    closed_by_id=None,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)

people = st.sampled_from((1, 2, 3, 4))
roles = st.sampled_from(("agent", "supervisor", "operations"))
todos = st.builds(
    lambda assignee, creator, kind, state, customer: replace(
        TODO,
        assignee_id=assignee,
        creator_id=creator,
        kind=kind,
        state=state,
        customer_id=customer,
    ),
    people,
    st.none() | people,
    st.sampled_from(TodoKind),
    st.sampled_from(TodoState),
    st.none() | st.just(7),
)
moments = st.integers(0, 6_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
leads = st.integers(0, 10_080)


def outcome(actor, todo, action):
    try:
        rules.check(actor, todo, action)
    except DomainError as refused:
        return type(refused)
    return None


@given(todos, people, roles, st.sampled_from(Action))
def test_an_action_is_allowed_exactly_to_its_parties_and_supervisors_in_its_states(
    todo, user_id, role, action
):
    actor = person(role, user_id)
    ended = outcome(actor, todo, action)
    sides = rules.parties(todo, user_id)
    supervises = role == "supervisor"
    if not rules.may_see(actor, todo):
        assert ended is NotFound
        assert not supervises
        assert not sides
    elif not supervises and not sides & PARTIES[action]:
        assert ended is Forbidden
    elif TodoState(todo.state) not in STATES[action]:
        assert ended is NotInThisState
    else:
        assert ended is None


@given(todos, people, roles)
def test_a_note_to_a_supervisor_is_seen_by_its_two_sides_and_supervisors_only(todo, user_id, role):
    note = replace(todo, kind=TodoKind.NOTE_TO_SUPERVISOR)
    seen = rules.may_see(person(role, user_id), note)
    assert seen == (role == "supervisor" or user_id in {note.assignee_id, note.creator_id})


@given(todos)
def test_somebody_may_end_every_open_to_do_and_reopen_every_other(todo):
    supervisor = person("supervisor", 99)
    actions = {action for action in Action if outcome(supervisor, todo, action) is None}
    is_open = todo.state == "open"
    assert actions == (set(Action) - {Action.REOPEN} if is_open else {Action.REOPEN})
    assert outcome(SYSTEM, todo, Action.REOPEN) is (NotInThisState if is_open else None)


@given(people, people, roles, st.sampled_from(TodoKind))
def test_others_are_given_to_dos_by_supervisors_but_notes_by_anybody(giver, taker, role, kind):
    free = giver == taker or role == "supervisor" or kind is TodoKind.NOTE_TO_SUPERVISOR
    if free:
        rules.check_gives(person(role, giver), kind, taker)
    else:
        with pytest.raises(Forbidden):
            rules.check_gives(person(role, giver), kind, taker)


@given(moments, leads, st.integers(1, 10_080), st.timedeltas(timedelta(seconds=1), timedelta(30)))
def test_after_a_snooze_the_alarm_lies_ahead_and_not_after_the_due_time(due, lead, after, ahead):
    now = due - ahead
    planned = rules.after_snooze(due, lead, after, now)
    assert now < planned.alarm_at <= due < planned.escalate_at
    assert planned.alarm_at in {due, due - timedelta(minutes=lead)}


@given(moments, leads, st.integers(1, 10_080))
def test_the_moments_lie_their_minutes_before_and_after_the_due_time(due, lead, after):
    planned = rules.moments(due, lead, after)
    assert due - planned.alarm_at == timedelta(minutes=lead)
    assert planned.escalate_at - due == timedelta(minutes=after)
