"""Customers into files, for those who may, as many as they may, and never unseen.

Rule: an export shows no more than the screen would: only customers within the person's scope, no hidden
field, numbers masked without `number.unmask`; all of that is looked at again when the file is fetched. What was taken out is in the audit trail, and counts
against what this person may take out in 24 hours. Each attempt writes a file of its own, which becomes the
export's in the transaction that proves the lease. What does not fit into a cell of Excel is left out, and the job
says so.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers import cards, custom_values
from crm_core.customers.card_views import CustomerCard
from crm_core.customers.criteria import Conditions
from crm_core.customers.search import SearchService
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.exchange import jobs
from crm_core.exchange.cells import holds_numbers, reader
from crm_core.exchange.columns import BELONGS_TO, COLUMNS
from crm_core.exchange.files import LONGEST, Encoding, Format, Value, is_too_long, table
from crm_core.exchange.jobs import JobView
from crm_core.exchange.limits import ExportLimits
from crm_core.exchange.tables import ExchangeJob
from crm_core.people import principals
from crm_core.rights import SYSTEM, Actor, Right, Scope

log = structlog.get_logger(__name__)

PAGE = 1_000
_DAY = timedelta(hours=24)
_EVERYBODY = 1_000_000_000
_NAMED = 5
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('zongji.export'), :who)")

Tell = Callable[[JobView], None]


class ExportContent(BaseModel):
    """What is wanted: customers who fulfil the conditions; without `columns` every column one may see.

    `encoding` is that of CSV: UTF-8, or GB18030 for older Chinese programs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    conditions: Conditions = ()
    columns: Annotated[tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=100)] = ()
    format: Format = "xlsx"
    encoding: Encoding = "utf-8"
    locale: Annotated[str, Field(pattern=r"^(zh-CN|en)$")] = "zh-CN"


@dataclass(slots=True)
class _LeftOut:
    """The cells that an Excel file is without: how many, and the first of them by column and row."""

    titles: Sequence[str]
    cells: int = 0
    named: list[str] = field(default_factory=list)

    def look(self, row: int, values: Sequence[Value]) -> None:
        for title, value in zip(self.titles, values, strict=True):
            if is_too_long(value):
                self.cells += 1
                if len(self.named) < _NAMED:
                    self.named.append(f"{title} in row {row}")

    def __str__(self) -> str:
        return (
            f"Left empty, because a cell of Excel holds no more than {LONGEST:,} characters:"
            f" {', '.join(self.named)} ({self.cells} in all). Export as CSV to have everything."
        )


@dataclass(slots=True)
class _Held:
    """A job that this process works on, until when it is held, and its unfinished file."""

    job: JobView
    until: datetime
    unfinished: Path


