"""What the ACD tells the rest of the daemon, on the bus. Rule: past tense, frozen, complete in itself."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AgentState = Literal[
    "offline", "ready", "reserved", "ringing", "talking", "wrap_up", "break", "unavailable"
]
Direction = Literal["inbound", "callback", "campaign"]
RecordingState = Literal["on", "paused", "off"]
PauseReason = Literal["asked", "payment"]
CallOutcome = Literal[
    "abandoned",
    "announced",
    "answered",
    "callback_requested",
    "fax",
    "left_in_menu",
    "lost",
    "nobody_free",
    "outside",
    "rejected",
    "self_service",
    "voicemail",
]
"""How a call ended, for its record."""
StepKind = Literal[
    "announced",
    "answered",
    "blacklisted",
    "call_hung_up",
    "callback_refused",
    "dial_ended",
    "dialled",
    "digits",
    "diverted",
    "ended",
    "fax",
    "identified",
    "key",
    "left_line",
    "menu_answered",
    "no_key",
    "offer_failed",
    "offered",
    "outside_answered",
    "outside_dialled",
    "outside_ended",
    "outside_refused",
    "overflowed",
    "passed_on",
    "queued",
    "recording_begun",
    "recording_not_begun",
    "recording_paused",
    "recording_resumed",
    "recording_stopped",
    "resumed",
    "ringing",
    "routed",
    "service",
    "service_done",
    "skills_relaxed",
    "started",
    "surveyed",
    "talk_hung_up",
    "voicemail",
    "voicemail_refused",
    "voicemail_take",
    "wait_told",
    "wrong_key",
]
"""What can happen in a call, for its record; pages have words for each."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of why a decision fell as it did; screens translate the code."""

    code: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallStarted:
    call_id: str
    linkedid: str
    node: str
    direction: Direction
    caller: str | None
    did: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CallIdentified:
    """The caller was looked up: `customer_id` is None for an unknown one."""

    call_id: str
    customer_id: int | None
    customer_name: str | None
    level: str | None
    province: str | None
    city: str | None
    area_code: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CallRouted:
    """The menu is done and a route chosen."""

    call_id: str
    queue: str
    priority: int
    menu_path: tuple[str, ...]
    medium: str | None
    why: tuple[Reason, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CallQueued:
    call_id: str
    queue: str
    priority: int
    joined_at: datetime
    position: int
    at: datetime


@dataclass(frozen=True, slots=True)
class CallOffered:
    """An agent was chosen; published before the phone is dialled, so that the pop comes first."""

    call_id: str
    queue: str
    agent_id: int
    why: tuple[Reason, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class PlaceReached:
    """It is the turn of a place that is held for a call-back; the agent is reserved for it."""

    call_id: str
    queue: str
    agent_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class PhoneRinging:
    call_id: str
    agent_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """The agent's phone did not answer; the caller is back at the head of the line."""

    call_id: str
    agent_id: int
    dial_status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CallAnswered:
    call_id: str
    agent_id: int
    waited_s: float
    at: datetime


@dataclass(frozen=True, slots=True)
class CallOverflowed:
    call_id: str
    from_queue: str
    to_queue: str
    why: tuple[Reason, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CallDiverted:
    """The line sent the caller a way: `outside` to a number, to `voicemail` of a queue's people, to the offer of a `callback`."""

    call_id: str
    from_queue: str
    way: str
    to: str
    why: tuple[Reason, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CallLeftQueue:
    """The caller left the line without an agent: hung up, asked for a call-back, left a message, speaks with an outside
    number, left to the fallback.
    """

    call_id: str
    queue: str
    reason: str
    waited_s: float
    at: datetime


@dataclass(frozen=True, slots=True)
class CallEnded:
    call_id: str
    outcome: str
    agent_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordingChanged:
    """What is said in a call is recorded from now on, or is not (`reason`: why it pauses)."""

    call_id: str
    state: RecordingState
    reason: PauseReason | None
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordingStored:
    call_id: str
    seconds: float
    at: datetime


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """The agent's whole visible state after a change; `pending` waits for the end of a call."""

    agent_id: int
    name: str
    extension: str
    state: AgentState
    reason: str | None
    call_id: str | None
    since: datetime
    wrap_up_until: datetime | None
    queues: tuple[str, ...]
    at: datetime
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """The queue's figures after a change; counts are since the local midnight, `held` the places of those who
    are to be called back.
    """

    name: str
    label_zh: str
    label_en: str
    waiting: int
    held: int
    longest_since: datetime | None
    ready: int
    busy: int
    calls_today: int
    answered_today: int
    abandoned_today: int
    within_target_today: int
    target_s: float
    at: datetime
