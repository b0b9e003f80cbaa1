"""The worker that keeps insight up to date: it looks only at customers of whom something has changed, for
whom time has come, or who were worked out by older rules.

Rule: a batch is one transaction: what was taken from the queue is either worked out or still there. The
calls' loop is given way to between customers, and has most of the time between batches.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from crm_core.clock import SKEW
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.insight import calendar, store
from crm_core.insight.due import Due
from crm_core.insight.evaluation import evaluate
from crm_core.insight.metrics import Facts
from crm_core.insight.ports import Sources
from crm_core.insight.rule_book import RuleBook, RulesInForce
from crm_core.insight.store import Computed
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

BATCH = 500
_EVERY_S = 2.0
_RESTS = 4.0
_GIVE_WAY_AFTER = 20


class InsightWorker(Worker):
    """Looks every `every_s` seconds, at once again while there is more than a batch."""

    def __init__(
        self,
        database: Database,
        sources: Sources,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
        batch: int = BATCH,
    ) -> None:
        super().__init__("insight", every_s=every_s, batch=batch, rests=_RESTS)
        self._database = database
        self._sources = sources
        self._clock = clock
        self._batch = batch
        self._book = RuleBook()
        self._last_round: datetime | None = None

    async def find_missing(self) -> int:
        """Ask for customers who were entered behind our back, or worked out before the clock was set back; how many.
        Raises DatabaseUnavailable.
        """
        async with self._database.begin() as session:
            return await store.queue_missing(session, self._clock() + SKEW)

    async def run_once(self) -> int:
        """Work out one batch; how many customers. Raises DatabaseUnavailable, NotFound (no rules)."""
        now = self._clock()
        async with self._database.begin() as session:
            book = await self._book.in_force(session)
            claimed = await store.claim(session, book.version, now, self._batch)
            if not claimed:
                return 0
            today = calendar.local_day(now, self._sources.zone)
            known = await store.read_facts(session, self._sources, claimed, today)
            kept = await self._compute(known, book, now)
            await store.write(session, kept, claimed)
        log.debug("insight_worked_out", customers=len(claimed))
        return len(claimed)

    async def _compute(
        self, known: tuple[Facts, ...], book: RulesInForce, now: datetime
    ) -> dict[int, str]:
        """The rows to keep, by customer."""
        due, kept = Due(book.rules), {}
        today = calendar.local_day(now, self._sources.zone)
        for place, facts in enumerate(known, 1):
            insight = evaluate(facts, book.rules, today)
            again = store.next_due_at(due, facts, self._sources, today)
            done = Computed(facts, insight, now, again, book.version)
            kept[facts.customer_id] = store.encoded(done)
            if place % _GIVE_WAY_AFTER == 0:
                await asyncio.sleep(0)
        return kept

    async def _round(self) -> int:
        try:
            now = self._clock()
            if self._last_round is None or now < self._last_round - SKEW:
                await self.find_missing()
            self._last_round = now
            return await self.run_once()
        except NotFound as error:
            log.warning("insight_has_no_rules", reason=error.message)
            return 0
