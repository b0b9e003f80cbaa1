"""Messages about a record, one for each channel that reaches the customer.

Rule: each gets its token here, once, before anything is sent, and is written in the transaction of the
change that it tells of.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.numbers import is_mobile
from crm_core.statement import Statement

# What `encoded` makes, as rows `m` of a statement that has it as :messages.
ROWS = """json_to_recordset(CAST(CAST(:messages AS text) AS json))
        AS m (token text, kind text, channel text, recipient text, language text, params jsonb)"""
_TELL = Statement(f"""
INSERT INTO outbox (token, subject, subject_id, customer_id, kind, channel, recipient, language,
                    params, created_at, next_at)
SELECT m.token, CAST(:subject AS text), CAST(:subject_id AS bigint), CAST(:customer_id AS int),
       m.kind, m.channel, m.recipient, m.language, m.params, CAST(:at AS timestamptz),
       CAST(:at AS timestamptz)
FROM {ROWS}
""")


@dataclass(frozen=True, slots=True)
class Contact:
    """Where and how the customer wants to be told."""

    email: str | None
    number: str | None
    language: str

    def recipient(self, channel: str) -> str | None:
        """The address for a channel, None when this customer cannot be reached by it."""
        if channel == "email":
            return self.email
        return self.number if self.number and is_mobile(self.number) else None


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
    """In the order of the channels' names; `kind` decides the words."""
    return tuple(
        NewMessage(uuid4().hex, kind, channel, recipient, contact.language, params)
        for channel in sorted(channels)
        if (recipient := contact.recipient(channel))
    )


async def tell(
    session: AsyncSession,
    subject: str,
    subject_id: int,
    *,
    customer_id: int,
    told: Sequence[NewMessage],
    now: datetime,
) -> None:
    """Add messages about a record that exists."""
    if told:
        values: dict[str, object] = {"subject": subject, "subject_id": subject_id}
        values |= {"customer_id": customer_id, "messages": encoded(told), "at": now}
        await _TELL.write(session, values)


def encoded(told: Sequence[NewMessage]) -> str:
    return json.dumps([asdict(message) for message in told])
