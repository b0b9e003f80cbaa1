"""Hanging up for an agent: the right leg of the right telephone, and what Asterisk says of it."""

from dataclasses import dataclass, field

import pytest

from acd.errors import HangUpUncertain, NotTalking
from acd.hanging_up import HangingUp
from ami_bridge.commands import Action, Hangup
from ami_bridge.errors import ActionRefused, AmiBridgeError, LinkDown
from ami_bridge.events import BridgeEntered, BridgeLeft, ChannelCreated
from tests.acd.test_acd_pausing import AGENT, NOON, Room, room

__all__ = ["room"]
CALLER, PHONE, CONSULTING = "1.1", "1.2", "1.9"


@dataclass
class Asterisk:
    """Hears what is to hang up, and may refuse."""

    answer: AmiBridgeError | None = None
    asked: list[tuple[str, Action]] = field(default_factory=list)

    async def send(self, node: str, action: Action) -> None:
        self.asked.append((node, action))
        if self.answer is not None:
            raise self.answer


@pytest.fixture
def asterisk() -> Asterisk:
    return Asterisk()


@pytest.fixture
def hanging_up(room: Room, asterisk: Asterisk) -> HangingUp:
    return HangingUp(room.acd, asterisk.send)


def hear(room: Room, channel: str, uniqueid: str, bridge: str) -> None:
    """A channel that is up and talks in a bridge."""
    room.acd.on_asterisk_event(
        ChannelCreated("pbx1", NOON, channel, uniqueid, CALLER, "up", None, "", "from-agent")
    )
    room.acd.on_asterisk_event(BridgeEntered("pbx1", NOON, bridge, channel, uniqueid, CALLER))


async def test_the_agents_leg_in_the_talk_is_hung_up_and_no_other_of_the_telephone(
    room: Room,
    hanging_up: HangingUp,
    asterisk: Asterisk,
):
    record, _, _ = await room.talk()
    hear(room, "PJSIP/1001-00000009", CONSULTING, "another")
    hear(room, "PJSIP/trunk-00000001", CALLER, "talk")
    hear(room, "PJSIP/1001-00000002", PHONE, "talk")
    await hanging_up.talk(record, AGENT)
    assert asterisk.asked == [("pbx1", Hangup(channel=PHONE))]


async def test_an_agent_who_is_not_in_the_talk_hangs_nothing_up(
    room: Room,
    hanging_up: HangingUp,
    asterisk: Asterisk,
):
    record, _, _ = await room.talk()
    hear(room, "PJSIP/trunk-00000001", CALLER, "talk")
    hear(room, "PJSIP/1001-00000002", PHONE, "talk")
    left = BridgeLeft("pbx1", NOON, "talk", "PJSIP/1001-00000002", PHONE, CALLER)
    room.acd.on_asterisk_event(left)
    with pytest.raises(NotTalking):
        await hanging_up.talk(record, AGENT)
    assert asterisk.asked == []


async def test_the_call_ends_at_the_callers_line(
    room: Room,
    hanging_up: HangingUp,
    asterisk: Asterisk,
):
    record, _, _ = await room.talk()
    await hanging_up.call(record, AGENT)
    assert asterisk.asked == [("pbx1", Hangup(channel=CALLER))]


async def test_what_is_gone_already_is_hung_up_and_what_nobody_confirmed_is_not(
    room: Room,
    hanging_up: HangingUp,
    asterisk: Asterisk,
):
    record, _, _ = await room.talk()
    asterisk.answer = ActionRefused("No such channel")
    await hanging_up.call(record, AGENT)
    asterisk.answer = LinkDown("cut", sent=True)
    with pytest.raises(HangUpUncertain, match="at the telephone"):
        await hanging_up.call(record, AGENT)
