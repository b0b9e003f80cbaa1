"""What happened on an Asterisk server. Rule: past tense, frozen, typed, complete in itself; no AMI
header and no dictionary leaves this package. `node` names the server; `at` is aware UTC, the time of
reading; channel states are Asterisk's in lower case ("down", "ring", "ringing", "up", "busy" …).
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AsteriskEvent:
    """Base of all events."""

    node: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChannelCreated(AsteriskEvent):
    """`call_id` is our own ZJ_CALL where Asterisk knew it already."""

    channel: str
    uniqueid: str
    linkedid: str
    state: str
    caller: str | None
    exten: str
    context: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelState(AsteriskEvent):
    channel: str
    uniqueid: str
    linkedid: str
    state: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelRenamed(AsteriskEvent):
    channel: str
    new_channel: str
    uniqueid: str
    linkedid: str


@dataclass(frozen=True, slots=True)
class DialBegun(AsteriskEvent):
    """`channel` is empty for a call that nobody on this server asked for (an Originate)."""

    channel: str
    linkedid: str
    dest_channel: str
    dest_uniqueid: str
    dial_string: str


@dataclass(frozen=True, slots=True)
class DialEnded(AsteriskEvent):
    """`status`: ANSWER, BUSY, NOANSWER, CANCEL, CHANUNAVAIL, CONGESTION …"""

    channel: str
    linkedid: str
    dest_channel: str
    dest_uniqueid: str
    status: str


@dataclass(frozen=True, slots=True)
class BridgeEntered(AsteriskEvent):
    bridge_id: str
    channel: str
    uniqueid: str
    linkedid: str


@dataclass(frozen=True, slots=True)
class BridgeLeft(AsteriskEvent):
    bridge_id: str
    channel: str
    uniqueid: str
    linkedid: str


@dataclass(frozen=True, slots=True)
class ChannelHungUp(AsteriskEvent):
    """`cause` is Q.850; `tech_cause` the trunk's own words where Asterisk has them (SIP 486 …)."""

    channel: str
    uniqueid: str
    linkedid: str
    cause: int
    cause_text: str
    tech_cause: str | None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class DtmfReceived(AsteriskEvent):
    """The far end of the channel pressed a key."""

    channel: str
    uniqueid: str
    linkedid: str
    digit: str


@dataclass(frozen=True, slots=True)
class DeviceChanged(AsteriskEvent):
    """A device (PJSIP/8001) can be reached at one registered telephone at least, or at none."""

    device: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class OriginateEnded(AsteriskEvent):
    """Asterisk's verdict on an Originate of this program."""

    channel_id: str
    channel: str
    answered: bool
    reason: int


@dataclass(frozen=True, slots=True)
class ChannelSnapshot:
    """One channel as Asterisk lists it; `seconds` since it was created."""

    node: str
    channel: str
    uniqueid: str
    linkedid: str
    state: str
    caller: str | None
    exten: str
    bridge_id: str | None
    call_id: str | None
    seconds: int


@dataclass(frozen=True, slots=True)
class LinkUp(AsteriskEvent):
    """The link stands, and these are the channels: what was believed before is void."""

    channels: tuple[ChannelSnapshot, ...]


@dataclass(frozen=True, slots=True)
class LinkDown(AsteriskEvent):
    """The link is lost: nothing is heard of this server until the next LinkUp."""
