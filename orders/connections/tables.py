"""Tables of connections. Rule: what came or went before is found by its key here, so that the same paper
does nothing a second time; secrets are kept encrypted.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    SmallInteger,
    String,
    Text,
    event,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.tables import Customer
from crm_core.db import Base
from crm_core.personal import NUMBER, REMOVED
from orders.connections import triggers
from orders.sales.tables import Order, OrderStatusLog
from orders.stock.tables import Stock

_NOW = func.now()
_Time = DateTime(timezone=True)


class IntegrationQueueEntry(Base):
    """A change that no event tells of yet; written by triggers."""

    __tablename__ = "integration_queue"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject_key: Mapped[str] = mapped_column(String(40))
    from_status: Mapped[str | None] = mapped_column(String(12))
    to_status: Mapped[str | None] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(_Time, server_default=_NOW)


class IntegrationEvent(Base):
    """Something that other programs may know; `id` is in the order in which they become visible.

    It holds no data of the subject: those are read when it is told, by the eyes of whoever is told.
    """

    __tablename__ = "integration_events"
    __table_args__ = (
        Index("ix_integration_events_subject", "subject", "subject_key", "id"),
        Index("ix_integration_events_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(10))
    subject_key: Mapped[str] = mapped_column(String(40))
    from_status: Mapped[str | None] = mapped_column(String(12))
    to_status: Mapped[str | None] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(_Time)


class Webhook(Base):
    """Where events go. It sees what its owner may see, with no more than `rights`.

    `quiet_until`: it is not asked before; `paused_reason`: not asked until a person resumes it.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint(
            "(old_secret IS NULL) = (old_secret_until IS NULL)", name="old_secret_has_an_end"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    url: Mapped[str] = mapped_column(String(500))
    kinds: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    rights: Mapped[list[str]] = mapped_column(ARRAY(String(50)))
    secret: Mapped[str] = mapped_column(String(200))
    old_secret: Mapped[str | None] = mapped_column(String(200))
    old_secret_until: Mapped[datetime | None] = mapped_column(_Time)
    active: Mapped[bool] = mapped_column(server_default=true())
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failing_since: Mapped[datetime | None] = mapped_column(_Time)
    quiet_until: Mapped[datetime | None] = mapped_column(_Time)
    paused_reason: Mapped[str | None] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(_Time)


class WebhookDelivery(Base):
    """One event for one webhook; of a subject the earliest goes first. A ping has no event."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending','sending','sent','skipped','failed')", name="state_known"
        ),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease_if_sending"),
        Index(
            "ix_webhook_deliveries_open",
            "webhook_id",
            "subject",
            "subject_key",
            "id",
            postgresql_where=text("state IN ('pending','sending')"),
        ),
        Index("ix_webhook_deliveries_webhook", "webhook_id", "id"),
        Index("uq_webhook_deliveries_event", "webhook_id", "event_id", unique=True),
        Index("ix_webhook_deliveries_event_id", "event_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[int | None] = mapped_column(
        ForeignKey("integration_events.id", ondelete="CASCADE")
    )
    subject: Mapped[str] = mapped_column(String(10))
    subject_key: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(_Time)
    lease_until: Mapped[datetime | None] = mapped_column(_Time)
    settled_at: Mapped[datetime | None] = mapped_column(_Time)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    reason: Mapped[str | None] = mapped_column(String(300))


class Connection(Base):
    """Another program: an ERP or a shop. `send_on` are the statuses at which an order leaves to it.

    `read_at` with `read_skip` (see `papers.Place`) and `counted_to`, a code of theirs: how far a look at it has come
    that is not at its end; `asked_at`: when all changes were read last.
    """

    __tablename__ = "connections"
    __table_args__ = (CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,29}$'", name="code_form"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(String(30), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(50))
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    secrets: Mapped[str] = mapped_column(Text)
    send_on: Mapped[list[str]] = mapped_column(ARRAY(String(12)), server_default="{}")
    active: Mapped[bool] = mapped_column(server_default=true())
    asked_at: Mapped[datetime | None] = mapped_column(_Time)
    read_at: Mapped[datetime | None] = mapped_column(_Time)
    read_skip: Mapped[int] = mapped_column(server_default=text("0"))
    counted_to: Mapped[str | None] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(_Time)


class ConnectionCode(Base):
    """What a thing of ours is called there: a product (in a unit), or a customer."""

    __tablename__ = "connection_codes"
    __table_args__ = (
        CheckConstraint("kind IN ('product','customer')", name="kind_known"),
        CheckConstraint(
            "(kind = 'product') = (sku IS NOT NULL) AND (kind = 'customer') = (customer_id IS NOT NULL)",
            name="names_what_it_says",
        ),
        CheckConstraint("unit IS NULL OR sku IS NOT NULL", name="unit_of_a_product"),
        Index("ix_connection_codes_sku", "connection_id", "sku"),
        Index("ix_connection_codes_customer_id", "customer_id", "connection_id"),
        {"info": REMOVED},
    )

    connection_id: Mapped[int] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    theirs: Mapped[str] = mapped_column(String(100), primary_key=True)
    sku: Mapped[str | None] = mapped_column(ForeignKey("products.sku"))
    unit: Mapped[str | None] = mapped_column(String(20))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))


class ConnectionLink(Base):
    """An order there and ours; (`version`, `digest`) is the newest paper that took effect. Of ours that left (`sent`)
    they and `content` say how it was then (see `leaving`).

    `state` cancelled is the end: no paper brings it back. `order_id` None: it was cancelled before it came.
    """

    __tablename__ = "connection_links"
    __table_args__ = (
        CheckConstraint("state IN ('open','cancelled','sent')", name="state_known"),
        Index("ix_connection_links_order_id", "order_id"),
    )

    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    outside_key: Mapped[str] = mapped_column(String(100), primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    version: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(String(64))
    outside_id: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(10))


class ConnectionDocument(Base):
    """A paper that came in or goes out, and what became of it; `refused` ones wait for a person.

    `version` is larger for a newer paper about the same thing.
    """

    __tablename__ = "connection_documents"
    __table_args__ = (
        CheckConstraint("direction IN ('in','out')", name="direction_known"),
        CheckConstraint(
            "state IN ('pending','working','done','ignored','refused')", name="state_known"
        ),
        CheckConstraint("(state = 'working') = (lease_until IS NOT NULL)", name="lease_if_working"),
        Index(
            "uq_connection_documents_paper",
            "connection_id",
            "direction",
            "kind",
            "outside_key",
            "version",
            "digest",
            unique=True,
        ),
        Index(
            "ix_connection_documents_open",
            "connection_id",
            "outside_key",
            "id",
            postgresql_where=text("state IN ('pending','working')"),
        ),
        Index("ix_connection_documents_order_id", "order_id"),
        Index("ix_connection_documents_customer_id", "customer_id"),
        Index("ix_connection_documents_received_at", "received_at"),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    direction: Mapped[str] = mapped_column(String(3))
    kind: Mapped[str] = mapped_column(String(20))
    outside_key: Mapped[str] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(10), server_default="pending")
    code: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(String(500))
    flags: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(_Time)
    lease_until: Mapped[datetime | None] = mapped_column(_Time)
    received_at: Mapped[datetime] = mapped_column(_Time)
    finished_at: Mapped[datetime | None] = mapped_column(_Time)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    phone: Mapped[str | None] = mapped_column(String(32), info=NUMBER)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))


class ConnectionNonce(Base):
    """A signed request that was taken; the same one again is answered and does nothing."""

    __tablename__ = "connection_nonces"
    __table_args__ = (Index("ix_connection_nonces_at", "at"),)

    connection_id: Mapped[int] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    )
    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(_Time)


class OutsideStock(Base):
    """How many of a product another program counts, beside our own balance."""

    __tablename__ = "outside_stock"

    connection_id: Mapped[int] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True
    )
    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    quantity: Mapped[Decimal] = mapped_column(Numeric(16, 3))
    at: Mapped[datetime] = mapped_column(_Time)


for _table, _noted in (
    (OrderStatusLog.__table__, triggers.ORDER_LOG),
    (Order.__table__, triggers.ORDERS),
    (Stock.__table__, triggers.STOCK),
    (Customer.__table__, triggers.CUSTOMERS),
):
    event.listen(_table, "after_create", triggers.installer(_noted))
