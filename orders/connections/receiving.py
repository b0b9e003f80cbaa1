"""Papers that others send us. Rule: a signed request is taken once and kept before it is answered; what it
leads to comes after, so a sender is never kept waiting and never told what became of the order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.dialects.postgresql import insert as upsert

from crm_core.db import Database
from orders.connections.clients import Clients
from orders.connections.documents import keep_order
from orders.connections.errors import ConnectorError, SignatureRefused, UnknownConnection
from orders.connections.ports import Signed
from orders.connections.tables import ConnectionNonce

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content_type: str
    body: bytes


class Receiver:
    def __init__(
        self, database: Database, clients: Clients, *, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._clients = clients
        self._clock = clock

    async def receive(self, code: str, request: Signed) -> Reply:
        """Raises UnknownConnection, SignatureRefused, DatabaseUnavailable, SecretsUnavailable."""
        now = self._clock()
        opened = await self._clients.by_code(code)
        if not opened.connector.receives:
            raise UnknownConnection("There is no such connection here.")
        try:
            received = await opened.client.receive(request, now)
        except ConnectorError as error:
            log.info("paper_not_readable", connection=code, reason=error.reason)
            return Reply(200, *opened.client.answer(error.reason))
        except SignatureRefused as error:
            log.warning("signature_refused", connection=code, reason=error.fields["reason"])
            raise
        async with self._database.begin() as session:
            is_new = await session.scalar(
                upsert(ConnectionNonce)
                .values(connection_id=opened.id, nonce=received.nonce, at=now)
                .on_conflict_do_nothing()
                .returning(ConnectionNonce.nonce)
            )
            if is_new is not None:
                await keep_order(session, opened.id, received.paper, now)
        return Reply(200, *opened.client.answer(None))
