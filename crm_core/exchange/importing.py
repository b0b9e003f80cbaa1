"""Customers out of files: looked at, planned by a person, then taken in batch by batch.

Rule: each batch is one transaction with the note of how far the file is, so that an import that is killed
goes on after the last whole batch. Refused rows are kept with their reasons until a person fetches them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from asyncpg import UniqueViolationError
from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers import custom_values, service, tree
from crm_core.customers.tables import Level, PaymentTerms, PricePolicy
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid
from crm_core.exchange import jobs, refusals
from crm_core.exchange.columns import BELONGS_TO, BY_FIELD, propose
from crm_core.exchange.imports import Imports, Tell
from crm_core.exchange.jobs import JobView
from crm_core.exchange.looking import Looked
from crm_core.exchange.records import Codes, Reader, Record, Refused
from crm_core.exchange.sheets import batches, read_sheet
from crm_core.exchange.tables import ExchangeJob, RefusedRow
from crm_core.exchange.writing import Outcome, Writer
from crm_core.people import principals
from crm_core.people.tables import User
from crm_core.rights import SYSTEM, Actor, Right
from crm_core.search_text import plain

log = structlog.get_logger(__name__)

BATCH = 1_000
_TRIES = 5
_WRITTEN_AS = {
    "level": "level_code", "price_policy": "price_policy_code", "payment_terms": "payment_terms_code",
    "salesperson": "salesperson_id", "parent": "parent_id", "credit_overdue": "overdue_entered",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preview:
    """A file that was handed in: its columns, what they seem to mean, its first rows."""

    job: JobView
    headers: tuple[str, ...]
    proposed: Mapping[str, str]
    rows: tuple[tuple[str, ...], ...]


class ImportService(Imports):
    """Imports of customers."""

    kind = "import"

    async def hand_in(self, actor: Actor, filename: str, file: Path) -> Preview:
        """Take over a file. Raises Forbidden, Invalid (no table, no header row, too many rows)."""
        actor.require(Right.CUSTOMER_IMPORT)
        sheet, digest = await self._look_at_new(file)
        async with self._database.begin() as session:
            known = await custom_values.definitions(session)
            proposed = propose(sheet.headers, known)
            job_id = await self._enter(
                session,
                file,
                filename=filename,
                digest=digest,
                total=sheet.total,
                by=actor.user_id,
                state="uploaded",
                plan={},
            )
            job = await jobs.get(session, job_id)
        return Preview(job, sheet.headers, proposed, sheet.rows)

    async def start(
        self, actor: Actor, job_id: int, plan: Mapping[str, str] | None = None
    ) -> JobView:
        """Let it begin; without a plan as proposed. Raises Forbidden, NotFound, Conflict, Invalid."""
        actor.require(Right.CUSTOMER_IMPORT)
        async with self._database.begin() as session:
            job = await jobs.own(session, actor, "import", job_id)
            if job.state != "uploaded":
                raise Conflict("This import has begun already, or its file is gone.")
            sheet = await self._look(self.path(job_id))
            known = await custom_values.definitions(session)
            wanted = dict(propose(sheet.headers, known) if plan is None else plan)
            _check_plan(wanted, sheet, known)
            _check_rights(actor, wanted)
            started = await session.scalar(
                update(ExchangeJob)
                .where(ExchangeJob.id == job_id, ExchangeJob.state == "uploaded")
                .values(state="waiting", plan=wanted)
                .returning(ExchangeJob.id)
            )
            if started is None:
                raise Conflict("This import has begun already.")
            told = {"file": job.filename, "rows": job.total, "columns": sorted(wanted.values())}
            await trail.record(
                session, actor.user_id, "import.start", "exchange", job_id, after=told
            )
            return await jobs.get(session, job_id)

    async def any(self, job_id: int) -> JobView:
        """An import or an export, whoever asks. Raises NotFound."""
        async with self._database.reading() as connection:
            return await jobs.get(connection, job_id)

    async def latest(
        self, actor: Actor, *, before: int | None = None, limit: int = 20
    ) -> tuple[JobView, ...]:
        """One's own imports and exports, the newest first; everybody's with `user.manage`."""
        only = None if actor.may(Right.USER_MANAGE) else actor.user_id
        async with self._database.reading() as connection:
            return await jobs.latest(connection, created_by=only, before=before, limit=limit)

    async def refusals(
        self, actor: Actor, job_id: int, *, after: int = 0, limit: int = 1_000
    ) -> Sequence[RefusedRow]:
        """Rows that were not taken in, with the reasons. Raises Forbidden, NotFound."""
        await self.get(actor, job_id)
        return await refusals.page(self._database, job_id, after=after, limit=limit)

    async def _take_in(self, job: JobView, held: datetime, tell: Tell) -> JobView:
        work = Work(self._database, self._clock, job, self.path(job.id), tell, held=held)
        return await work.all()


class Work:
    """One worker's way through one file."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        job: JobView,
        path: Path,
        tell: Tell,
        *,
        held: datetime,
    ) -> None:
        """`held`: until when the job is held now."""
        self._database = database
        self._clock = clock
        self._job = job
        self._path = path
        self._tell = tell
        self._held = held

    async def all(self) -> JobView:
        """Raises LeaseLost, Invalid (the file, or who handed it in)."""
        sheet = await asyncio.to_thread(read_sheet, self._path)
        async with self._database.begin() as session:
            actor = await _actor(session, self._job.created_by)
            codes = await _codes(session)
            levels = await session.execute(select(Level.code, Level.rank))
            ranks = {row.code: row.rank for row in levels}
        _check_rights(actor, self._job.plan)
        reader = Reader(sheet.headers, self._job.plan, codes)
        writer = Writer(actor, codes, ranks)
        for batch in batches(sheet.rows(after=self._job.row), BATCH):
            rows = [reader.read(*row) for row in batch]
            await self._take(writer, rows, batch[-1].number)
        await self._take_waiting(reader, writer)
        return await self._finish(actor)

    async def _take(self, writer: Writer, rows: Sequence[Record | Refused], last: int) -> None:
        records = [row for row in rows if isinstance(row, Record)]
        for attempt in range(_TRIES):
            try:
                async with self._database.begin() as session:
                    await tree.lock(session)
                    outcome = await writer.write(session, records)
                    outcome.refused += [row for row in rows if isinstance(row, Refused)]
                    await refusals.keep(session, self._job.id, outcome.refused)
                    await self._advance(session, outcome, row=last)
            except UniqueViolationError:
                # Somebody entered one of these customers meanwhile: now the row finds it.
                if attempt == _TRIES - 1:
                    raise
            else:
                self._tell(self._job)
                return

    async def _take_waiting(self, reader: Reader, writer: Writer) -> None:
        """Rows whose customer above may have come further down in the file, as long as some get in."""
        progress = True
        while progress:
            progress, after = False, 0
            while kept := await self._waiting(after):
                after = kept[-1].row
                progress |= await self._retry(reader, writer, kept)

    async def _waiting(self, after: int) -> Sequence[RefusedRow]:
        async with self._database.reading_entities() as session:
            found = await session.scalars(
                select(RefusedRow)
                .where(RefusedRow.job_id == self._job.id, RefusedRow.waits, RefusedRow.row > after)
                .order_by(RefusedRow.row)
                .limit(BATCH)
            )
            return found.all()

    async def _retry(self, reader: Reader, writer: Writer, kept: Sequence[RefusedRow]) -> bool:
        read = [reader.read(each.row, each.cells) for each in kept]
        records = [each for each in read if isinstance(each, Record)]
        async with self._database.begin() as session:
            await tree.lock(session)
            outcome = await writer.write(session, records)
            still = {each.row for each in outcome.refused if each.waits}
            gone = [each.row for each in kept if each.row not in still]
            await session.execute(
                delete(RefusedRow).where(
                    RefusedRow.job_id == self._job.id, RefusedRow.row.in_(gone)
                )
            )
            outcome.refused = [each for each in outcome.refused if not each.waits]
            await refusals.keep(session, self._job.id, outcome.refused)
            await self._advance(session, outcome, row=self._job.row, came_back=len(gone))
        self._tell(self._job)
        return bool(gone)

    async def _advance(
        self, session: AsyncSession, outcome: Outcome, *, row: int, came_back: int = 0
    ) -> None:
        now, job = self._clock(), self._job
        values = {
            "row": row,
            "added": job.added + outcome.added,
            "changed": job.changed + outcome.changed,
            "same": job.same + outcome.same,
            "refused": job.refused + len(outcome.refused) - came_back,
        }
        if row > job.row or came_back:
            values["attempts"] = 0
        await jobs.advance(session, job.id, held=self._held, now=now, **values)
        self._job, self._held = await jobs.get(session, job.id), now + jobs.LEASE

    async def _finish(self, actor: Actor) -> JobView:
        now = self._clock()
        async with self._database.begin() as session:
            await jobs.advance(
                session, self._job.id, held=self._held, now=now, state="done", finished_at=now
            )
            job = await jobs.get(session, self._job.id)
            counts = {"added": job.added, "changed": job.changed, "same": job.same}
            await trail.record(
                session,
                actor.user_id,
                "import.done",
                "exchange",
                job.id,
                after=counts | {"refused": job.refused},
            )
        self._tell(job)
        log.info("import_done", job=job.id, **counts, refused=job.refused)
        return job


