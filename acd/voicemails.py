"""Voicemail (留言): what a caller said for a queue's people becomes a WAV file with a row in the database.

Rule: the file that Asterisk wrote is removed only when the message stands complete under its final name and its row is in
the journal; whatever was interrupted, by a hang-up or by a daemon's death, is done again by the sweep. Of the takes of a
call the last one long enough is the message, and shorter ones are none. Takes lie in one folder, `incoming`, and say by
their names whose they are; messages lie by day.
"""

import asyncio
import io
import os
import re
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import structlog

from acd.journal import Journal
from acd.recordings import SEALED
from acd.rows import VoicemailRow
from crm_core.sealed_files import FileKeyMissing, FileKeys, SealedWriter
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

FOLDER = "voicemails"
SHORTEST_S = 2.0
_INCOMING = "incoming"
_RATE, _WIDTH, _HEADER = 8_000, 2, 44
_CALL_ID = re.compile(r"^[0-9a-f]{32}$")
_TAKE = re.compile(r"^(\d{4})-(\d\d)-(\d\d)-([0-9a-f]{32})-(\d)-([a-z][a-z0-9_]{0,49})$")


@dataclass(frozen=True, slots=True)
class Take:
    """One recording of a caller's, as it lies in `incoming`."""

    file: Path
    day: tuple[str, str, str]
    call_id: str
    number: int
    queue: str

    @property
    def seconds(self) -> float:
        """By the size of the file, for whoever died while writing left no right length in it."""
        return max(0, self.file.stat().st_size - _HEADER) / (_RATE * _WIDTH)


def path_for(folder: Path, call_id: str, day: datetime, number: int, queue: str) -> Path:
    """Where Asterisk is to write a take. The day is the one of the call's start, in UTC."""
    if not _CALL_ID.match(call_id):
        raise ValueError("a call id is 32 hexadecimal digits")
    name = f"{day.astimezone(UTC):%Y-%m-%d}-{call_id}-{number}-{queue}.wav"
    return folder / FOLDER / _INCOMING / name


def takes(folder: Path, call_id: str = "*") -> Iterator[Take]:
    """Those that lie in `incoming`, call by call, the later ones last."""
    for file in sorted((folder / FOLDER / _INCOMING).glob(f"*-{call_id}-*.wav")):
        if found := _TAKE.match(file.stem):
            year, month, day, call, number, queue = found.groups()
            yield Take(file, (year, month, day), call, int(number), queue)


def message_in(found: list[Take]) -> Take | None:
    """The last take that is long enough."""
    return next((take for take in reversed(found) if take.seconds >= SHORTEST_S), None)


def left_message(folder: Path, call_id: str) -> bool:
    """Whether the caller has said something by now that will be kept."""
    return message_in(list(takes(folder, call_id))) is not None


def finalise(folder: Path, take: Take, now: datetime, seal: FileKeys | None = None) -> VoicemailRow:
    """The message under its final name, encrypted if there are keys to. Blocking: for a thread.

    May be repeated. Raises OSError, FileKeyMissing.
    """
    suffix = ".wav" if seal is None else SEALED
    target = (folder / FOLDER).joinpath(*take.day, f"{take.call_id}{suffix}")
    target.parent.mkdir(0o750, parents=True, exist_ok=True)
    part = take.file.with_suffix(".part")
    sound = _wav(take.file.read_bytes()[_HEADER:])
    with part.open("wb") as out:
        inner = out if seal is None else SealedWriter(out, seal, len(sound))
        inner.write(sound)
        if isinstance(inner, SealedWriter):
            inner.finish()
        out.flush()
        os.fsync(out.fileno())
    part.replace(target)
    return VoicemailRow(
        call_id=take.call_id,
        queue=take.queue,
        path=target.relative_to(folder).as_posix(),
        seconds=round(take.seconds, 2),
        size_bytes=target.stat().st_size,
        stored_at=now,
    )


def _wav(samples: bytes) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(_WIDTH)
        written.setframerate(_RATE)
        written.writeframes(samples[: len(samples) - len(samples) % _WIDTH])
    return held.getvalue()


class Voicemails(Worker):
    """Stores the messages of calls that are over. `is_open`: of a call by its id; `seal`: keys to encrypt with."""

    def __init__(
        self,
        folder: Path,
        *,
        journal: Journal,
        clock: Callable[[], datetime],
        is_open: Callable[[str], bool],
        seal: FileKeys | None = None,
        settle_s: float = 2.0,
        every_s: float = 2.0,
    ) -> None:
        super().__init__("voicemails", every_s=every_s)
        self._folder = folder
        self._journal = journal
        self._clock = clock
        self._is_open = is_open
        self._seal = seal
        self._settle_s = settle_s

    async def prepare(self) -> None:
        """Asterisk finds the folder."""
        incoming = self._folder / FOLDER / _INCOMING
        await asyncio.to_thread(incoming.mkdir, 0o750, parents=True, exist_ok=True)

    async def run_once(self) -> int:
        """How many messages were stored."""
        found = await asyncio.to_thread(lambda: list(takes(self._folder)))
        stored = 0
        for call_id, of_call in groupby(sorted(found, key=_by_call), key=lambda take: take.call_id):
            if self._is_open(call_id):
                continue
            try:
                stored += await self._store(list(of_call))
            except (OSError, FileKeyMissing) as error:
                log.exception("voicemail_not_stored", call_id=call_id, error=str(error))
        return stored

    async def _store(self, found: list[Take]) -> int:
        """One call's takes: 1 when there was a message."""
        before = time.time() - self._settle_s  # the file system's clock, not the calls'
        if any(take.file.stat().st_mtime > before for take in found):
            return 0
        take = message_in(found)
        if take is not None:
            row = await asyncio.to_thread(finalise, self._folder, take, self._clock(), self._seal)
            self._journal.append(row)
            log.info("voicemail_stored", call_id=row.call_id, queue=row.queue, seconds=row.seconds)
        for each in found:
            await asyncio.to_thread(each.file.unlink)
        return int(take is not None)


def _by_call(take: Take) -> tuple[str, int]:
    return take.call_id, take.number
