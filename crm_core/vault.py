"""Encryption of what must be read again, such as secrets that others gave us (AES-256-GCM).

Rule: the key is never in the database; what was sealed for one owner and purpose opens for no other.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crm_core.errors import Conflict

SHORTEST_KEY = 32
_NONCE = 12


class SecretsUnavailable(Conflict):
    """There is no key, or another one than that under which it was sealed."""

    code = "secrets_unavailable"


class Vault:
    """`key` None: nothing can be sealed or opened. `purpose` keeps rooms apart."""

    def __init__(self, key: bytes | None, purpose: str) -> None:
        """Raises ValueError when the key is too short."""
        self._cipher: AESGCM | None = None
        if key is not None:
            if len(key) < SHORTEST_KEY:
                raise ValueError(f"the key for secrets has at least {SHORTEST_KEY} bytes")
            derived = HKDF(SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)
            self._cipher = AESGCM(derived)

    def seal(self, owner: str, secret: str) -> str:
        """Raises SecretsUnavailable."""
        nonce = os.urandom(_NONCE)
        sealed = self.require_key().encrypt(nonce, secret.encode(), owner.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, owner: str, sealed: str) -> str:
        """Raises SecretsUnavailable."""
        raw = base64.b64decode(sealed)
        cipher = self.require_key()
        try:
            return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], owner.encode()).decode()
        except InvalidTag as error:
            raise SecretsUnavailable(
                "This secret was kept under another key: set `secrets_key` back, or enter it anew."
            ) from error

    def require_key(self) -> AESGCM:
        """Raises SecretsUnavailable."""
        if self._cipher is None:
            raise SecretsUnavailable(
                "Secrets need a key: set `secrets_key` in the settings and start again."
            )
        return self._cipher
