"""Payments, bank debit, reconciliation and invoices; how an order is paid becomes a code."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | Sequence[str] | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What people and the order form wrote, by a word in it; the first that fits counts.
_WORDS = (
    ("debit", "代扣|debit"),
    ("cash_on_delivery", "货到|到付|代收|cod|delivery"),
    ("account", "挂账|账期|月结|赊|account|credit|net *[0-9]"),
    ("prepaid", "微信|支付宝|在线|网上|扫码|预付|款到|wechat|alipay|online|prepaid"),
    ("transfer", "转账|汇款|对公|银行|电汇|transfer|bank|wire"),
    ("cash", "现金|现付|cash"),
)
_PAYMENTS = ("prepaid", "transfer", "cash_on_delivery", "account", "debit", "cash")
_CODES = tuple(code for code, _ in _WORDS)
_BECOMES = sa.text(
    "UPDATE orders SET payment = :code WHERE payment <> ALL (:codes) AND payment ~* :words"
)
# Words that mean nothing to us are not lost: they stand in the order's note.
_REST = sa.text(
    "UPDATE orders SET payment = NULL, note = left(concat_ws(' ', note, '(' || payment || ')'), 500)"
    " WHERE payment <> ALL (:codes)"
)
_PROTECTION = (
    """\
CREATE OR REPLACE FUNCTION payment_entries_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of payment_entries is refused: book an entry that balances it', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$""",
    """\
CREATE OR REPLACE FUNCTION payment_entries_sum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM orders WHERE id = NEW.order_id FOR NO KEY UPDATE;
    IF NEW.kind = 'refund' AND NEW.amount > (
        SELECT coalesce(sum(CASE kind WHEN 'receipt' THEN amount ELSE -amount END), 0)
        FROM payment_entries WHERE order_id = NEW.order_id
    ) THEN
        RAISE EXCEPTION 'more would go back of order % than came in', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_payment_entries_refund_within_receipts';
    END IF;
    RETURN NEW;
END $$""",
    """\
CREATE OR REPLACE TRIGGER payment_entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_entries
    FOR EACH STATEMENT EXECUTE FUNCTION payment_entries_keep()""",
    """\
CREATE OR REPLACE TRIGGER payment_entries_sum BEFORE INSERT ON payment_entries
    FOR EACH ROW EXECUTE FUNCTION payment_entries_sum()""",
)
_NEW_RIGHTS = sa.text(
    "INSERT INTO role_rights (role_code, right_code)"
    " SELECT r.code, g.code FROM roles r JOIN (VALUES ('payment.view', 'agent'),"
    " ('payment.view', 'supervisor'), ('payment.view', 'operations'), ('payment.view', 'admin'),"
    " ('payment.manage', 'supervisor'), ('payment.manage', 'operations'),"
    " ('payment.manage', 'admin')) AS g (code, role) ON g.role = r.code ON CONFLICT DO NOTHING"
)


