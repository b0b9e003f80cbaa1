"""What others see of notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from crm_core.customers.criteria import Condition
from crm_core.notices.tables import Notice


@dataclass(frozen=True, slots=True)
class NoticeView:
    id: int
    title: str
    body: str
    channels: tuple[str, ...]
    conditions: tuple[Condition, ...]
    expires_on: date | None
    state: str
    version: int
    created_by: int | None
    created_at: datetime
    send_at: datetime | None
    sent_by: int | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Audience:
    """How many fit the conditions, and how many of them each channel reaches."""

    customers: int
    reached: dict[str, int]


@dataclass(frozen=True, slots=True)
class ChannelCount:
    """What became of the messages of a channel. Of `call`, `sent` are those who were telephoned; of `voice`, those who
    heard it, of them `confirmed` by a key and `left` with a machine, and `failed` those who did not hear it.
    """

    channel: str
    waiting: int
    sent: int
    confirmed: int
    left: int
    failed: int
    unknown: int


@dataclass(frozen=True, slots=True)
class LevelCount:
    """The same of the customers of one level; `level_code` None of those without."""

    level_code: str | None
    recipients: int
    prepared: int
    told: int
    unreached: int


@dataclass(frozen=True, slots=True)
class NoticeCounts:
    """`told`: in a call, whoever called; `unreached`: by no channel, and not told."""

    recipients: int
    prepared: int
    told: int
    unreached: int
    levels: tuple[LevelCount, ...]
    channels: tuple[ChannelCount, ...]


@dataclass(frozen=True, slots=True)
class RecipientView:
    """`outcomes`: the state of the message of each channel, such as {"sms": "sent"}."""

    id: int
    customer_id: int
    customer_name: str
    ways: int | None
    told_at: datetime | None
    told_by_name: str | None
    outcomes: dict[str, str]


@dataclass(frozen=True, slots=True)
class NoticeBrief:
    """What a customer who calls is still to be told; `sent_at` to this customer."""

    id: int
    title: str
    body: str
    sent_at: datetime


def view(notice: Notice) -> NoticeView:
    return NoticeView(
        notice.id,
        notice.title,
        notice.body,
        tuple(notice.channels),
        conditions_of(notice.conditions),
        notice.expires_on,
        notice.state,
        notice.version,
        notice.created_by,
        notice.created_at,
        notice.send_at,
        notice.sent_by,
        notice.sent_at,
    )


def conditions_of(kept: Sequence[object]) -> tuple[Condition, ...]:
    return tuple(Condition.model_validate(each) for each in kept)


@dataclass(frozen=True, slots=True)
class HeardNotice:
    """What a customer listens to; `heard`: they know it already."""

    id: int
    title: str
    body: str
    heard: bool
