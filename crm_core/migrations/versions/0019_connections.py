"""Connections to other programs: events, webhooks, ERP and shops; keys of requests."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0019"
down_revision: str | Sequence[str] | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEW_RIGHT = sa.text(
    "INSERT INTO role_rights (role_code, right_code)"
    " SELECT code, 'connection.manage' FROM roles WHERE code = 'admin' ON CONFLICT DO NOTHING"
)
_NOTED_BY_TRIGGERS = (
    (
        "CREATE OR REPLACE FUNCTION integration_order_logged() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        "BEGIN\n"
        "    INSERT INTO integration_queue (kind, subject_key, from_status, to_status, at)\n"
        "    VALUES (CASE WHEN NEW.from_status IS NULL THEN 'order.placed' ELSE 'order.moved' END,\n"
        "            NEW.order_id, NEW.from_status, NEW.to_status, NEW.at);\n"
        "    RETURN NULL;\n"
        "END $$"
    ),
    (
        "CREATE OR REPLACE TRIGGER integration_order_logged AFTER INSERT ON order_status_log FOR EACH ROW EXECUTE FUNCTION integration_order_logged()"
    ),
    (
        "CREATE OR REPLACE FUNCTION integration_order_changed() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        "BEGIN\n"
        "    INSERT INTO integration_queue (kind, subject_key) VALUES ('order.changed', NEW.id);\n"
        "    RETURN NULL;\n"
        "END $$"
    ),
    (
        "CREATE OR REPLACE TRIGGER integration_order_changed AFTER UPDATE ON orders FOR EACH ROW WHEN ((OLD.total, OLD.address, OLD.note, OLD.customer_id) IS DISTINCT FROM (NEW.total, NEW.address, NEW.note, NEW.customer_id)) EXECUTE FUNCTION integration_order_changed()"
    ),
    (
        "CREATE OR REPLACE FUNCTION integration_stock_changed() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        "BEGIN\n"
        "    INSERT INTO integration_queue (kind, subject_key)\n"
        "    SELECT DISTINCT 'stock.changed', sku::text FROM changed;\n"
        "    RETURN NULL;\n"
        "END $$"
    ),
    (
        "CREATE OR REPLACE TRIGGER integration_stock_entered AFTER INSERT ON stock REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION integration_stock_changed()"
    ),
    (
        "CREATE OR REPLACE TRIGGER integration_stock_changed AFTER UPDATE ON stock REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION integration_stock_changed()"
    ),
    (
        "CREATE OR REPLACE FUNCTION integration_customer_changed() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        "BEGIN\n"
        "    INSERT INTO integration_queue (kind, subject_key) VALUES ('customer.changed', NEW.id);\n"
        "    RETURN NULL;\n"
        "END $$"
    ),
    (
        "CREATE OR REPLACE FUNCTION integration_customers_entered() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        "BEGIN\n"
        "    INSERT INTO integration_queue (kind, subject_key)\n"
        "    SELECT DISTINCT 'customer.changed', id::text FROM changed;\n"
        "    RETURN NULL;\n"
        "END $$"
    ),
    (
        "CREATE OR REPLACE TRIGGER integration_customers_entered AFTER INSERT ON customers REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION integration_customers_entered()"
    ),
    (
        "CREATE OR REPLACE TRIGGER integration_customer_changed AFTER UPDATE ON customers FOR EACH ROW WHEN (OLD.version <> NEW.version OR OLD.erased_at IS DISTINCT FROM NEW.erased_at) EXECUTE FUNCTION integration_customer_changed()"
    ),
)
_NOT_NOTED = (
    ("DROP TRIGGER IF EXISTS integration_order_logged ON order_status_log"),
    ("DROP TRIGGER IF EXISTS integration_order_changed ON orders"),
    ("DROP TRIGGER IF EXISTS integration_stock_entered ON stock"),
    ("DROP TRIGGER IF EXISTS integration_stock_changed ON stock"),
    ("DROP TRIGGER IF EXISTS integration_customers_entered ON customers"),
    ("DROP TRIGGER IF EXISTS integration_customer_changed ON customers"),
    (
        "DROP FUNCTION IF EXISTS integration_order_logged, integration_order_changed, integration_stock_changed, integration_customers_entered, integration_customer_changed"
    ),
)


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column(
            "send_on", postgresql.ARRAY(sa.String(length=12)), server_default="{}", nullable=False
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "code ~ '^[a-z][a-z0-9_]{0,29}$'", name=op.f("ck_connections_code_form")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("code", name=op.f("uq_connections_code")),
    )
    op.create_table(
        "integration_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("subject_key", sa.String(length=40), nullable=False),
        sa.Column("from_status", sa.String(length=12), nullable=True),
        sa.Column("to_status", sa.String(length=12), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integration_events")),
    )
    op.create_index("ix_integration_events_at", "integration_events", ["at"], unique=False)
    op.create_index(
        "ix_integration_events_subject",
        "integration_events",
        ["subject", "subject_key", "id"],
        unique=False,
    )
    op.create_table(
        "integration_queue",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject_key", sa.String(length=40), nullable=False),
        sa.Column("from_status", sa.String(length=12), nullable=True),
        sa.Column("to_status", sa.String(length=12), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integration_queue")),
    )
    op.create_table(
        "connection_nonces",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_connection_nonces_connection_id_connections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "nonce", name=op.f("pk_connection_nonces")),
    )
    op.create_index("ix_connection_nonces_at", "connection_nonces", ["at"], unique=False)
    op.create_table(
        "outside_stock",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=16, scale=3), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_outside_stock_connection_id_connections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_outside_stock_sku_products")
        ),
        sa.PrimaryKeyConstraint("connection_id", "sku", name=op.f("pk_outside_stock")),
    )
    op.create_table(
        "request_keys",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(answer IS NULL) = (status IS NULL)", name=op.f("ck_request_keys_answer_with_status")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_request_keys_user_id_users")
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_request_keys")),
    )
    op.create_index("ix_request_keys_at", "request_keys", ["at"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.String(length=20)), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("rights", postgresql.ARRAY(sa.String(length=50)), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        sa.Column("old_secret", sa.String(length=200), nullable=True),
        sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quiet_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_reason", sa.String(length=20), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(old_secret IS NULL) = (old_secret_until IS NULL)",
            name=op.f("ck_webhooks_old_secret_has_an_end"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_webhooks_owner_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("name", name=op.f("uq_webhooks_name")),
    )
    op.create_table(
        "connection_codes",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("theirs", sa.String(length=100), nullable=False),
        sa.Column("sku", sa.String(length=40), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'product') = (sku IS NOT NULL) AND (kind = 'customer') = (customer_id IS NOT NULL)",
            name=op.f("ck_connection_codes_names_what_it_says"),
        ),
        sa.CheckConstraint(
            "kind IN ('product','customer')", name=op.f("ck_connection_codes_kind_known")
        ),
        sa.CheckConstraint(
            "unit IS NULL OR sku IS NOT NULL", name=op.f("ck_connection_codes_unit_of_a_product")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_connection_codes_connection_id_connections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_connection_codes_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_connection_codes_sku_products")
        ),
        sa.PrimaryKeyConstraint(
            "connection_id", "kind", "theirs", name=op.f("pk_connection_codes")
        ),
        info={"removed": True},
    )
    op.create_index(
        "ix_connection_codes_customer_id",
        "connection_codes",
        ["customer_id", "connection_id"],
        unique=False,
    )
    op.create_index(
        "ix_connection_codes_sku", "connection_codes", ["connection_id", "sku"], unique=False
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("subject_key", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "(state = 'sending') = (lease_until IS NOT NULL)",
            name=op.f("ck_webhook_deliveries_lease_if_sending"),
        ),
        sa.CheckConstraint(
            "state IN ('pending','sending','sent','skipped','failed')",
            name=op.f("ck_webhook_deliveries_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["integration_events.id"],
            name=op.f("fk_webhook_deliveries_event_id_integration_events"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_webhook_deliveries_webhook_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        "ix_webhook_deliveries_event_id", "webhook_deliveries", ["event_id"], unique=False
    )
    op.create_index(
        "ix_webhook_deliveries_open",
        "webhook_deliveries",
        ["webhook_id", "subject", "subject_key", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending','sending')"),
    )
    op.create_index(
        "ix_webhook_deliveries_webhook", "webhook_deliveries", ["webhook_id", "id"], unique=False
    )
    op.create_index(
        "uq_webhook_deliveries_event", "webhook_deliveries", ["webhook_id", "event_id"], unique=True
    )
    op.create_table(
        "connection_documents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("outside_key", sa.String(length=100), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="pending", nullable=False),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column(
            "flags",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state = 'working') = (lease_until IS NOT NULL)",
            name=op.f("ck_connection_documents_lease_if_working"),
        ),
        sa.CheckConstraint(
            "direction IN ('in','out')", name=op.f("ck_connection_documents_direction_known")
        ),
        sa.CheckConstraint(
            "state IN ('pending','working','done','ignored','refused')",
            name=op.f("ck_connection_documents_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_connection_documents_connection_id_connections"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_connection_documents_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_connection_documents_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_documents")),
        info={"removed": True},
    )
    op.create_index(
        "ix_connection_documents_customer_id", "connection_documents", ["customer_id"], unique=False
    )
    op.create_index(
        "ix_connection_documents_open",
        "connection_documents",
        ["connection_id", "outside_key", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending','working')"),
    )
    op.create_index(
        "ix_connection_documents_order_id", "connection_documents", ["order_id"], unique=False
    )
    op.create_index(
        "ix_connection_documents_received_at", "connection_documents", ["received_at"], unique=False
    )
    op.create_index(
        "uq_connection_documents_paper",
        "connection_documents",
        ["connection_id", "direction", "kind", "outside_key", "version", "digest"],
        unique=True,
    )
    op.create_table(
        "connection_links",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("outside_key", sa.String(length=100), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("outside_id", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.CheckConstraint(
            "state IN ('open','cancelled','sent')", name=op.f("ck_connection_links_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_connection_links_connection_id_connections"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_connection_links_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("connection_id", "outside_key", name=op.f("pk_connection_links")),
    )
    op.create_index("ix_connection_links_order_id", "connection_links", ["order_id"], unique=False)
    for statement in _NOTED_BY_TRIGGERS:
        op.execute(statement)
    op.execute(_NEW_RIGHT)


def downgrade() -> None:
    for statement in _NOT_NOTED:
        op.execute(statement)
    op.execute("DELETE FROM role_rights WHERE right_code = 'connection.manage'")
    op.drop_index("ix_connection_links_order_id", table_name="connection_links")
    op.drop_table("connection_links")
    op.drop_index("uq_connection_documents_paper", table_name="connection_documents")
    op.drop_index("ix_connection_documents_received_at", table_name="connection_documents")
    op.drop_index("ix_connection_documents_order_id", table_name="connection_documents")
    op.drop_index(
        "ix_connection_documents_open",
        table_name="connection_documents",
        postgresql_where=sa.text("state IN ('pending','working')"),
    )
    op.drop_index("ix_connection_documents_customer_id", table_name="connection_documents")
    op.drop_table("connection_documents")
    op.drop_index("uq_webhook_deliveries_event", table_name="webhook_deliveries")
    op.drop_index("ix_webhook_deliveries_webhook", table_name="webhook_deliveries")
    op.drop_index(
        "ix_webhook_deliveries_open",
        table_name="webhook_deliveries",
        postgresql_where=sa.text("state IN ('pending','sending')"),
    )
    op.drop_index("ix_webhook_deliveries_event_id", table_name="webhook_deliveries")
    op.drop_table("webhook_deliveries")
    op.drop_index("ix_connection_codes_sku", table_name="connection_codes")
    op.drop_index("ix_connection_codes_customer_id", table_name="connection_codes")
    op.drop_table("connection_codes")
    op.drop_table("webhooks")
    op.drop_index("ix_request_keys_at", table_name="request_keys")
    op.drop_table("request_keys")
    op.drop_table("outside_stock")
    op.drop_index("ix_connection_nonces_at", table_name="connection_nonces")
    op.drop_table("connection_nonces")
    op.drop_table("integration_queue")
    op.drop_index("ix_integration_events_subject", table_name="integration_events")
    op.drop_index("ix_integration_events_at", table_name="integration_events")
    op.drop_table("integration_events")
    op.drop_table("connections")
