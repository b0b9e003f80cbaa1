"""Settlement with couriers and suppliers, accounting periods that close, what customers on account owe."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0024"
down_revision: str | Sequence[str] | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_LEDGERS = {
    "stock_moves": "at",
    "payment_entries": "booked_at",
    "supplier_charges": "booked_at",
    "settlement_payments": "booked_at",
}
_OPEN = """\
CREATE OR REPLACE FUNCTION accounting_period_open(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    border timestamptz;
    hit record;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7310018);
    SELECT max(ends_at) INTO border FROM accounting_periods WHERE state = 'closed';
    IF moment < border THEN
        SELECT begins, ends INTO hit FROM accounting_periods
        WHERE state = 'closed' ORDER BY moment < ends_at DESC, ends_at LIMIT 1;
        RAISE EXCEPTION 'The accounting period % to % is closed: book it with a time after that, or have the period reopened.',
            hit.begins, hit.ends
            USING ERRCODE = 'ZJ409', CONSTRAINT = 'period_closed',
                  DETAIL = CAST(json_build_object('begins', hit.begins, 'ends', hit.ends) AS text);
    END IF;
END $$"""
_ITEMS = """\
CREATE OR REPLACE FUNCTION settlement_items_of_draft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong integer;
BEGIN
    PERFORM FROM settlements WHERE id IN (SELECT settlement_id FROM changed) ORDER BY id FOR SHARE;
    SELECT c.settlement_id INTO wrong
    FROM (SELECT DISTINCT settlement_id FROM changed) c
    LEFT JOIN settlements s ON s.id = c.settlement_id AND s.state IN ('draft','discarded')
    WHERE s.id IS NULL LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'items of settlement % change only while it is a draft', wrong
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$"""
_SETTLEMENT = """\
CREATE OR REPLACE FUNCTION settlements_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'settlement % stays: discard it', OLD.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (OLD.party_kind, OLD.party_code, OLD.begins_at, OLD.ends_at)
        <> (NEW.party_kind, NEW.party_code, NEW.begins_at, NEW.ends_at)
        OR (OLD.state <> 'draft' AND OLD.balance <> NEW.balance)
        OR (OLD.confirmed_at IS NOT NULL AND OLD.confirmed_at IS DISTINCT FROM NEW.confirmed_at)
        OR (OLD.state, NEW.state) NOT IN (
            ('draft', 'draft'), ('draft', 'confirmed'), ('draft', 'discarded'), ('confirmed', 'confirmed'),
            ('confirmed', 'paid'), ('paid', 'paid'), ('discarded', 'discarded'))
    THEN
        RAISE EXCEPTION 'settlement % is % and keeps what it says', OLD.id, OLD.state
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'confirmed' THEN
        PERFORM accounting_period_open(NEW.confirmed_at);
        IF NEW.balance <> (
            SELECT coalesce(sum(amount), 0) FROM settlement_items WHERE settlement_id = NEW.id
        ) THEN
            RAISE EXCEPTION 'the balance of settlement % is not the sum of its items', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_settlements_balance_is_the_sum';
        END IF;
    END IF;
    RETURN NEW;
END $$"""
_KEEP = """\
CREATE OR REPLACE TRIGGER settlements_keep BEFORE UPDATE OR DELETE ON settlements
    FOR EACH ROW EXECUTE FUNCTION settlements_keep()"""
_NEW_RIGHTS = (
    ("settlement.view", "'operations','supervisor','admin'"),
    ("settlement.manage", "'operations','supervisor','admin'"),
    ("period.close", "'supervisor','admin'"),
    ("period.reopen", "'admin'"),
)


def _guard(table: str, column: str) -> Iterator[str]:
    """Nothing is booked into a closed period; entries of payments and moves of stock are kept from changes otherwise."""
    yield f"""\
CREATE OR REPLACE FUNCTION {table}_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE earliest timestamptz;
BEGIN
    SELECT min({column}) INTO earliest FROM booked;
    IF earliest IS NOT NULL THEN
        PERFORM accounting_period_open(earliest);
    END IF;
    RETURN NULL;
END $$"""
    events = [("insert", "", "NEW")]
    if table not in ("payment_entries", "stock_moves"):
        events += [("delete", "", "OLD"), ("update", "", "OLD"), ("update", "d", "NEW")]
    for event, suffix, rows in events:
        yield f"""\
CREATE OR REPLACE TRIGGER {table}_period_{event}{suffix} AFTER {event.upper()} ON {table}
    REFERENCING {rows} TABLE AS booked FOR EACH STATEMENT EXECUTE FUNCTION {table}_period()"""


def _of_items() -> Iterator[str]:
    yield _ITEMS
    for event, rows in (("insert", "NEW"), ("update", "OLD"), ("delete", "OLD")):
        yield f"""\
