"""What Asterisk's events mean to the ACD: telephones ring, are answered, hang up, come and go.

Rule: an event counts for a call only when its linkedid is that call's. After each (re)connection the
list of channels is the truth: agents' states are made to agree with it, and calls which it does not
show and nobody here attends to are closed.
"""

from typing import Final

import structlog

from acd.desk import OUTSIDE, Desk
from acd.events import PhoneRinging
from acd.phones import Leg, Phones, extension_of
from acd.records import ANSWERED, CallBook, CallRecord
from ami_bridge.events import (
    AsteriskEvent,
    BridgeEntered,
    BridgeLeft,
    ChannelCreated,
    ChannelHungUp,
    ChannelSnapshot,
    ChannelState,
    DeviceChanged,
    LinkDown,
    LinkUp,
)
from crm_core.bus import Bus

log = structlog.get_logger(__name__)

ABANDONED: Final = "abandoned"


class AsteriskEar:
    """Hears the events of all nodes."""

    def __init__(self, desk: Desk, book: CallBook, bus: Bus) -> None:
        self._desk = desk
        self._book = book
        self._bus = bus
        self._phones = Phones()
        self._agents: dict[str, int] = {}
        self._lost: set[str] = set()
        self._links: dict[str, bool] = {}
        desk.core.blind = True

    def knows(self, extension: str, agent_id: int) -> None:
        """The agent sits at this extension, perhaps in a call already."""
        self._agents[extension] = agent_id
        if extension in self._lost:
            self._reachable(agent_id, reachable=False)
        leg = self._phones.talking(extension)
        if leg is not None:
            self._desk.found_talking(agent_id, self._book.by_linkedid(leg.linkedid))

    def hears_of(self, node: str, linkedid: str) -> bool:
        """Whether the caller's own channel is there, as far as Asterisk has told and will tell."""
        return self._links.get(node, True) and self._phones.has(linkedid)

    def in_talk(self, extension: str, linkedid: str) -> Leg | None:
        """The leg of this telephone that talks with the caller."""
        return self._phones.in_talk(extension, linkedid)

    def hear(self, event: AsteriskEvent) -> None:
        match event:
            case ChannelCreated():
                self._created(event)
            case ChannelState():
                self._state(event)
            case BridgeEntered():
                self._meet(self._phones.enter(event.uniqueid, event.bridge_id))
            case BridgeLeft():
                self._phones.leave(event.uniqueid)
            case ChannelHungUp():
                self._hung_up(event)
            case DeviceChanged():
                self._device(event)
            case LinkUp():
                self._link_is(event.node, up=True)
                self._link_up(event)
            case LinkDown():
                self._link_is(event.node, up=False)
                self._end_left_talks(event.node)

    def _created(self, event: ChannelCreated) -> None:
        extension = extension_of(event.channel)
        if extension is not None:
            up = event.state == "up"
            self._phones.put(Leg(event.node, event.uniqueid, event.linkedid, extension, up))

    def _state(self, event: ChannelState) -> None:
        extension = extension_of(event.channel)
        if extension is None:
            return
        if event.state == "up":
            self._phones.put(Leg(event.node, event.uniqueid, event.linkedid, extension, up=True))
        agent_id = self._agents.get(extension)
        agent = self._desk.core.agent(agent_id) if agent_id is not None else None
        record = self._book.by_linkedid(event.linkedid)
        if agent is None:
            self._other_leg(event, record)
            return
        call_id = record.call_id if record else None
        rung = agent.state == "ringing" and agent.call_id == call_id
        if event.state == "ringing" and rung and record and call_id:
            record.step("ringing", agent_id=agent.agent_id)
            self._bus.publish(PhoneRinging(call_id, agent.agent_id, event.at))
        elif event.state == "up":
            if rung and call_id:
                self._desk.answered(call_id)
            else:
                self._desk.found_talking(agent.agent_id, record)

    def _other_leg(self, event: ChannelState, record: CallRecord | None) -> None:
        """A leg that is no agent's telephone, such as an outside number that was dialled for a caller."""
        if event.state == "up" and event.uniqueid != event.linkedid and record is not None:
            self._desk.outside_is_up(record)

    def _meet(self, legs: tuple[Leg, ...]) -> None:
        """These talk with each other: an agent whom a colleague has consulted takes over the caller so."""
        records = (self._book.by_linkedid(leg.uniqueid) for leg in legs)
        record = next((each for each in records if each is not None), None)
        for leg in legs:
            agent_id = self._agents.get(leg.extension)
            if record is not None and agent_id is not None:
                self._desk.took_over(agent_id, record)

    def _hung_up(self, event: ChannelHungUp) -> None:
        leg = self._phones.drop(event.uniqueid)
        if leg is not None and leg.up:
            self._silent(leg.extension)
        if event.uniqueid == event.linkedid:
            self._caller_gone(event.linkedid)

    def _caller_gone(self, linkedid: str) -> None:
        """The end of a call that outlived the daemon which began it."""
        record = self._book.by_linkedid(linkedid)
        if record is not None and not record.attended:
            if record.row.answered_at is None:
                record.end(ABANDONED)
            else:
                record.end(OUTSIDE if record.row.left_reason == OUTSIDE else ANSWERED)

    def _silent(self, extension: str) -> None:
        agent_id = self._agents.get(extension)
        if agent_id is not None and self._phones.talking(extension) is None:
            self._desk.carry_out(self._desk.core.hung_up(agent_id, self._desk.seconds()))

    def _device(self, event: DeviceChanged) -> None:
        extension = event.device.removeprefix("PJSIP/")
        (self._lost.discard if event.reachable else self._lost.add)(extension)
        agent_id = self._agents.get(extension)
        if agent_id is not None:
            self._reachable(agent_id, reachable=event.reachable)

    def _reachable(self, agent_id: int, *, reachable: bool) -> None:
        now = self._desk.seconds()
        self._desk.carry_out(self._desk.core.phone_is(agent_id, reachable=reachable, now=now))

    def _link_is(self, node: str, *, up: bool) -> None:
        self._links[node] = up
        self._desk.core.blind = not all(self._links.values())

    def _end_left_talks(self, node: str) -> None:
        """Whoever left a talk and has not come back by now went with Asterisk."""
        for record in self._book.open():
            if record.left_talk_at is not None and record.row.node == node:
                self._book.lose(record)

    def _link_up(self, event: LinkUp) -> None:
        legs = (_leg(event.node, channel) for channel in event.channels)
        self._phones.replace(event.node, [leg for leg in legs if leg is not None])
        for channel in event.channels:
            if channel.bridge_id is not None:
                self._meet(self._phones.enter(channel.uniqueid, channel.bridge_id))
        for agent in self._desk.core.agents():
            leg = self._phones.talking(agent.login.extension)
            if leg is None and agent.state == "talking":
                self._silent(agent.login.extension)
            elif leg is not None and agent.state == "ringing" and agent.call_id:
                record = self._book.by_linkedid(leg.linkedid)
                if record is not None and record.call_id == agent.call_id:
                    self._desk.answered(agent.call_id)
            elif leg is not None and agent.state != "talking":
                self._desk.found_talking(agent.agent_id, self._book.by_linkedid(leg.linkedid))
        self._close_lost_calls(event)

    def _close_lost_calls(self, event: LinkUp) -> None:
        alive = {channel.linkedid for channel in event.channels}
        for record in self._book.open():
            lost = not record.attended and record.row.node == event.node
            if lost and record.row.linkedid not in alive:
                log.warning("call_lost", call_id=record.call_id)
                self._book.lose(record)


def _leg(node: str, channel: ChannelSnapshot) -> Leg | None:
    extension = extension_of(channel.channel)
    if extension is None:
        return None
    up = channel.state == "up"
    return Leg(node, channel.uniqueid, channel.linkedid, extension, up)
