"""The worker that seals: it chains entries that are committed and tells the new head to the outside.

Rule: a seal takes only transactions older than every one that still runs, so that none that commits
late is passed over, and no entry is touched for it. One sealer works at a time, whichever daemon's.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import seals, store
from crm_core.audit.anchor import AnchorFile
from crm_core.audit.seals import BEGINNING, EVER, Place, Seal, SealedRow
from crm_core.db import Database
from crm_core.statement import Statement
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('zongji.audit.seal'))")
_PUBLISHED_AT_ONCE = 500
_HORIZON = Statement(
    "SELECT pg_snapshot_xmin(s)::text::bigint AS running, pg_snapshot_xmax(s)::text::bigint AS next"
    " FROM pg_current_snapshot() AS s"
)
_ROWS = Statement(
    "SELECT xid, id, digest FROM audit_log WHERE (xid, id) > (:xid, :row_id) AND xid < :upto"
    " AND id + 0 > :era ORDER BY xid, id LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Horizon:
    """The oldest transaction that still runs, and the next that will begin."""

    running: int
    next: int

    def went_back(self, head: Seal) -> bool:
        """Whether this is another server, restored from a dump, that counts transactions anew."""
        return head.last.xid >= self.next


async def horizon(holder: store.Holder) -> Horizon:
    row = (await _HORIZON.read(holder, {}))[0]
    return Horizon(row["running"], row["next"])


class AuditSealer(Worker):
    """Seals every `period_s`; a seal has at most `rows` entries."""

    def __init__(
        self,
        database: Database,
        anchor: Path,
        *,
        clock: Callable[[], datetime],
        period_s: float = 60.0,
        rows: int = 5000,
    ) -> None:
        super().__init__("audit-sealer", every_s=period_s)
        self._database = database
        self._anchor = AnchorFile(anchor)
        self._clock = clock
        self._rows = rows
        self._published: int | None = None

    async def run_once(self) -> int:
        """Seal what can be sealed, publish it; returns how many seals. Raises DatabaseUnavailable."""
        await self._find_published()
        async with self._database.reading() as connection:
            now = await horizon(connection)
        made = 0
        while (seal := await self._seal(now)) is not None:
            made += 1
            log.info("audit_sealed", seal=seal.id, rows=seal.row_count, hash=seal.hash.hex())
        await self._publish()
        return made

    async def _seal(self, now: Horizon) -> Seal | None:
        async with self._database.begin() as session:
            if not await session.scalar(ALONE):
                return None
            head = await store.head(session)
            made = await self._next(session, head, now)
            if made is not None:
                await store.add(session, made)
        return made

    async def _next(self, session: AsyncSession, head: Seal | None, now: Horizon) -> Seal | None:
        """The next seal; in a restored database first what was there before, then the new era."""
        if head is None:
            return await self._over(session, None, BEGINNING, now.running, 0)
        if not now.went_back(head):
            return await self._over(session, head, head.last, now.running, head.era_row_id)
        return await self._over(session, head, head.last, EVER, head.era_row_id) or (
            await self._over(session, head, BEGINNING, now.running, head.highest_row_id)
        )

    async def _over(
        self, session: AsyncSession, head: Seal | None, after: Place, upto: int, era: int
    ) -> Seal | None:
        found = await _ROWS.read(
            session,
            {**after._asdict(), "upto": upto, "era": era, "most": self._rows},
        )
        rows = [SealedRow(Place(row["xid"], row["id"]), row["digest"]) for row in found]
        return seals.make(head, rows, after=after, era=era, at=self._clock()) if rows else None

    async def _find_published(self) -> None:
        """Once: how far the file is. Where it contradicts the database both are left as they are."""
        if self._published is not None:
            return
        try:
            last = await asyncio.to_thread(self._anchor.last)
        except OSError as error:
            self._cannot(error)
            return
        if last is None or last.seal_id is None:
            self._published = 0
            return
        async with self._database.reading() as connection:
            there = await store.after(connection, last.seal_id - 1, upto=last.seal_id, most=1)
            head = await store.head(connection)
        if there and there[0].hash.hex() == last.hash:
            self._published = last.seal_id
            return
        log.error("audit_anchor_differs", seal=last.seal_id, file=str(self._anchor.path))
        self._published = head.id if head else 0

    async def _publish(self) -> None:
        """Add to the file what it does not have; when that fails, the next round tries again."""
        if self._published is None:
            return
        async with self._database.reading() as connection:
            while new := await store.after(
                connection, self._published, upto=EVER, most=_PUBLISHED_AT_ONCE
            ):
                try:
                    await asyncio.to_thread(self._anchor.append, new)
                except OSError as error:
                    self._cannot(error)
                    return
                self._published = new[-1].id

    def _cannot(self, error: OSError) -> None:
        log.error("audit_anchor_failed", file=str(self._anchor.path), error=str(error))
