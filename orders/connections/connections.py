"""Connections and their code tables, for those who hold `connection.manage`.

Rule: settings and secrets are held against the models of the connector, and secrets are kept encrypted and
never shown again.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor, Right
from crm_core.vault import Vault
from orders.connections.connection_views import (
    ChangedConnection,
    CodeQuery,
    CodeView,
    ConnectionView,
    CountQuery,
    CountView,
    NewCode,
    NewConnection,
    OldCode,
)
from orders.connections.connectors import CONNECTORS
from orders.connections.errors import UnknownConnection
from orders.connections.ports import Connector, Part
from orders.connections.tables import (
    Connection,
    ConnectionCode,
    ConnectionDocument,
    OutsideStock,
)
from orders.stock.tables import Stock

_ENTITY = "connection"


class ConnectionService:
    """Every method may raise Forbidden, UnknownConnection and DatabaseUnavailable."""

    def __init__(self, database: Database, vault: Vault, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def all(self, actor: Actor) -> tuple[ConnectionView, ...]:
        actor.require(Right.CONNECTION_MANAGE)
        async with self._database.reading() as connection:
            rows = await connection.execute(_views().order_by(Connection.id))
            return tuple(_view(row) for row in rows)

    async def add(self, actor: Actor, new: NewConnection) -> ConnectionView:
        """Raises Invalid, Conflict (code), SecretsUnavailable."""
        actor.require(Right.CONNECTION_MANAGE)
        connector = CONNECTORS.get(new.kind)
        if connector is None:
            raise Invalid(
                f"There is no kind {new.kind}: choose one of {', '.join(sorted(CONNECTORS))}.",
                fields={"kind": "unknown"},
            )
        values = {
            "code": new.code,
            "kind": new.kind,
            "name": new.name,
            "settings": _settings(connector, new.settings),
            "send_on": sorted(new.send_on),
        }
        sealed = self._sealed(new.code, connector, new.secrets)
        async with self._database.begin() as session:
            made = await session.scalar(
                upsert(Connection)
                .values(values | {"secrets": sealed, "created_at": self._clock()})
                .on_conflict_do_nothing(index_elements=["code"])
                .returning(Connection.id)
            )
            if made is None:
                raise Conflict("Another connection has this code.", fields={"code": "taken"})
            await trail.record(
                session, actor.user_id, "connection.create", _ENTITY, made, after=values
            )
            return await _read(session, made)

    async def change(
        self, actor: Actor, connection_id: int, new: ChangedConnection
    ) -> ConnectionView:
        """Raises Invalid, Conflict (version), SecretsUnavailable."""
        actor.require(Right.CONNECTION_MANAGE)
        async with self._database.begin() as session:
            held = await session.get(Connection, connection_id, with_for_update=True)
            if held is None:
                raise _unknown(connection_id)
            if held.version != new.version:
                raise Conflict(
                    "Somebody else has changed this connection: look at it as it is now.",
                    fields={"version": held.version},
                )
            connector = CONNECTORS[held.kind]
            values = {
                "name": new.name,
                "settings": _settings(connector, new.settings),
                "send_on": sorted(new.send_on),
                "active": new.active,
            }
            was, became = trail.changes({name: getattr(held, name) for name in values}, values)
            if new.secrets is not None:
                held.secrets = self._sealed(held.code, connector, new.secrets)
                became["secrets"] = "entered anew"
            for name, value in values.items():
                setattr(held, name, value)
            held.version += 1
            await trail.record(
                session,
                actor.user_id,
                "connection.update",
                _ENTITY,
                connection_id,
                before=was,
                after=became,
            )
            await session.flush()
            return await _read(session, connection_id)

    async def codes(
        self, actor: Actor, connection_id: int, wanted: CodeQuery
    ) -> tuple[CodeView, ...]:
        actor.require(Right.CONNECTION_MANAGE)
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _codes(connection_id)
                .where(ConnectionCode.kind == wanted.kind, ConnectionCode.theirs > wanted.after)
                .order_by(ConnectionCode.theirs)
                .limit(wanted.limit)
            )
            return tuple(CodeView(*row) for row in rows)

    async def set_code(self, actor: Actor, connection_id: int, new: NewCode) -> CodeView:
        """In place of what `theirs` meant before. Raises Invalid, NotFound (customer)."""
        actor.require(Right.CONNECTION_MANAGE)
        if (new.sku is None) == (new.customer_id is None) or (new.unit and new.sku is None):
            raise Invalid(
                "A code is a product's (with a unit or without), or a customer's.",
                fields={"sku": "or customer_id"},
            )
        kind = "product" if new.sku is not None else "customer"
        try:
            async with self._database.begin() as session:
                await _read(session, connection_id)
                meant = {"sku": new.sku, "unit": new.unit, "customer_id": None}
                if new.customer_id is not None:
                    meant["customer_id"] = await must_see(session, actor, new.customer_id)  # type: ignore[assignment]
                values = {"connection_id": connection_id, "kind": kind, "theirs": new.theirs}
                await session.execute(
                    upsert(ConnectionCode)
                    .values(values | meant)
                    .on_conflict_do_update(
                        index_elements=["connection_id", "kind", "theirs"], set_=meant
                    )
                )
                await trail.record(
                    session,
                    actor.user_id,
                    "connection.set_code",
                    _ENTITY,
                    connection_id,
                    after={"theirs": new.theirs, **meant},
                )
        except IntegrityError as error:
            raise Invalid(
                f"There is no product {new.sku}: look its code up.", fields={"sku": "unknown"}
            ) from error
        return CodeView(kind, new.theirs, new.sku, new.unit, new.customer_id)

    async def remove_code(self, actor: Actor, connection_id: int, old: OldCode) -> None:
        """Raises NotFound."""
        actor.require(Right.CONNECTION_MANAGE)
        async with self._database.begin() as session:
            gone = await session.scalar(
                delete(ConnectionCode)
                .where(
                    ConnectionCode.connection_id == connection_id,
                    ConnectionCode.kind == old.kind,
                    ConnectionCode.theirs == old.theirs,
                )
                .returning(ConnectionCode.theirs)
            )
            if gone is None:
                raise NotFound("There is no such code.", fields={"theirs": "unknown"})
            await trail.record(
                session,
                actor.user_id,
                "connection.remove_code",
                _ENTITY,
                connection_id,
                before=old.model_dump(),
            )

    async def counts(
        self, actor: Actor, connection_id: int, wanted: CountQuery
    ) -> tuple[CountView, ...]:
        """Their stock beside ours, as last heard."""
        actor.require(Right.CONNECTION_MANAGE)
        ours = (
            select(func.coalesce(func.sum(Stock.on_hand), 0))
            .where(Stock.sku == OutsideStock.sku)
            .scalar_subquery()
        )
        async with self._database.reading() as connection:
            rows = await connection.execute(
                select(
                    OutsideStock.sku,
                    ours.label("ours"),
                    OutsideStock.quantity,
                    OutsideStock.quantity - ours,
                    OutsideStock.at,
                )
                .where(OutsideStock.connection_id == connection_id, OutsideStock.sku > wanted.after)
                .order_by(OutsideStock.sku)
                .limit(wanted.limit)
            )
            return tuple(CountView(*row) for row in rows)

    def _sealed(self, code: str, connector: Connector, secrets: Mapping[str, Any]) -> str:
        checked = _checked(connector.secrets, secrets, "secrets")
        return self._vault.seal(owner_of(code), checked.model_dump_json())


def owner_of(code: str) -> str:
    """For whom a connection's secrets are sealed."""
    return f"connection {code}"


