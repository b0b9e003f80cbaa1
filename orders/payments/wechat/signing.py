"""Signatures and secrets of WeChat Pay API v3 (WECHATPAY2-SHA256-RSA2048, AEAD_AES_256_GCM). Rule: pure; time
and nonce are arguments.

Source: WeChat Pay merchant documentation, “API v3 signature rules” and “decrypting call-backs”. A request signs
method, path with query, timestamp, nonce and body, each ended by a line feed; an answer or call-back signs
timestamp, nonce and body.
"""

import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "WECHATPAY2-SHA256-RSA2048"
ALGORITHM = "AEAD_AES_256_GCM"
TOLERANCE_S = 300


class BadSeal(Exception):
    """A signature or a cipher text that is not of whom it claims to be."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When (Unix seconds) and by which one-time word something was signed."""

    timestamp: int
    nonce: str


def sign(key: RSAPrivateKey, *parts: str) -> str:
    """Base64 of the RSA signature over the parts, each ended by a line feed."""
    signed = key.sign(_message(parts), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signed).decode()


def verify(key: RSAPublicKey, signature: str, *parts: str) -> None:
    """Raises BadSeal."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, _message(parts), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise BadSeal("the signature does not fit") from error


def authorization(
    key: RSAPrivateKey, merchant: str, serial: str, stamp: Stamp, request: tuple[str, str, str]
) -> str:
    """The Authorization header; `request` is method, path with query, body."""
    method, path, body = request
    signature = sign(key, method, path, str(stamp.timestamp), stamp.nonce, body)
    return (
        f'{SCHEME} mchid="{merchant}",nonce_str="{stamp.nonce}",signature="{signature}",'
        f'timestamp="{stamp.timestamp}",serial_no="{serial}"'
    )


def encrypt(key: bytes, nonce: str, associated: str, plain: bytes) -> str:
    """Base64 of cipher text and tag."""
    return base64.b64encode(
        AESGCM(key).encrypt(nonce.encode(), plain, associated.encode())
    ).decode()


def decrypt(key: bytes, nonce: str, associated: str, ciphertext: str) -> bytes:
    """Raises BadSeal."""
    try:
        raw = base64.b64decode(ciphertext, validate=True)
        return AESGCM(key).decrypt(nonce.encode(), raw, associated.encode())
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise BadSeal("the content cannot be decrypted with our key") from error


def private_key(pem: bytes) -> RSAPrivateKey:
    """Raises ValueError for a key of another kind."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("an RSA private key is needed")  # noqa: TRY004
    return key


def public_key(pem: bytes) -> RSAPublicKey:
    """Raises ValueError for a key of another kind."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("an RSA public key is needed")  # noqa: TRY004
    return key


def _message(parts: tuple[str, ...]) -> bytes:
    return "".join(f"{part}\n" for part in parts).encode()
