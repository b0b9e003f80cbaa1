"""Start-up, resynchronisation and the fate of originated calls, against a peer over a real socket."""

import asyncio
import dataclasses
from datetime import UTC, datetime

import pytest

from ami_bridge.commands import Originate
from ami_bridge.events import (
    AsteriskEvent,
    BridgeEntered,
    ChannelCreated,
    ChannelHungUp,
    ChannelRenamed,
    ChannelState,
    DeviceChanged,
    DialBegun,
    DialEnded,
    DtmfReceived,
    LinkDown,
    LinkUp,
)
from ami_bridge.nodes import AsteriskNodes
from ami_bridge.originations import Originated, OriginateFailed
from tests.ami_bridge.fake_asterisk import (
    FakeAsterisk,
    Listening,
    channel_event,
    event,
    quick_node,
    until,
)


def originate(timeout_s: float = 5) -> Originate:
    return Originate(channel="PJSIP/1@trunk", channel_id="c1", context="out", timeout_s=timeout_s)


async def test_the_link_begins_with_the_list_of_channels_and_our_call_ids():
    async with FakeAsterisk() as peer:
        peer.channels = [
            channel_event(
                "Status",
                "9.1",
                "Up",
                CallerIDNum="13800138000",
                Variable="ZJ_CALL=abc",
                Seconds="7",
            )
        ]
        async with Listening(peer) as ours:
            await until(lambda: ours.client.connected)
            (up,) = ours.heard
            assert isinstance(up, LinkUp)
            (channel,) = up.channels
            assert channel.call_id == "abc"
            assert channel.state == "up"
            assert channel.caller == "13800138000"
            assert channel.seconds == 7
            assert peer.named("Status")[0].get("Variables") == "ZJ_CALL"


async def test_a_channel_without_our_variable_has_no_call_id():
    async with FakeAsterisk() as peer:
        peer.channels = [channel_event("Status", "9.1", "Up", Variable="ZJ_CALL=(null)")]
        async with Listening(peer) as ours:
            await until(lambda: ours.client.connected)
            (up,) = ours.heard
            assert isinstance(up, LinkUp)
            assert up.channels[0].call_id is None


async def test_events_during_the_listing_follow_after_it_in_order():
    async with FakeAsterisk() as peer:
        peer.channels = [channel_event("Status", "9.1", "Up")]
        peer.after_status = lambda: peer.say(
            channel_event("Newchannel", "9.2"), channel_event("Hangup", "9.1")
        )
        async with Listening(peer) as ours:
            await until(lambda: len(ours.heard) == 3)
            assert [type(heard) for heard in ours.heard] == [LinkUp, ChannelCreated, ChannelHungUp]


async def test_coming_back_is_the_same_as_starting_up():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.channels = [channel_event("Status", "9.1", "Up")]
        peer.drop()
        await until(lambda: len(ours.of(LinkUp)) == 2)
        assert [type(heard) for heard in ours.heard] == [LinkUp, LinkDown, LinkUp]
        again = ours.heard[2]
        assert isinstance(again, LinkUp)
        assert [channel.uniqueid for channel in again.channels] == ["9.1"]
        logins = [message.get("Action") for message in peer.received if message.get("Secret")]
        assert logins == ["Login", "Login"]


async def test_what_was_received_before_the_link_fell_is_delivered_before_link_down():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.say(*(channel_event("Newchannel", str(number)) for number in range(500)))
        for writer in peer._writers:
            writer.close()
        await until(lambda: ours.of(LinkDown))
        kinds = [type(heard) for heard in ours.heard[: ours.heard.index(ours.of(LinkDown)[0])]]
        assert kinds == [LinkUp] + [ChannelCreated] * 500


async def test_nothing_is_polled():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: peer.count("Ping") > 3)
        assert ours.client.connected
        assert peer.count("Status") == 1


async def test_closing_tells_link_down_once_and_ends_the_connection():
    async with FakeAsterisk() as peer:
        async with Listening(peer) as ours:
            await until(lambda: ours.client.connected)
        assert [type(heard) for heard in ours.heard] == [LinkUp, LinkDown]
        assert not ours.client.connected
        await ours.client.close()


