"""Warehouses, batches, stock documents, policies, alarms and forecasts; what is there goes to `main`."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | Sequence[str] | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


_NEW_RIGHTS = sa.text(
    "INSERT INTO role_rights (role_code, right_code)"
    " SELECT code, unnest(CAST('{stock.manage,stock.view}' AS text[])) FROM roles"
    " WHERE code IN ('operations', 'supervisor', 'admin') ON CONFLICT DO NOTHING"
)
_OLD_KINDS = "'reserve','release','ship','restock','replace','receive'"
_NEW_KINDS = (
    "'transfer_out','transfer_in','gain','loss','write_off','block','unblock','expire','revalue'"
)
_WAREHOUSES = (
    "INSERT INTO warehouses (code, name_zh, name_en) VALUES ('main', '总仓', 'Main warehouse')",
    (
        "INSERT INTO warehouses (code, name_zh, name_en) SELECT DISTINCT warehouse, warehouse, warehouse"
        " FROM stock WHERE warehouse <> 'main'"
    ),
)
# Goods with a shelf life of which nobody knows the batch expire at the latest so many days from now.
_BATCHES = (
    (
        "INSERT INTO stock_batches (sku, warehouse, batch_no, expires_on, on_hand)"
        " SELECT s.sku, s.warehouse, 'OPENING', current_date + p.shelf_life_days, s.on_hand"
        " FROM stock s JOIN products p ON p.sku = s.sku"
        " WHERE p.shelf_life_days IS NOT NULL AND s.on_hand > 0"
    ),
    (
        "INSERT INTO stock_batch_moves (move_id, batch_id, quantity)"
        " SELECT max(m.id), b.id, b.on_hand FROM stock_batches b JOIN stock_moves m"
        " ON m.sku = b.sku AND m.warehouse = b.warehouse AND m.on_hand_change > 0 GROUP BY b.id"
    ),
)
_PROTECTION = (
    """\
CREATE OR REPLACE FUNCTION stock_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is posted is mended by its opposite',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$""",
    (
        "CREATE OR REPLACE TRIGGER stock_moves_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON"
        " stock_moves FOR EACH STATEMENT EXECUTE FUNCTION stock_refuse()"
    ),
    (
        "CREATE OR REPLACE TRIGGER stock_batch_moves_refuse BEFORE UPDATE OR DELETE OR TRUNCATE"
        " ON stock_batch_moves FOR EACH STATEMENT EXECUTE FUNCTION stock_refuse()"
    ),
    """\
CREATE OR REPLACE FUNCTION product_shelf_life() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM stock s WHERE s.sku = NEW.sku AND s.on_hand > 0) THEN
        RAISE EXCEPTION 'goods of % are there (shelf_life_of_stock)', NEW.sku
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shelf_life_of_stock';
    END IF;
    RETURN NEW;
END $$""",
    (
        "CREATE OR REPLACE TRIGGER product_shelf_life BEFORE UPDATE OF shelf_life_days ON"
        " products FOR EACH ROW WHEN ((OLD.shelf_life_days IS NULL) <> (NEW.shelf_life_days IS"
        " NULL)) EXECUTE FUNCTION product_shelf_life()"
    ),
    """\
CREATE OR REPLACE FUNCTION stock_document_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state IN ('posted', 'cancelled') THEN
        RAISE EXCEPTION 'document % is posted: reverse it', OLD.number
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$""",
    (
        "CREATE OR REPLACE TRIGGER stock_document_posted BEFORE UPDATE OR DELETE ON"
        " stock_documents FOR EACH ROW EXECUTE FUNCTION stock_document_posted()"
    ),
    """\
CREATE OR REPLACE FUNCTION stock_document_line_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR EXISTS (
        SELECT FROM stock_documents d WHERE d.id = OLD.document_id AND d.state IN ('posted', 'cancelled')
    ) THEN
        RAISE EXCEPTION 'document % is posted: reverse it', OLD.document_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$""",
    (
        "CREATE OR REPLACE TRIGGER stock_document_line_posted BEFORE UPDATE OR DELETE ON"
        " stock_document_lines FOR EACH ROW EXECUTE FUNCTION stock_document_line_posted()"
    ),
)
_UNPROTECTED = (
    "DROP FUNCTION product_shelf_life, stock_document_line_posted, stock_document_posted,"
    " stock_refuse CASCADE"
)


