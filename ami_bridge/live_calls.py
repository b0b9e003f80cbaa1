"""The calls that exist on all servers, each with its legs, kept from events alone.

Rule: pure. A call is its linkedid; it lives while one of its channels does. LinkUp replaces what was
believed of a server; while a link is down its calls stay as last seen, for they most likely go on.
Events may be repeated or late: applying one again changes nothing.
"""

from dataclasses import dataclass, replace

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

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of a call."""

    channel: str
    uniqueid: str
    state: str
    caller: str | None
    exten: str
    bridge_id: str | None = None


@dataclass(frozen=True, slots=True)
class LiveCall:
    """`legs` in order of creation; `call_id` is None until Asterisk told ours."""

    linkedid: str
    node: str
    call_id: str | None
    legs: tuple[Leg, ...]


class LiveCalls:
    """A linkedid is unique per server only, so calls are kept by both."""

    def __init__(self) -> None:
        self._calls: dict[_Key, LiveCall] = {}
        self._linkedids: dict[_Key, str] = {}

    def calls(self) -> tuple[LiveCall, ...]:
        return tuple(self._calls.values())

    def by_linkedid(self, linkedid: str, node: str | None = None) -> LiveCall | None:
        """With several servers, `node` tells which is meant."""
        if node is not None:
            return self._calls.get((node, linkedid))
        return next((call for call in self._calls.values() if call.linkedid == linkedid), None)

    def apply(self, event: AsteriskEvent) -> None:
        match event:
            case ChannelCreated():
                leg = Leg(event.channel, event.uniqueid, event.state, event.caller, event.exten)
                self._put(event.node, event.linkedid, leg, event.call_id)
            case ChannelState():
                self._change(event.node, event.uniqueid, event.call_id, state=event.state)
            case ChannelRenamed():
                self._change(event.node, event.uniqueid, channel=event.new_channel)
            case BridgeEntered():
                self._move(event.node, event.uniqueid, event.linkedid)
                self._change(event.node, event.uniqueid, bridge_id=event.bridge_id)
            case BridgeLeft():
                self._change(event.node, event.uniqueid, bridge_id=None)
            case ChannelHungUp():
                self._drop(event.node, event.uniqueid)
            case LinkUp():
                self._replace(event.node, event.channels)

    def _put(self, node: str, linkedid: str, leg: Leg, call_id: str | None) -> None:
        if (node, leg.uniqueid) in self._linkedids:
            return
        call = self._calls.get((node, linkedid)) or LiveCall(linkedid, node, None, ())
        call = replace(call, legs=(*call.legs, leg), call_id=call.call_id or call_id)
        self._calls[node, linkedid] = call
        self._linkedids[node, leg.uniqueid] = linkedid

    def _change(
        self, node: str, uniqueid: str, call_id: str | None = None, **changes: str | None
    ) -> None:
        linkedid = self._linkedids.get((node, uniqueid))
        if linkedid is None:
            return
        call = self._calls[node, linkedid]
        legs = tuple(
            replace(leg, **changes) if leg.uniqueid == uniqueid else leg  # type: ignore[arg-type]
            for leg in call.legs
        )
        self._calls[node, linkedid] = replace(call, legs=legs, call_id=call.call_id or call_id)

    def _move(self, node: str, uniqueid: str, linkedid: str) -> None:
        """Two calls become one when their channels meet in a bridge."""
        before = self._linkedids.get((node, uniqueid))
        if before is None or before == linkedid:
            return
        call = self._calls[node, before]
        leg = next(leg for leg in call.legs if leg.uniqueid == uniqueid)
        self._drop(node, uniqueid)
        self._put(node, linkedid, leg, call.call_id)

    def _drop(self, node: str, uniqueid: str) -> None:
        linkedid = self._linkedids.pop((node, uniqueid), None)
        if linkedid is None:
            return
        call = self._calls[node, linkedid]
        legs = tuple(leg for leg in call.legs if leg.uniqueid != uniqueid)
        if legs:
            self._calls[node, linkedid] = replace(call, legs=legs)
        else:
            del self._calls[node, linkedid]

    def _replace(self, node: str, channels: tuple[ChannelSnapshot, ...]) -> None:
        for key in [key for key in self._linkedids if key[0] == node]:
            self._drop(*key)
        for seen in channels:
            leg = Leg(
                seen.channel, seen.uniqueid, seen.state, seen.caller, seen.exten, seen.bridge_id
            )
            self._put(node, seen.linkedid, leg, seen.call_id)
