"""What the dialler tells the rest of the daemon, on the bus."""

from dataclasses import dataclass
from datetime import datetime

from dialer.policy import Purpose, Result


@dataclass(frozen=True, slots=True)
class CallbackView:
    """A call-back as people see it; `call_id` is the call from which it came."""

    id: int
    number: str
    customer_id: int | None
    customer_name: str | None
    queue: str
    agent_id: int | None
    source: str
    note: str | None
    requested_at: datetime
    due_at: datetime
    next_at: datetime
    status: str
    attempts: int
    last_result: str | None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class CallbackChanged:
    """A call-back was asked for, tried, kept or closed."""

    callback: CallbackView


@dataclass(frozen=True, slots=True)
class NumberRefused:
    """The number is not to be dialled any more; with `campaign_id` only not in that campaign."""

    number: str
    campaign_id: int | None


@dataclass(frozen=True, slots=True)
class AttemptMade:
    """A number is being dialled for the agent who is reserved."""

    call_id: str
    purpose: Purpose
    number: str
    agent_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """How it ended."""

    call_id: str
    purpose: Purpose
    number: str
    result: Result
    at: datetime
