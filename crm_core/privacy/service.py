"""Requests of persons: to see what is kept of them, or to have it erased.

Rule (个人信息保护法, articles 45, 47 and 50): a request is answered within DAYS working days, taken as
calendar days to be safe; what the law makes us keep, such as orders and the ledger of calls made, stays
without what points to the person. Whoever erases does it in one transaction; files go right after it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.audit.tables import AuditEntry
from crm_core.complaints.obstacles import open_complaints
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import concerns_seen, must_see
from crm_core.db import Database
from crm_core.errors import Conflict, NotFound
from crm_core.privacy import deadlines, erasure, reach
from crm_core.privacy.commands import NewRequest, Refusal, RequestKind, RequestQuery
from crm_core.privacy.ports import Obstacle
from crm_core.privacy.tables import PrivacyRequest
from crm_core.privacy.views import PersonalData, RequestView
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)

DAYS = 15
_ENTITY = "privacy_request"
_HISTORY = 10_000


class CannotErase(Conflict):
    code = "cannot_erase"


class PrivacyService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        obstacles: Sequence[Obstacle] = (),
        folders: Mapping[str, Path] | None = None,
        on_erased: Callable[[], None] = lambda: None,
    ) -> None:
        """`folders`: where the files of a table lie; `on_erased` hears that a person was forgotten."""
        self._database = database
        self._clock = clock
        self._obstacles = (_still_needed, open_complaints, *obstacles)
        self._folders = dict(folders or {})
        self._on_erased = on_erased

    async def enter(self, actor: Actor, new: NewRequest) -> RequestView:
        """Raises NotFound (customer), Conflict (there is an open one)."""
        actor.require(Right.CUSTOMER_EDIT)
        now = self._clock()
        async with self._database.begin() as session:
            customer_id = await must_see(session, actor, new.customer_id)
            values = new.model_dump() | {"customer_id": customer_id, "entered_by": actor.user_id}
            values |= {"requested_at": now, "due_at": now + timedelta(days=DAYS)}
            try:
                request_id = await session.scalar(
                    insert(PrivacyRequest).values(values).returning(PrivacyRequest.id)
                )
            except IntegrityError as error:
                raise Conflict("There is an open request of this person already.") from error
            assert request_id is not None
            await trail.record(
                session, actor.user_id, "privacy.request", _ENTITY, request_id, after=values
            )
            return await self._read(session, request_id)

    async def listed(self, actor: Actor, wanted: RequestQuery) -> tuple[RequestView, ...]:
        """The oldest first."""
        actor.require(Right.PRIVACY_MANAGE)
        query = self._views().where(
            PrivacyRequest.state == wanted.state, concerns_seen(PrivacyRequest.customer_id, actor)
        )
        if wanted.after is not None:
            query = query.where(PrivacyRequest.id > wanted.after)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(PrivacyRequest.id).limit(wanted.limit))
            return tuple(RequestView(*row) for row in rows)

    async def data(self, actor: Actor, request_id: int) -> PersonalData:
        """All that is kept of the person; the first time answers the request. Raises NotFound, Conflict, Forbidden for
        whom anything of it is hidden.
        """
        actor.require(Right.PRIVACY_MANAGE)
        for name in sorted(actor.hidden):
            entity, _, field = name.partition(".")
            actor.require_read(entity, [field])
        async with self._database.begin() as session:
            request = await _held(session, actor, request_id)
            _check_kind(request, RequestKind.ACCESS)
            data = await _collected(session, request.customer_id, self._clock())
            counted = {name: len(rows) for name, rows in data.tables.items()}
            if request.state == "open":
                await self._decide(session, actor, request_id, "done", done=counted)
            await trail.record(
                session, actor.user_id, "privacy.access", _ENTITY, request_id, after=counted
            )
        log.info("personal_data_given", request=request_id, by=actor.user_id)
        return data

    async def erase(self, actor: Actor, request_id: int) -> RequestView:
        """Raises NotFound, Conflict (decided, another kind), CannotErase with the reasons."""
        actor.require(Right.PRIVACY_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            request = await _held(session, actor, request_id)
            _check_kind(request, RequestKind.ERASURE)
            _check_open(request)
            await session.execute(
                select(Customer.id).where(Customer.id == request.customer_id).with_for_update()
            )
            who = await reach.person(session, request.customer_id)
            await self._check_obstacles(session, who.customer_ids)
            rows = await reach.rows_of(session, who)
            erased = await erasure.erase(session, actor, who, rows, now)
            files = [list(each) for each in erased.files]
            await self._decide(session, actor, request_id, "done", done=erased.rows, files=files)
            await trail.record(
                session, actor.user_id, "privacy.erase", _ENTITY, request_id, after=erased.rows
            )
        self._on_erased()
        await self.remove_files()
        log.info("person_erased", request=request_id, by=actor.user_id)
        async with self._database.begin() as session:
            return await self._read(session, request_id)

    async def refuse(self, actor: Actor, request_id: int, given: Refusal) -> RequestView:
        """Raises NotFound, Conflict (decided)."""
        actor.require(Right.PRIVACY_MANAGE)
        async with self._database.begin() as session:
            _check_open(await _held(session, actor, request_id))
            await self._decide(session, actor, request_id, "refused", reason=given.reason)
            after = {"reason": given.reason}
            await trail.record(
                session, actor.user_id, "privacy.refuse", _ENTITY, request_id, after=after
            )
            return await self._read(session, request_id)

    async def remove_files(self) -> int:
        """Remove files of erased rows, also what a daemon that died left; returns how many."""
        removed = 0
        async with self._database.begin() as session:
            waiting = await session.execute(
                select(PrivacyRequest.id, PrivacyRequest.files)
                .where(func.jsonb_array_length(PrivacyRequest.files) > 0)
                .with_for_update(skip_locked=True)
            )
            for request_id, files in waiting.all():
                for table, path in files:
                    if table in self._folders:
                        (self._folders[table] / path).unlink(missing_ok=True)
                        removed += 1
                left = [each for each in files if each[0] not in self._folders]
                await session.execute(
                    update(PrivacyRequest).where(PrivacyRequest.id == request_id).values(files=left)
                )
        return removed

    async def _check_obstacles(self, session: AsyncSession, customer_ids: Sequence[int]) -> None:
        found = [await each(session, customer_ids) for each in self._obstacles]
        reasons = [each for each in found if each]
        if reasons:
            raise CannotErase(" ".join(reasons))

    async def _decide(
        self, session: AsyncSession, actor: Actor, request_id: int, state: str, **values: object
    ) -> None:
        await session.execute(
            update(PrivacyRequest)
            .where(PrivacyRequest.id == request_id)
            .values(state=state, decided_at=self._clock(), decided_by=actor.user_id, **values)
        )
        await deadlines.settle(session, actor, request_id, self._clock())

    async def _read(self, session: AsyncSession, request_id: int) -> RequestView:
        row = (await session.execute(self._views().where(PrivacyRequest.id == request_id))).one()
        return RequestView(*row)

    def _views(self) -> Select[*tuple[Any, ...]]:
        table = PrivacyRequest
        return select(
            table.id,
            table.customer_id,
            table.kind,
            table.state,
            table.identified_by,
            table.requested_at,
            table.due_at,
            (table.state == "open") & (table.due_at < self._clock()),
            table.entered_by,
            table.decided_at,
            table.decided_by,
            table.reason,
            table.done,
            func.jsonb_array_length(table.files),
        )


async def _held(session: AsyncSession, actor: Actor, request_id: int) -> PrivacyRequest:
    """Raises NotFound, also for one of a customer beyond the actor's scope."""
    request = await session.scalar(
        select(PrivacyRequest)
        .where(PrivacyRequest.id == request_id, concerns_seen(PrivacyRequest.customer_id, actor))
        .with_for_update()
    )
    if request is None:
        raise NotFound(f"There is no request {request_id}.")
    return request


