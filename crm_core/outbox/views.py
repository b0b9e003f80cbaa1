"""What is shown of messages. Rule: enough of an address to recognise it, not to use it."""

from dataclasses import dataclass
from datetime import datetime

from crm_core.numbers import mask
from crm_core.outbox.tables import OutboxMessage


@dataclass(frozen=True, slots=True)
class MessageView:
    id: int
    kind: str
    channel: str
    recipient_masked: str
    status: str
    reason: str | None
    sent_at: datetime | None


def message_view(message: OutboxMessage) -> MessageView:
    return MessageView(
        message.id,
        message.kind,
        message.channel,
        masked(message.channel, message.recipient),
        message.state,
        message.reason,
        message.sent_at,
    )


def masked(channel: str, recipient: str) -> str:
    if channel != "email":
        return mask(recipient)
    name, _, host = recipient.partition("@")
    return f"{name[:1]}***@{host}"
