"""The do-not-call lists as they are shown. Rule: numbers are masked for who may not see them in full."""

from dataclasses import dataclass
from datetime import datetime

from dialer.do_not_call.commands import Covers, Source
from dialer.rules.verdict import Reason


@dataclass(frozen=True, slots=True)
class RefusalView:
    """`campaign_id` None: it is never dialled at all. `added_by` None: by the callee's key, or a command."""

    id: int
    number: str
    campaign_id: int | None
    source: Source
    reason: str
    call_id: str | None
    added_by: str | None
    added_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_why: str | None


@dataclass(frozen=True, slots=True)
class ListView:
    """`numbers` are in force since `imported_at`; None: no file of it was taken in yet."""

    id: int
    name: str
    covers: Covers
    numbers: int
    imported_at: datetime | None
    job_id: int | None


@dataclass(frozen=True, slots=True)
class CheckView:
    """`retry_at` None: never, or at once. `rules` are the words of the rules that were asked."""

    number: str
    allowed: bool
    reason: Reason
    words_zh: str
    words_en: str
    retry_at: datetime | None
    rules: str
