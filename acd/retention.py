"""How long sounds are kept, and the worker that removes what is old.

Rule: a row says that it is removed, with its entry in the audit trail, before the file goes; a file that a crash or a
fault left is removed in the next round. What is held stays.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, and_, case, func, literal, null, select, update
from sqlalchemy.orm import InstrumentedAttribute

from acd.recording_archive import inside
from acd.tables import Call, Recording, Sound, Voicemail
from crm_core.audit import trail
from crm_core.db import Database
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

_BATCH = 200
_Queue = InstrumentedAttribute[str | None] | InstrumentedAttribute[str]


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that sounds are kept: `days`, or what a queue says of its own; None: for ever."""

    days: int | None
    by_queue: Mapping[str, int]

    def days_of(self, queue: str | None) -> int | None:
        return self.by_queue.get(queue or "", self.days)

    def is_over(
        self,
        queue: _Queue,
        since: InstrumentedAttribute[datetime],
        now: datetime,
    ) -> ColumnElement[bool]:
        """The condition for a statement: what is of this queue and this old is to go."""
        default = null() if self.days is None else literal(self.days)
        days = case(dict(self.by_queue), value=queue, else_=default) if self.by_queue else default
        return since < literal(now) - func.make_interval(0, 0, 0, days)


@dataclass(frozen=True, slots=True)
class Expiring:
    """A table of sounds: `queue` is whose days are kept to; `policy` is asked each round, as the line may have changed."""

    table: type[Sound]
    queue: _Queue
    policy: Callable[[], Retention]


def recordings(policy: Callable[[], Retention]) -> Expiring:
    return Expiring(Recording, Call.queue, policy)


def voicemails(policy: Callable[[], Retention]) -> Expiring:
    return Expiring(Voicemail, Voicemail.queue, policy)


class SoundRetention(Worker):
    """Recordings, messages: one table after the other."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        sounds: Sequence[Expiring],
        *,
        clock: Callable[[], datetime],
        every_s: float = 600.0,
    ) -> None:
        super().__init__("sound-retention", every_s=every_s, batch=_BATCH)
        self._database = database
        self._folder = folder
        self._sounds = sounds
        self._clock = clock

    async def run_once(self) -> int:
        """How many expired."""
        done = 0
        for each in self._sounds:
            done += await self._mark(each)
            await self._remove_files(each.table)
        return done

    async def _mark(self, expiring: Expiring) -> int:
        now, policy, table = self._clock(), expiring.policy(), expiring.table
        old = (
            select(table, expiring.queue)
            .outerjoin(Call, Call.id == table.call_id)
            .where(
                and_(table.removed_at.is_(None), table.held_at.is_(None)),
                policy.is_over(expiring.queue, table.stored_at, now),
            )
            .order_by(table.stored_at)
            .limit(_BATCH)
            .with_for_update(of=table, skip_locked=True)
        )
        async with self._database.begin() as session:
            found = (await session.execute(old)).all()
            for sound, _ in found:
                sound.removed_at = now
            await trail.record_many(
                session,
                [
                    trail.Entry(
                        None,
                        f"{table.sort}.remove",
                        "call",
                        sound.call_id,
                        {"stored_at": sound.stored_at, "seconds": sound.seconds},
                        {"removed_at": now, "kept_days": policy.days_of(queue)},
                    )
                    for sound, queue in found
                ],
            )
        if found:
            log.info("sounds_removed", sort=table.sort, count=len(found))
        return len(found)

    async def _remove_files(self, table: type[Sound]) -> None:
        """Also those of an earlier round that did not get so far."""
        going = select(table.call_id, table.path).where(
            table.removed_at.is_not(None), table.file_removed.is_(False)
        )
        async with self._database.begin() as session:
            found = (await session.execute(going)).all()
        gone = [row.call_id for row in found if await asyncio.to_thread(self._unlink, row.path)]
        if gone:
            async with self._database.begin() as session:
                await session.execute(
                    update(table).where(table.call_id.in_(gone)).values(file_removed=True)
                )

    def _unlink(self, relative: str) -> bool:
        path = inside(self._folder, relative)
        try:
            if path is not None:
                path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("sound_file_stays", path=relative, error=str(error))
            return False
        return True
