"""What is shown of messages. Rule: enough of an address to recognise it, not to use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crm_core.numbers import mask
from crm_core.outbox.messages import Channel
from crm_core.outbox.tables import OutboxMessage
from crm_core.rights import Actor

_FIELDS: Mapping[str, str] = {
    Channel.EMAIL: "email",
    Channel.FAX: "fax",
    Channel.WECOM: "wecom",
    Channel.WECOM_GROUP: "wecom_group",
}


@dataclass(frozen=True, slots=True)
class MessageView:
    id: int
    kind: str
    channel: str
    recipient_masked: str
    status: str
    reason: str | None
    sent_at: datetime | None


def message_view(message: OutboxMessage, actor: Actor) -> MessageView:
    return MessageView(
        message.id,
        message.kind,
        message.channel,
        recipient(message.channel, message.recipient, actor),
        message.state,
        message.reason,
        message.sent_at,
    )


def recipient(channel: str, address: str, actor: Actor, *, unmasked: bool = False) -> str:
    """An address as this person sees it; nothing of one that is hidden."""
    if not actor.may_read("customer", _FIELDS.get(channel, "phones")):
        return ""
    return address if unmasked else masked(channel, address)


def masked(channel: str, address: str) -> str:
    if channel != "email":
        return mask(address)
    name, _, host = address.partition("@")
    return f"{name[:1]}***@{host}"
