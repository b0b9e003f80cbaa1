"""The line that calls take now. Rule: a call keeps the line that it began with, also when it is passed on or taken up by
the next daemon; a new version is taken as soon as it is found and its prompts are there. While PostgreSQL is away the last
one goes on, also through a restart.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import structlog

from acd.lineplan import LinePlan
from acd.located import FileRefused
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable, Invalid
from crm_core.whole_files import write_if_changed
from crm_core.worker import Worker
from ivr.line.service import Prepare, newest, text_of
from ivr.line_file import read_line
from ivr.menu import Menus

log = structlog.get_logger(__name__)

_PATIENCE_S = 2.0
_MOST_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One version, read; `number` 0 is the file that Zongji came with."""

    number: int
    plan: LinePlan
    menus: Menus


class LiveLine(Worker):
    """Follows the newest version. `kept` is the file in which the last one outlives a restart, `today` the day in the zone
    of the house.
    """

    def __init__(
        self,
        database: Database,
        *,
        shipped: Path,
        kept: Path,
        prepare: Prepare,
        today: Callable[[], date],
        every_s: float = 5.0,
    ) -> None:
        super().__init__("line", every_s=every_s)
        self._database = database
        self._kept = kept
        self._prepare = prepare
        self._today = today
        self._warned: tuple[int, date] | None = None
        self._adopted: Callable[[LinePlan], None] = lambda _: None
        self._one = asyncio.Lock()
        self._looking: asyncio.Future[None] | None = None
        self._reading = asyncio.Lock()
        self._before: dict[int, Line] = {}
        source = kept if kept.exists() else shipped
        self.now = Line(0, *read_line(source.read_text(encoding="utf-8"), source.name))

    def on_change(self, adopted: Callable[[LinePlan], None]) -> None:
        """Who hears of each new plan."""
        self._adopted = adopted

    def look(self) -> None:
        """There is a new version: take it now and not only at the next round."""
        self._looking = asyncio.ensure_future(self._take())

    async def version(self, number: int | None) -> Line:
        """For a call that was under way before: the version that it began with, as long as that can be read and all its
        queues are still there, else the one now.
        """
        if number is None or number == self.now.number:
            return self.now
        try:
            async with asyncio.timeout(_PATIENCE_S), self._reading:
                found = self._before.get(number) or await self._read(number)
        except (DatabaseUnavailable, FileRefused, TimeoutError) as error:
            log.warning("line_version_not_read", version=number, error=str(error))
            return self.now
        if found is None or found.plan.queue_by_name.keys() - self.now.plan.queue_by_name.keys():
            return self.now
        return found

    async def _read(self, number: int) -> Line | None:
        async with self._database.reading() as connection:
            text = await text_of(connection, number)
        if text is None:
            return None
        line = self._before[number] = Line(number, *read_line(text))
        if len(self._before) > _MOST_REMEMBERED:
            del self._before[next(iter(self._before))]
        return line

    async def _take(self) -> None:
        async with self._one:
            with contextlib.suppress(DatabaseUnavailable):
                await self._follow()

    async def first(self) -> None:
        """The newest version, if PostgreSQL answers; a line is there anyhow."""
        try:
            await self.run_once()
        except DatabaseUnavailable:
            log.warning("line_of_last_time", kept=self._kept.exists())

    async def run_once(self) -> int:
        """1 when there was a new version."""
        self._warn()
        async with self._one:
            return await self._follow()

    async def _follow(self) -> int:
        async with self._database.reading() as connection:
            found = await newest(connection)
        if found is None or found[0] == self.now.number:
            return 0
        number, text = found
        try:
            line = Line(number, *read_line(text))
            await self._prepare(line.menus)
        except (FileRefused, Invalid) as error:
            log.error("line_not_taken", version=number, error=str(error))  # noqa: TRY400
            return 0
        await asyncio.to_thread(write_if_changed, self._kept, text)
        self.now = line
        self._adopted(line.plan)
        log.info("line_live", version=number)
        return 1

    def _warn(self) -> None:
        """Once a day for each version."""
        today = self._today()
        if self._warned != (self.now.number, today):
            self._warned = (self.now.number, today)
            for warning in self.now.plan.times.warnings(today):
                log.warning("line_needs_a_look", version=self.now.number, why=warning)
