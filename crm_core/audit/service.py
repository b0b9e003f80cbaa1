"""The audit trail as a whole: searching it, checking it, taking it out, letting it expire.

Rule: nothing here changes an entry but a redaction and an expiry, which leave their own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from crm_core.audit import archive, lines, reading, retention, trail
from crm_core.audit.anchor import AnchorFile
from crm_core.audit.archive import ArchiveFault, NewFile
from crm_core.audit.findings import Progress, Report
from crm_core.audit.reading import AuditPage, AuditSearch
from crm_core.audit.retention import KEPT_BY_LAW, Expired
from crm_core.audit.verification import Verification
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)


def _unseen(_done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Exported:
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """`seals` are in the archive; those with a fault are not as they were sealed."""

    seals: int
    faults: tuple[ArchiveFault, ...]


@dataclass(frozen=True, slots=True)
class AuditFiles:
    """Where an installation keeps what belongs to the trail and lies outside the database."""

    anchor: Path
    folder: Path

    def place(self, name: str) -> Path:
        """Where a file of this name lies. Raises Invalid (the folder)."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Invalid(f"{self.folder} cannot be made: {error.strerror}.") from error
        return self.folder / name


class AuditTrail:
    """The trail behind one database; entries are written by `trail.record`."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        files: AuditFiles | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._files = files
        self._at_work = asyncio.Lock()

    def place(self, name: str) -> Path:
        """Where this installation keeps a file of this name. Raises Invalid."""
        if self._files is None:
            raise Invalid("This installation keeps no files of the audit trail.")
        return self._files.place(name)

    async def search(self, actor: Actor, wanted: AuditSearch) -> AuditPage:
        """Newest first. Raises Forbidden, Invalid, DatabaseUnavailable."""
        async with self._database.reading() as connection:
            return await reading.search(connection, actor, wanted)

    async def verify(self, anchor: Path | None = None, progress: Progress = _unseen) -> Report:
        """Hold everything against everything. Raises DatabaseUnavailable, OSError (the anchor)."""
        async with self._database.reading() as connection:
            file = AnchorFile(anchor) if anchor is not None else None
            return await Verification(connection, file, progress).run()

    async def check(self, actor: Actor) -> Report:
        """As `verify`, with the installation's own anchor, for who may read the trail; one at a time.

        Raises Forbidden, Conflict (somebody is at it), Invalid (the anchor), DatabaseUnavailable.
        """
        actor.require(Right.AUDIT_VIEW)
        anchor = None if self._files is None else self._files.anchor
        async with self._alone():
            try:
                return await self.verify(anchor)
            except OSError as error:
                raise Invalid(f"{anchor} cannot be read: {error.strerror}.") from error

    async def check_archive(self, actor: Actor, file: Path) -> ArchiveReport:
        """Hold an archive against the seals. Raises Forbidden, Conflict (somebody is at it), Invalid (no archive)."""
        actor.require(Right.AUDIT_VIEW)
        async with self._alone(), self._database.reading() as connection:
            found = [each async for each in archive.check(connection, file)]
        faults = tuple(each for each in found if isinstance(each, ArchiveFault))
        return ArchiveReport(len(found), faults)

    async def export(self, actor: Actor, file: Path, progress: Progress = _unseen) -> Exported:
        """Every entry as a line of JSON, numbers unmasked; itself an entry of the trail.

        Raises Forbidden, Conflict (the file is there already, somebody is at it), Invalid.
        """
        actor.require(Right.AUDIT_MANAGE)
        actor.require(Right.NUMBER_UNMASK)
        rows = 0
        async with self._alone():
            with NewFile(file) as written:
                async with self._database.reading() as connection:
                    async for batch in lines.every(connection):
                        written.write(batch)
                        rows += len(batch)
                        progress(rows, rows)
                async with self._database.begin() as session:
                    told = {"file": str(file), "rows": rows}
                    await trail.record(
                        session, actor.user_id, "audit.export", "audit", "log", after=told
                    )
                return Exported(rows, written.finish())

    async def expire(
        self,
        actor: Actor,
        before: datetime,
        file: Path,
        *,
        really: bool = False,
        progress: Progress = _unseen,
    ) -> Expired:
        """Move sealed entries older than `before` to a new file; what younger than three years needs
        `really`. Raises Forbidden, Invalid, Conflict.
        """
        if not really and before > self._clock() - KEPT_BY_LAW:
            raise Invalid(
                "The e-commerce law asks to keep records of trade for three years, the cybersecurity"
                " law logs for six months: choose an earlier date, or say that you really mean it.",
                fields={"before": "too recent"},
            )
        async with self._database.begin() as session:
            expired = await retention.expire(session, actor, before, file, progress)
        log.info("audit_expired", rows=expired.rows, upto=expired.last_seal, file=str(file))
        return expired

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Raises Conflict."""
        if self._at_work.locked():
            raise Conflict("The trail is being checked or taken out at this moment: wait for that.")
        async with self._at_work:
            yield
