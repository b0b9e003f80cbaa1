"""Customers into files, for those who may, as many as they may, and never unseen.

Rule: an export shows no more than the screen would: only customers within the person's scope, no hidden
field, numbers masked without `number.unmask`. What was taken out is in the audit trail, and counts
against what this person may take out in 24 hours.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers import cards, custom_values
from crm_core.customers.card_views import CustomerCard, Phone
from crm_core.customers.criteria import Conditions
from crm_core.customers.search import SearchService
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.exchange import jobs
from crm_core.exchange.columns import BELONGS_TO, COLUMNS, OF_MAIN_ADDRESS, in_a_line, in_brackets
from crm_core.exchange.files import Format, Rows, Value, table
from crm_core.exchange.jobs import JobView
from crm_core.exchange.limits import ExportLimits
from crm_core.exchange.tables import ExchangeJob
from crm_core.exchange.values import WAYS_ZH
from crm_core.numbers import shown
from crm_core.people import principals
from crm_core.rights import SYSTEM, Actor, Right

log = structlog.get_logger(__name__)

_PAGE = 200
_DAY = timedelta(hours=24)
_EVERYBODY = 1_000_000_000
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('zongji.export'), :who)")

Tell = Callable[[JobView], None]


class ExportContent(BaseModel):
    """What is wanted: customers who fulfil the conditions; without `columns` every column one may see."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conditions: Conditions = ()
    columns: Annotated[tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=100)] = ()
    format: Format = "xlsx"
    locale: Annotated[str, Field(pattern=r"^(zh-CN|en)$")] = "zh-CN"


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
        """The finished file; that it was fetched is noted. Raises Forbidden, NotFound, Conflict."""
        async with self._database.begin() as session:
            job = await jobs.get(session, job_id)
            if job.kind != "export" or job.created_by != actor.user_id:
                raise Forbidden("This export is somebody else's.")
            if job.state != "done" or not self.path(job).exists():
                raise Conflict("This export is not ready (any more).")
            await trail.record(session, actor.user_id, "export.fetch", "exchange", job_id)
        return job, self.path(job)

    async def run(self, job_id: int, tell: Tell = lambda _: None) -> JobView | None:
        """Do the work of a job; None when somebody else does it. Raises DatabaseUnavailable."""
        async with self._database.begin() as session:
            job = await jobs.claim(session, job_id, self._clock())
        if job is None:
            return None
        try:
            actor = await self._actor(job)
            content = ExportContent.model_validate(job.plan)
            return await self._write(job, actor, content, tell)
        except (Invalid, Forbidden) as error:
            async with self._database.begin() as session:
                await session.execute(
                    update(ExchangeJob)
                    .where(ExchangeJob.id == job_id)
                    .values(state="failed", error=error.message, finished_at=self._clock())
                )
                return await jobs.get(session, job_id)

    async def _write(
        self, job: JobView, actor: Actor, content: ExportContent, tell: Tell
    ) -> JobView:
        columns = await self._columns(actor, content)
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.path(job).with_suffix(".part")
        unmasked = actor.may(Right.NUMBER_UNMASK)
        added, after = 0, None
        async with self._database.reading() as connection:
            most = await self._limits.of(connection, actor)
        with table(unfinished, content.format, list(columns.values())) as rows:
            while True:
                page = await self._search.find(actor, content.conditions, after=after, limit=_PAGE)
                added += await self._write_page(
                    rows, [hit.id for hit in page.hits], tuple(columns), unmasked=unmasked
                )
                after = page.after
                job = await self._advance(job, added)
                tell(job)
                if after is None or (most is not None and added > most):
                    break
        await asyncio.to_thread(unfinished.replace, self.path(job))
        async with self._database.begin() as session:
            await session.execute(
                update(ExchangeJob)
                .where(ExchangeJob.id == job.id)
                .values(state="done", total=added, finished_at=self._clock())
            )
            await trail.record(
                session,
                actor.user_id,
                "export.done",
                "exchange",
                job.id,
                after={"customers": added},
            )
            job = await jobs.get(session, job.id)
        tell(job)
        return job

    async def _write_page(
        self, rows: Rows, ids: Sequence[int], columns: Sequence[str], *, unmasked: bool
    ) -> int:
        async with self._database.reading() as connection:
            for customer_id in ids:
                card = await cards.read_card(connection, customer_id)
                if card is not None:
                    rows.write([value(card, name, unmasked=unmasked) for name in columns])
        return len(ids)

    async def _advance(self, job: JobView, added: int) -> JobView:
        async with self._database.begin() as session:
            await session.execute(
                update(ExchangeJob)
                .where(ExchangeJob.id == job.id)
                .values(added=added, lease_until=self._clock() + jobs.LEASE)
            )
            return await jobs.get(session, job.id)

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


def _may_read(actor: Actor, name: str) -> bool:
    return actor.may_read("customer", BELONGS_TO.get(name, name))


def value(card: CustomerCard, name: str, *, unmasked: bool) -> Value:
    """What stands in a column for a customer; the names are those that imports know."""
    if name.startswith("custom."):
        return _custom(card, name.removeprefix("custom."))
    main = card.addresses[0] if card.addresses else None
    if name in OF_MAIN_ADDRESS:
        part = getattr(main, OF_MAIN_ADDRESS[name]) if main else None
        return shown(part, unmasked=unmasked) if part and name == "address_phone" else part
    special: Mapping[str, Callable[[], Value]] = {
        "phones": lambda: "、".join(_phone(each, unmasked=unmasked) for each in card.phones),
        "fax": lambda: card.fax and shown(card.fax, unmasked=unmasked),
        "wecom_group": lambda: card.wecom_group and shown(card.wecom_group, unmasked=unmasked),
        "level": lambda: card.level.name_zh,
        "parent": lambda: card.parent_name,
        "salesperson": lambda: card.salesperson.name if card.salesperson else None,
        "territories": lambda: "、".join(
            "-".join(filter(None, (each.province, each.city))) for each in card.territories
        ),
        "address": lambda: card.address,
        "more_addresses": lambda: _lines(
            (
                a.line,
                a.recipient,
                a.phone and shown(a.phone, unmasked=unmasked),
                a.label,
                a.postcode,
            )
            for a in card.addresses[1:]
        ),
        "contact": lambda: "、".join(contact.name for contact in card.contacts),
        "contact_details": lambda: _lines(
            (k.name, k.position, k.email, str(k.birthday or ""), k.note)
            for k in card.contacts
            if any((k.position, k.email, k.birthday, k.note))
        ),
        "price_policy": lambda: card.price_policy.name_zh,
        "opt_outs": lambda: "、".join(WAYS_ZH[each] for each in card.opt_outs) or None,
        "payment_terms": lambda: card.payment_terms.name_zh if card.payment_terms else None,
    }
    found: Value = special[name]() if name in special else getattr(card, name)
    return found


def _phone(phone: Phone, *, unmasked: bool) -> str:
    number = shown(phone.number, unmasked=unmasked)
    return f"{number}（{in_brackets(phone.label)}）" if phone.label else number


def _lines(entries: Iterable[Sequence[str | None]]) -> str:
    """A line for each entry, in the parts that `columns` names."""
    return "\n".join(
        " | ".join(in_a_line(part or "") for part in parts).rstrip(" |") for parts in entries
    )


def _custom(card: CustomerCard, code: str) -> Value:
    for each in card.custom:
        if each.code == code:
            if isinstance(each.value, bool):
                return "是" if each.value else "否"
            return "、".join(each.value) if isinstance(each.value, tuple) else each.value
    return None
