"""Links by which a customer sees one order without a log-in. Rule: pure; a link says which order and since when, in
26 bytes that end with their seal, and nothing of a person.

    4 bytes  the order            4 bytes  the second in which it was made (UTC), which revoking goes by
    2 bytes  how many days        16 bytes HMAC-SHA256 of these ten, its left half (RFC 2104, section 5)

In base64url they are 35 characters: as long as a variable of an SMS template may be.
"""

import base64
import binascii
import hashlib
import hmac
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orders.sales.tables import SUBJECT

SHORTEST_KEY = 32
PATH = "/o/"
_FIELDS = struct.Struct(">IIH")
_SEAL = 16
_WRITTEN = re.compile(r"[A-Za-z0-9_-]{35}")
_PURPOSE = b"zongji order link 1\0"
_LAST_SECOND, _MOST_DAYS = 2**32 - 1, 2**16 - 1
# Nobody types in what is read aloud or printed.
_NOT_BY = frozenset({"voice", "fax"})


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link says whose seal is right."""

    order_id: int
    made_at: datetime
    days: int

    def expires_at(self, last_status_at: datetime, most_days: int) -> datetime:
        """So many days after the order's last step; less when the settings say less by now."""
        return max(self.made_at, last_status_at) + timedelta(days=min(self.days, most_days))


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """`base` is the address that customers reach us at; the first of `keys` seals, all of them are recognised."""

    base: str | None = None
    keys: tuple[bytes, ...] = ()
    days: int = 30
    show_prices: bool = False
    company: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for a key that is too short."""
        if any(len(key) < SHORTEST_KEY for key in self.keys):
            raise ValueError(f"a key for links has at least {SHORTEST_KEY} bytes")

    @property
    def usable(self) -> bool:
        return bool(self.base and self.keys)


def token(terms: LinkTerms, order_id: int, made_at: datetime) -> str:
    """The end of a link. Raises ValueError when there is no key."""
    if not terms.keys:
        raise ValueError("without a key no link can be made")
    second = min(int(made_at.timestamp()), _LAST_SECOND)
    said = _FIELDS.pack(order_id, second, min(terms.days, _MOST_DAYS))
    return _written(said + _seal(terms.keys[0], said))


def address(terms: LinkTerms, order_id: int, made_at: datetime) -> str | None:
    """The whole link; None when the settings have no address or no key."""
    if not terms.usable:
        return None
    return f"{(terms.base or '').rstrip('/')}{PATH}{token(terms, order_id, made_at)}"


def read(terms: LinkTerms, written: str) -> Claim | None:
    """What a token says, None when none of our keys has sealed it."""
    if _WRITTEN.fullmatch(written) is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(f"{written}=")
    except binascii.Error:
        return None
    said, seal = raw[: _FIELDS.size], raw[_FIELDS.size :]
    # The last character has bits to spare: only one way of writing a link is right. Every key is tried.
    right = [hmac.compare_digest(seal, _seal(key, said)) for key in terms.keys]
    if not any(right) or _written(raw) != written:
        return None
    order_id, second, days = _FIELDS.unpack(said)
    return Claim(order_id, datetime.fromtimestamp(second, UTC), days)


def beside(terms: LinkTerms) -> Callable[[str, int, str, datetime], Mapping[str, str]]:
    """What a message about an order says besides its own words: `link`, and `link_token` for templates in which a
    provider wants to see the address itself.

    A message that is sent again says the same, since the link was made when it was queued.
    """

    def said(about: str, order_id: int, channel: str, queued_at: datetime) -> Mapping[str, str]:
        whole = address(terms, order_id, queued_at)
        if about != SUBJECT or channel in _NOT_BY or whole is None:
            return {}
        return {"link": whole, "link_token": token(terms, order_id, queued_at)}

    return said


def _seal(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + said, hashlib.sha256)[:_SEAL]


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
