"""Faxes that came in: the sheets that Asterisk wrote become files of their day, with a row and a task.

Rule: the sheets stand under their final name before the row is written, and leave the folder `incoming` only after;
whatever was interrupted is done again by the next sweep and is one row. While PostgreSQL is away they wait there.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from ami_bridge.agi import AgiSession
from crm_core.db import Database
from crm_core.faxes.results import of_fax_in
from crm_core.faxes.sheets import pages_in
from crm_core.faxes.views import FaxIn
from crm_core.faxes.writing import came_in
from crm_core.worker import Worker
from ivr.fax.notes import Sheets, read_name, read_note

log = structlog.get_logger(__name__)

INCOMING = "incoming"
SCRIPT = "fax-in"
"""The script by which Asterisk says that a fax is over."""
_DUE_IN = timedelta(hours=2)
_LOST_AFTER_S = 900.0
_EVERY_S = 30.0


class FaxIntake(Worker):
    """Sweeps every `every_s` seconds and whenever Asterisk says that a fax is over. Sheets without a note to which nobody
    has written for `lost_after_s` are what Asterisk left when it ended.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        clock: Callable[[], datetime],
        took: Callable[[str], None],
        every_s: float = _EVERY_S,
        lost_after_s: float = _LOST_AFTER_S,
    ) -> None:
        """`took` is told the call of each fax that is stored."""
        super().__init__("fax-intake", every_s=every_s)
        self._database = database
        self._folder = folder
        self._clock = clock
        self._took = took
        self._lost_after_s = lost_after_s
        self._one = asyncio.Lock()

    async def enter(self, session: AgiSession) -> None:
        """Asterisk has written a note."""
        log.info("fax_over", call_id=session.env.query.get("call", ""))
        await self.run_once()

    async def run_once(self) -> int:
        """How many were stored. Raises DatabaseUnavailable."""
        async with self._one:
            before = time.time() - self._lost_after_s  # the file system's clock, not the calls'
            stems = await asyncio.to_thread(lambda: list(_over(self._folder / INCOMING, before)))
            done = 0
            for stem in stems:
                try:
                    done += await self._store(stem)
                except OSError as error:
                    log.exception("fax_not_stored", sheets=stem, error=str(error))
            return done

    async def _store(self, stem: str) -> bool:
        sheets = read_name(stem)
        if sheets is None:
            return False
        fax = await asyncio.to_thread(_placed, self._folder, stem, sheets)
        async with self._database.begin() as session:
            fax_id = await came_in(session, fax, self._clock(), due_in=_DUE_IN)
        await asyncio.to_thread(_clear, self._folder / INCOMING, stem)
        if fax_id is None:
            return False
        log.info("fax_stored", fax=fax_id, call_id=fax.call_id, status=fax.result.status)
        self._took(fax.call_id)
        return True


def _over(incoming: Path, before: float) -> Iterator[str]:
    """The names of the faxes that are over, the oldest first."""
    noted = {each.stem for each in incoming.glob("*.note")}
    left = {each.stem for each in incoming.glob("*.tif") if each.stat().st_mtime < before}
    yield from sorted(noted | left)


def _placed(folder: Path, stem: str, sheets: Sheets) -> FaxIn:
    """The sheets under their final name. Raises OSError."""
    came, note = (folder / INCOMING / f"{stem}{ending}" for ending in (".tif", ".note"))
    pages = pages_in(came)
    path, size = None, 0
    if came.exists() and (size := came.stat().st_size):
        path = f"{sheets.at:%Y/%m/%d}/{stem}.tif"
        _link(came, folder / path)
    said = note.read_text(encoding="utf-8", errors="replace") if note.exists() else None
    result = of_fax_in(read_note(said), pages)
    return FaxIn(stem, sheets.call_id, sheets.number, sheets.did, sheets.at, result, path, size)


def _link(came: Path, target: Path) -> None:
    target.parent.mkdir(0o750, parents=True, exist_ok=True)
    if not target.exists():
        os.link(came, target)
    for place in (target, target.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clear(incoming: Path, stem: str) -> None:
    for ending in (".tif", ".note"):
        (incoming / f"{stem}{ending}").unlink(missing_ok=True)
