"""Connections as they are used. Rule: one client for each version of a connection, so that a token is fetched
once and a change of settings counts at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.db import Database
from crm_core.vault import SecretsUnavailable, Vault
from orders.connections.connections import opened_secrets
from orders.connections.connectors import CONNECTORS
from orders.connections.errors import UnknownConnection
from orders.connections.outgoing import Outgoing
from orders.connections.papers import Place
from orders.connections.ports import Client, Connector, Part
from orders.connections.tables import Connection

log = structlog.get_logger(__name__)

_ROWS = (
    select(
        Connection.id,
        Connection.code,
        Connection.kind,
        Connection.name,
        Connection.settings,
        Connection.secrets,
        Connection.version,
        Connection.asked_at,
        Connection.read_at,
        Connection.read_skip,
        Connection.counted_to,
        Connection.created_at,
    )
    .where(Connection.active)
    .order_by(Connection.id)
)


@dataclass(frozen=True, slots=True)
class Opened:
    """`read` and `counted_to`: where a look at it goes on."""

    id: int
    code: str
    name: str
    version: int
    asked_at: datetime | None
    read: Place | None
    counted_to: str | None
    created_at: datetime
    connector: Connector
    settings: Part
    client: Client


class Clients:
    def __init__(
        self,
        database: Database,
        vault: Vault,
        outgoing: Outgoing,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._vault = vault
        self._outgoing = outgoing
        self._clock = clock
        self._known: dict[int, tuple[int, Client]] = {}
        self._closed: set[int] = set()

    async def active(self) -> tuple[Opened, ...]:
        async with self._database.reading() as connection:
            return await self._open(connection, None)

    async def by_code(self, code: str) -> Opened:
        """Raises UnknownConnection, SecretsUnavailable."""
        async with self._database.reading() as connection:
            found = await self._open(connection, code)
        if not found:
            raise UnknownConnection("There is no such connection here.")
        return found[0]

    async def _open(self, connection: AsyncConnection, code: str | None) -> tuple[Opened, ...]:
        """One, or all whose secrets can be read."""
        query = _ROWS if code is None else _ROWS.where(Connection.code == code)
        found = []
        for row in (await connection.execute(query)).all():
            try:
                found.append(self._opened(row))
            except SecretsUnavailable as error:
                if code is not None:
                    raise
                if row.id not in self._closed:
                    self._closed.add(row.id)
                    log.warning("connection_closed", connection=row.code, reason=error.message)
        return tuple(found)

    def _opened(self, row: Any) -> Opened:
        connector = CONNECTORS[row.kind]
        settings = connector.settings.model_validate(row.settings)
        known = self._known.get(row.id)
        if known is None or known[0] != row.version:
            secrets = opened_secrets(connector, self._vault, row.code, row.secrets)
            client = connector.open(settings, secrets, self._outgoing, self._clock)
            known = self._known[row.id] = row.version, client
        return Opened(
            row.id,
            row.code,
            row.name,
            row.version,
            row.asked_at,
            None if row.read_at is None else Place(row.read_at, row.read_skip),
            row.counted_to,
            row.created_at,
            connector,
            settings,
            known[1],
        )