class ExportService:
    """Exports; the files lie in `folder`, by the number of the job."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        search: SearchService,
        *,
        clock: Callable[[], datetime],
        limits: ExportLimits,
    ) -> None:
        self._database = database
        self._folder = folder
        self._search = search
        self._clock = clock
        self._limits = limits

    def path(self, job: JobView) -> Path:
        return self._folder / f"export-{job.id}.{job.plan['format']}"

    async def start(self, actor: Actor, content: ExportContent) -> JobView:
        """Raises Forbidden (the right, a hidden field), Invalid, Conflict (too many in 24 hours)."""
        actor.require(Right.CUSTOMER_EXPORT)
        await self._columns(actor, content)
        async with self._database.reading() as connection:
            most = await self._limits.of(connection, actor)
        counted = _EVERYBODY if most is None else most + 1
        found = await self._search.count(actor, content.conditions, counted)
        async with self._database.begin() as session:
            await session.execute(_LOCK, {"who": actor.user_id or 0})
            if most is not None:
                await self._check_left(session, actor, most, found)
            job_id: int = (
                await session.execute(
                    insert(ExchangeJob)
                    .values(
                        kind="export",
                        state="waiting",
                        filename=f"customers.{content.format}",
                        plan=content.model_dump(mode="json"),
                        total=found,
                        created_by=actor.user_id,
                        created_at=self._clock(),
                    )
                    .returning(ExchangeJob.id)
                )
            ).scalar_one()
            await trail.record(
                session,
                actor.user_id,
                "export.start",
                "exchange",
                job_id,
                after=content.model_dump(mode="json") | {"customers": found},
            )
            return await jobs.get(session, job_id)

    async def fetch(self, actor: Actor, job_id: int) -> tuple[JobView, Path]:
        """The finished file; that it was fetched is noted. Raises Forbidden (also when something of it was hidden
        since, its numbers are masked for its owner by now, or he sees fewer customers), NotFound, Conflict.
        """
        async with self._database.begin() as session:
            job = await jobs.get(session, job_id)
            if job.kind != "export" or job.created_by != actor.user_id:
                raise Forbidden("This export is somebody else's.")
            if job.state != "done" or not self.path(job).exists():
                raise Conflict("This export is not ready (any more).")
            columns = [BELONGS_TO.get(name, name) for name in job.plan["columns"]]
            actor.require_read("customer", columns)
            _check_still(actor, job.plan)
            await trail.record(session, actor.user_id, "export.fetch", "exchange", job_id)
        return job, self.path(job)

    async def get(self, actor: Actor, job_id: int) -> JobView:
        """Raises Forbidden, NotFound."""
        async with self._database.reading() as connection:
            return await jobs.own(connection, actor, "export", job_id)

    async def cancel(self, actor: Actor, job_id: int) -> JobView:
        """Nothing of it is kept. Raises Forbidden, NotFound."""
        async with self._database.begin() as session:
            return await jobs.cancel(session, actor, "export", job_id, self._clock())

    async def run(self, job_id: int, tell: Tell = lambda _: None) -> JobView | None:
        """Do the work of a job; None when somebody else does it. Raises DatabaseUnavailable."""
        now = self._clock()
        async with self._database.begin() as session:
            job = await jobs.claim(session, job_id, now)
        if job is None:
            return None
        unfinished = self._folder / f"export-{job.id}-{job.attempts}.part"
        held = _Held(job, now + jobs.LEASE, unfinished)
        try:
            await self._work(held, tell)
        except jobs.LeaseLost:
            log.info("export_given_up", job=job_id)
        finally:
            await asyncio.to_thread(unfinished.unlink, missing_ok=True)
        async with self._database.reading() as connection:
            return await jobs.get(connection, job_id)

    async def _work(self, held: _Held, tell: Tell) -> None:
        """Raises LeaseLost."""
        try:
            await self._write(held, tell)
        except (Invalid, Forbidden) as error:
            await self._fail(held, error.message)

    async def _write(self, held: _Held, tell: Tell) -> None:
        """Raises LeaseLost, Invalid, Forbidden."""
        actor = await self._actor(held.job)
        content = ExportContent.model_validate(held.job.plan)
        columns = await self._columns(actor, content)
        unmasked = actor.may(Right.NUMBER_UNMASK)
        readers = [reader(name, unmasked=unmasked) for name in columns]
        async with self._database.reading() as connection:
            most = await self._limits.of(connection, actor)
        self._folder.mkdir(parents=True, exist_ok=True)
        titles, added, after = list(columns.values()), 0, None
        left_out = _LeftOut(titles) if content.format == "xlsx" else None
        with table(held.unfinished, content.format, titles, content.encoding) as rows:
            while page := await self._search.ids(
                actor, content.conditions, after=after, limit=PAGE
            ):
                for card in await self._cards(page):
                    added += 1
                    values = [read(card) for read in readers]
                    rows.write(values)
                    if left_out:
                        left_out.look(added + 1, values)
                after = page[-1]
                await self._advance(held, added=added)
                tell(held.job)
                if most is not None and added > most:
                    break
        note = str(left_out) if left_out and left_out.cells else None
        await self._finish(held, actor, added, tuple(columns), note)
        tell(held.job)

    async def _cards(self, ids: Sequence[int]) -> Sequence[CustomerCard]:
        async with self._database.reading() as connection:
            return await cards.read_cards(connection, ids)

    async def _advance(self, held: _Held, *, added: int) -> None:
        now = self._clock()
        async with self._database.begin() as session:
            await jobs.advance(session, held.job.id, held=held.until, now=now, added=added)
            held.job, held.until = await jobs.get(session, held.job.id), now + jobs.LEASE

    async def _finish(
        self, held: _Held, actor: Actor, added: int, columns: Sequence[str], note: str | None
    ) -> None:
        now, job_id = self._clock(), held.job.id
        done: dict[str, object] = {
            "state": "done",
            "added": added,
            "total": added,
            "error": note,
            "finished_at": now,
        }
        told = {"unmasked": _unmasked(actor, columns), "scope": actor.scope}
        done["plan"] = {**held.job.plan, "columns": list(columns), **told}
        async with self._database.begin() as session:
            await jobs.advance(session, job_id, held=held.until, now=now, **done)
            await trail.record(
                session,
                actor.user_id,
                "export.done",
                "exchange",
                job_id,
                after={"customers": added},
            )
            await asyncio.to_thread(held.unfinished.replace, self.path(held.job))
            held.job = await jobs.get(session, job_id)

    async def _fail(self, held: _Held, message: str) -> None:
        now = self._clock()
        failed = {"state": "failed", "error": message[:500], "finished_at": now}
        async with self._database.begin() as session:
            await jobs.advance(session, held.job.id, held=held.until, now=now, **failed)

    async def _columns(self, actor: Actor, content: ExportContent) -> Mapping[str, str]:
        """The title of each column. Raises Invalid, Forbidden."""
        zh = content.locale == "zh-CN"
        known = {c.field: c.title_zh if zh else c.title_en for c in COLUMNS}
        async with self._database.reading() as connection:
            for code, each in (await custom_values.definitions(connection)).items():
                known[f"custom.{code}"] = each.label_zh if zh else each.label_en
        visible = {name: title for name, title in known.items() if _may_read(actor, name)}
        unknown = [name for name in content.columns if name not in known]
        if unknown:
            raise Invalid(
                f"There is no column {', '.join(unknown)}.", fields={"columns": "unknown"}
            )
        hidden = [name for name in content.columns if name not in visible]
        if hidden:
            raise Forbidden(
                f"Your role does not see {', '.join(hidden)}.", fields={"columns": "forbidden"}
            )
        return {name: visible[name] for name in content.columns} or visible

    async def _check_left(self, session: AsyncSession, actor: Actor, most: int, found: int) -> None:
        left = max(most - await self._taken(session, actor), 0)
        if found > left:
            raise Conflict(
                f"You may take out {left} more customers in these 24 hours, and this finds more: narrow the "
                "search, or ask an administrator.",
                fields={"left": left, "found": found},
            )

    async def _taken(self, session: AsyncSession, actor: Actor) -> int:
        since = self._clock() - _DAY
        taken = await session.scalar(
            select(func.coalesce(func.sum(ExchangeJob.total), 0)).where(
                ExchangeJob.kind == "export",
                ExchangeJob.created_by == actor.user_id,
                ExchangeJob.created_at > since,
                ExchangeJob.state.not_in(("failed", "cancelled")),
            )
        )
        return int(taken or 0)

    async def _actor(self, job: JobView) -> Actor:
        if job.created_by is None:
            return SYSTEM
        async with self._database.reading() as connection:
            found = await principals.of_user(connection, job.created_by)
        if found is None:
            raise Invalid("Whoever wanted this export cannot log in any more.")
        return found


def _unmasked(actor: Actor, columns: Iterable[str]) -> bool:
    """Whether numbers stand in full in a file that this actor writes."""
    return actor.may(Right.NUMBER_UNMASK) and any(map(holds_numbers, columns))


def _check_still(actor: Actor, plan: Mapping[str, Any]) -> None:
    """What the file holds is still the actor's to see; a file that does not say holds everything. Raises Forbidden."""
    if plan.get("unmasked", True):
        actor.require(Right.NUMBER_UNMASK)
    if actor.scope.width < Scope(plan.get("scope", Scope.ALL)).width:
        raise Forbidden(
            "This file holds customers whom your role does not see any more: export them anew."
        )


def _may_read(actor: Actor, name: str) -> bool:
    return actor.may_read("customer", BELONGS_TO.get(name, name))
