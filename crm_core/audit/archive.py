"""Archives of the trail: files of JSON lines, each seal followed by its entries.

Rule: a file has its name only once all of it is on the disk, and none is ever overwritten.
"""

import hashlib
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Self

from asyncpg import PostgresError

from crm_core.audit import lines, store
from crm_core.audit.seals import Seal, digest_of
from crm_core.audit.store import Holder
from crm_core.errors import Conflict, Invalid

_LINES_AT_ONCE = 500


class NewFile:
    """A file being written beside its place; `finish` puts it there.

    Every method raises Invalid when it cannot be written; Conflict when it is there already.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f"{path.name}.part")
        self._digest = hashlib.sha256()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        if self.path.exists():
            raise self._there_already()
        with self._writing():
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._file = os.fdopen(os.open(self._part, flags, 0o600), "wb")
        return self

    def __exit__(self, *_: object) -> None:
        """What was not finished is not kept."""
        with suppress(OSError):
            self._opened.close()
        self._part.unlink(missing_ok=True)

    def write(self, found: Sequence[str]) -> None:
        raw = "".join(f"{line}\n" for line in found).encode()
        self._digest.update(raw)
        with self._writing():
            self._opened.write(raw)

    def flush(self) -> Path:
        """Everything so far is on the disk, under the name that is returned."""
        with self._writing():
            self._opened.flush()
            os.fsync(self._opened.fileno())
        return self._part

    def finish(self) -> str:
        """Give it its name; returns the SHA-256 of what is in it."""
        self.flush()
        with self._writing():
            os.link(self._part, self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        return self._digest.hexdigest()

    @property
    def _opened(self) -> IO[bytes]:
        assert self._file is not None
        return self._file

    def _there_already(self) -> Conflict:
        return Conflict(f"{self.path} is there already: choose another file.")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError as error:
            raise self._there_already() from error
        except OSError as error:
            raise Invalid(f"{self.path} cannot be written: {error.strerror}.") from error


@dataclass(frozen=True, slots=True)
class ArchiveFault:
    seal_id: int
    said: str


def seal_line(seal: Seal) -> str:
    told = {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in asdict(seal).items()
    }
    return json.dumps({"kind": "seal", **told})


async def check(holder: Holder, path: Path) -> AsyncIterator[ArchiveFault | int]:
    """Hold a file against the seals in the database: for each seal its id, or what is wrong.

    Raises Invalid for a file that is no archive.
    """
    for seal_id, batches in _sections(path):
        found = await store.after(holder, seal_id - 1, upto=seal_id, most=1)
        digests: list[bytes] = []
        altered: list[int] = []
        for batch in batches:
            try:
                read = await lines.read(holder, batch)
            except PostgresError as error:
                raise Invalid(f"{path}: an entry of seal {seal_id} is damaged.") from error
            digests += (each.digest for each in read)
            altered += (each.place.row_id for each in read if not each.intact)
        if altered:
            yield ArchiveFault(seal_id, f"entry {altered[0]} does not fit its digest")
        elif not found:
            yield ArchiveFault(seal_id, "the database has no such seal")
        elif digest_of(digests) != found[0].rows_digest:
            yield ArchiveFault(seal_id, "its entries are not those that were sealed")
        else:
            yield seal_id


def _sections(path: Path) -> Iterator[tuple[int, Iterator[list[str]]]]:
    """Each seal's id with the lines of its entries, which must be read before the next."""
    try:
        file = path.open(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        line = file.readline()
        while line:
            seal_id = _seal_id(path, line)
            following = _Entries(file)
            yield seal_id, iter(following)
            line = following.after


class _Entries:
    """The lines up to the next seal, some at a time; `after` is the line that ended them."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.after = ""

    def __iter__(self) -> Iterator[list[str]]:
        entries = self._lines()
        while batch := list(islice(entries, _LINES_AT_ONCE)):
            yield batch

    def _lines(self) -> Iterator[str]:
        for line in self._file:
            if line.startswith('{"kind": "seal"'):
                self.after = line
                return
            yield line


def _seal_id(path: Path, line: str) -> int:
    try:
        return int(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{path} is no archive of the audit trail.") from error
