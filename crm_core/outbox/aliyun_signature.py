"""Alibaba Cloud's request signature, version 3 (ACS3-HMAC-SHA256). Rule: pure; checked against the
example with fixed values in Alibaba Cloud's documentation.

Source: “V3 request structure and signature”, help.aliyun.com, product overview of the SDK.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

ALGORITHM = "ACS3-HMAC-SHA256"


def canonical_query(params: Mapping[str, str]) -> str:
    """Sorted and percent-encoded as RFC 3986 says: only letters, digits and -_.~ stay."""
    return "&".join(f"{_encoded(name)}={_encoded(params[name])}" for name in sorted(params))


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def signature(secret: str, method: str, query: str, headers: Mapping[str, str]) -> str:
    """`headers` are exactly those that are signed, names in lower case."""
    request = "\n".join(
        (
            method,
            "/",
            query,
            "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers)),
            signed_names(headers),
            headers["x-acs-content-sha256"],
        )
    )
    signed = f"{ALGORITHM}\n{digest(request.encode())}"
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def authorization(
    key_id: str, secret: str, method: str, query: str, headers: Mapping[str, str]
) -> str:
    """The value of the Authorization header."""
    return (
        f"{ALGORITHM} Credential={key_id},SignedHeaders={signed_names(headers)},"
        f"Signature={signature(secret, method, query, headers)}"
    )


def signed_names(headers: Mapping[str, str]) -> str:
    return ";".join(sorted(headers))


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
