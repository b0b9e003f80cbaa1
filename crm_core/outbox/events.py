"""What the outbox tells the rest of the daemon, on the bus. Rule: published after the commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MessageSent:
    message_id: int
    subject: str
    subject_id: int
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MessageFailed:
    """`state` is `failed` (it was surely not sent) or `unknown` (nobody can say)."""

    message_id: int
    subject: str
    subject_id: int
    channel: str
    state: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Of one channel; `oldest_s` is how long the oldest pending message has waited, in seconds."""

    pending: int
    failed: int
    unknown: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class OutboxWatched:
    """What waits for a provider or a person, by channel; a channel in which nothing waits is not in it."""

    channels: Mapping[str, Waiting]
    at: datetime
