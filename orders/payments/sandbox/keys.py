"""Keys of the sandbox gateway and of its one merchant. Rule: made at installation, kept in one folder that
only its owner may read, never shipped.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from orders.payments.wechat.signing import private_key

APP_ID, MERCHANT = "wxsandbox0000000001", "1900000001"


@dataclass(frozen=True, slots=True)
class SandboxKeys:
    """Both sides' keys, because both sides are at home here."""

    folder: Path
    merchant_key: RSAPrivateKey
    platform_key: RSAPrivateKey
    merchant_serial: str
    platform_serial: str
    api_key: str

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Those that lie there; made when there are none."""
        if not (folder / "sandbox.json").exists():
            _make(folder)
        words = json.loads((folder / "sandbox.json").read_text())
        return cls(
            folder,
            private_key((folder / "merchant.pem").read_bytes()),
            private_key((folder / "platform.pem").read_bytes()),
            words["merchant_serial"],
            words["platform_serial"],
            words["api_key"],
        )

    def settings(self, endpoint: str, notify_url: str) -> dict[str, str]:
        """The daemon's settings `[wechat_pay]` for this gateway."""
        return {
            "endpoint": endpoint,
            "app_id": APP_ID,
            "merchant": MERCHANT,
            "serial": self.merchant_serial,
            "key_file": str(self.folder / "merchant.pem"),
            "platform_serial": self.platform_serial,
            "platform_key_file": str(self.folder / "platform-public.pem"),
            "api_key": self.api_key,
            "notify_url": notify_url,
        }


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("merchant", "platform"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _keep(
            folder / f"{name}.pem",
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _keep(folder / f"{name}-public.pem", public)
    words = {
        "merchant_serial": secrets.token_hex(20).upper(),
        "platform_serial": f"PUB_KEY_ID_{secrets.token_hex(12)}",
        "api_key": secrets.token_hex(16),
    }
    _keep(folder / "sandbox.json", json.dumps(words).encode())


def _keep(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)
