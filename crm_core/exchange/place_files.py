"""Where numbers are at home, out of files and into them.

Rule: as for customers, each batch is one transaction with the note of how far the file is; a row that is there already is
replaced. With `whole` the file is all there is to know: what it does not name goes away in the end.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import delete

from crm_core.audit import trail
from crm_core.errors import Invalid
from crm_core.exchange import jobs, refusals
from crm_core.exchange.files import Format, Rows, table
from crm_core.exchange.imports import Imports, Tell
from crm_core.exchange.jobs import JobView
from crm_core.exchange.place_rows import HEADERS, Segment, SegmentReader
from crm_core.exchange.records import Refused
from crm_core.exchange.sheets import batches, read_sheet
from crm_core.places import store
from crm_core.places.tables import PlaceOverride
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)

BATCH = 5_000


class PlaceFiles(Imports):
    """Imports of places, and everything as a file."""

    kind = "places"

    async def hand_in(
        self, actor: Actor, filename: str, file: Path, *, whole: bool = False
    ) -> JobView:
        """Take over a file, whose rows are taken in soon. Raises Forbidden, Invalid (no table, columns missing)."""
        actor.require(Right.LINE_MANAGE)
        sheet, digest = await self._look_at_new(file)
        SegmentReader(sheet.headers)
        async with self._database.begin() as session:
            job_id = await self._enter(
                session,
                file,
                filename=filename,
                digest=digest,
                total=sheet.total,
                by=actor.user_id,
                state="waiting",
                plan={"whole": whole},
            )
            told = {"file": filename[:200], "rows": sheet.total, "whole": whole}
            await trail.record(
                session, actor.user_id, "places.import", "exchange", job_id, after=told
            )
            return await jobs.get(session, job_id)

    async def export(self, actor: Actor, target: Path, form: Format) -> int:
        """Everything that was imported, as a file that can be imported again; how many rows. Raises Forbidden."""
        actor.require(Right.LINE_MANAGE)
        written = 0
        with table(target, form, HEADERS) as rows:
            async for page in store.pages(self._database):
                await asyncio.to_thread(_write, rows, page)
                written += len(page)
        return written

    async def _take_in(self, job: JobView, held: datetime, tell: Tell) -> JobView:
        sheet = await asyncio.to_thread(read_sheet, self.path(job.id))
        reader = SegmentReader(sheet.headers)
        for batch in batches(sheet.rows(after=job.row), BATCH):
            read = [reader.read(*row) for row in batch]
            job, held = await self._take(job, held, read, batch[-1].number)
            tell(job)
        return await self._finish(job, held)

    async def _take(
        self, job: JobView, held: datetime, rows: Sequence[Segment | Refused], last: int
    ) -> tuple[JobView, datetime]:
        segments = [row for row in rows if isinstance(row, Segment)]
        refused = [row for row in rows if isinstance(row, Refused)]
        now = self._clock()
        async with self._database.begin() as session:
            added, changed, same = await store.put(session, segments, job.id)
            await refusals.keep(session, job.id, refused)
            await jobs.advance(
                session,
                job.id,
                held=held,
                now=now,
                row=last,
                attempts=0,
                added=job.added + added,
                changed=job.changed + changed,
                same=job.same + same,
                refused=job.refused + len(refused),
            )
            return await jobs.get(session, job.id), now + jobs.LEASE

    async def _finish(self, job: JobView, held: datetime) -> JobView:
        """Raises Invalid when the whole table would go."""
        now, whole = self._clock(), bool(job.plan.get("whole"))
        if whole and job.done == job.refused:
            raise Invalid("No row of the file could be taken in: the table stays as it is.")
        async with self._database.begin() as session:
            gone = 0
            if whole:
                others = delete(PlaceOverride).where(
                    PlaceOverride.import_id.is_distinct_from(job.id)
                )
                gone = (await session.execute(others)).rowcount  # type: ignore[attr-defined]
                await store.note_change(session)
            await jobs.advance(session, job.id, held=held, now=now, state="done", finished_at=now)
            counts = {"added": job.added, "changed": job.changed, "same": job.same}
            told = counts | {"refused": job.refused, "removed": gone}
            await trail.record(
                session, job.created_by, "places.imported", "exchange", job.id, after=told
            )
            done = await jobs.get(session, job.id)
        log.info("places_imported", job=job.id, **told)
        return done


def _write(rows: Rows, page: Sequence[Mapping[str, str | None]]) -> None:
    for each in page:
        rows.write(
            tuple(each[name] for name in ("prefix", "province", "city", "area_code", "carrier"))
        )