def opened_secrets(connector: Connector, vault: Vault, code: str, sealed: str) -> Part:
    """Raises SecretsUnavailable."""
    return connector.secrets.model_validate_json(vault.open(owner_of(code), sealed))


def _settings(connector: Connector, given: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(_checked(connector.settings, given, "settings").model_dump_json())  # type: ignore[no-any-return]


def _checked(model: type[Part], given: Mapping[str, Any], name: str) -> Part:
    try:
        return model.model_validate_json(json.dumps(given))
    except ValidationError as error:
        fields = {
            ".".join((name, *map(str, each["loc"]))): each["msg"]
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        }
        raise Invalid("The connection's kind asks for something else.", fields=fields) from error
    except ValueError as error:
        raise Invalid("These are no settings.", fields={name: "form"}) from error


def _unknown(connection_id: int) -> UnknownConnection:
    return UnknownConnection(f"There is no connection {connection_id}.")


def _count(*states: str) -> Any:
    return (
        select(func.count())
        .where(
            ConnectionDocument.connection_id == Connection.id,
            ConnectionDocument.state.in_(states),
        )
        .scalar_subquery()
    )


def _views() -> Select[*tuple[Any, ...]]:
    return select(
        Connection.id,
        Connection.code,
        Connection.kind,
        Connection.name,
        Connection.settings,
        Connection.send_on,
        Connection.active,
        Connection.asked_at,
        _count("pending", "working").label("waiting"),
        _count("refused").label("refused"),
        Connection.version,
        Connection.created_at,
    )


def _view(row: Any) -> ConnectionView:
    return ConnectionView(**{**row._asdict(), "send_on": tuple(row.send_on)})


async def _read(holder: AsyncSession | AsyncConnection, connection_id: int) -> ConnectionView:
    row = (await holder.execute(_views().where(Connection.id == connection_id))).one_or_none()
    if row is None:
        raise _unknown(connection_id)
    return _view(row)


def _codes(connection_id: int) -> Select[*tuple[Any, ...]]:
    return select(
        ConnectionCode.kind,
        ConnectionCode.theirs,
        ConnectionCode.sku,
        ConnectionCode.unit,
        ConnectionCode.customer_id,
    ).where(ConnectionCode.connection_id == connection_id)
