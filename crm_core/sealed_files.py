"""Files encrypted at rest, in chunks, so that any part is read without the rest (AES-256-GCM).

Rule: a file is opened by the key it names, or not at all; a chunk that was changed, moved, cut off or taken from
another file is refused. Layout: a header (below, big-endian), then chunks of so many bytes, the last one shorter,
each followed by its tag of 16 bytes. The file's own key is HKDF-SHA256 of the key with the file's salt; a chunk's
nonce is its number, and the header is authenticated with every chunk. A file that is not of this kind is read as it is.

    8 bytes magic · 8 bytes key id · 16 bytes salt · 4 bytes chunk size · 8 bytes size of the content
"""

import hashlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crm_core.errors import Conflict
from crm_core.vault import SHORTEST_KEY

CHUNK = 64 * 1024
_HEADER = struct.Struct(">8s8s16sIQ")
_MAGIC = b"ZJSEAL\x00\x01"
_TAG = 16
_NONCE = 12


class FileKeyMissing(Conflict):
    """The key under which a file was encrypted is not among ours."""

    code = "file_key_missing"


class FileDamaged(Conflict):
    """A file that is not as it was written."""

    code = "file_damaged"


class FileKeys:
    """The first key encrypts, every one opens. `purpose` keeps rooms apart. Raises ValueError for a key too short."""

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        if any(len(key) < SHORTEST_KEY for key in keys):
            raise ValueError(f"a key for files has at least {SHORTEST_KEY} bytes")
        self._purpose = purpose.encode()
        self._by_id = {_key_id(key): key for key in keys}

    def first(self) -> bytes:
        """The id of the key for new files. Raises FileKeyMissing."""
        if not self._by_id:
            raise FileKeyMissing("There is no key for files: give one in the settings.")
        return next(iter(self._by_id))

    def cipher(self, key_id: bytes, salt: bytes) -> AESGCM:
        """Raises FileKeyMissing."""
        key = self._by_id.get(key_id)
        if key is None:
            raise FileKeyMissing(
                f"This file was encrypted under the key {key_id.hex()}, which is not in the settings:"
                " put it back behind the present one."
            )
        return AESGCM(HKDF(SHA256(), length=32, salt=salt, info=self._purpose).derive(key))


class SealedWriter:
    """Takes exactly `size` bytes, piece by piece, and writes them encrypted."""

    def __init__(self, out: BinaryIO, keys: FileKeys, size: int) -> None:
        """Raises FileKeyMissing."""
        key_id, salt = keys.first(), os.urandom(16)
        self._header = _HEADER.pack(_MAGIC, key_id, salt, CHUNK, size)
        self._cipher = keys.cipher(key_id, salt)
        self._out = out
        self._left = size
        self._number = 0
        self._waiting = bytearray()
        out.write(self._header)

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) >= CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]))
            del self._waiting[:CHUNK]
        return len(data)

    def flush(self) -> None:
        """Whole chunks are written already."""

    def finish(self) -> None:
        """Raises ValueError when there was not as much as was said."""
        if self._waiting:
            self._seal(bytes(self._waiting))
            self._waiting.clear()
        if self._left != 0:
            raise ValueError(f"{self._left} bytes more were promised")

    def _seal(self, chunk: bytes) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number), chunk, self._header))
        self._number += 1
        self._left -= len(chunk)


@dataclass(frozen=True, slots=True)
class _Seal:
    header: bytes
    cipher: AESGCM
    chunk: int


class FileReader:
    """The content of a file, encrypted or not, from any place; `size` in bytes. Blocking."""

    def __init__(self, path: Path, keys: FileKeys) -> None:
        """Raises OSError, FileKeyMissing, FileDamaged."""
        self._file = path.open("rb")
        try:
            self._seal, self.size = self._begin(keys)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def read(self, start: int, length: int) -> bytes:
        """At most so many bytes from there. Raises OSError, FileDamaged."""
        stop = min(start + length, self.size)
        if start >= stop:
            return b""
        if self._seal is None:
            self._file.seek(start)
            return self._file.read(stop - start)
        chunk = self._seal.chunk
        first = start // chunk
        opened = b"".join(self._open(n, self._seal) for n in range(first, (stop - 1) // chunk + 1))
        return opened[start - first * chunk : stop - first * chunk]

    def _begin(self, keys: FileKeys) -> tuple[_Seal | None, int]:
        on_disk = os.fstat(self._file.fileno()).st_size
        header = self._file.read(_HEADER.size)
        if not header.startswith(_MAGIC):
            return None, on_disk
        if len(header) < _HEADER.size:
            raise _damaged()
        _, key_id, salt, chunk, size = _HEADER.unpack(header)
        cipher = keys.cipher(key_id, salt)
        chunks = -(-size // chunk) if chunk else 0
        if on_disk != _HEADER.size + size + chunks * _TAG:
            raise _damaged()
        return _Seal(header, cipher, chunk), size

    def _open(self, number: int, seal: _Seal) -> bytes:
        self._file.seek(_HEADER.size + number * (seal.chunk + _TAG))
        sealed = self._file.read(min(seal.chunk, self.size - number * seal.chunk) + _TAG)
        try:
            return seal.cipher.decrypt(_nonce(number), sealed, seal.header)
        except InvalidTag as error:
            raise _damaged() from error


def _key_id(key: bytes) -> bytes:
    """Names a key without giving it away."""
    return hashlib.sha256(b"zongji file key" + key).digest()[:8]


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE, "big")


def _damaged() -> FileDamaged:
    return FileDamaged("This file is not as it was written: bring it back from the backup.")
