"""What others see of faxes, and what is said of one that is over."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FaxStatus(StrEnum):
    """`partial`: the line dropped, and the sheets until then are there."""

    RECEIVED = "received"
    PARTIAL = "partial"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FaxResult:
    """How a transmission went; `mode` such as T38 or audio, `rate` in bits a second."""

    status: FaxStatus
    mode: str | None = None
    pages: int = 0
    rate: int | None = None
    station: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FaxIn:
    """A fax that came in; `source` knows it again, `path` is None when there are no sheets."""

    source: str
    call_id: str
    number: str | None
    did: str | None
    at: datetime
    result: FaxResult
    path: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FaxTodo:
    """What somebody is to do about a fax that came in."""

    id: int
    state: str
    version: int
    assignee_name: str


@dataclass(frozen=True, slots=True)
class FaxMessage:
    """The message that was faxed, as it stands now."""

    id: int
    state: str


@dataclass(frozen=True, slots=True)
class FaxView:
    id: int
    direction: str
    call_id: str
    message_token: str | None
    number: str | None
    did: str | None
    customer_id: int | None
    customer_name: str | None
    status: str
    mode: str | None
    pages: int
    rate: int | None
    station: str | None
    error: str | None
    path: str | None
    size_bytes: int
    at: datetime
    todo: FaxTodo | None = None
    message: FaxMessage | None = None