CREATE OR REPLACE TRIGGER settlement_items_{event} AFTER {event.upper()} ON settlement_items
    REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION settlement_items_of_draft()"""


def _protect() -> None:
    op.execute(_OPEN)
    for table, column in _LEDGERS.items():
        for statement in _guard(table, column):
            op.execute(statement)
    for statement in (*_of_items(), _SETTLEMENT, _KEEP):
        op.execute(statement)


def upgrade() -> None:
    op.create_table(
        "settlement_items",
        sa.Column("settlement_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("told", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.CheckConstraint(
            "kind IN ('cod','freight','cod_fee','goods','goods_returned','rebate')",
            name=op.f("ck_settlement_items_kind_known"),
        ),
        sa.PrimaryKeyConstraint("settlement_id", "id", name=op.f("pk_settlement_items")),
        sa.UniqueConstraint("subject_id", "subject", "kind", name="uq_settlement_items_once"),
    )
    op.create_table(
        "suppliers",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_suppliers")),
    )
    op.create_table(
        "accounting_periods",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("follows_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)",
            name=op.f("ck_accounting_periods_closed_once"),
        ),
        sa.CheckConstraint(
            "state IN ('open','closed')", name=op.f("ck_accounting_periods_state_known")
        ),
        sa.CheckConstraint(
            "begins <= ends AND begins_at < ends_at",
            name=op.f("ck_accounting_periods_ends_after_it_begins"),
        ),
        sa.CheckConstraint(
            "follows_at = begins_at", name=op.f("ck_accounting_periods_without_gap")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["users.id"], name=op.f("fk_accounting_periods_closed_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["follows_at"],
            ["accounting_periods.ends_at"],
            name=op.f("fk_accounting_periods_follows_at_accounting_periods"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounting_periods")),
        sa.UniqueConstraint("ends_at", name=op.f("uq_accounting_periods_ends_at")),
        sa.UniqueConstraint(
            "follows_at",
            name="uq_accounting_periods_follows_at",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "settlements",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "number",
            sa.String(length=20),
            sa.Computed("'S' || lpad(CAST(id AS text), 8, '0')", persisted=True),
            nullable=False,
        ),
        sa.Column("party_kind", sa.String(length=10), nullable=False),
        sa.Column("party_code", sa.String(length=30), nullable=False),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("items", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "balance",
            sa.Numeric(precision=18, scale=2),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "paid", sa.Numeric(precision=18, scale=2), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("statement_rows", sa.Integer(), nullable=True),
        sa.Column("statement_kinds", postgresql.ARRAY(sa.String(length=20)), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_to", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(state = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_settlements_paid_at_a_time")
        ),
        sa.CheckConstraint(
            "(state IN ('confirmed','paid')) = (confirmed_at IS NOT NULL)",
            name=op.f("ck_settlements_confirmed_at_a_time"),
        ),
        sa.CheckConstraint(
            "abs(paid) <= abs(balance) OR state = 'draft'", name=op.f("ck_settlements_paid_once")
        ),
        sa.CheckConstraint(
            "party_kind IN ('courier','supplier')", name=op.f("ck_settlements_party_kind_known")
        ),
        sa.CheckConstraint(
            "state <> 'paid' OR paid = balance", name=op.f("ck_settlements_paid_in_full")
        ),
        sa.CheckConstraint(
            "state IN ('draft','confirmed','paid','discarded')",
            name=op.f("ck_settlements_state_known"),
        ),
        sa.CheckConstraint("begins <= ends", name=op.f("ck_settlements_ends_after_it_begins")),
        sa.CheckConstraint(
            "sign(paid) * sign(balance) >= 0", name=op.f("ck_settlements_paid_by_who_owes")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["users.id"], name=op.f("fk_settlements_confirmed_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_settlements_created_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlements")),
        sa.UniqueConstraint("number", name=op.f("uq_settlements_number")),
    )
    op.create_index(
        "ix_settlements_party", "settlements", ["party_kind", "party_code", "id"], unique=False
    )
    op.create_index(
        "ix_settlements_to_finish",
        "settlements",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'paid' AND finished_at IS NULL"),
    )
    op.create_index(
        "uq_settlements_draft",
        "settlements",
        ["party_kind", "party_code"],
        unique=True,
        postgresql_where=sa.text("state = 'draft'"),
    )
    op.create_table(
        "supplier_charges",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("supplier_code", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_by", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "kind IN ('goods','goods_returned','rebate')",
            name=op.f("ck_supplier_charges_kind_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_supplier_charges_amount_positive")),
        sa.ForeignKeyConstraint(
            ["booked_by"], ["users.id"], name=op.f("fk_supplier_charges_booked_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_code"],
            ["suppliers.code"],
            name=op.f("fk_supplier_charges_supplier_code_suppliers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_charges")),
        sa.UniqueConstraint("supplier_code", "kind", "reference", name="uq_supplier_charges_once"),
    )
    op.create_table(
        "settlement_differences",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("settlement_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("ours", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("theirs", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("resolution", sa.String(length=10), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("resolved_by", sa.Integer(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('cod','freight','cod_fee','goods','goods_returned','rebate')",
            name=op.f("ck_settlement_differences_kind_known"),
        ),
        sa.CheckConstraint(
            "resolution IN ('ours','theirs','postponed')",
            name=op.f("ck_settlement_differences_resolution_known"),
        ),
        sa.CheckConstraint(
            "(resolution IS NULL) = (reason IS NULL)",
            name=op.f("ck_settlement_differences_resolved_with_a_reason"),
        ),
        sa.CheckConstraint(
            "(resolution IS NULL) = (resolved_at IS NULL)",
            name=op.f("ck_settlement_differences_resolved_once"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(ours, theirs) > 0",
            name=op.f("ck_settlement_differences_somebody_says_something"),
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["users.id"], name=op.f("fk_settlement_differences_resolved_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["settlement_id"],
            ["settlements.id"],
            name=op.f("fk_settlement_differences_settlement_id_settlements"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_differences")),
        sa.UniqueConstraint(
            "settlement_id", "kind", "reference", name="uq_settlement_differences_once"
        ),
    )
    op.create_index(
        "ix_settlement_differences_open",
        "settlement_differences",
        ["settlement_id"],
        unique=False,
        postgresql_where=sa.text("resolution IS NULL"),
    )
    op.create_table(
        "settlement_payments",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("settlement_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_by", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "method IN ('transfer','cash')", name=op.f("ck_settlement_payments_method_known")
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_settlement_payments_amount_not_nothing")),
        sa.ForeignKeyConstraint(
            ["booked_by"], ["users.id"], name=op.f("fk_settlement_payments_booked_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["settlement_id"],
            ["settlements.id"],
            name=op.f("fk_settlement_payments_settlement_id_settlements"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_payments")),
        sa.UniqueConstraint("method", "reference", name="uq_settlement_payments_once"),
    )
    op.create_index(
        op.f("ix_settlement_payments_settlement_id"),
        "settlement_payments",
        ["settlement_id"],
        unique=False,
    )
    op.create_table(
        "settlement_statement_lines",
        sa.Column("settlement_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["settlement_id"],
            ["settlements.id"],
            name=op.f("fk_settlement_statement_lines_settlement_id_settlements"),
        ),
        sa.PrimaryKeyConstraint(
            "settlement_id", "reference", "kind", name=op.f("pk_settlement_statement_lines")
        ),
    )
    op.create_table(
        "settlement_totals",
        sa.Column("settlement_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["settlement_id"],
            ["settlements.id"],
            name=op.f("fk_settlement_totals_settlement_id_settlements"),
        ),
        sa.PrimaryKeyConstraint("settlement_id", "kind", name=op.f("pk_settlement_totals")),
    )
    op.create_table(
        "overdue_orders",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_overdue_orders_amount_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_overdue_orders_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_overdue_orders")),
    )
    op.create_index(
        "ix_orders_delivered",
        "orders",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('delivered','exchanged')"),
    )
    _protect()
    for right, roles in _NEW_RIGHTS:
        op.execute(
            f"INSERT INTO role_rights (role_code, right_code) SELECT code, '{right}' FROM roles"
            f" WHERE code IN ({roles}) ON CONFLICT DO NOTHING"
        )


def downgrade() -> None:
    functions = ", ".join(f"{table}_period()" for table in _LEDGERS)
    op.execute(
        f"DROP FUNCTION {functions}, settlement_items_of_draft(), settlements_keep() CASCADE"
    )
    op.execute("DROP FUNCTION accounting_period_open(timestamptz)")
    for right, _ in _NEW_RIGHTS:
        op.execute(f"DELETE FROM role_rights WHERE right_code = '{right}'")
    op.drop_index(
        "ix_orders_delivered",
        table_name="orders",
        postgresql_where=sa.text("status IN ('delivered','exchanged')"),
    )
    op.drop_table("overdue_orders")
    op.drop_table("settlement_totals")
    op.drop_table("settlement_statement_lines")
    op.drop_index(op.f("ix_settlement_payments_settlement_id"), table_name="settlement_payments")
    op.drop_table("settlement_payments")
    op.drop_index(
        "ix_settlement_differences_open",
        table_name="settlement_differences",
        postgresql_where=sa.text("resolution IS NULL"),
    )
    op.drop_table("settlement_differences")
    op.drop_table("supplier_charges")
    op.drop_index(
        "uq_settlements_draft",
        table_name="settlements",
        postgresql_where=sa.text("state = 'draft'"),
    )
    op.drop_index(
        "ix_settlements_to_finish",
        table_name="settlements",
        postgresql_where=sa.text("state = 'paid' AND finished_at IS NULL"),
    )
    op.drop_index("ix_settlements_party", table_name="settlements")
    op.drop_table("settlements")
    op.drop_table("accounting_periods")
    op.drop_table("suppliers")
    op.drop_table("settlement_items")