def upgrade() -> None:
    connection = op.get_bind()
    codes = sa.bindparam("codes", list(_CODES), type_=sa.ARRAY(sa.String))
    for code, words in _WORDS:
        connection.execute(_BECOMES.bindparams(codes), {"code": code, "words": words})
    connection.execute(_REST.bindparams(codes))
    op.create_check_constraint(
        op.f("ck_orders_payment_known"),
        "orders",
        f"payment IN ({','.join(map(repr, _PAYMENTS))})",
    )
    op.create_index(
        "ix_orders_not_carried_out",
        "orders",
        ["id"],
        postgresql_where=sa.text("status IN ('cancelled','refused','returned')"),
    )
    connection.execute(_NEW_RIGHTS)
    op.create_table(
        "gateway_notices",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("notice_id", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=20), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_notices")),
        sa.UniqueConstraint("gateway", "nonce", name="uq_gateway_notices_nonce"),
    )
    op.create_index(
        op.f("ix_gateway_notices_notice_id"), "gateway_notices", ["notice_id"], unique=False
    )
    op.create_table(
        "debit_batches",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="made", nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("total", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('made','sent','answered','cancelled')",
            name=op.f("ck_debit_batches_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_debit_batches_created_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debit_batches")),
    )
    op.create_table(
        "gateway_statements",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("taken_by", sa.Integer(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["taken_by"], ["users.id"], name=op.f("fk_gateway_statements_taken_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_statements")),
        sa.UniqueConstraint("gateway", "day", name="uq_gateway_statements_day"),
    )
    op.create_table(
        "debit_accounts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("account_no", sa.String(length=34), nullable=False),
        sa.Column("account_name", sa.String(length=60), nullable=False),
        sa.Column("bank_code", sa.String(length=12), nullable=False),
        sa.Column("mandate", sa.String(length=32), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_debit_accounts_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_debit_accounts_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debit_accounts")),
        sa.UniqueConstraint("customer_id", "account_no", name="uq_debit_accounts_customer_account"),
        info={"removed": True},
    )
    op.create_table(
        "debit_refusals",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.String(length=300), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["debit_batches.id"],
            name=op.f("fk_debit_refusals_batch_id_debit_batches"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debit_refusals")),
        sa.UniqueConstraint("batch_id", "row", "reason", name="uq_debit_refusals_once"),
    )
    op.create_table(
        "invoice_titles",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("tax_no", sa.String(length=20), nullable=True),
        sa.Column("address", sa.String(length=100), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("bank", sa.String(length=100), nullable=True),
        sa.Column("account", sa.String(length=34), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("is_main", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_invoice_titles_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_titles")),
        sa.UniqueConstraint("customer_id", "title", name="uq_invoice_titles_customer_title"),
        info={"removed": True},
    )
    op.create_table(
        "debit_lines",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("account_no", sa.String(length=34), nullable=False),
        sa.Column("account_name", sa.String(length=60), nullable=False),
        sa.Column("bank_code", sa.String(length=12), nullable=False),
        sa.Column("mandate", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="waiting", nullable=False),
        sa.Column("bank_serial", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting','paid','failed','dropped')",
            name=op.f("ck_debit_lines_state_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_debit_lines_amount_positive")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["debit_batches.id"], name=op.f("fk_debit_lines_batch_id_debit_batches")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_debit_lines_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debit_lines")),
        sa.UniqueConstraint("batch_id", "line_no", name="uq_debit_lines_batch_line"),
        sa.UniqueConstraint("token", name=op.f("uq_debit_lines_token")),
    )
    op.create_index(op.f("ix_debit_lines_order_id"), "debit_lines", ["order_id"], unique=False)
    op.create_index(
        "uq_debit_lines_waiting",
        "debit_lines",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "invoices",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("electronic", sa.Boolean(), nullable=False),
        sa.Column("red_of", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="requested", nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("tax_no", sa.String(length=20), nullable=True),
        sa.Column("address", sa.String(length=100), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("bank", sa.String(length=100), nullable=True),
        sa.Column("account", sa.String(length=34), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("gross", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("net", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("tax", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=True),
        sa.Column("number", sa.String(length=20), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("requested_by", sa.Integer(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'issued') = (number IS NOT NULL AND issued_at IS NOT NULL)",
            name=op.f("ck_invoices_issued_with_number"),
        ),
        sa.CheckConstraint("kind IN ('special','normal')", name=op.f("ck_invoices_kind_known")),
        sa.CheckConstraint(
            "state IN ('requested','issued','void')", name=op.f("ck_invoices_state_known")
        ),
        sa.CheckConstraint("gross > 0 AND gross = net + tax", name=op.f("ck_invoices_adds_up")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_invoices_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["red_of"], ["invoices.id"], name=op.f("fk_invoices_red_of_invoices")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["users.id"], name=op.f("fk_invoices_requested_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("key", name=op.f("uq_invoices_key")),
    )
    op.create_index(op.f("ix_invoices_order_id"), "invoices", ["order_id"], unique=False)
    op.create_index(op.f("ix_invoices_red_of"), "invoices", ["red_of"], unique=False)
    op.create_index(
        "uq_invoices_number",
        "invoices",
        ["code", "number"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_table(
        "payment_entries",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('receipt','refund')", name=op.f("ck_payment_entries_kind_known")
        ),
        sa.CheckConstraint(
            "method IN ('prepaid','transfer','cash_on_delivery','account','debit','cash')",
            name=op.f("ck_payment_entries_method_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_entries_amount_positive")),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_payment_entries_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_payment_entries_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_entries")),
        sa.UniqueConstraint("source", "kind", "reference", name="uq_payment_entries_once"),
    )
    op.create_index(
        op.f("ix_payment_entries_order_id"), "payment_entries", ["order_id"], unique=False
    )
    op.create_index(
        "ix_payment_entries_source_paid_at", "payment_entries", ["source", "paid_at"], unique=False
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("received", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("state", sa.String(length=20), server_default="requested", nullable=False),
        sa.Column("pay_url", sa.String(length=500), nullable=True),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('paid','partly_refunded','refunded')) = (received IS NOT NULL AND reference IS NOT NULL)",
            name=op.f("ck_payments_received_by_a_transaction"),
        ),
        sa.CheckConstraint(
            "state IN ('requested','pending','paid','partly_refunded','refunded','failed','expired')",
            name=op.f("ck_payments_state_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount_positive")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_payments_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_payments_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("gateway", "reference", name="uq_payments_gateway_reference"),
        sa.UniqueConstraint("key", name=op.f("uq_payments_key")),
        sa.UniqueConstraint("token", name=op.f("uq_payments_token")),
    )
    op.create_index(
        "ix_payments_due",
        "payments",
        ["next_look_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('requested','pending')"),
    )
    op.create_index(op.f("ix_payments_order_id"), "payments", ["order_id"], unique=False)
    op.create_index(
        "uq_payments_open",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('requested','pending')"),
    )
    op.create_table(
        "gateway_statement_lines",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("statement_id", sa.Integer(), nullable=False),
        sa.Column("gateway", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('receipt','refund')", name=op.f("ck_gateway_statement_lines_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["payment_entries.id"],
            name=op.f("fk_gateway_statement_lines_entry_id_payment_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["gateway_statements.id"],
            name=op.f("fk_gateway_statement_lines_statement_id_gateway_statements"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_statement_lines")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_gateway_statement_lines_entry_id")),
        sa.UniqueConstraint("gateway", "kind", "reference", name="uq_gateway_statement_lines_once"),
    )
    op.create_index(
        op.f("ix_gateway_statement_lines_statement_id"),
        "gateway_statement_lines",
        ["statement_id"],
        unique=False,
    )
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.Integer(), nullable=False),
        sa.Column("order_line", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=5, scale=4), nullable=False),
        sa.Column("gross", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("net", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("tax", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.CheckConstraint(
            "gross > 0 AND gross = net + tax", name=op.f("ck_invoice_lines_adds_up")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_lines_invoice_id_invoices")
        ),
        sa.PrimaryKeyConstraint("invoice_id", "order_line", name=op.f("pk_invoice_lines")),
    )
    op.create_table(
        "payment_differences",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.Column("payment_id", sa.Integer(), nullable=True),
        sa.Column("expected", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("found", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default="CNY", nullable=False),
        sa.Column("money_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("resolved_by", sa.Integer(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL)",
            name=op.f("ck_payment_differences_resolved_once"),
        ),
        sa.CheckConstraint(
            "state IN ('open','resolved')", name=op.f("ck_payment_differences_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["payment_entries.id"],
            name=op.f("fk_payment_differences_entry_id_payment_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_payment_differences_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_payment_differences_payment_id_payments")
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["users.id"], name=op.f("fk_payment_differences_resolved_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_differences")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_payment_differences_entry_id")),
        sa.UniqueConstraint("kind", "subject", name="uq_payment_differences_once"),
    )
    op.create_index(
        "ix_payment_differences_open",
        "payment_differences",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        op.f("ix_payment_differences_order_id"), "payment_differences", ["order_id"], unique=False
    )
    op.create_table(
        "payment_refunds",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="requested", nullable=False),
        sa.Column("words", sa.String(length=80), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('requested','pending','done','failed')",
            name=op.f("ck_payment_refunds_state_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_refunds_amount_positive")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_payment_refunds_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_payment_refunds_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_payment_refunds_payment_id_payments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_refunds")),
        sa.UniqueConstraint("key", name=op.f("uq_payment_refunds_key")),
        sa.UniqueConstraint("token", name=op.f("uq_payment_refunds_token")),
    )
    op.create_index(
        "ix_payment_refunds_due",
        "payment_refunds",
        ["next_look_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('requested','pending')"),
    )
    op.create_index(
        op.f("ix_payment_refunds_order_id"), "payment_refunds", ["order_id"], unique=False
    )
    op.create_index(
        op.f("ix_payment_refunds_payment_id"), "payment_refunds", ["payment_id"], unique=False
    )
    for statement in _PROTECTION:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_payment_refunds_payment_id"), table_name="payment_refunds")
    op.drop_index(op.f("ix_payment_refunds_order_id"), table_name="payment_refunds")
    op.drop_index(
        "ix_payment_refunds_due",
        table_name="payment_refunds",
        postgresql_where=sa.text("state IN ('requested','pending')"),
    )
    op.drop_table("payment_refunds")
    op.drop_index(op.f("ix_payment_differences_order_id"), table_name="payment_differences")
    op.drop_index(
        "ix_payment_differences_open",
        table_name="payment_differences",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_table("payment_differences")
    op.drop_table("invoice_lines")
    op.drop_index(
        op.f("ix_gateway_statement_lines_statement_id"), table_name="gateway_statement_lines"
    )
    op.drop_table("gateway_statement_lines")
    op.drop_index(
        "uq_payments_open",
        table_name="payments",
        postgresql_where=sa.text("state IN ('requested','pending')"),
    )
    op.drop_index(op.f("ix_payments_order_id"), table_name="payments")
    op.drop_index(
        "ix_payments_due",
        table_name="payments",
        postgresql_where=sa.text("state IN ('requested','pending')"),
    )
    op.drop_table("payments")
    op.drop_index("ix_payment_entries_source_paid_at", table_name="payment_entries")
    op.drop_index(op.f("ix_payment_entries_order_id"), table_name="payment_entries")
    op.drop_table("payment_entries")
    op.drop_index(
        "uq_invoices_number",
        table_name="invoices",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.drop_index(op.f("ix_invoices_red_of"), table_name="invoices")
    op.drop_index(op.f("ix_invoices_order_id"), table_name="invoices")
    op.drop_table("invoices")
    op.drop_index(
        "uq_debit_lines_waiting",
        table_name="debit_lines",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index(op.f("ix_debit_lines_order_id"), table_name="debit_lines")
    op.drop_table("debit_lines")
    op.drop_table("invoice_titles")
    op.drop_table("debit_refusals")
    op.drop_table("debit_accounts")
    op.drop_table("gateway_statements")
    op.drop_table("debit_batches")
    op.drop_index(op.f("ix_gateway_notices_notice_id"), table_name="gateway_notices")
    op.drop_table("gateway_notices")
    op.execute("DROP FUNCTION payment_entries_keep, payment_entries_sum")
    op.drop_index("ix_orders_not_carried_out", table_name="orders")
    op.drop_constraint(op.f("ck_orders_payment_known"), "orders", type_="check")
    op.execute("DELETE FROM role_rights WHERE right_code IN ('payment.view', 'payment.manage')")
