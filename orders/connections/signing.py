"""Signatures of webhooks, as Standard Webhooks (standardwebhooks.com, specification 1.0) says.

Rule: pure. `webhook-signature` has one `v1,<base64>` for each secret that is valid, the HMAC-SHA256 of
`id.timestamp.body` with what stands after `whsec_`, base64-decoded, as the key.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

MARK = "whsec_"
TOLERANCE = timedelta(minutes=5)
_KEY_BYTES = 32


class NotAuthentic(Exception):
    """The signature is missing, wrong, or too old or too new."""


def new_secret() -> str:
    return MARK + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def headers(message_id: str, at: datetime, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The three headers of a request."""
    stamp = str(int(at.timestamp()))
    signatures = (_signature(key, message_id, stamp, body) for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }


def verify(given: Mapping[str, str], body: bytes, key: str, now: datetime) -> str:
    """The message's id, by which its receiver knows it again. Raises NotAuthentic."""
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdigit()):
        raise NotAuthentic("a header is missing")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise NotAuthentic("the time is too far away: it may be a replay")
    wanted = _signature(key, message_id, stamp, body).encode()
    found = [each.encode() for each in given.get("webhook-signature", "").split(" ")]
    if not any([hmac.compare_digest(each, wanted) for each in found]):  # noqa: C419 - all, always
        raise NotAuthentic("no signature is right")
    return message_id


def _signature(key: str, message_id: str, stamp: str, body: bytes) -> str:
    content = f"{message_id}.{stamp}.".encode() + body
    secret = base64.b64decode(key.removeprefix(MARK))
    digest = hmac.new(secret, content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
