"""Messages about a record, one for each channel that reaches the customer.

Rule: each gets its token here, once, before anything is sent, and is written in the transaction of the
change that it tells of. Of one step a customer is told once by each channel, however often it is written.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.numbers import is_mobile
from crm_core.statement import Statement

# What `encoded` makes, as rows `m` of a statement that has it as :messages.
ROWS = """json_to_recordset(CAST(CAST(:messages AS text) AS json))
        AS m (token text, kind text, channel text, recipient text, language text, params jsonb)"""
_TELL = Statement(f"""
INSERT INTO outbox (token, subject, subject_id, customer_id, kind, channel, step, recipient, language,
                    params, created_at, queued_at, next_at)
SELECT m.token, CAST(:subject AS text), CAST(:subject_id AS bigint), CAST(:customer_id AS int),
       m.kind, m.channel, CAST(:step AS text), m.recipient, m.language, m.params,
       CAST(:at AS timestamptz), CAST(:at AS timestamptz), CAST(:at AS timestamptz)
FROM {ROWS}
ON CONFLICT ON CONSTRAINT uq_outbox_step DO NOTHING
""")


CONTACT_COLUMNS = ("email", "language", "fax", "wecom", "wecom_group", "told_by")


class Channel(StrEnum):
    """`wecom` tells a person, `wecom_group` writes into the group that a customer has with us."""

    EMAIL = "email"
    FAX = "fax"
    SMS = "sms"
    VOICE = "voice"
    WECOM = "wecom"
    WECOM_GROUP = "wecom_group"


@dataclass(frozen=True, slots=True)
class Contact:
    """Where and how the customer wants to be told. Without a choice (`told_by`): by every channel that has an
    address, but nobody is called who did not ask for it.
    """

    email: str | None
    number: str | None
    language: str
    fax: str | None = None
    wecom: str | None = None
    wecom_group: str | None = None
    told_by: Sequence[str] | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """A customer's row with `CONTACT_COLUMNS`, and the main `number` beside them."""
        given = {name: row[name] for name in (*CONTACT_COLUMNS, "number")}
        return cls(**given | {"language": given["language"] or "zh"})

    def recipient(self, channel: str) -> str | None:
        """The address for a channel, None when this customer is not to be reached by it."""
        if self.told_by is None:
            return None if channel == Channel.VOICE else self._address(channel)
        return self._address(channel) if channel in self.told_by else None

    def _address(self, channel: str) -> str | None:
        if channel == "sms":
            return self.number if self.number and is_mobile(self.number) else None
        addresses: Mapping[str, str | None] = {
            "email": self.email,
            "fax": self.fax,
            Channel.VOICE: self.number,
            "wecom": self.wecom,
            "wecom_group": self.wecom_group,
        }
        return addresses.get(channel)


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
    step: str = "",
) -> None:
    """Add messages about a record that exists; `step` tells apart what happens to it more than once."""
    if told:
        values: dict[str, object] = {"subject": subject, "subject_id": subject_id}
        values |= {"customer_id": customer_id, "messages": encoded(told), "at": now, "step": step}
        await _TELL.write(session, values)


def encoded(told: Sequence[NewMessage]) -> str:
    return json.dumps([asdict(message) for message in told])
