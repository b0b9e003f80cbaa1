"""The anchor: a file outside the database to which the hash of every seal is added.

Rule: a line is on the disk (fsync) before the next is written, and none is ever rewritten. Who
rewrites the whole chain in PostgreSQL cannot make it agree with this file; keep copies of it
elsewhere, or make it append-only (`chattr +a`).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from crm_core.audit.seals import Seal

_TAIL = 4096
_WORDS, _HASH, _MOST_SEALS = 4, 32, 2**62


@dataclass(frozen=True, slots=True)
class Anchored:
    """What a line says; both are None when it cannot be read."""

    line: int
    seal_id: int | None
    hash: str | None


class AnchorFile:
    """`<seal> <hash> <seconds since 1970> <entries>`, one line a seal."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        return self.path.exists()

    def append(self, seals: Sequence[Seal]) -> None:
        """Raises OSError. A line that a power cut left unfinished is ended first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            for seal in seals:
                line = f"{seal.id} {seal.hash.hex()} {seal.sealed} {seal.row_count}\n"
                os.write(file, ("\n" + line if torn else line).encode())
                os.fsync(file)
                torn = False
        finally:
            os.close(file)

    def last(self) -> Anchored | None:
        """The last line that can be read, None when there is none. Raises OSError."""
        if not self.exists():
            return None
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = [_read(0, line) for line in file.read().splitlines()]
        return next((each for each in reversed(lines) if each.seal_id is not None), None)

    def batches(self, most: int) -> Iterator[list[Anchored]]:
        """Every line in order, some at a time. Raises OSError."""
        with self.path.open("rb") as file:
            lines = (_read(place, line) for place, line in enumerate(file, 1))
            while batch := list(islice(lines, most)):
                yield batch


def _read(place: int, line: bytes) -> Anchored:
    words = line.decode("ascii", errors="replace").split()
    with suppress(ValueError, IndexError):
        seal_id, seal_hash = int(words[0]), bytes.fromhex(words[1])
        if len(words) == _WORDS and len(seal_hash) == _HASH and 0 < seal_id <= _MOST_SEALS:
            return Anchored(place, seal_id, seal_hash.hex())
    return Anchored(place, None, None)
