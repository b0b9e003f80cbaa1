"""From an AMI message to a typed event.

Rule: the event's name is looked at first and decides; messages nobody wants are never parsed. A
header that is missing or no number reads as empty or 0: Asterisk's versions differ, calls go on.
"""

from collections.abc import Callable
from datetime import datetime

from ami_bridge.events import (
    AsteriskEvent,
    BridgeEntered,
    BridgeLeft,
    ChannelCreated,
    ChannelHungUp,
    ChannelRenamed,
    ChannelSnapshot,
    ChannelState,
    DialBegun,
    DialEnded,
    DtmfReceived,
    OriginateEnded,
)
from ami_bridge.framing import AmiMessage

CALL_VARIABLE = "ZJ_CALL"
ORIGINATE_PREFIX = "originate-"

_NOBODY = frozenset({"", "<unknown>", "<null>", "unknown"})
_UNSET = frozenset({"", "(null)"})

_Reader = Callable[[AmiMessage, str, datetime], AsteriskEvent | None]


def read_event(message: AmiMessage, node: str, at: datetime) -> AsteriskEvent | None:
    """The typed event, None for one that means nothing to this program."""
    reader = _READERS.get(message.event)
    return reader(message, node, at) if reader is not None else None


def read_snapshot(message: AmiMessage, node: str) -> ChannelSnapshot:
    """One `Status` event of the list of channels."""
    return ChannelSnapshot(
        node=node,
        channel=message.get("Channel"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid"),
        state=message.get("ChannelStateDesc").lower(),
        caller=_known(message.get("CallerIDNum")),
        exten=message.get("Exten"),
        bridge_id=message.get("BridgeID") or None,
        call_id=_call_id(message, "Variable"),
        seconds=_whole(message.get("Seconds")),
    )


def _call_id(message: AmiMessage, header: str = "ChanVariable") -> str | None:
    """Our call's id, where Asterisk sends it along (`channelvars = ZJ_CALL`)."""
    if CALL_VARIABLE.encode() not in message.raw:
        return None
    for assignment in message.all(header):
        name, _, value = assignment.partition("=")
        if name == CALL_VARIABLE and value not in _UNSET:
            return value
    return None


def _created(message: AmiMessage, node: str, at: datetime) -> ChannelCreated:
    return ChannelCreated(
        node=node,
        at=at,
        channel=message.get("Channel"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid"),
        state=message.get("ChannelStateDesc").lower(),
        caller=_known(message.get("CallerIDNum")),
        exten=message.get("Exten"),
        context=message.get("Context"),
        call_id=_call_id(message),
    )


def _state(message: AmiMessage, node: str, at: datetime) -> ChannelState:
    return ChannelState(
        node=node,
        at=at,
        channel=message.get("Channel"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid"),
        state=message.get("ChannelStateDesc").lower(),
        call_id=_call_id(message),
    )


def _renamed(message: AmiMessage, node: str, at: datetime) -> ChannelRenamed:
    return ChannelRenamed(
        node=node,
        at=at,
        channel=message.get("Channel"),
        new_channel=message.get("Newname"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid"),
    )


def _dial_begun(message: AmiMessage, node: str, at: datetime) -> DialBegun:
    return DialBegun(
        node=node,
        at=at,
        channel=message.get("Channel"),
        linkedid=message.get("Linkedid") or message.get("DestLinkedid"),
        dest_channel=message.get("DestChannel"),
        dest_uniqueid=message.get("DestUniqueid"),
        dial_string=message.get("DialString"),
    )


def _dial_ended(message: AmiMessage, node: str, at: datetime) -> DialEnded:
    return DialEnded(
        node=node,
        at=at,
        channel=message.get("Channel"),
        linkedid=message.get("Linkedid") or message.get("DestLinkedid"),
        dest_channel=message.get("DestChannel"),
        dest_uniqueid=message.get("DestUniqueid"),
        status=message.get("DialStatus"),
    )


def _bridge_entered(message: AmiMessage, node: str, at: datetime) -> BridgeEntered:
    return BridgeEntered(
        node=node,
        at=at,
        bridge_id=message.get("BridgeUniqueid"),
        channel=message.get("Channel"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid"),
    )


def _bridge_left(message: AmiMessage, node: str, at: datetime) -> BridgeLeft:
    return BridgeLeft(
        node=node,
        at=at,
        bridge_id=message.get("BridgeUniqueid"),
        channel=message.get("Channel"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid"),
    )


def _hung_up(message: AmiMessage, node: str, at: datetime) -> ChannelHungUp:
    return ChannelHungUp(
        node=node,
        at=at,
        channel=message.get("Channel"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid"),
        cause=_whole(message.get("Cause")),
        cause_text=message.get("Cause-txt"),
        tech_cause=message.get("TechCause") or None,
        call_id=_call_id(message),
    )


def _dtmf(message: AmiMessage, node: str, at: datetime) -> DtmfReceived | None:
    if message.get("Direction") != "Received":
        return None
    return DtmfReceived(
        node=node,
        at=at,
        channel=message.get("Channel"),
        uniqueid=message.get("Uniqueid"),
        linkedid=message.get("Linkedid"),
        digit=message.get("Digit"),
    )


def _originate_ended(message: AmiMessage, node: str, at: datetime) -> OriginateEnded | None:
    if not message.action_id.startswith(ORIGINATE_PREFIX):
        return None
    return OriginateEnded(
        node=node,
        at=at,
        channel_id=message.action_id.removeprefix(ORIGINATE_PREFIX),
        channel=message.get("Channel"),
        answered=message.get("Response") == "Success",
        reason=_whole(message.get("Reason")),
    )


def _known(number: str) -> str | None:
    return None if number in _NOBODY else number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


_READERS: dict[bytes, _Reader] = {
    b"Newchannel": _created,
    b"Newstate": _state,
    b"Rename": _renamed,
    b"DialBegin": _dial_begun,
    b"DialEnd": _dial_ended,
    b"BridgeEnter": _bridge_entered,
    b"BridgeLeave": _bridge_left,
    b"Hangup": _hung_up,
    b"DTMFEnd": _dtmf,
    b"OriginateResponse": _originate_ended,
}