def typed(name: str, **headers: str) -> bytes:
    return event(name, **{"Channel": "PJSIP/8001-1", "Uniqueid": "1", "Linkedid": "0"} | headers)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            typed(
                "Newchannel",
                ChannelStateDesc="Ring",
                CallerIDNum="<unknown>",
                Exten="700",
                Context="from-trunk",
                ChanVariable="ZJ_CALL=abc",
            ),
            ChannelCreated(
                node="pbx1",
                at=datetime.min.replace(tzinfo=UTC),
                channel="PJSIP/8001-1",
                uniqueid="1",
                linkedid="0",
                state="ring",
                caller=None,
                exten="700",
                context="from-trunk",
                call_id="abc",
            ),
        ),
        (typed("Newstate", ChannelStateDesc="Ringing"), {"state": "ringing", "call_id": None}),
        (typed("Rename", Newname="PJSIP/x"), {"new_channel": "PJSIP/x"}),
        (
            typed("DialBegin", DestChannel="d", DestUniqueid="2", DialString="8001"),
            {"dest_channel": "d", "dest_uniqueid": "2", "dial_string": "8001"},
        ),
        (typed("DialEnd", DestChannel="d", DialStatus="BUSY"), {"status": "BUSY"}),
        (typed("BridgeEnter", BridgeUniqueid="b"), {"bridge_id": "b", "linkedid": "0"}),
        (
            typed("Hangup", **{"Cause": "17", "Cause-txt": "User busy", "TechCause": "SIP 486"}),
            {"cause": 17, "cause_text": "User busy", "tech_cause": "SIP 486"},
        ),
        (typed("Hangup", Cause="?"), {"cause": 0, "tech_cause": None}),
        (typed("DTMFEnd", Direction="Received", Digit="5"), {"digit": "5"}),
        (
            event("DeviceStateChange", Device="PJSIP/8001", State="NOT_INUSE"),
            {"device": "PJSIP/8001", "reachable": True},
        ),
    ],
)
async def test_each_event_is_read(said: bytes, expected: object):
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.say(
            typed("VarSet", Variable="SIPDOMAIN", Value="x"),
            typed("DTMFEnd", Direction="Sent", Digit="5"),
            typed("RTCPSent"),
            said,
        )
        await until(lambda: len(ours.heard) == 2)
        heard = ours.heard[1]
        assert heard.node == "pbx1"
        assert heard.at.tzinfo is not None
        if isinstance(expected, AsteriskEvent):
            assert dataclasses.replace(heard, at=expected.at) == expected
        else:
            assert isinstance(expected, dict)
            assert {name: getattr(heard, name) for name in expected} == expected


def test_every_event_type_is_frozen_and_carries_node_and_time():
    for kind in (
        BridgeEntered,
        ChannelRenamed,
        ChannelState,
        DeviceChanged,
        DialBegun,
        DialEnded,
        DtmfReceived,
    ):
        assert [field.name for field in dataclasses.fields(kind)][:2] == ["node", "at"]
        assert kind.__dataclass_params__.frozen


async def test_the_verdict_and_the_channels_end_together_tell_why_a_call_failed():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        verdict = event(
            "OriginateResponse", ActionID="originate-c1", Response="Failure", Reason="5"
        )
        end = channel_event("Hangup", "c1", Cause="17", TechCause="SIP 486 Busy Here")
        for parts in ((verdict, end), (end, verdict)):
            asked = asyncio.create_task(ours.client.originate(originate()))
            seen = peer.count("Originate")
            await until(lambda seen=seen: peer.count("Originate") > seen)
            peer.say(channel_event("Newchannel", "c1", "Down"), *parts)
            assert await asked == OriginateFailed("c1", "busy", 17, "SIP 486 Busy Here")


async def test_a_verdict_without_a_channel_is_believed_at_once():
    async with FakeAsterisk() as peer, Listening(peer, fate_grace_s=60.0) as ours:
        await until(lambda: ours.client.connected)
        peer.on_action["Originate"] = lambda _: peer.say(
            event("OriginateResponse", ActionID="originate-c1", Response="Failure", Reason="0")
        )
        assert await ours.client.originate(originate()) == OriginateFailed("c1", "failed")


async def test_a_channel_that_ends_without_a_verdict_is_enough():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.on_action["Originate"] = lambda _: peer.say(
            channel_event("Newchannel", "c1", "Down"), channel_event("Hangup", "c1", Cause="19")
        )
        assert await ours.client.originate(originate()) == OriginateFailed("c1", "hung_up", 19)


async def test_a_channel_that_goes_up_is_answered():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.on_action["Originate"] = lambda _: peer.say(channel_event("Newstate", "c1", "Up"))
        assert await ours.client.originate(originate()) == Originated("c1", "PJSIP/trunk-c1")


