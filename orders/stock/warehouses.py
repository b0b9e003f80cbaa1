"""Warehouses as SQL inside the caller's transaction. Rule: a warehouse is never deleted, only closed; a closed
one serves nobody and receives nothing.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Insert, Result, Row, Select, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate

from crm_core.errors import Conflict, Invalid, NotFound
from orders.errors import UnknownWarehouse
from orders.stock.commands import ChangedWarehouse, NewWarehouse, WarehouseContent
from orders.stock.tables import MAIN, Warehouse

_MOST = 1000


@dataclass(frozen=True, slots=True)
class WarehouseView:
    code: str
    name_zh: str
    name_en: str
    kind: str
    serves: tuple[str, ...]
    priority: int
    keeper_id: int | None
    expiry_days: int
    active: bool
    version: int


_VIEW: Select[*tuple[Any, ...]] = select(
    Warehouse.code,
    Warehouse.name_zh,
    Warehouse.name_en,
    Warehouse.kind,
    Warehouse.serves,
    Warehouse.priority,
    Warehouse.keeper_id,
    Warehouse.expiry_days,
    Warehouse.active,
    Warehouse.version,
)


async def all_of_them(connection: AsyncConnection) -> tuple[WarehouseView, ...]:
    """The closed ones too."""
    rows = await connection.execute(_VIEW.order_by(Warehouse.code).limit(_MOST))
    return tuple(map(_view, rows))


async def read(session: AsyncSession, code: str) -> WarehouseView:
    """Raises NotFound."""
    row = (await session.execute(_VIEW.where(Warehouse.code == code))).one_or_none()
    if row is None:
        raise NotFound(f"There is no warehouse {code}.", fields={"warehouse": code})
    return _view(row)


async def store(session: AsyncSession, new: NewWarehouse) -> None:
    """Raises Conflict (code taken), Invalid (keeper)."""
    if await session.get(Warehouse, new.code) is not None:
        raise Conflict(f"There is a warehouse {new.code} already.", fields={"code": "taken"})
    await _written(session, insert(Warehouse).values(code=new.code, **_values(new)))


async def change(session: AsyncSession, before: WarehouseView, content: ChangedWarehouse) -> None:
    """Raises Conflict (edited since), Invalid (keeper, the main warehouse closed)."""
    if before.code == MAIN and not content.active:
        raise Invalid(
            "The main warehouse serves whom no other one serves: it stays open.",
            fields={"active": "main"},
        )
    changed = await _written(
        session,
        update(Warehouse)
        .where(Warehouse.code == before.code, Warehouse.version == content.version)
        .values(**_values(content), version=content.version + 1)
        .returning(Warehouse.code),
    )
    if changed is None:
        raise Conflict(
            "Somebody else has changed this warehouse since you opened it: look at it as it is now.",
            fields={"version": before.version},
        )


async def must_exist(session: AsyncSession, code: str) -> None:
    """Raises UnknownWarehouse."""
    if await session.scalar(select(Warehouse.code).where(Warehouse.code == code)) is None:
        raise UnknownWarehouse(code)


async def must_be_open(session: AsyncSession, code: str) -> None:
    """Raises UnknownWarehouse."""
    there = select(Warehouse.code).where(Warehouse.code == code, Warehouse.active)
    if await session.scalar(there) is None:
        raise UnknownWarehouse(code)


def _view(row: Row[*tuple[Any, ...]]) -> WarehouseView:
    values = dict(row._mapping)  # noqa: SLF001
    return WarehouseView(**values | {"serves": tuple(row.serves)})


def _values(content: WarehouseContent) -> dict[str, object]:
    values = content.model_dump(exclude={"code", "version"})
    return values | {"serves": list(dict.fromkeys(content.serves))}


async def _written(session: AsyncSession, statement: Insert | ReturningUpdate[str]) -> str | None:
    """The code that was changed. Raises Invalid for a keeper who does not exist, Conflict (code taken)."""
    try:
        done: Result[Any] = await session.execute(statement)
    except IntegrityError as error:
        if "keeper_id" in str(error.orig):
            raise Invalid("There is no such person.", fields={"keeper_id": "unknown"}) from error
        if "pk_warehouses" in str(error.orig):
            raise Conflict("This code is taken already.", fields={"code": "taken"}) from error
        raise
    return None if isinstance(statement, Insert) else done.scalar_one_or_none()