def upgrade() -> None:
    op.create_table(
        "warehouses",
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=10), server_default="warehouse", nullable=False),
        sa.Column(
            "serves",
            postgresql.ARRAY(sa.String(length=20)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("keeper_id", sa.Integer(), nullable=True),
        sa.Column("expiry_days", sa.Integer(), server_default=sa.text("30"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("active OR code <> 'main'", name=op.f("ck_warehouses_main_is_active")),
        sa.CheckConstraint("kind IN ('warehouse','outlet')", name=op.f("ck_warehouses_kind_known")),
        sa.CheckConstraint("expiry_days >= 0", name=op.f("ck_warehouses_expiry_days_not_negative")),
        sa.ForeignKeyConstraint(
            ["keeper_id"], ["users.id"], name=op.f("fk_warehouses_keeper_id_users")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_warehouses")),
    )
    for statement in _WAREHOUSES:
        op.execute(statement)
    op.create_table(
        "stock_documents",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("warehouse", sa.String(length=20), nullable=False),
        sa.Column("to_warehouse", sa.String(length=20), nullable=True),
        sa.Column("supplier", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("reverses_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_by", sa.Integer(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'transfer') = (to_warehouse IS NOT NULL) AND to_warehouse <> warehouse",
            name=op.f("ck_stock_documents_transfer_has_two_ends"),
        ),
        sa.CheckConstraint(
            "(state = 'posted') = (posted_at IS NOT NULL)",
            name=op.f("ck_stock_documents_posted_at_a_time"),
        ),
        sa.CheckConstraint(
            "kind IN ('receipt','transfer','count','adjustment','write_off','hold','cost_change','price_change')",
            name=op.f("ck_stock_documents_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open','in_transit','posted','cancelled')",
            name=op.f("ck_stock_documents_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_stock_documents_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["posted_by"], ["users.id"], name=op.f("fk_stock_documents_posted_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"],
            ["stock_documents.id"],
            name=op.f("fk_stock_documents_reverses_id_stock_documents"),
        ),
        sa.ForeignKeyConstraint(
            ["to_warehouse"],
            ["warehouses.code"],
            name=op.f("fk_stock_documents_to_warehouse_warehouses"),
        ),
        sa.ForeignKeyConstraint(
            ["warehouse"], ["warehouses.code"], name=op.f("fk_stock_documents_warehouse_warehouses")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_documents")),
        sa.UniqueConstraint("key", name=op.f("uq_stock_documents_key")),
        sa.UniqueConstraint("number", name=op.f("uq_stock_documents_number")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_stock_documents_reverses_id")),
    )
    op.create_index(
        "ix_stock_documents_warehouse_id", "stock_documents", ["warehouse", "id"], unique=False
    )
    op.create_table(
        "stock_forecasts",
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("warehouse", sa.String(length=20), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("history_days", sa.Integer(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("expected", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("deviation", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("origins", sa.Integer(), nullable=False),
        sa.Column("errors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_stock_forecasts_sku_products")
        ),
        sa.ForeignKeyConstraint(
            ["warehouse"], ["warehouses.code"], name=op.f("fk_stock_forecasts_warehouse_warehouses")
        ),
        sa.PrimaryKeyConstraint("sku", "warehouse", name=op.f("pk_stock_forecasts")),
    )
    op.create_table(
        "stock_policies",
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("warehouse", sa.String(length=20), nullable=False),
        sa.Column("min_quantity", sa.Integer(), nullable=False),
        sa.Column("target_quantity", sa.Integer(), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("lot", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "0 <= min_quantity AND min_quantity <= target_quantity",
            name=op.f("ck_stock_policies_target_above_the_least"),
        ),
        sa.CheckConstraint("lead_days > 0", name=op.f("ck_stock_policies_lead_days_positive")),
        sa.CheckConstraint("lot > 0", name=op.f("ck_stock_policies_lot_positive")),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_stock_policies_sku_products")
        ),
        sa.ForeignKeyConstraint(
            ["warehouse"], ["warehouses.code"], name=op.f("fk_stock_policies_warehouse_warehouses")
        ),
        sa.PrimaryKeyConstraint("sku", "warehouse", name=op.f("pk_stock_policies")),
    )
    op.create_table(
        "stock_batches",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("warehouse", sa.String(length=20), nullable=False),
        sa.Column("batch_no", sa.String(length=40), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("blocked_reason", sa.String(length=20), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "blocked = (blocked_reason IS NOT NULL)",
            name=op.f("ck_stock_batches_blocked_with_a_reason"),
        ),
        sa.CheckConstraint("on_hand >= 0", name=op.f("ck_stock_batches_on_hand_not_negative")),
        sa.ForeignKeyConstraint(
            ["sku", "warehouse"],
            ["stock.sku", "stock.warehouse"],
            name=op.f("fk_stock_batches_sku_warehouse_stock"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_batches")),
        sa.UniqueConstraint(
            "sku", "warehouse", "batch_no", name=op.f("uq_stock_batches_sku_warehouse_batch_no")
        ),
    )
    op.create_index(
        "ix_stock_batches_there",
        "stock_batches",
        ["expires_on"],
        unique=False,
        postgresql_where=sa.text("on_hand > 0"),
    )
    op.create_table(
        "stock_alarms",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("warehouse", sa.String(length=20), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("bound", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('low','expiring','short')", name=op.f("ck_stock_alarms_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["stock_batches.id"], name=op.f("fk_stock_alarms_batch_id_stock_batches")
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_stock_alarms_sku_products")
        ),
        sa.ForeignKeyConstraint(
            ["warehouse"], ["warehouses.code"], name=op.f("fk_stock_alarms_warehouse_warehouses")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_alarms")),
    )
    op.create_index(
        "ix_stock_alarms_open",
        "stock_alarms",
        ["kind", "sku", "warehouse", sa.literal_column("coalesce(batch_id, 0)")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "stock_batch_moves",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("move_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_stock_batch_moves_moves_something")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["stock_batches.id"],
            name=op.f("fk_stock_batch_moves_batch_id_stock_batches"),
        ),
        sa.ForeignKeyConstraint(
            ["move_id"], ["stock_moves.id"], name=op.f("fk_stock_batch_moves_move_id_stock_moves")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_batch_moves")),
    )
    op.create_index(
        op.f("ix_stock_batch_moves_batch_id"), "stock_batch_moves", ["batch_id"], unique=False
    )
    op.create_index(
        op.f("ix_stock_batch_moves_move_id"), "stock_batch_moves", ["move_id"], unique=False
    )
    op.create_table(
        "stock_document_lines",
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("unit_cost", sa.Numeric(precision=12, scale=4), nullable=True),
        sa.Column("price", sa.Numeric(precision=12, scale=4), nullable=True),
        sa.Column("price_before", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("value", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "expected >= 0", name=op.f("ck_stock_document_lines_expected_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["stock_batches.id"],
            name=op.f("fk_stock_document_lines_batch_id_stock_batches"),
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["users.id"], name=op.f("fk_stock_document_lines_by_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["stock_documents.id"],
            name=op.f("fk_stock_document_lines_document_id_stock_documents"),
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_stock_document_lines_sku_products")
        ),
        sa.PrimaryKeyConstraint("document_id", "line_no", name=op.f("pk_stock_document_lines")),
    )
    op.create_index("ix_stock_document_lines_sku", "stock_document_lines", ["sku"], unique=False)
    op.add_column(
        "orders",
        sa.Column("warehouse", sa.String(length=20), server_default="main", nullable=False),
    )
    op.create_foreign_key(
        op.f("fk_orders_warehouse_warehouses"), "orders", "warehouses", ["warehouse"], ["code"]
    )
    op.add_column(
        "stock", sa.Column("blocked", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "stock",
        sa.Column(
            "value", sa.Numeric(precision=20, scale=2), server_default=sa.text("0"), nullable=False
        ),
    )
    op.create_foreign_key(
        op.f("fk_stock_warehouse_warehouses"), "stock", "warehouses", ["warehouse"], ["code"]
    )
    op.add_column(
        "stock_moves",
        sa.Column("blocked_change", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "stock_moves",
        sa.Column(
            "value_change",
            sa.Numeric(precision=20, scale=2),
            server_default=sa.text("0"),
            nullable=False,
        ),
    )
    op.add_column("stock_moves", sa.Column("document_id", sa.Integer(), nullable=True))
    op.alter_column(
        "stock_moves",
        "kind",
        existing_type=sa.VARCHAR(length=10),
        type_=sa.String(length=20),
        existing_nullable=False,
    )
    op.create_index(
        "ix_stock_moves_at", "stock_moves", ["at"], unique=False, postgresql_using="brin"
    )
    op.create_index(
        "ix_stock_moves_document_id",
        "stock_moves",
        ["document_id"],
        unique=False,
        postgresql_where=sa.text("document_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("fk_stock_moves_document_id_stock_documents"),
        "stock_moves",
        "stock_documents",
        ["document_id"],
        ["id"],
    )
    op.drop_constraint(op.f("ck_stock_moves_kind_known"), "stock_moves", type_="check")
    op.create_check_constraint(
        op.f("ck_stock_moves_kind_known"), "stock_moves", f"kind IN ({_OLD_KINDS},{_NEW_KINDS})"
    )
    op.create_check_constraint(
        op.f("ck_stock_blocked_is_on_hand"), "stock", "0 <= blocked AND blocked <= on_hand"
    )
    op.create_check_constraint(
        op.f("ck_stock_value_of_what_is_there"),
        "stock",
        "value >= 0 AND (on_hand > 0 OR value = 0)",
    )
    for statement in (*_BATCHES, *_PROTECTION):
        op.execute(statement)
    op.execute(_NEW_RIGHTS)


def downgrade() -> None:
    """Moves of the new kinds are no longer known, so that only a database without them goes back."""
    op.execute(_UNPROTECTED)
    op.execute("DELETE FROM role_rights WHERE right_code IN ('stock.manage', 'stock.view')")
    op.drop_constraint(op.f("ck_stock_moves_kind_known"), "stock_moves", type_="check")
    op.create_check_constraint(
        op.f("ck_stock_moves_kind_known"), "stock_moves", f"kind IN ({_OLD_KINDS})"
    )
    op.drop_constraint(op.f("ck_stock_value_of_what_is_there"), "stock", type_="check")
    op.drop_constraint(op.f("ck_stock_blocked_is_on_hand"), "stock", type_="check")
    op.drop_constraint(
        op.f("fk_stock_moves_document_id_stock_documents"), "stock_moves", type_="foreignkey"
    )
    op.drop_index(
        "ix_stock_moves_document_id",
        table_name="stock_moves",
        postgresql_where=sa.text("document_id IS NOT NULL"),
    )
    op.drop_index("ix_stock_moves_at", table_name="stock_moves", postgresql_using="brin")
    op.alter_column(
        "stock_moves",
        "kind",
        existing_type=sa.String(length=20),
        type_=sa.VARCHAR(length=10),
        existing_nullable=False,
    )
    op.drop_column("stock_moves", "document_id")
    op.drop_column("stock_moves", "value_change")
    op.drop_column("stock_moves", "blocked_change")
    op.drop_constraint(op.f("fk_stock_warehouse_warehouses"), "stock", type_="foreignkey")
    op.drop_column("stock", "value")
    op.drop_column("stock", "blocked")
    op.drop_constraint(op.f("fk_orders_warehouse_warehouses"), "orders", type_="foreignkey")
    op.drop_column("orders", "warehouse")
    op.drop_index("ix_stock_document_lines_sku", table_name="stock_document_lines")
    op.drop_table("stock_document_lines")
    op.drop_index(op.f("ix_stock_batch_moves_move_id"), table_name="stock_batch_moves")
    op.drop_index(op.f("ix_stock_batch_moves_batch_id"), table_name="stock_batch_moves")
    op.drop_table("stock_batch_moves")
    op.drop_index(
        "ix_stock_alarms_open",
        table_name="stock_alarms",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("stock_alarms")
    op.drop_index(
        "ix_stock_batches_there",
        table_name="stock_batches",
        postgresql_where=sa.text("on_hand > 0"),
    )
    op.drop_table("stock_batches")
    op.drop_table("stock_policies")
    op.drop_table("stock_forecasts")
    op.drop_index("ix_stock_documents_warehouse_id", table_name="stock_documents")
    op.drop_table("stock_documents")
    op.drop_table("warehouses")
