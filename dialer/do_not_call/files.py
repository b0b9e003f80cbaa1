"""Lists of numbers that are never to be dialled, out of files (a regulator's, an operator's).

Rule: what a file says comes into force as a whole and at one moment, in place of what the list said before, whose
numbers are never free meanwhile; a file that is given up changes nothing.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.errors import Invalid
from crm_core.exchange import jobs, refusals
from crm_core.exchange.imports import Imports, Tell
from crm_core.exchange.jobs import JobView
from crm_core.exchange.records import Refused
from crm_core.exchange.sheets import batches, read_sheet
from crm_core.exchange.values import Row, text
from crm_core.numbers import normalise
from crm_core.rights import Actor, Right
from crm_core.search_text import plain
from dialer import standing
from dialer.do_not_call.commands import Covers
from dialer.do_not_call.refusing import ENTITY
from dialer.do_not_call.tables import DoNotCallList, DoNotCallListed

log = structlog.get_logger(__name__)

BATCH = 5_000
_NAMES = ("号码", "电话", "电话号码", "手机", "手机号", "手机号码", "联系电话", "number", "phone", "mobile", "tel")  # fmt: skip
_LONGEST = 32


class ListFiles(Imports):
    """Imports of named lists."""

    kind = "do_not_call"

    async def hand_in(
        self, actor: Actor, filename: str, file: Path, *, name: str, covers: Covers = "everything"
    ) -> JobView:
        """Take over a file, which replaces the list of this name soon. Raises Forbidden, Invalid (no column of numbers)."""
        actor.require(Right.CAMPAIGN_MANAGE)
        sheet, digest = await self._look_at_new(file)
        _column(sheet.headers)
        async with self._database.begin() as session:
            list_id = await _list(session, name, covers)
            job_id = await self._enter(
                session,
                file,
                filename=filename,
                digest=digest,
                total=sheet.total,
                by=actor.user_id,
                state="waiting",
                plan={"list_id": list_id, "list": name, "covers": covers},
            )
            told = {"list": name, "covers": covers, "file": filename[:200], "rows": sheet.total}
            await trail.record(
                session, actor.user_id, "do_not_call.import", ENTITY, list_id, after=told
            )
            return await jobs.get(session, job_id)

    async def _take_in(self, job: JobView, held: datetime, tell: Tell) -> JobView:
        sheet = await asyncio.to_thread(read_sheet, self.path(job.id))
        column = _column(sheet.headers)
        for batch in batches(sheet.rows(after=job.row), BATCH):
            read = [_read(row, column) for row in batch]
            job, held = await self._take(job, held, read, batch[-1].number)
            tell(job)
        return await self._finish(job, held)

    async def _take(
        self, job: JobView, held: datetime, rows: Sequence[str | Refused], last: int
    ) -> tuple[JobView, datetime]:
        named = {"list_id": job.plan["list_id"], "job_id": job.id}
        numbers = [each for each in rows if isinstance(each, str)]
        refused = [each for each in rows if isinstance(each, Refused)]
        now = self._clock()
        async with self._database.begin() as session:
            added = await _put(session, [named | {"number": each} for each in set(numbers)])
            await refusals.keep(session, job.id, refused)
            await jobs.advance(
                session,
                job.id,
                held=held,
                now=now,
                row=last,
                attempts=0,
                added=job.added + added,
                same=job.same + len(numbers) - added,
                refused=job.refused + len(refused),
            )
            return await jobs.get(session, job.id), now + jobs.LEASE

    async def _finish(self, job: JobView, held: datetime) -> JobView:
        """Put the file in force. Raises Invalid when it names nobody, or a newer one is in force."""
        if not job.added:
            raise Invalid("No row of the file is a number: the list stays as it is.")
        now, list_id = self._clock(), job.plan["list_id"]
        async with self._database.begin() as session:
            await standing.lock_lists(session)
            await _put_in_force(session, job, now)
            await jobs.advance(session, job.id, held=held, now=now, state="done", finished_at=now)
            told = {"list": job.plan["list"], "numbers": job.added, "refused": job.refused}
            await trail.record(
                session, job.created_by, "do_not_call.imported", ENTITY, list_id, after=told
            )
            done = await jobs.get(session, job.id)
        async with self._database.begin() as session:
            listed = DoNotCallListed
            older = delete(listed).where(listed.list_id == list_id, listed.job_id < job.id)
            await session.execute(older)
        log.info("do_not_call_imported", job=job.id, **told)
        return done


async def _list(session: AsyncSession, name: str, covers: Covers) -> int:
    """The list of this name, made if need be."""
    table = DoNotCallList
    await session.execute(insert(table).values(name=name, covers=covers).on_conflict_do_nothing())
    return (await session.execute(select(table.id).where(table.name == name))).scalar_one()


async def _put(session: AsyncSession, rows: list[dict[str, Any]]) -> int:
    """How many were not there."""
    if not rows:
        return 0
    put = insert(DoNotCallListed).on_conflict_do_nothing().returning(DoNotCallListed.number)
    return len((await session.execute(put, rows)).all())


async def _put_in_force(session: AsyncSession, job: JobView, now: datetime) -> None:
    table = DoNotCallList
    changed = await session.scalar(
        update(table)
        .where(table.id == job.plan["list_id"], or_(table.job_id.is_(None), table.job_id < job.id))
        .values(job_id=job.id, covers=job.plan["covers"], numbers=job.added, imported_at=now)
        .returning(table.id)
    )
    if changed is None:
        raise Invalid("A newer file of this list is in force: hand this one in again.")


def _column(headers: Sequence[str]) -> int:
    """Where the numbers stand. Raises Invalid."""
    for place, name in enumerate(headers):
        if plain(name).replace(" ", "") in _NAMES:
            return place
    raise Invalid(
        "The file has no column 号码: its first row must name the columns, that of the numbers 号码.",
        fields={"headers": "missing"},
    )


def _read(row: Row, column: int) -> str | Refused:
    """The number of a row."""
    if row.fault:
        return Refused(row.number, row.cells, (row.fault,))
    written = text(row.cells[column]) if column < len(row.cells) else None
    number = normalise(written)
    if number is None or len(number) > _LONGEST:
        return Refused(row.number, row.cells, (f"“{(written or '')[:40]}” is no telephone number",))
    return number
