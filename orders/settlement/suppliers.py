"""Suppliers and what is owed to them. Rule: a delivery note counts once; what was entered is never changed, only
balanced by another entry.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert

from crm_core import versioned
from crm_core.audit import trail
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.settlement.codes import CHARGE
from orders.settlement.commands import ChargeQuery, NewCharge, PutSupplier
from orders.settlement.errors import AlreadyEntered, UnknownParty
from orders.settlement.tables import SettlementItem, Supplier, SupplierCharge
from orders.settlement.views import ChargeView, SupplierView


class SupplierService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def list(self, actor: Actor) -> tuple[SupplierView, ...]:
        actor.require(Right.SETTLEMENT_VIEW)
        async with self._database.reading() as connection:
            rows = await connection.execute(_suppliers().order_by(Supplier.code))
            return tuple(SupplierView(*row) for row in rows)

    async def put(self, actor: Actor, code: str, content: PutSupplier) -> SupplierView:
        """Raises Conflict (edited since, code taken)."""
        actor.require(Right.SETTLEMENT_MANAGE)
        values = content.model_dump(exclude={"version"})
        async with self._database.begin() as session:
            await versioned.put(session, Supplier, code, content.version, values)
            await trail.record(
                session, actor.user_id, "supplier.put", "supplier", code, after=values
            )
            row = (await session.execute(_suppliers().where(Supplier.code == code))).one()
        return SupplierView(*row)

    async def charge(self, actor: Actor, new: NewCharge) -> ChargeView:
        """Raises UnknownParty, AlreadyEntered, Refused (today lies in a closed period)."""
        actor.require(Right.SETTLEMENT_MANAGE)
        async with self._database.begin() as session:
            if await session.get(Supplier, new.supplier_code) is None:
                raise UnknownParty("supplier", new.supplier_code)
            made = await session.scalar(
                insert(SupplierCharge)
                .values(**new.model_dump(), booked_at=self._clock(), booked_by=actor.user_id)
                .on_conflict_do_nothing(constraint="uq_supplier_charges_once")
                .returning(SupplierCharge.id)
            )
            if made is None:
                raise AlreadyEntered(new.reference)
            await trail.record(
                session, actor.user_id, "supplier.charge", "supplier", new.supplier_code,
                after=new.model_dump(mode="json"),
            )  # fmt: skip
            row = (await session.execute(_charges().where(SupplierCharge.id == made))).one()
        return ChargeView(*row)

    async def charges(self, actor: Actor, query: ChargeQuery) -> tuple[ChargeView, ...]:
        actor.require(Right.SETTLEMENT_VIEW)
        table = SupplierCharge
        wanted = _charges().order_by(table.id.desc()).limit(query.limit)
        if query.supplier_code is not None:
            wanted = wanted.where(table.supplier_code == query.supplier_code)
        if query.before is not None:
            wanted = wanted.where(table.id < query.before)
        async with self._database.reading() as connection:
            return tuple(ChargeView(*row) for row in await connection.execute(wanted))


def _suppliers() -> Select[*tuple[Any, ...]]:
    return select(
        Supplier.code, Supplier.name_zh, Supplier.name_en, Supplier.active, Supplier.version
    )


def _charges() -> Select[*tuple[Any, ...]]:
    table, item = SupplierCharge, SettlementItem
    return select(
        table.id, table.supplier_code, table.kind, table.reference, table.amount,
        table.happened_at, table.booked_at, table.booked_by, table.note, item.settlement_id,
    ).outerjoin(
        item,
        (item.subject_id == table.id) & (item.subject == CHARGE) & (item.kind == table.kind),
    )  # fmt: skip
