"""What payments need of a gateway. Rule: every request carries a token of ours by which the gateway knows it
again, so that whatever was asked twice happens once; a connector says how sure it is, as notifiers do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class Refused(Exception):
    """The gateway said no: nothing happened, and asking again cannot help."""


class Unclear(Exception):
    """The answer was lost or makes no sense: ask again, by the same token."""


class BadNotice(Exception):
    """A call-back that is not the gateway's, is too old, or cannot be read."""


class Fate(StrEnum):
    """What became of something at the gateway; `OPEN` may still become anything."""

    OPEN = "open"
    DONE = "done"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Charge:
    """What a customer is to pay; `description` is what the customer reads."""

    token: str
    amount: Decimal
    description: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Repayment:
    """Part of the paid charge `charge_token`, of `total`, that goes back."""

    token: str
    charge_token: str
    amount: Decimal
    total: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Fact:
    """What the gateway says of a charge or a repayment. With DONE, `reference` names the gateway's own
    transaction and `at` when the money moved; `amount` is in `currency`.
    """

    fate: Fate
    token: str
    reference: str | None = None
    amount: Decimal | None = None
    currency: str = "CNY"
    at: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A call-back whose seal was right; `about` is charge, repayment or other."""

    id: str
    nonce: str
    about: str
    fact: Fact


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One movement in the gateway's statement of a day; `kind` is receipt or refund."""

    line_no: int
    kind: str
    token: str
    reference: str
    amount: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Statement:
    """`rows` that could be read, `refused` ones (line, reason), and whether its own sums are right."""

    rows: tuple[StatementRow, ...]
    refused: tuple[tuple[int, str], ...]


class Gateway(Protocol):
    """One payment provider. Every method but `read_notice` and `read_statement` may raise Unclear."""

    @property
    def name(self) -> str: ...

    async def charge(self, charge: Charge) -> str:
        """Where the customer pays, such as the content of a QR code. Raises Refused."""
        ...

    async def find_charge(self, token: str) -> Fact | None:
        """None when the gateway knows no such charge."""
        ...

    async def close_charge(self, token: str) -> None:
        """No more can be paid. Raises Refused when it was paid meanwhile."""
        ...

    async def repay(self, repayment: Repayment) -> Fact:
        """Raises Refused."""
        ...

    async def find_repayment(self, token: str) -> Fact | None: ...

    async def statement(self, day: date) -> bytes:
        """The file of a day that is over. Raises Refused when there is none."""
        ...

    def read_statement(self, content: bytes) -> Statement:
        """Raises Refused when this is no such file or its own sums are wrong."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Raises BadNotice."""
        ...
