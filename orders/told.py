"""Which messages a change of an order makes. Rule: one for each channel that reaches the customer,
and each gets its token here, once, before anything is sent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import uuid4

from orders.facts import Contact


@dataclass(frozen=True, slots=True)
class NewMessage:
    token: str
    kind: str
    channel: str
    recipient: str
    language: str
    params: Mapping[str, str]


def messages(
    kind: str, contact: Contact, channels: Collection[str], params: Mapping[str, str]
) -> tuple[NewMessage, ...]:
    """`kind` is `order_` and the status reached; in the order of the channels' names."""
    return tuple(
        NewMessage(uuid4().hex, kind, channel, recipient, contact.language, params)
        for channel in sorted(channels)
        if (recipient := contact.recipient(channel))
    )
