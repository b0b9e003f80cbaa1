"""Who is calling: one indexed query, and what it answered last while PostgreSQL is away.

Rule: a call never waits longer than the deadline. A query that comes late goes on by itself and
teaches the cache; it is not cancelled, because closing a connection to a frozen server takes longer
than the deadline. At most `_AT_ONCE` are out, so that a storm of callers, or a frozen server, leaves
connections for orders. What comes from the cache says so (`stale`).
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import bindparam, select

from crm_core.customers.insight_tables import CustomerInsight
from crm_core.customers.tables import Customer, CustomerPhone, Level
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.places.finder import Place
from crm_core.statement import Statement

log = structlog.get_logger(__name__)

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """What routing needs of a customer; `level_rank` 1 stands next to the company, `grade` is what the
    customer contributes (None: not worked out yet).
    """

    customer_id: int
    name: str
    level_code: str
    level_rank: int
    is_vip: bool
    salesperson_id: int | None
    area_code: str | None
    province: str | None
    city: str | None
    language: str | None
    grade: str | None = None
    stale: bool = False

    @property
    def place(self) -> Place | None:
        """The place written in the customer's own record."""
        if self.province is None or self.city is None:
            return None
        return Place(self.area_code, self.province, self.city)


_IDENTITY = (
    select(
        Customer.id,
        Customer.name,
        Customer.level_code,
        Level.rank,
        Level.is_vip,
        Customer.salesperson_id,
        Customer.area_code,
        Customer.province,
        Customer.city,
        Customer.language,
        CustomerInsight.grade_code,
    )
    .join(CustomerPhone, CustomerPhone.customer_id == Customer.id)
    .join(Level, Level.code == Customer.level_code)
    .outerjoin(CustomerInsight, CustomerInsight.customer_id == Customer.id)
)
BY_ID = Statement.of(
    _IDENTITY.where(
        Customer.id == bindparam("customer_id"),
        Customer.merged_into_id.is_(None),
        Customer.erased_at.is_(None),
    ).limit(bindparam("most"))
)
BY_NUMBER = Statement.of(_IDENTITY.where(CustomerPhone.number == bindparam("number")))
_LATEST = (
    _IDENTITY.add_columns(CustomerPhone.number)
    .order_by(Customer.updated_at.desc())
    .limit(bindparam("most"))
)


class Identities:
    """Answers by number from PostgreSQL, or from at most `remember` answers it gave before."""

    def __init__(self, database: Database, *, deadline_s: float, remember: int) -> None:
        self._database = database
        self._deadline_s = deadline_s
        self._most = remember
        self._known: OrderedDict[str, CallerIdentity] = OrderedDict()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._asked: set[asyncio.Task[CallerIdentity | None]] = set()

    async def find(self, number: str) -> CallerIdentity | None:
        """Who has this number (in `normalise`'s form)."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._deadline_s
        if self._turns.locked():
            try:
                async with asyncio.timeout_at(ends_at):
                    await self._turns.acquire()
            except TimeoutError:
                return self._last_known(number)
        else:
            await self._turns.acquire()
        asked = asyncio.create_task(self._ask(number))
        self._asked.add(asked)
        asked.add_done_callback(self._was_asked)
        try:
            async with asyncio.timeout_at(ends_at):
                return await asyncio.shield(asked)
        except (DatabaseUnavailable, TimeoutError):
            return self._last_known(number)

    async def of(self, customer_id: int) -> CallerIdentity | None:
        """Raises DatabaseUnavailable."""
        rows = await self._database.fetch(BY_ID, {"customer_id": customer_id, "most": 1})
        return CallerIdentity(*rows[0]) if rows else None

    async def learn(self) -> int:
        """Remember the customers changed last, so that a later failure finds them; how many."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(_LATEST, {"most": self._most})).all()
        for *fields, number in reversed(rows):
            self._remember(number, CallerIdentity(*fields))
        return len(rows)

    def forget(self) -> None:
        """Remember nobody any more."""
        self._known.clear()

    async def close(self) -> None:
        """Wait no longer for answers that are late."""
        for task in tuple(self._asked):
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)

    async def _ask(self, number: str) -> CallerIdentity | None:
        rows = await self._database.fetch(BY_NUMBER, {"number": number})
        found = CallerIdentity(*rows[0]) if rows else None
        self._remember(number, found)
        return found

    def _last_known(self, number: str) -> CallerIdentity | None:
        known = self._known.get(number)
        log.info("caller_identified_from_memory", known=known is not None)
        return replace(known, stale=True) if known is not None else None

    def _remember(self, number: str, found: CallerIdentity | None) -> None:
        self._known.pop(number, None)
        if found is not None:
            self._known[number] = found
            if len(self._known) > self._most:
                self._known.popitem(last=False)

    def _was_asked(self, task: "asyncio.Task[CallerIdentity | None]") -> None:
        self._asked.discard(task)
        self._turns.release()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, DatabaseUnavailable):
            log.error("identification_failed", exc_info=error)
