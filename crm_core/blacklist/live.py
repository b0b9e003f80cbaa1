"""The blacklist in memory, so that looking a caller up costs nothing and works while PostgreSQL is away.

Rule: what PostgreSQL said last holds, also through a restart; a change made here holds from its commit on, one made by
another program after a few seconds.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import bindparam, or_, select

from crm_core.blacklist.policy import BlacklistRules, Listed, Policy, judged
from crm_core.blacklist.tables import BlacklistEntry
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.whole_files import write_if_changed
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

_HOLDING = (
    select(
        BlacklistEntry.number,
        BlacklistEntry.policy,
        BlacklistEntry.reason,
        BlacklistEntry.until,
        Customer.level_code,
    )
    .outerjoin(CustomerPhone, CustomerPhone.number == BlacklistEntry.number)
    .outerjoin(Customer, Customer.id == CustomerPhone.customer_id)
    .where(
        BlacklistEntry.lifted_at.is_(None),
        or_(BlacklistEntry.until.is_(None), BlacklistEntry.until > bindparam("now")),
    )
    .order_by(BlacklistEntry.number)
)
_FILE = TypeAdapter(tuple[Listed, ...])


async def holding(database: Database, now: datetime) -> tuple[Listed, ...]:
    """Every number on the list. Raises DatabaseUnavailable."""
    async with database.reading() as connection:
        rows = (await connection.execute(_HOLDING, {"now": now})).all()
    return tuple(
        Listed(row.number, Policy(row.policy), row.reason, row.until, row.level_code)
        for row in rows
    )


class LiveBlacklist(Worker):
    """Every number on the list, by number. `kept` is the file in which the list outlives a restart."""

    def __init__(
        self,
        database: Database,
        rules: BlacklistRules,
        *,
        kept: Path,
        clock: Callable[[], datetime],
        every_s: float = 5.0,
    ) -> None:
        super().__init__("blacklist", every_s=every_s)
        self._database = database
        self._clock = clock
        self._kept = kept
        self._one = asyncio.Lock()
        self._listed: dict[str, Listed] = {}
        self.rules = rules

    def find(self, number: str | None, level: str | None) -> Listed | None:
        """What holds for a caller with this number (in `normalise`'s form) and of this level; None: of the level that the
        customer had when the list was read.
        """
        if number is None:
            return None
        return judged(self._listed.get(number), level, self.rules, self._clock())

    async def first(self) -> None:
        """The list, if PostgreSQL answers, else that of last time."""
        try:
            await self.run_once()
        except DatabaseUnavailable:
            self._take(await asyncio.to_thread(self._read))
            log.warning("blacklist_of_last_time", numbers=len(self._listed))

    async def run_once(self) -> int:
        """Read the whole list; how many there are."""
        async with self._one:
            found = await holding(self._database, self._clock())
            self._take(found)
            await asyncio.to_thread(self._keep, found)
        return len(found)

    def _take(self, found: Iterable[Listed]) -> None:
        self._listed = {each.number: each for each in found}

    def _keep(self, found: tuple[Listed, ...]) -> None:
        """A disk that takes nothing changes nothing for the calls of this daemon."""
        try:
            write_if_changed(self._kept, _FILE.dump_json(found).decode())
        except OSError as error:
            log.warning("blacklist_not_kept", error=str(error))

    def _read(self) -> tuple[Listed, ...]:
        try:
            return _FILE.validate_json(self._kept.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError):
            log.warning("blacklist_of_last_time_unreadable", file=str(self._kept))
            return ()