def _check_plan(plan: Mapping[str, str], sheet: Looked, custom: Mapping[str, Any]) -> None:
    wrong = {header: "no such column" for header in plan if header not in sheet.headers}
    for header, name in plan.items():
        known = name in BY_FIELD or name.removeprefix("custom.") in custom
        if not known:
            wrong[header] = f"there is no field {name}"
        elif name in BY_FIELD and BY_FIELD[name].only_out:
            wrong[header] = f"{name} is worked out, and not taken in"
    single = [name for name in plan.values() if not (name in BY_FIELD and BY_FIELD[name].several)]
    doubled = sorted({name for name in single if single.count(name) > 1})
    if doubled:
        wrong["plan"] = f"two columns are {', '.join(doubled)}"
    if not {"name", "code", "phones"} & set(plan.values()):
        wrong["plan"] = "a column must be the name, the code or the telephone"
    if wrong:
        raise Invalid("The columns cannot be taken so: see the fields.", fields=wrong)


def _check_rights(actor: Actor, plan: Mapping[str, str]) -> None:
    fields = {BELONGS_TO.get(name, name) for name in plan.values()}
    names = {_WRITTEN_AS.get(name, name) for name in fields}
    custom = [name.removeprefix("custom.") for name in names if name.startswith("custom.")]
    service.require(actor, {name for name in names if not name.startswith("custom.")}, custom)


