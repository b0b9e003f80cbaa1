"""panoramisk's faults, each against a hostile peer over a real socket; none may be here.

The FastAGI ones (a peer that leaves early, replies out of step, hang-up read as a code) are in
test_fastagi.py.
"""

import asyncio
import contextlib
import socket
import struct

import pytest
import uvloop

from ami_bridge.client import AmiClient
from ami_bridge.commands import Hangup, Originate, Ping, QueueAdd
from ami_bridge.errors import ActionRefused, ActionTimedOut, LinkDown, UnsafeValue
from ami_bridge.events import ChannelCreated, ChannelHungUp, LinkUp
from ami_bridge.events import LinkDown as LinkWentDown
from ami_bridge.originations import Originated, OriginateFailed
from tests.ami_bridge.fake_asterisk import (
    FakeAsterisk,
    Listening,
    channel_event,
    event,
    quick_node,
    until,
)


def originate(channel_id: str = "call-1") -> Originate:
    return Originate(
        channel="PJSIP/13800138000@trunk", channel_id=channel_id, context="out", timeout_s=2
    )


async def test_fault_2_a_character_split_over_two_segments_is_kept():
    name = "王小明".encode()
    async with FakeAsterisk() as peer, Listening(peer, ping_interval_s=60.0) as ours:
        await until(lambda: ours.client.connected)
        link = ours.client._link
        assert link is not None
        peer.say(b"Event: Newchannel\r\nUniqueid: 1\r\nExten: " + name[:4])
        await until(lambda: link._framer._rest.endswith(name[:4]))
        peer.say(name[4:] + b"\r\n\r\n")
        await until(lambda: ours.of(ChannelCreated))
        (created,) = ours.of(ChannelCreated)
        assert isinstance(created, ChannelCreated)
        assert created.exten == "王小明"


@pytest.mark.parametrize("sign", ["\r\nAction: Command\r\n\r\n", "\n", "\r", "\0"])
async def test_fault_3_a_line_break_in_a_value_sends_nothing(sign: str):
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        with pytest.raises(UnsafeValue):
            await ours.client.send(QueueAdd(queue="a" + sign, interface="PJSIP/1"))
        await ours.client.send(Ping())
        assert not peer.count("QueueAdd")
        assert not peer.count("Command")


async def test_fault_4_an_originate_that_fails_leaves_the_link_up():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.refused["Originate"] = "Originate failed"
        assert await ours.client.originate(originate()) == OriginateFailed("call-1", "refused")
        assert ours.client.connected
        assert peer.connections == 1


async def test_fault_5_an_originate_in_flight_when_the_link_falls_is_never_sent_again():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.ignored.add("Originate")
        asked = asyncio.create_task(ours.client.originate(originate()))
        await until(lambda: peer.count("Originate"))
        peer.drop()
        await until(lambda: len(ours.of(LinkUp)) == 2)
        assert await asked == OriginateFailed("call-1", "unknown")
        peer.drop()
        await until(lambda: len(ours.of(LinkUp)) == 3)
        assert peer.count("Originate") == 1


async def test_fault_5_the_fate_of_that_call_is_found_in_the_list_of_channels():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.ignored.add("Originate")
        asked = asyncio.create_task(ours.client.originate(originate()))
        await until(lambda: peer.count("Originate"))
        peer.channels = [channel_event("Status", "call-1", "Up")]
        peer.drop()
        assert await asked == Originated("call-1", "PJSIP/trunk-call-1")
        assert peer.count("Originate") == 1


async def test_fault_6_an_action_without_answer_ends_at_its_deadline_and_leaves_nothing():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.ignored.add("Hangup")
        with pytest.raises(ActionTimedOut):
            await ours.client.send(Hangup(channel="PJSIP/1"), deadline_s=0.05)
        link = ours.client._link
        assert link is not None
        await until(lambda: link.waiting == 0)


async def test_fault_6_a_cancelled_action_leaves_nothing():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.ignored.add("Hangup")
        asked = asyncio.create_task(ours.client.send(Hangup(channel="PJSIP/1")))
        await until(lambda: peer.count("Hangup"))
        asked.cancel()
        link = ours.client._link
        assert link is not None
        await until(lambda: link.waiting == 0)


async def test_fault_7_a_half_open_link_is_noticed_and_made_anew():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.ignored.add("Ping")
        await until(lambda: ours.of(LinkWentDown))
        peer.ignored.clear()
        await until(lambda: len(ours.of(LinkUp)) == 2)


async def test_fault_7_actions_waiting_on_a_dead_link_fail_with_it():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.ignored |= {"Ping", "Hangup"}
        with pytest.raises(LinkDown) as raised:
            await ours.client.send(Hangup(channel="PJSIP/1"), deadline_s=10)
        assert raised.value.sent


