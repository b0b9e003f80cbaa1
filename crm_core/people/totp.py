"""Codes of an authenticator (RFC 6238: SHA-1, 6 digits, 30 seconds) and codes for when it is lost.

Rule: pure; what was used before is not known here (see `second_factors`).
"""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from datetime import datetime

import pyotp

STEP_S = 30
WINDOW = 1
RECOVERY_CODES = 10
ISSUER = "Zongji"
_RECOVERY_BYTES = 10
_GROUP = 4
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(r"[A-Z2-7]{16}")


def new_secret() -> str:
    """160 bits as base32, as authenticators take it."""
    return pyotp.random_base32()


def address(secret: str, login: str) -> str:
    """The otpauth URI that an authenticator reads as a QR code or a link."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=login, issuer_name=ISSUER)


def typed(code: str) -> str:
    """The code without what people and input methods add: spaces, hyphens, full-width digits."""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", code)).upper()


def is_code(code: str) -> bool:
    return _CODE.fullmatch(code) is not None


def is_recovery_code(code: str) -> bool:
    return _RECOVERY.fullmatch(code) is not None


def steps(secret: str, code: str, now: datetime) -> tuple[int, ...]:
    """The steps around `now` whose code this is, earliest first; mostly one or none."""
    if not is_code(code):
        return ()
    made = pyotp.TOTP(secret, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    around = range(present - WINDOW, present + WINDOW + 1)
    return tuple(step for step in around if hmac.compare_digest(made.generate_otp(step), code))


def new_recovery_codes() -> tuple[str, ...]:
    """Ten codes of 80 bits, in groups that can be read aloud."""
    return tuple(_grouped(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES))


def recovery_digest(code: str) -> str:
    """What PostgreSQL knows of a recovery code; 80 random bits need no slow hash."""
    return hashlib.sha256(typed(code).encode(errors="replace")).hexdigest()


def _grouped(raw: bytes) -> str:
    text = base64.b32encode(raw).decode()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
