"""Messages about a record, one for each channel that reaches the customer.

Rule: each gets its token here, once, before anything is sent, and is written in the transaction of the
change that it tells of. Of one step a customer is told once by each channel, however often it is written. A kind
that the business switched off (`message_choices`) is not written at all.
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

# Those of what `encoded` makes that the customer is told, as rows `m` of a statement that has it as :messages.
ROWS = """(SELECT r.* FROM json_to_recordset(CAST(CAST(:messages AS text) AS json))
              AS r (token text, kind text, channel text, recipient text, language text, params jsonb,
                    told boolean, subject_id bigint, customer_id int, step text)
          WHERE coalesce((SELECT c.told FROM message_choices c WHERE c.kind = r.kind), r.told)) m"""
_TELL = Statement(f"""
INSERT INTO outbox (token, subject, subject_id, customer_id, kind, channel, step, recipient, language,
                    params, created_at, queued_at, next_at)
SELECT m.token, CAST(:subject AS text), m.subject_id, m.customer_id, m.kind, m.channel, m.step, m.recipient, m.language, m.params,
       CAST(:at AS timestamptz), CAST(:at AS timestamptz), CAST(:at AS timestamptz)
FROM {ROWS}
ON CONFLICT ON CONSTRAINT uq_outbox_step DO NOTHING
""")
_CHOSEN = Statement("SELECT told FROM message_choices WHERE kind = :kind")


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
    """`told`: whether the customer is told of this kind as long as the business has chosen nothing."""

    token: str
    kind: str
    channel: str
    recipient: str
    language: str
    params: Mapping[str, str]
    told: bool = True


@dataclass(frozen=True, slots=True)
class Telling:
    """Messages about one record; `step` tells apart what happens to it more than once."""

    subject_id: int
    customer_id: int
    told: Sequence[NewMessage]
    step: str = ""


def messages(
    kind: str,
    contact: Contact,
    channels: Collection[str],
    params: Mapping[str, str],
    *,
    told: bool = True,
) -> tuple[NewMessage, ...]:
    """In the order of the channels' names; `kind` decides the words."""
    return tuple(
        NewMessage(uuid4().hex, kind, channel, recipient, contact.language, params, told)
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
    """Add messages about a record that exists."""
    await tell_many(session, subject, [Telling(subject_id, customer_id, told, step)], now)


async def tell_many(
    session: AsyncSession, subject: str, tellings: Sequence[Telling], now: datetime
) -> None:
    """Add messages about records that exist, by one statement."""
    rows = [
        asdict(message)
        | {"subject_id": each.subject_id, "customer_id": each.customer_id, "step": each.step}
        for each in tellings
        for message in each.told
    ]
    if rows:
        await _TELL.write(session, {"subject": subject, "messages": json.dumps(rows), "at": now})


async def is_told(session: AsyncSession, kind: str, *, otherwise: bool) -> bool:
    """What the business chose for a kind; `otherwise` when it chose nothing."""
    rows = await _CHOSEN.read(session, {"kind": kind})
    return bool(rows[0]["told"]) if rows else otherwise


def encoded(told: Sequence[NewMessage]) -> str:
    return json.dumps([asdict(message) for message in told])
