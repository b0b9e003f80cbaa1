"""Tencent Cloud's request signature, version 3 (TC3-HMAC-SHA256). Rule: pure; checked against the example
with fixed values in Tencent Cloud's documentation.

Source: “Signature v3”, cloud.tencent.com/document/api, common to all its products.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

ALGORITHM = "TC3-HMAC-SHA256"


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def signature(
    secret: str, service: str, timestamp: int, headers: Mapping[str, str], body: bytes
) -> str:
    """Of a POST to the path /. `headers` are exactly those that are signed, names in lower case."""
    request = "\n".join(
        (
            "POST",
            "/",
            "",
            "".join(f"{name}:{headers[name].strip().lower()}\n" for name in sorted(headers)),
            signed_names(headers),
            digest(body),
        )
    )
    day = _day(timestamp)
    signed = "\n".join((ALGORITHM, str(timestamp), _scope(day, service), digest(request.encode())))
    key = f"TC3{secret}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()


def authorization(
    key: tuple[str, str], service: str, timestamp: int, headers: Mapping[str, str], body: bytes
) -> str:
    """The value of the Authorization header; `key` is its id and its secret."""
    key_id, secret = key
    return (
        f"{ALGORITHM} Credential={key_id}/{_scope(_day(timestamp), service)}, "
        f"SignedHeaders={signed_names(headers)}, "
        f"Signature={signature(secret, service, timestamp, headers, body)}"
    )


def signed_names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(headers))


def _day(timestamp: int) -> str:
    """In UTC, whatever the company's zone."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d}"


def _scope(day: str, service: str) -> str:
    return f"{day}/{service}/tc3_request"
