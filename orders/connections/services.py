"""The services of connections, made once for whoever composes a program of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from crm_core.db import Database
from crm_core.vault import Vault
from orders.connections.addresses import Networks
from orders.connections.clients import Clients
from orders.connections.connections import ConnectionService
from orders.connections.documents import PaperService
from orders.connections.outgoing import Outgoing
from orders.connections.receiving import Receiver
from orders.connections.webhooks import WebhookService


@dataclass(frozen=True, slots=True)
class Connections:
    """One of each; close `outgoing` at the end."""

    webhooks: WebhookService
    connections: ConnectionService
    papers: PaperService
    receiver: Receiver
    clients: Clients
    outgoing: Outgoing
    vault: Vault

    @classmethod
    def of(
        cls,
        database: Database,
        *,
        clock: Callable[[], datetime],
        secrets_key: bytes | None = None,
        allowed: Networks = (),
    ) -> Self:
        """Without `secrets_key` there can be none; `allowed` may be called besides the internet."""
        vault = Vault(secrets_key, "zongji connections")
        outgoing = Outgoing(allowed)
        clients = Clients(database, vault, outgoing, clock=clock)
        return cls(
            webhooks=WebhookService(database, vault, clock=clock),
            connections=ConnectionService(database, vault, clock=clock),
            papers=PaperService(database, clock=clock),
            receiver=Receiver(database, clients, clock=clock),
            clients=clients,
            outgoing=outgoing,
            vault=vault,
        )
