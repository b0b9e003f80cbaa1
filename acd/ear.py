"""What Asterisk's events mean to the ACD: telephones ring, are answered, hang up, come and go.

Rule: an event counts for a call only when its linkedid is that call's. After each (re)connection the
list of channels is the truth: agents' states are made to agree with it, and calls which it does not
show and nobody here attends to are closed.
"""

import structlog

from acd.desk import Desk
from acd.events import PhoneRinging
from acd.phones import Leg, Phones, extension_of
from acd.records import CallBook
from ami_bridge.events import (
    AsteriskEvent,
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

ANSWERED = "answered"
ABANDONED = "abandoned"


class AsteriskEar:
    """Hears the events of all nodes."""

    def __init__(self, desk: Desk, book: CallBook, bus: Bus) -> None:
        self._desk = desk
        self._book = book
        self._bus = bus
        self._phones = Phones()
        self._agents: dict[str, int] = {}
        self._links: dict[str, bool] = {}
        desk.core.blind = True

    def knows(self, extension: str, agent_id: int) -> None:
        """The agent sits at this extension, perhaps in a call already."""
        self._agents[extension] = agent_id
        leg = self._phones.talking(extension)
        if leg is not None:
            self._desk.found_talking(agent_id, self._book.by_linkedid(leg.linkedid))

    def hear(self, event: AsteriskEvent) -> None:
        match event:
            case ChannelCreated():
                self._created(event)
            case ChannelState():
                self._state(event)
            case ChannelHungUp():
                self._hung_up(event)
            case DeviceChanged():
                self._device(event)
            case LinkUp():
                self._link_is(event.node, up=True)
                self._link_up(event)
            case LinkDown():
                self._link_is(event.node, up=False)

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
        if agent is None:
            return
        record = self._book.by_linkedid(event.linkedid)
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
            record.end(ANSWERED if record.row.answered_at else ABANDONED)

    def _silent(self, extension: str) -> None:
        agent_id = self._agents.get(extension)
        if agent_id is not None and self._phones.talking(extension) is None:
            self._desk.carry_out(self._desk.core.hung_up(agent_id, self._desk.seconds()))

    def _device(self, event: DeviceChanged) -> None:
        agent_id = self._agents.get(event.device.removeprefix("PJSIP/"))
        if agent_id is not None:
            now = self._desk.seconds()
            moved = self._desk.core.phone_is(agent_id, reachable=event.reachable, now=now)
            self._desk.carry_out(moved)

    def _link_is(self, node: str, *, up: bool) -> None:
        self._links[node] = up
        self._desk.core.blind = not all(self._links.values())

    def _link_up(self, event: LinkUp) -> None:
        legs = (_leg(event.node, channel) for channel in event.channels)
        self._phones.replace(event.node, [leg for leg in legs if leg is not None])
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
