from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.events import (
    AsteriskEvent,
    BridgeEntered,
    BridgeLeft,
    ChannelCreated,
    ChannelHungUp,
    ChannelRenamed,
    ChannelSnapshot,
    ChannelState,
    LinkUp,
)
from ami_bridge.live_calls import LiveCalls

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def created(uniqueid: str, linkedid: str, node: str = "a", call_id: str | None = None):
    return ChannelCreated(
        node, NOW, f"PJSIP/{uniqueid}", uniqueid, linkedid, "ring", None, "700", "x", call_id
    )


def hung_up(uniqueid: str, linkedid: str, node: str = "a"):
    return ChannelHungUp(node, NOW, f"PJSIP/{uniqueid}", uniqueid, linkedid, 16, "", None)


def snapshot(uniqueid: str, linkedid: str, node: str = "a"):
    return ChannelSnapshot(
        node, f"PJSIP/{uniqueid}", uniqueid, linkedid, "up", None, "", None, "id", 1
    )


def kept(*events: AsteriskEvent) -> LiveCalls:
    calls = LiveCalls()
    for event in events:
        calls.apply(event)
    return calls


def test_a_call_has_its_legs_in_order_and_ends_with_the_last():
    calls = kept(created("1", "1", call_id="abc"), created("2", "1"))
    call = calls.by_linkedid("1")
    assert call is not None
    assert [leg.uniqueid for leg in call.legs] == ["1", "2"]
    assert call.call_id == "abc"
    calls.apply(hung_up("1", "1"))
    calls.apply(hung_up("2", "1"))
    assert calls.calls() == ()


def test_a_leg_changes_with_its_channel():
    calls = kept(
        created("1", "1"),
        ChannelState("a", NOW, "PJSIP/1", "1", "1", "up", "abc"),
        ChannelRenamed("a", NOW, "PJSIP/1", "PJSIP/new", "1", "1"),
        BridgeEntered("a", NOW, "b1", "PJSIP/new", "1", "1"),
    )
    call = calls.by_linkedid("1", "a")
    assert call is not None
    (leg,) = call.legs
    assert (leg.state, leg.channel, leg.bridge_id) == ("up", "PJSIP/new", "b1")
    assert call.call_id == "abc"
    calls.apply(BridgeLeft("a", NOW, "b1", "PJSIP/new", "1", "1"))
    call = calls.by_linkedid("1")
    assert call is not None
    assert call.legs[0].bridge_id is None


def test_two_calls_that_meet_in_a_bridge_are_one():
    calls = kept(
        created("1", "1"), created("2", "2"), BridgeEntered("a", NOW, "b", "PJSIP/2", "2", "1")
    )
    assert calls.by_linkedid("2") is None
    call = calls.by_linkedid("1")
    assert call is not None
    assert [leg.uniqueid for leg in call.legs] == ["1", "2"]


def test_the_list_of_channels_replaces_what_was_believed_of_that_node_only():
    calls = kept(created("1", "1"), created("1", "1", node="b"))
    calls.apply(LinkUp("a", NOW, (snapshot("5", "5"),)))
    assert {(call.node, call.linkedid) for call in calls.calls()} == {("a", "5"), ("b", "1")}


@given(
    st.lists(
        st.builds(
            lambda make, leg, call: make(leg, call),
            st.sampled_from([created, hung_up]),
            st.sampled_from("12345"),
            st.sampled_from("AB"),
        )
    )
)
def test_no_call_is_empty_and_no_leg_is_in_two_calls(events: list[AsteriskEvent]):
    calls = kept(*events)
    legs = [leg.uniqueid for call in calls.calls() for leg in call.legs]
    assert all(call.legs for call in calls.calls())
    assert len(legs) == len(set(legs))


@given(
    st.lists(
        st.builds(
            lambda make, leg: make(leg, leg),
            st.sampled_from([created, hung_up]),
            st.sampled_from("123"),
        )
    )
)
def test_an_event_applied_twice_changes_nothing(events: list[AsteriskEvent]):
    once = kept(*events)
    twice = kept(*(event for event in events for _ in range(2)))
    assert once.calls() == twice.calls()
