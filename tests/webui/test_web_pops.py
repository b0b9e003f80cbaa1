"""Which calls stand on which agent's screen, from events alone."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from acd.events import (
    AgentChanged,
    CallAnswered,
    CallEnded,
    CallIdentified,
    CallOffered,
    OfferFailed,
    PhoneRinging,
    Reason,
)
from webui.pops import CallFacts, PopBook, Touched

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CALL = "c" * 32
OFFERED = CallOffered(CALL, "north", 1, (Reason("longest_idle"),), NOW)


class Records:
    """The calls' records, as the ACD keeps them."""

    def __init__(self) -> None:
        self.calls = {CALL: CallFacts(CALL, caller="13800138000", queue="north")}

    def __call__(self, call_id: str) -> CallFacts | None:
        return self.calls.get(call_id)


def agent(state: str, call_id: str | None = None, agent_id: int = 1) -> AgentChanged:
    return AgentChanged(agent_id, "a", "8001", state, None, call_id, NOW, None, ("north",), NOW)


def book(*events: object) -> PopBook:
    made = PopBook(Records())
    for event in events:
        made.apply(event)
    return made


TALKING = (
    agent("ringing", CALL),
    OFFERED,
    PhoneRinging(CALL, 1, NOW),
    CallAnswered(CALL, 1, 3.0, NOW),
    agent("talking", CALL),
)


def test_a_pop_rises_with_the_offer_and_follows_the_telephone():
    seen = []
    pops = PopBook(Records())
    for event in TALKING:
        pops.apply(event)
        seen += [pop.state for pop in pops.pops(1).values()]
    assert seen == ["offered", "ringing", "talking", "talking"]
    assert pops.pops(1)[CALL].call.caller == "13800138000"


def test_an_offer_that_failed_leaves_the_screen_and_rises_on_the_next_one():
    pops = book(agent("ringing", CALL), OFFERED, OfferFailed(CALL, 1, "NOANSWER", NOW))
    assert not pops.pops(1)
    pops.apply(replace(OFFERED, agent_id=2))
    assert pops.viewers(CALL) == (2,)


def test_a_caller_who_gives_up_while_the_telephone_rings_leaves_no_pop():
    pops = book(agent("ringing", CALL), OFFERED, agent("ready"))
    assert not pops.pops(1)


def test_an_answered_pop_stays_through_wrap_up_and_goes_after_it():
    pops = book(*TALKING)
    assert pops.apply(CallEnded(CALL, "answered", 1, NOW)) == (Touched(1, CALL),)
    assert pops.pops(1)[CALL].state == "ended"
    assert pops.apply(agent("wrap_up", CALL)) == ()
    assert pops.apply(agent("ready")) == (Touched(1, CALL),)
    assert not pops.viewers(CALL)


def test_a_pop_ends_with_the_talk_though_the_call_goes_on_into_a_survey():
    pops = book(*TALKING, agent("wrap_up", CALL))
    assert pops.pops(1)[CALL].state == "ended"
    pops.apply(agent("ready"))
    assert pops.apply(CallEnded(CALL, "answered", 1, NOW)) == ()


def test_who_becomes_known_later_becomes_known_in_the_pop():
    records = Records()
    pops = PopBook(records)
    pops.apply(OFFERED)
    records.calls[CALL] = replace(records.calls[CALL], customer_id=7, customer_name="滨海")
    told = pops.apply(CallIdentified(CALL, 7, "滨海", None, None, None, None, NOW))
    assert told == (Touched(1, CALL),)
    assert pops.pops(1)[CALL].call.customer_id == 7
    assert pops.calls_of(7) == (CALL,)


def test_a_customer_entered_after_the_call_is_linked_to_the_pop_that_still_stands():
    pops = book(*TALKING, CallEnded(CALL, "answered", 1, NOW))
    assert pops.link(CALL, 9, "新客户") == (Touched(1, CALL),)
    shown = pops.shown(CALL)
    assert shown is not None
    assert shown.customer_id == 9


calls = st.sampled_from(["1" * 32, "2" * 32])
agents = st.integers(1, 2)
events = st.one_of(
    st.builds(CallOffered, calls, st.just("north"), agents, st.just(()), st.just(NOW)),
    st.builds(PhoneRinging, calls, agents, st.just(NOW)),
    st.builds(OfferFailed, calls, agents, st.just("BUSY"), st.just(NOW)),
    st.builds(CallAnswered, calls, agents, st.just(1.0), st.just(NOW)),
    st.builds(CallEnded, calls, st.just("answered"), st.none(), st.just(NOW)),
    st.builds(
        agent,
        st.sampled_from(["ready", "ringing", "talking", "wrap_up", "offline"]),
        st.one_of(st.none(), calls),
        agents,
    ),
)


@given(st.lists(events, max_size=30))
def test_whatever_happens_every_difference_is_told_and_a_ready_agent_has_no_pop(happened: list):
    pops = PopBook(Records())
    for event in happened:
        before = {number: dict(pops.pops(number)) for number in (1, 2)}
        told = {(each.agent_id, each.call_id) for each in pops.apply(event)}
        after = {number: dict(pops.pops(number)) for number in (1, 2)}
        different = {
            (number, call_id)
            for number in (1, 2)
            for call_id in before[number].keys() | after[number].keys()
            if before[number].get(call_id) != after[number].get(call_id)
        }
        assert different <= told
        if isinstance(event, AgentChanged) and event.state == "ready" and not event.call_id:
            assert not after[event.agent_id]
        for number in (1, 2):
            for call_id in after[number]:
                assert number in pops.viewers(call_id)
