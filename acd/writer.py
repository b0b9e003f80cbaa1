"""The background task that carries the journal into PostgreSQL.

Rule: in order, a batch a transaction, until the database has it; while PostgreSQL is away everything
waits. A row that PostgreSQL refuses for its content is set aside and holds up nothing.
"""

import asyncio
import contextlib

import structlog

from acd.journal import Journal
from acd.rows import Line
from acd.store import AcdStore, RowsRefused
from crm_core.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

BATCH = 2_000


class JournalWriter:
    """Looks for new lines every `pause_s`, at once when there were many; after a failure again in `retry_s`."""

    def __init__(
        self, journal: Journal, store: AcdStore, *, pause_s: float = 0.2, retry_s: float = 1.0
    ) -> None:
        self._journal = journal
        self._store = store
        self._pause_s = pause_s
        self._retry_s = retry_s
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="journal-writer")

    async def close(self) -> None:
        """Stop; what is not stored stays in the journal for the next daemon."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def flush(self) -> int:
        """Store all there is; the number of lines. Raises DatabaseUnavailable."""
        stored = 0
        while batch := await self._store_next():
            stored += batch
        return stored

    async def _store_next(self) -> int:
        """The oldest lines, at most a batch; how many there were."""
        async with self._turn:
            batch = await asyncio.to_thread(self._journal.read, BATCH)
            if batch is None:
                return 0
            await self._store_lines(batch.lines)
            self._journal.stored(batch)
            return len(batch.lines)

    async def _store_lines(self, lines: tuple[Line, ...]) -> None:
        try:
            await self._store.write(lines)
        except RowsRefused as refused:
            if len(lines) == 1:
                self._journal.reject(lines[0], str(refused))
                return
            half = len(lines) // 2
            await self._store_lines(lines[:half])
            await self._store_lines(lines[half:])

    async def _run(self) -> None:
        while True:
            pause = self._pause_s
            try:
                if await self._store_next() >= BATCH:
                    pause = 0
            except (DatabaseUnavailable, OSError) as error:
                log.debug("journal_waits", pending=self._journal.pending, error=str(error))
                pause = self._retry_s
            except Exception:
                log.exception("journal_writer_failed")
                pause = self._retry_s
            await asyncio.sleep(pause)
