"""Call-backs of WeChat Pay. Rule: first the seal, then its age, then the content; who fails one is told
nothing but that.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from orders.payments.ports import BadNotice, Fact, Fate, Notice, Unclear
from orders.payments.wechat import facts
from orders.payments.wechat.signing import ALGORITHM, TOLERANCE_S, BadSeal, decrypt, verify

_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """Of the platform the serial and public key, of ours the secret for contents."""

    serial: str
    platform: RSAPublicKey
    api_key: bytes


def read(
    keys: Keys, merchant: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> Notice:
    """Raises BadNotice."""
    nonce = headers.get("Wechatpay-Nonce", "")
    _check_seal(keys, headers, nonce, body, now)
    try:
        said = json.loads(body)
        resource = said["resource"]
        if resource["algorithm"] != ALGORITHM:
            raise BadNotice("the content is not encrypted as agreed")
        plain = decrypt(
            keys.api_key,
            resource["nonce"],
            resource.get("associated_data") or "",
            resource["ciphertext"],
        )
        content = json.loads(plain)
        return _notice(str(said["id"]), nonce, str(said["event_type"]), content, merchant)
    except (ValueError, LookupError, TypeError, AttributeError, BadSeal, Unclear) as error:
        raise BadNotice(f"the call-back cannot be read: {error}") from error


def _check_seal(
    keys: Keys, headers: Mapping[str, str], nonce: str, body: bytes, now: datetime
) -> None:
    if not 0 < len(nonce) <= _LONGEST or not nonce.isprintable():
        raise BadNotice("the nonce is missing or too long")
    if headers.get("Wechatpay-Serial") != keys.serial:
        raise BadNotice("it is sealed with a key we do not have")
    stamped = headers.get("Wechatpay-Timestamp", "")
    try:
        signature = headers.get("Wechatpay-Signature", "")
        verify(keys.platform, signature, stamped, nonce, body.decode())
    except (BadSeal, UnicodeDecodeError) as error:
        raise BadNotice("the signature does not fit") from error
    if not stamped.isdecimal() or abs(int(stamped) - now.timestamp()) > TOLERANCE_S:
        raise BadNotice("it was signed too long ago, or a clock is wrong")


def _notice(
    notice_id: str, nonce: str, event: str, content: Mapping[str, Any], merchant: str
) -> Notice:
    if content.get("mchid") != merchant:
        raise BadNotice("it is another merchant's")
    if not 0 < len(notice_id) <= _LONGEST:
        raise BadNotice("its id is missing or too long")
    if event.startswith("TRANSACTION."):
        return Notice(notice_id, nonce, "charge", facts.of_charge(content))
    if event.startswith("REFUND."):
        return Notice(notice_id, nonce, "repayment", facts.of_repayment(content))
    return Notice(notice_id, nonce, "other", Fact(Fate.OPEN, "", detail=event[:_LONGEST]))
