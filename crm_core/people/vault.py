"""Encryption of the authenticators' secrets (AES-256-GCM).

Rule: the key is never in the database; what was sealed for one person opens for no other.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crm_core.people.refusals import SecondFactorUnavailable

SHORTEST_KEY = 32
_NONCE = 12
_PURPOSE = b"zongji second factor"


class Vault:
    """`key` None: nothing can be sealed or opened."""

    def __init__(self, key: bytes | None) -> None:
        """Raises ValueError when the key is too short."""
        self._cipher: AESGCM | None = None
        if key is not None:
            if len(key) < SHORTEST_KEY:
                raise ValueError(f"the key for secrets has at least {SHORTEST_KEY} bytes")
            derived = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(key)
            self._cipher = AESGCM(derived)

    def seal(self, user_id: int, secret: str) -> str:
        """Raises SecondFactorUnavailable."""
        nonce = os.urandom(_NONCE)
        sealed = self.require_key().encrypt(nonce, secret.encode(), _owner(user_id))
        return base64.b64encode(nonce + sealed).decode()

    def open(self, user_id: int, sealed: str) -> str:
        """Raises SecondFactorUnavailable, also when another key sealed it."""
        raw = base64.b64decode(sealed)
        cipher = self.require_key()
        try:
            return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], _owner(user_id)).decode()
        except InvalidTag as error:
            raise SecondFactorUnavailable(
                "The authenticators were enrolled under another key: set `secrets_key` back, "
                "or reset this person's second factor."
            ) from error

    def require_key(self) -> AESGCM:
        """Raises SecondFactorUnavailable."""
        if self._cipher is None:
            raise SecondFactorUnavailable(
                "Second factors need a key: set `secrets_key` in the settings and start again."
            )
        return self._cipher


def _owner(user_id: int) -> bytes:
    return b"user %d" % user_id
