"""How many calls are begun and given up, tried on any floor, any knowledge and any budget."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing.reported import Agent, Ringing
from tests.dialer.pacing_floors import NOW, OFTEN, floor, floors, pacer, pacers


@given(floors, pacers)
def test_nothing_is_dialled_from_the_moment_the_last_agent_leaves(there, pacing):
    leaving = tuple(replace(agent, leaves=True) for agent in there.agents if agent.state != "idle")
    decision = pacing.decide(replace(there, agents=leaving), NOW)
    assert (decision.n_dial, decision.why.mode) == (0, "nobody_there")


@given(floors, pacers)
def test_no_cap_is_ever_passed(there, pacing):
    decision = pacing.decide(there, NOW)
    assert 0 <= decision.n_dial <= min(there.lines_free, there.starts_left, len(there.upcoming))


@given(floors, pacers)
def test_only_calls_that_rang_their_least_time_are_given_up(there, pacing):
    decision = pacing.decide(there, NOW)
    began = {call.call_id: call.started_at for call in there.ringing}
    assert all(NOW - began[call_id] >= 15 for call_id in decision.cancel)
    assert not (decision.cancel and decision.n_dial)


@pytest.mark.parametrize("spent", [{"limit": 0.0}, {"abandoned": 40}, {"calls": 10}])
@given(there=floors)
def test_without_a_price_each_idle_agent_gets_one_call(spent, there):
    decision = pacer(**spent).decide(there, NOW)
    idle = sum(agent.state == "idle" for agent in there.agents)
    taken = len(there.ringing) + there.waiting + there.inbound_waiting
    assert decision.why.accepted == 0
    assert decision.n_dial <= max(0, idle - taken)


def test_progressive_fills_every_idle_agent():
    assert pacer(limit=0).decide(floor(idle=4, talking=3, ringing=1), NOW).n_dial == 3


@given(floors, pacers, st.integers(1, 5))
def test_more_idle_agents_never_mean_fewer_calls(there, pacing, more):
    pacing.decide(there, NOW)
    fewer = pacing.decide(there, NOW).n_dial
    idle = (Agent("idle", NOW - 1),) * more
    assert pacing.decide(replace(there, agents=(*there.agents, *idle)), NOW).n_dial >= fewer


@given(floors, pacers)
def test_the_same_floor_gives_the_same_decision(there, pacing):
    assert pacing.decide(there, NOW) == pacing.decide(there, NOW)


@given(floors, pacers)
def test_who_waits_or_is_promised_an_agent_never_makes_it_dial_more(there, pacing):
    before = pacing.decide(there, NOW).n_dial
    for more in (
        replace(there, inbound_waiting=there.inbound_waiting + 1),
        replace(there, waiting=there.waiting + 1),
        replace(there, callbacks_due=(*there.callbacks_due, NOW + 1)),
    ):
        assert pacing.decide(more, NOW).n_dial <= before


def test_predictive_dials_ahead_of_agents_who_are_about_to_be_free():
    pacing = pacer()
    begun = pacing.decide(floor(idle=2, talking=20), NOW).n_dial
    assert begun > 2
    assert begun > pacing.decide(floor(idle=2, talking=0), NOW).n_dial


def test_agents_who_leave_after_their_call_are_not_counted_on():
    pacing, there = pacer(), floor(idle=1, talking=20)
    leaving = tuple(replace(agent, leaves=agent.state == "talking") for agent in there.agents)
    assert (
        pacing.decide(replace(there, agents=leaving), NOW).n_dial < pacing.decide(there, NOW).n_dial
    )


def test_calls_are_given_up_when_the_agents_they_were_for_are_gone():
    pacing = pacer()
    calls = tuple(Ringing(str(number), NOW - 10 - number, "a") for number in range(12))
    there = floor(idle=6, talking=10, ringing=0)
    assert not pacing.decide(replace(there, ringing=calls), NOW).cancel
    gone = replace(there, ringing=calls, agents=(Agent("talking", NOW - 3, "campaign"),))
    given_up = pacing.decide(gone, NOW).cancel
    assert given_up
    assert set(given_up) <= {str(number) for number in range(5, 12)}


def test_a_list_that_answers_well_is_dialled_less():
    pacing = pacer()
    for _ in range(300):
        pacing.known.answered("good", 10, 9)
        pacing.known.failed("poor", 10, 25)
    there = floor(idle=3, talking=10)
    good, poor = (
        pacing.decide(replace(there, upcoming=(name,) * 200), NOW).n_dial
        for name in ("good", "poor")
    )
    assert good < poor


def test_the_cap_that_held_is_named():
    pacing, there = pacer(), floor(idle=8, talking=10)
    assert pacing.decide(there, NOW).why.capped_by is None
    for more, cap in (
        ({"lines_free": 2}, "lines"),
        ({"starts_left": 1}, "starts"),
        ({"upcoming": OFTEN[:3]}, "list"),
    ):
        assert pacing.decide(replace(there, **more), NOW).why.capped_by == cap


def test_while_the_carrier_refuses_calls_one_is_tried_now_and_then():
    pacing, there = pacer(), floor(idle=8, talking=10)
    assert pacing.decide(there, NOW).n_dial > 1
    tried = 0
    for second in range(300):
        at = NOW + second
        decision = pacing.decide(there, at)
        assert decision.n_dial <= 1 or not second
        assert decision.why.capped_by == "carrier" or not second
        tried += decision.n_dial
        for _ in range(decision.n_dial):
            pacing.known.carrier.refused(at + 0.5)
    assert 5 < tried < 80
    pacing.known.failed("a", 10, 25)
    assert pacing.decide(there, NOW + 300).n_dial > 1


def test_an_agent_whom_callers_may_take_is_not_counted_on_once_the_room_is_used_up():
    pacing, there = pacer(abandoned=40), floor(idle=1)
    assert pacing.decide(there, NOW).n_dial == 1
    for number in range(100):
        pacing.known.inbound.came(NOW - 300 + 3 * number)
    assert pacing.decide(there, NOW).n_dial == 0
    many = floor(idle=10)
    assert 0 < pacing.decide(many, NOW).n_dial < 10