async def test_fault_8_a_handler_that_raises_keeps_the_link_and_the_order():
    async with FakeAsterisk() as peer:
        ours = Listening(peer)

        def hear(heard: object) -> None:
            ours.heard.append(heard)
            if isinstance(heard, ChannelCreated):
                raise ZeroDivisionError

        ours.client._on_event = hear
        async with ours:
            await until(lambda: ours.client.connected)
            for number in range(8):
                peer.say(
                    channel_event("Newchannel", str(number)), channel_event("Hangup", str(number))
                )
            await until(lambda: len(ours.of(ChannelHungUp)) == 8)
            heard = ours.of(ChannelCreated, ChannelHungUp)
            expected = [(kind, str(n)) for n in range(8) for kind in ("Created", "HungUp")]
            assert [(type(e).__name__[7:], e.uniqueid) for e in heard] == expected
            assert peer.connections == 1


async def test_fault_8_events_without_end_are_bounded_counted_and_followed_by_the_truth():
    async with FakeAsterisk() as peer, Listening(peer, queue_limit=100) as ours:
        await until(lambda: ours.client.connected)
        peer.channels = [channel_event("Status", "still-here", "Up")]
        peer.say(b"".join(channel_event("Newchannel", str(n)) for n in range(300)))
        await until(lambda: len(ours.of(LinkUp)) == 2)
        assert ours.client.dropped > 0
        assert peer.connections == 1
        again = ours.of(LinkUp)[1]
        assert isinstance(again, LinkUp)
        assert [channel.uniqueid for channel in again.channels] == ["still-here"]
        await until(lambda: ours.client.lag == 0)


async def test_fault_10_before_the_first_connection_a_plain_refusal_is_raised():
    peer = FakeAsterisk()
    await peer.listen()
    await peer.stop()
    async with Listening(peer) as ours:
        with pytest.raises(LinkDown) as raised:
            await ours.client.send(Ping())
        assert not raised.value.sent
        assert await ours.client.originate(originate()) == OriginateFailed("call-1", "link_down")
        await peer.listen()
        await until(lambda: ours.client.connected)
        await ours.client.send(Ping())
        await peer.stop()


async def test_fault_11_a_peer_that_never_says_fully_booted_is_used_all_the_same():
    async with FakeAsterisk() as peer:
        peer.booted = False
        async with Listening(peer) as ours:
            await until(lambda: ours.client.connected)
            await ours.client.send(Ping())


async def test_fault_11_a_late_fully_booted_is_waited_for_before_channels_are_listed():
    async with FakeAsterisk() as peer:
        peer.booted = False
        async with Listening(peer, booted_deadline_s=10.0) as ours:
            await until(lambda: peer.count("Login"))
            peer.say(event("FullyBooted"))
            await until(lambda: ours.client.connected)


async def test_a_wrong_secret_is_tried_again_and_never_counts_as_connected():
    async with FakeAsterisk() as peer:
        peer.refused["Login"] = "Authentication failed"
        async with Listening(peer) as ours:
            await until(lambda: peer.count("Login") >= 3)
            assert not ours.client.connected
            assert not ours.heard
            peer.refused.clear()
            await until(lambda: ours.client.connected)


async def test_a_log_in_that_is_never_answered_is_tried_again():
    async with FakeAsterisk() as peer:
        peer.ignored.add("Login")
        async with Listening(peer, login_deadline_s=0.05) as ours:
            await until(lambda: peer.connections >= 2)
            peer.ignored.clear()
            await until(lambda: ours.client.connected)


async def test_a_list_of_channels_that_never_ends_is_asked_for_anew():
    async with FakeAsterisk() as peer:
        peer.ignored.add("Status")
        async with Listening(peer, list_deadline_s=0.05) as ours:
            await until(lambda: peer.connections >= 2)
            peer.ignored.clear()
            await until(lambda: ours.client.connected)


async def test_an_answer_to_nobodys_question_disturbs_nothing():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.say(b"Response: Success\r\nActionID: somebody-else\r\n\r\n\r\n\r\nnonsense\r\n\r\n")
        await ours.client.send(Ping())
        assert peer.connections == 1


async def test_a_refusal_carries_asterisks_words():
    async with FakeAsterisk() as peer, Listening(peer) as ours:
        await until(lambda: ours.client.connected)
        peer.refused["Hangup"] = "No such channel"
        with pytest.raises(ActionRefused, match="No such channel"):
            await ours.client.send(Hangup(channel="PJSIP/1"))


async def test_a_peer_that_resets_every_connection_at_once_is_tried_again_and_again():
    """On uvloop, as the daemon runs: there, writing to a connection that is gone raises."""
    attempts = 0

    def reset(listening: socket.socket) -> None:
        nonlocal attempts
        with contextlib.suppress(OSError):
            while True:
                made, _ = listening.accept()
                attempts += 1
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                made.close()

    async def keep_trying(port: int) -> None:
        node = quick_node(port, reconnect_first_s=0.001, reconnect_most_s=0.001)
        client = AmiClient(node, on_event=lambda _: None)
        await client.start()
        try:
            await until(lambda: attempts >= 500)
        finally:
            await client.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = asyncio.create_task(asyncio.to_thread(reset, listening))
        try:
            await asyncio.to_thread(uvloop.run, keep_trying(listening.getsockname()[1]))
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            await peer
