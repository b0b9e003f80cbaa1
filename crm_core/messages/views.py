"""What is shown of messages to those who look after them. Rule: an address is masked without `number.unmask`."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MessageItem:
    id: int
    state: str
    channel: str
    kind: str
    subject: str
    subject_id: int
    customer_id: int
    customer_name: str
    recipient: str
    language: str
    attempts: int
    reason: str | None
    reference: str | None
    created_at: datetime
    next_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """`title` and `text` are None when there are no words for it; an SMS's words are the provider's."""

    message: MessageItem
    title: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class ChannelState:
    """`oldest_pending_at` is when the message that has waited longest was written."""

    channel: str
    pending: int
    failed: int
    unknown: int
    oldest_pending_at: datetime | None


@dataclass(frozen=True, slots=True)
class TemplateView:
    """Words in use: the business's own with an id and a version, or those that are shipped."""

    kind: str
    language: str
    channel: str | None
    subject: str
    body: str
    id: int | None
    version: int | None


@dataclass(frozen=True, slots=True)
class TemplateKind:
    """`placeholders` may stand in the words; lines with an `optional` one are left out when there is none."""

    kind: str
    placeholders: tuple[str, ...]
    optional: tuple[str, ...]
    words: tuple[TemplateView, ...]


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """Whether customers are told; without a version as it is shipped."""

    kind: str
    told: bool
    version: int | None


@dataclass(frozen=True, slots=True)
class Previewed:
    subject: str
    body: str