def _check_kind(request: PrivacyRequest, kind: RequestKind) -> None:
    if request.kind != kind:
        raise Conflict(f"This is a request for {request.kind}, not for {kind}.")


def _check_open(request: PrivacyRequest) -> None:
    if request.state != "open":
        raise Conflict(f"This request is {request.state} already.", fields={"state": request.state})


async def _still_needed(session: AsyncSession, customer_ids: Sequence[int]) -> str | None:
    """Money that is owed, and customers who stand below."""
    owing = select(Customer.id).where(
        Customer.id.in_(customer_ids), (Customer.credit_used > 0) | (Customer.credit_overdue > 0)
    )
    if (await session.execute(owing.limit(1))).first() is not None:
        return "The customer still owes money: settle it first."
    below = select(Customer.id).where(
        Customer.parent_id.in_(customer_ids), Customer.id.not_in(customer_ids)
    )
    if (await session.execute(below.limit(1))).first() is not None:
        return "Other customers stand below this one: move them first."
    return None


async def _collected(session: AsyncSession, customer_id: int, now: datetime) -> PersonalData:
    who = await reach.person(session, customer_id)
    tables: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for each in reversed(await reach.rows_of(session, who)):
        rows = await session.execute(select(*each.told).where(each.condition))
        tables[each.table.name] = tuple(dict(row) for row in rows.mappings())
    history = await session.execute(
        select(AuditEntry.at, AuditEntry.actor_id, AuditEntry.action)
        .where(
            AuditEntry.entity == "customer",
            AuditEntry.entity_id.in_(map(str, who.customer_ids)),
        )
        .order_by(AuditEntry.id)
        .limit(_HISTORY)
    )
    return PersonalData(customer_id, now, tables, tuple(dict(row) for row in history.mappings()))
