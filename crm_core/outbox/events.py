"""What the outbox tells the rest of the daemon, on the bus. Rule: published after the commit."""

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
