"""Recordings that stand for texts of the line: whether they play, and whether they still say what the line says.

Rule: a recording says what the line said when it was first seen, or what the line came to say within a day after that. It is
noted with the digest of its sound, so that one which is put in its place says something new, and a text that comes
back is said again.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from crm_core.whole_files import write_if_changed
from crm_core.worker import Worker
from ivr.menu import Menus
from ivr.prompts import Prompt, faults_of, of_line

log = structlog.get_logger(__name__)

_STILL = timedelta(days=1)


class Said(BaseModel):
    """What a recording says: `sound` is its digest, `since` when it was first seen."""

    model_config = ConfigDict(frozen=True)

    sound: str
    text: str
    since: AwareDatetime


_NOTED = TypeAdapter(dict[str, Said])


@dataclass(frozen=True, slots=True)
class Outdated:
    """A recording that says `said` where the line says something else."""

    prompt: Prompt
    said: str


class Recordings:
    """Those in a folder of prompts."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._custom = folder / "custom"
        self._noted = folder / "recordings.json"
        self._clock = clock

    def faults(self, menus: Menus) -> Iterator[tuple[Prompt, str]]:
        """Why those that this line plays would not play."""
        for prompt, file in self._played(menus):
            try:
                yield from ((prompt, why) for why in faults_of(file))
            except OSError as error:
                yield prompt, f"cannot be read: {error.strerror}"

    def outdated(self, menus: Menus) -> Iterator[Outdated]:
        """Those that this line plays for a text that they do not say."""
        noted, now = self._read(), self._clock()
        for prompt, file in self._played(menus):
            said = noted.get(prompt.key)
            if said is not None and said.sound == _digest(file) and not _says(said, prompt, now):
                yield Outdated(prompt, said.text)

    def note(self, menus: Menus) -> None:
        """What the line says now is what those say that are new. Raises OSError."""
        noted, now = self._read(), self._clock()
        for prompt, file in self._played(menus):
            said, sound = noted.get(prompt.key), _digest(file)
            if sound is None:
                continue
            if said is None or said.sound != sound:
                noted[prompt.key] = Said(sound=sound, text=prompt.text, since=now)
            elif _says(said, prompt, now):
                noted[prompt.key] = said.model_copy(update={"text": prompt.text})
        if noted:
            write_if_changed(self._noted, _NOTED.dump_json(noted, indent=1).decode())

    def _played(self, menus: Menus) -> Iterator[tuple[Prompt, Path]]:
        for prompt in of_line(menus):
            file = self._custom / f"{prompt.key}.wav"
            if file.exists():
                yield prompt, file

    def _read(self) -> dict[str, Said]:
        try:
            return _NOTED.validate_json(self._noted.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError):
            log.warning("recordings_note_unreadable", file=str(self._noted))
            return {}


class RecordingNotes(Worker):
    """Notes what recordings say, of the line that calls take."""

    def __init__(
        self, recordings: Recordings, menus: Callable[[], Menus], *, every_s: float = 10.0
    ) -> None:
        super().__init__("recordings of prompts", every_s=every_s)
        self._recordings = recordings
        self._menus = menus

    async def run_once(self) -> int:
        try:
            await asyncio.to_thread(self._recordings.note, self._menus())
        except OSError as error:
            log.warning("recordings_not_noted", error=str(error))
        return 0


def _says(said: Said, prompt: Prompt, now: datetime) -> bool:
    return said.text == prompt.text or now - said.since <= _STILL


def _digest(file: Path) -> str | None:
    """None when it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None
