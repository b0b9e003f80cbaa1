"""The journal: an append-only local file in which every record stands before it reaches the database.

Rule: a record is handed to the operating system at once, so a killed daemon loses none; what the
database has is removed by whole files. Every file opens with a snapshot of what is current (agents,
open calls), so that the journal alone can start a daemon. A torn last line is counted and passed over.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from acd.rows import Line, Row, decode, encode, split

log = structlog.get_logger(__name__)

ROTATE_STORED_BYTES = 1 << 20
ROTATE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines in order, and where in which file they end."""

    lines: tuple[Line, ...]
    file: Path
    end: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """What earlier daemons left, in order; `damaged` lines could not be read."""

    rows: tuple[Row, ...]
    damaged: int


class Journal:
    """Files `000001.journal`, `000002.journal` … in one folder, owned by one daemon."""

    def __init__(self, folder: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self._folder = folder
        self._rotate_bytes = rotate_bytes
        self._files: deque[Path] = deque()
        self._out = -1
        self._size = 0
        self._head = 0
        self._offset = 0
        self._unwritten: deque[bytes] = deque()
        self._snapshot: Callable[[], Iterable[Row]] = tuple
        self.pending = 0

    def recover(self) -> Recovered:
        """Read what is there. Call before `open`."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files = deque(sorted(self._folder.glob("*.journal")))
        rows: list[Row] = []
        damaged = 0
        for file in self._files:
            for line in file.read_bytes().splitlines(keepends=True):
                try:
                    rows.append(decode(split(line)))
                except ValueError:
                    damaged += 1
                    log.warning("journal_line_damaged", file=file.name, bytes=len(line))
        self.pending = len(rows)
        return Recovered(tuple(rows), damaged)

    def open(self, snapshot: Callable[[], Iterable[Row]]) -> None:
        """Begin a file of this daemon's own; `snapshot` gives the rows a new file opens with."""
        self._snapshot = snapshot
        self._begin_file()

    def append(self, row: Row) -> None:
        """Keep the row. Never raises: while the disk refuses, rows wait in memory."""
        self._unwritten.append(encode(row))
        self.pending += 1
        self._write_out()
        if self._size >= self._rotate_bytes:
            self._begin_file()

    def read(self, limit: int) -> Batch | None:
        """The oldest lines not yet stored; None when there are none. May run in a thread."""
        while self._files:
            file = self._files[0]
            with file.open("rb") as source:
                source.seek(self._offset)
                raw = source.readlines(limit * 256)[:limit]
            last = file == self._files[-1]
            if last and raw and not raw[-1].endswith(b"\n"):
                raw.pop()
            if raw:
                end = self._offset + sum(len(line) for line in raw)
                return Batch(tuple(_readable(raw)), file, end)
            if last:
                return None
            self._drop_first()
        return None

    def stored(self, batch: Batch) -> None:
        """The database has these: they will not be read again, and full files go."""
        self._offset = batch.end
        self.pending = max(0, self.pending - len(batch.lines))
        if len(self._files) == 1 and self._offset >= self._size:
            self.pending = 0
            if self._size >= max(ROTATE_STORED_BYTES, 4 * self._head):
                self._begin_file()

    def reject(self, line: Line, reason: str) -> None:
        """Set a line aside which the database will never take."""
        log.error("journal_row_rejected", table=line.table, key=line.key, reason=reason)
        with (self._folder / "rejected").open("a", encoding="utf-8") as aside:
            aside.write(f"{line.table}\t{line.key}\t{line.json}\n")

    def close(self) -> None:
        if self._out >= 0:
            os.fsync(self._out)
            os.close(self._out)
            self._out = -1

    def _begin_file(self) -> None:
        self.close()
        number = int(self._files[-1].stem) + 1 if self._files else 1
        file = self._folder / f"{number:06}.journal"
        self._out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._files.append(file)
        self._size = 0
        self._unwritten.extendleft(reversed([encode(row) for row in self._snapshot()]))
        self._write_out()
        self._head = self._size

    def _write_out(self) -> None:
        while self._unwritten and self._out >= 0:
            line = self._unwritten[0]
            try:
                written = os.write(self._out, line)
                whole = written == len(line)
                if not whole:
                    written += os.write(self._out, b"\n")
            except OSError as error:
                log.exception(
                    "journal_write_failed", error=str(error), waiting=len(self._unwritten)
                )
                return
            self._size += written
            if whole:
                self._unwritten.popleft()

    def _drop_first(self) -> None:
        self._files.popleft().unlink(missing_ok=True)
        self._offset = 0


def _readable(raw: Iterable[bytes]) -> Iterable[Line]:
    for line in raw:
        try:
            yield split(line)
        except ValueError:
            log.warning("journal_line_damaged", bytes=len(line))