async def _actor(session: AsyncSession, user_id: int | None) -> Actor:
    if user_id is None:
        return SYSTEM
    found = await principals.of_user(await session.connection(), user_id)
    if found is None:
        raise Invalid("Whoever handed in this file cannot log in any more.")
    return found


async def _codes(session: AsyncSession) -> Codes:
    async def named(table: Any) -> dict[str, str]:
        rows = (await session.scalars(select(table))).all()
        names = {plain(name): row.code for row in rows for name in (row.name_zh, row.name_en)}
        return names | {plain(row.code): row.code for row in rows}

    people = (
        await session.execute(
            select(User.id, User.name, User.login).where(User.active).order_by(User.login)
        )
    ).all()
    by_name: dict[str, list[Row[int, str, str]]] = {}
    for row in people:
        by_name.setdefault(plain(row.name), []).append(row)
    by_login = {plain(row.login): row.id for row in people}
    return Codes(
        levels=await named(Level),
        price_policies=await named(PricePolicy),
        payment_terms=await named(PaymentTerms),
        salespeople={name: rows[0].id for name, rows in by_name.items()} | by_login,
        namesakes={
            name: tuple(row.login for row in rows)
            for name, rows in by_name.items()
            if len(rows) > 1 and name not in by_login
        },
        custom=await custom_values.definitions(session),
    )
