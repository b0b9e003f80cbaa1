"""Recordings: the raw sound which Asterisk wrote becomes a WAV file with a row in the database.

Rule: the raw file is removed only when the WAV file stands complete under its final name and its row
is in the journal; whatever was interrupted is done again by the sweep. Raw files lie in one folder,
`incoming`, so that a sweep costs what is in work and not what was ever recorded; WAV files by day. The raw
file holds 16-bit samples at 8 kHz, caller and agent in turn (MixMonitor's option D).
"""

import asyncio
import contextlib
import io
import os
import re
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from acd.events import CallEnded, RecordingStored
from acd.journal import Journal
from acd.rows import RecordingRow
from crm_core.bus import Bus
from crm_core.sealed_files import FileKeyMissing, FileKeys, SealedWriter

log = structlog.get_logger(__name__)

RATE = 8_000
CHANNELS = 2
_WIDTH = 2
_FRAME = CHANNELS * _WIDTH
_CHUNK = _FRAME * RATE * 10
INCOMING = "incoming"
SEALED = ".wav.sealed"
HEADER = 44
"""Bytes of a WAV file before its samples."""
_CALL_ID = re.compile(r"^[0-9a-f]{32}$")
_RAW = re.compile(r"^(\d{4})-(\d\d)-(\d\d)-([0-9a-f]{32})$")


@dataclass(frozen=True, slots=True)
class Stored:
    """A finished recording; `path` is relative to the folder of recordings."""

    call_id: str
    path: str
    seconds: float
    size_bytes: int


def path_for(folder: Path, call_id: str, day: datetime) -> Path:
    """Where MixMonitor is to write the raw file. The day is the one of the call's start, in UTC."""
    if not _CALL_ID.match(call_id):
        raise ValueError("a call id is 32 hexadecimal digits")
    return folder / INCOMING / f"{day.astimezone(UTC):%Y-%m-%d}-{call_id}.raw"


def finalise(folder: Path, raw: Path, seal: FileKeys | None = None) -> Stored:
    """Turn one raw file into the WAV file of its day, encrypted if there are keys to. Blocking: for a thread.

    The raw file stays; doing it again gives the same result. Raises OSError, FileKeyMissing.
    """
    *day, call_id = _parts(raw)
    plain = folder.joinpath(*day, f"{call_id}.wav")
    sealed = plain.with_suffix(SEALED)
    target, other = (plain, sealed) if seal is None else (sealed, plain)
    target.parent.mkdir(0o750, parents=True, exist_ok=True)
    part = raw.with_suffix(".wav.part")
    try:
        frames = _write(raw, part, seal)
        part.replace(target)
        other.unlink(missing_ok=True)  # of a round before the setting changed
    except OSError:
        part.unlink(missing_ok=True)  # half a file takes room that is wanted for whole ones
        raise
    path = target.relative_to(folder).as_posix()
    return Stored(call_id, path, frames / RATE, target.stat().st_size)


def _write(raw: Path, part: Path, seal: FileKeys | None) -> int:
    """The WAV file of these samples; how many of each side there are."""
    frames = raw.stat().st_size // _FRAME
    with part.open("wb") as out, raw.open("rb") as source:
        size = HEADER + frames * _FRAME
        inner = out if seal is None else SealedWriter(out, seal, size)
        inner.write(_header(frames))
        left = frames * _FRAME
        while left:
            chunk = source.read(min(left, _CHUNK))
            inner.write(chunk)
            left -= len(chunk)
        if isinstance(inner, SealedWriter):
            inner.finish()
        out.flush()
        os.fsync(out.fileno())
    return frames


def _header(frames: int) -> bytes:
    """Of a WAV file of so many samples of each side."""
    held = io.BytesIO()
    with wave.open(held, "wb") as sound:
        sound.setnchannels(CHANNELS)
        sound.setsampwidth(_WIDTH)
        sound.setframerate(RATE)
        sound.setnframes(frames)
        sound.writeframesraw(b"")
        return held.getvalue()


def leftovers(folder: Path, settled_before: float) -> Iterator[Path]:
    """Raw files nobody has written to since then (POSIX seconds)."""
    for raw in sorted((folder / INCOMING).glob("*.raw")):
        if _RAW.match(raw.stem) and raw.stat().st_mtime < settled_before:
            yield raw


def _parts(raw: Path) -> tuple[str, ...]:
    """Year, month, day, call id."""
    found = _RAW.match(raw.stem)
    if found is None:
        raise ValueError("not a file that path_for named")
    return found.groups()


class Recordings:
    """Finishes the recording of each call that ends, and sweeps up what was left. `seal`: keys to encrypt with."""

    def __init__(
        self,
        folder: Path,
        *,
        bus: Bus,
        journal: Journal,
        clock: Callable[[], datetime],
        is_open: Callable[[str], bool],
        seal: FileKeys | None = None,
        settle_s: float = 2.0,
        sweep_s: float = 60.0,
    ) -> None:
        self._folder = folder
        self._bus = bus
        self._journal = journal
        self._clock = clock
        self._is_open = is_open
        self._seal = seal
        self._settle_s = settle_s
        self._sweep_s = sweep_s
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        incoming = self._folder / INCOMING
        await asyncio.to_thread(incoming.mkdir, 0o750, parents=True, exist_ok=True)
        self._unsubscribe = self._bus.subscribe(self._call_ended, CallEnded)
        self._task = asyncio.create_task(self._run(), name="recordings")

    async def close(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def sweep(self) -> int:
        """Finish every recording whose call is over; how many there were."""
        before = time.time() - self._settle_s  # the file system's clock, not the calls'
        found = await asyncio.to_thread(lambda: list(leftovers(self._folder, before)))
        done = 0
        for raw in found:
            if self._is_open(_parts(raw)[-1]):
                continue
            try:
                await self._finish(raw)
            except (OSError, FileKeyMissing) as error:
                log.exception("recording_not_stored", call_id=raw.stem, error=str(error))
                continue
            done += 1
        return done

    async def _finish(self, raw: Path) -> None:
        stored = await asyncio.to_thread(finalise, self._folder, raw, self._seal)
        now = self._clock()
        row = RecordingRow(
            call_id=stored.call_id,
            path=stored.path,
            seconds=stored.seconds,
            size_bytes=stored.size_bytes,
            channels=CHANNELS,
            stored_at=now,
        )
        self._journal.append(row)
        await asyncio.to_thread(raw.unlink)
        log.info("recording_stored", call_id=stored.call_id, seconds=round(stored.seconds, 1))
        self._bus.publish(RecordingStored(stored.call_id, stored.seconds, now))

    def _call_ended(self, _: CallEnded) -> None:
        self._ended.set()

    async def _run(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("recordings_sweep_failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._sweep_s):
                    await self._ended.wait()
            if self._ended.is_set():
                # Asterisk closes the file shortly after the call
                await asyncio.sleep(self._settle_s + 0.1)
                self._ended.clear()
