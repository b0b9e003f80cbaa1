"""Recordings as people find, hear and keep them.

Rule: one that was removed is not heard any more, one that is held is not removed; who hears one is noted before the
first sound of it, and parts that are asked for soon after each other are one listening.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from acd import holds
from acd.tables import Recording, RecordingUse
from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.rights import Actor
from crm_core.sealed_files import FileKeys, FileReader

PURPOSE = "zongji recordings"
"""Of the keys of its files."""
Use = Literal["listen", "download"]

_GONE = "There is no recording of this call (any more)."
_ONE_LISTENING = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class RecordingView:
    """`path` is relative to the folder of recordings; removed ones are without a file."""

    call_id: str
    path: str
    seconds: float
    channels: int
    stored_at: datetime
    removed_at: datetime | None
    held_at: datetime | None
    held_by: int | None
    hold_reason: str | None


@dataclass(frozen=True, slots=True)
class UseView:
    user_id: int
    kind: str
    began_at: datetime
    last_at: datetime


class RecordingArchive:
    """`folder` holds the files; `keys` open those that are encrypted."""

    def __init__(
        self, database: Database, folder: Path, keys: FileKeys, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self.folder = folder
        self._keys = keys
        self._clock = clock

    async def find(self, call_id: str) -> RecordingView | None:
        """That of a call, removed ones too."""
        async with self._database.begin() as session:
            found = await session.get(Recording, call_id)
            return None if found is None else _view(found)

    def open(self, recording: RecordingView | None) -> FileReader:
        """Blocking. Raises NotFound, FileKeyMissing, FileDamaged."""
        if recording is None or recording.removed_at is not None:
            raise NotFound(_GONE)
        return self.open_file(recording.path)

    def open_file(self, relative: str) -> FileReader:
        """One in the folder. Blocking. Raises NotFound, FileKeyMissing, FileDamaged."""
        path = inside(self.folder, relative)
        if path is None or not path.is_file():
            raise NotFound(_GONE)
        return FileReader(path, self._keys)

    async def note(self, actor: Actor, user_id: int, call_id: str, use: Use) -> None:
        """That this person hears it now, or takes it away."""
        now = self._clock()
        async with self._database.begin() as session:
            await _lock(session, call_id)
            last = await session.scalar(
                select(RecordingUse)
                .where(
                    RecordingUse.call_id == call_id,
                    RecordingUse.user_id == user_id,
                    RecordingUse.kind == use,
                    RecordingUse.last_at > now - _ONE_LISTENING,
                )
                .order_by(RecordingUse.id.desc())
                .limit(1)
            )
            if last is not None:
                last.last_at = now
                return
            session.add(
                RecordingUse(call_id=call_id, user_id=user_id, kind=use, began_at=now, last_at=now)
            )
            await trail.record(session, actor.user_id, f"recording.{use}", "call", call_id)

    async def uses(self, call_id: str) -> list[UseView]:
        """Who heard it or took it away, the latest first."""
        query = (
            select(RecordingUse)
            .where(RecordingUse.call_id == call_id)
            .order_by(RecordingUse.began_at.desc(), RecordingUse.id.desc())
        )
        async with self._database.begin() as session:
            return [
                UseView(each.user_id, each.kind, each.began_at, each.last_at)
                for each in await session.scalars(query)
            ]

    async def hold(self, actor: Actor, call_id: str, reason: str) -> RecordingView:
        """Keep it whatever the policy says; done again it changes the reason.

        Raises Forbidden, NotFound, RecordingRemoved.
        """
        async with self._database.begin() as session:
            found = await _lock(session, call_id)
            await holds.hold(session, actor, found, reason, self._clock())
            return _view(found)

    async def release(self, actor: Actor, call_id: str) -> RecordingView:
        """The policy holds again. Raises Forbidden, NotFound."""
        async with self._database.begin() as session:
            found = await _lock(session, call_id)
            await holds.release(session, actor, found)
            return _view(found)


def inside(folder: Path, relative: str) -> Path | None:
    """The path, if it leads nowhere else."""
    path = (folder / relative).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


async def _lock(session: AsyncSession, call_id: str) -> Recording:
    """Raises NotFound."""
    found = await session.get(Recording, call_id, with_for_update=True)
    if found is None:
        raise NotFound("There is no recording of this call.")
    return found


def _view(row: Recording) -> RecordingView:
    return RecordingView(
        call_id=row.call_id,
        path=row.path,
        seconds=float(row.seconds),
        channels=row.channels,
        stored_at=row.stored_at,
        removed_at=row.removed_at,
        held_at=row.held_at,
        held_by=row.held_by,
        hold_reason=row.hold_reason,
    )