async def test_a_call_still_ringing_after_the_link_came_back_is_waited_for():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        asked = asyncio.create_task(ours.client.originate(originate()))
        await until(lambda: peer.count("Originate"))
        peer.channels = [channel_event("Status", "c1", "Ringing")]
        peer.drop()
        await until(lambda: len(ours.of(LinkUp)) == 2)
        peer.say(event("OriginateResponse", ActionID="originate-c1", Response="Success"))
        assert isinstance(await asked, Originated)
        assert peer.count("Originate") == 1


async def test_a_call_whose_fate_nobody_tells_is_unknown_at_its_deadline():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        assert await ours.client.originate(originate(0.05)) == OriginateFailed("c1", "unknown")


@pytest.mark.parametrize("late", [False, True])
async def test_a_call_that_an_earlier_program_asked_for_is_followed_to_its_fate(late: bool):
    async with FakeAsterisk() as peer:
        peer.channels = [channel_event("Status", "zj-1", "Ringing")]
        async with Listening(peer) as ours:
            if late:
                await until(lambda: ours.client.connected)
            asked = asyncio.create_task(ours.client.follow("zj-1", within_s=5))
            await until(lambda: ours.client.connected)
            peer.say(channel_event("Hangup", "zj-1", Cause="17"))
            assert await asked == OriginateFailed("zj-1", "hung_up", 17)
            assert peer.count("Originate") == 0


@pytest.mark.parametrize("late", [False, True])
async def test_of_a_call_that_is_answered_or_gone_before_anybody_looks_is_told_at_once(late: bool):
    async with FakeAsterisk() as peer:
        peer.channels = [channel_event("Status", "zj-1", "Up")]
        async with Listening(peer) as ours:
            if late:
                await until(lambda: ours.client.connected)
            fates = await asyncio.gather(
                *(ours.client.follow(each, within_s=60) for each in ("zj-1", "zj-2"))
            )
            assert fates == [
                Originated("zj-1", "PJSIP/trunk-zj-1"),
                OriginateFailed("zj-2", "unknown"),
            ]


async def test_a_device_is_told_when_it_comes_and_when_it_goes():
    async with FakeAsterisk() as peer:
        peer.devices = {"PJSIP/8001": "NOT_INUSE", "PJSIP/8002": "UNAVAILABLE"}
        async with Listening(peer) as ours:
            await until(lambda: len(ours.of(DeviceChanged)) == 2)
            for state in ("RINGING", "INUSE", "UNAVAILABLE", "INVALID", "BUSY", "ONHOLD"):
                peer.say(event("DeviceStateChange", Device="PJSIP/8001", State=state))
            await until(lambda: len(ours.of(DeviceChanged)) == 4)
            told = [(e.device, e.reachable) for e in ours.of(DeviceChanged)]
            assert told == [
                ("PJSIP/8001", True),
                ("PJSIP/8002", False),
                ("PJSIP/8001", False),
                ("PJSIP/8001", True),
            ]


@pytest.mark.parametrize("state", ["UNAVAILABLE", None])
async def test_a_device_lost_while_the_link_was_down_is_told_after_it(state: str | None):
    async with FakeAsterisk() as peer:
        peer.devices = {"PJSIP/8001": "NOT_INUSE"}
        async with Listening(peer) as ours:
            await until(lambda: ours.of(DeviceChanged))
            peer.devices = {"PJSIP/8001": state} if state else {}
            peer.drop()
            await until(lambda: len(ours.of(DeviceChanged)) == 2)
            lost = ours.of(DeviceChanged)[1]
            assert isinstance(lost, DeviceChanged)
            assert not lost.reachable


async def test_a_node_that_is_away_disturbs_no_other():
    heard: list[AsteriskEvent] = []
    async with FakeAsterisk() as here, FakeAsterisk() as away:
        away.ignored.add("Login")
        settings = [
            dataclasses.replace(quick_node(here.port), name="here"),
            dataclasses.replace(quick_node(away.port), name="away"),
        ]
        nodes = AsteriskNodes(settings, on_event=heard.append)
        await nodes.start()
        await until(lambda: nodes.client("here").connected)
        assert nodes.connected == {"here": True, "away": False}
        assert nodes.names == ("here", "away")
        assert [found.node for found in heard] == ["here"]
        await nodes.close()


def test_two_nodes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same name"):
        AsteriskNodes([quick_node(1), quick_node(2)], on_event=lambda _: None)


def test_the_secret_is_not_shown():
    assert "s3cret" not in repr(quick_node(1))
