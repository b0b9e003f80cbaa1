"""Returns and exchanges, and exceptions in three levels."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | Sequence[str] | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEW_RIGHTS = {
    "exception.raise": ("agent", "supervisor", "admin"),
    "exception.decide": ("agent", "supervisor", "admin"),
    "exception.decide_2": ("supervisor", "admin"),
    "exception.decide_3": ("admin",),
    "return.request": ("agent", "operations", "supervisor", "admin"),
    "return.manage": ("operations", "supervisor", "admin"),
    "return.override": ("supervisor", "admin"),
}


def upgrade() -> None:
    op.add_column(
        "orders",
        sa.Column(
            "given_back", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False
        ),
    )
    op.create_check_constraint(
        op.f("ck_orders_given_back_within_total"),
        "orders",
        "0 <= given_back AND given_back <= total",
    )
    for name in ("coming_back", "returned"):
        op.add_column(
            "order_lines",
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False),
        )
    _take_over_ends()
    op.create_check_constraint(
        op.f("ck_order_lines_back_within_ordered"),
        "order_lines",
        "returned >= 0 AND coming_back >= 0 AND returned + coming_back <= quantity",
    )
    _returns()
    _exceptions()
    for right, roles in _NEW_RIGHTS.items():
        op.execute(
            sa.text(
                "INSERT INTO role_rights (role_code, right_code) SELECT code, :right FROM roles"
                " WHERE code = ANY (:roles) ON CONFLICT DO NOTHING"
            ).bindparams(sa.bindparam("roles", list(roles), sa.ARRAY(sa.String())), right=right)
        )


def _take_over_ends() -> None:
    """Orders that were returned before there were returns have everything back."""
    op.execute(
        "UPDATE order_lines SET returned = quantity"
        " FROM orders WHERE orders.id = order_id AND status = 'returned'"
    )
    op.execute("UPDATE orders SET given_back = total WHERE status = 'returned'")


def _returns() -> None:
    op.create_table(
        "return_terms",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("days BETWEEN 0 AND 3650", name=op.f("ck_return_terms_days_sensible")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_return_terms")),
    )
    op.create_table(
        "order_returns",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("reason_code", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("late_reason", sa.String(length=300), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False),
        sa.Column(
            "asked_back", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False
        ),
        sa.Column("waybill_id", sa.Integer(), nullable=True),
        sa.Column("replacement_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('return','exchange','refused_delivery')",
            name=op.f("ck_order_returns_kind_known"),
        ),
        sa.CheckConstraint(
            "way IN ('post','driver','counter')", name=op.f("ck_order_returns_way_known")
        ),
        sa.CheckConstraint(
            "reason_code IN ('quality','wrong_goods','damaged_in_transit','not_as_described',"
            "'unwanted','refused','other')",
            name=op.f("ck_order_returns_reason_known"),
        ),
        sa.CheckConstraint(
            "state IN ('requested','approved','received','closed','rejected','cancelled')",
            name=op.f("ck_order_returns_state_known"),
        ),
        sa.CheckConstraint(
            "0 <= asked_back AND asked_back <= value", name=op.f("ck_order_returns_money_sensible")
        ),
        sa.CheckConstraint(
            "replacement_id IS NULL OR kind = 'exchange'",
            name=op.f("ck_order_returns_only_exchanges_replace"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_returns_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["replacement_id"], ["orders.id"], name=op.f("fk_order_returns_replacement_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["waybill_id"], ["waybills.id"], name=op.f("fk_order_returns_waybill_id_waybills")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_returns")),
        sa.UniqueConstraint("key", name=op.f("uq_order_returns_key")),
        sa.UniqueConstraint("number", name=op.f("uq_order_returns_number")),
        sa.UniqueConstraint("replacement_id", name=op.f("uq_order_returns_replacement_id")),
    )
    op.create_index(op.f("ix_order_returns_order_id"), "order_returns", ["order_id"])
    op.create_index(
        "ix_order_returns_going_on",
        "order_returns",
        ["id"],
        postgresql_where=sa.text("state IN ('requested','approved','received')"),
    )
    op.create_table(
        "order_return_lines",
        sa.Column("return_id", sa.Integer(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=True),
        sa.Column("damaged", sa.Integer(), nullable=True),
        sa.Column("missing", sa.Integer(), nullable=True),
        sa.Column("value", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_return_lines_quantity_positive")),
        sa.CheckConstraint(
            "num_nonnulls(good, damaged, missing) IN (0, 3)",
            name=op.f("ck_order_return_lines_counted_in_full"),
        ),
        sa.CheckConstraint(
            "good >= 0 AND damaged >= 0 AND missing >= 0 AND good + damaged + missing = quantity",
            name=op.f("ck_order_return_lines_count_adds_up"),
        ),
        sa.CheckConstraint("value >= 0", name=op.f("ck_order_return_lines_value_not_negative")),
        sa.ForeignKeyConstraint(
            ["order_id", "line_no"],
            ["order_lines.order_id", "order_lines.line_no"],
            name=op.f("fk_order_return_lines_order_id_order_lines"),
        ),
        sa.ForeignKeyConstraint(
            ["return_id"],
            ["order_returns.id"],
            name=op.f("fk_order_return_lines_return_id_order_returns"),
        ),
        sa.PrimaryKeyConstraint("return_id", "line_no", name=op.f("pk_order_return_lines")),
    )
    op.create_table(
        "order_return_steps",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("return_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_order_return_steps_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["return_id"],
            ["order_returns.id"],
            name=op.f("fk_order_return_steps_return_id_order_returns"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_return_steps")),
    )
    op.create_index("ix_order_return_steps_return", "order_return_steps", ["return_id", "id"])


_KIND_KNOWN = "kind IN ('cancellation','delay','defect','dispute')"


def _exceptions() -> None:
    op.create_table(
        "exception_levels",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("most", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("level BETWEEN 1 AND 3", name=op.f("ck_exception_levels_level_known")),
        sa.CheckConstraint(
            "hours BETWEEN 1 AND 8784", name=op.f("ck_exception_levels_hours_sensible")
        ),
        sa.CheckConstraint("most >= 0", name=op.f("ck_exception_levels_most_not_negative")),
        sa.PrimaryKeyConstraint("level", name=op.f("pk_exception_levels")),
    )
    op.create_table(
        "exception_rules",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=15), nullable=True),
        sa.Column(
            "least_total", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False
        ),
        sa.Column("level_code", sa.String(length=30), nullable=True),
        sa.Column("vip", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(_KIND_KNOWN, name=op.f("ck_exception_rules_kind_known")),
        sa.CheckConstraint("level BETWEEN 1 AND 3", name=op.f("ck_exception_rules_level_known")),
        sa.CheckConstraint(
            "least_total >= 0", name=op.f("ck_exception_rules_least_total_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["level_code"], ["levels.code"], name=op.f("fk_exception_rules_level_code_levels")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exception_rules")),
    )
    op.create_table(
        "order_exceptions",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=15), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("description", sa.String(length=2000), nullable=False),
        sa.Column("raised_by", sa.Integer(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.String(length=12), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("words", sa.String(length=300), nullable=True),
        sa.Column("cost", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False),
        sa.Column("refund", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False),
        sa.Column("coupon_id", sa.Integer(), nullable=True),
        sa.Column("package_id", sa.Integer(), nullable=True),
        sa.Column("return_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(_KIND_KNOWN, name=op.f("ck_order_exceptions_kind_known")),
        sa.CheckConstraint(
            "state IN ('open','decided','closed','withdrawn')",
            name=op.f("ck_order_exceptions_state_known"),
        ),
        sa.CheckConstraint(
            "resolution IN ('apologise','compensate','return','exchange','refund','cancel','refuse')",
            name=op.f("ck_order_exceptions_resolution_known"),
        ),
        sa.CheckConstraint("level BETWEEN 1 AND 3", name=op.f("ck_order_exceptions_level_known")),
        sa.CheckConstraint(
            "(state IN ('decided','closed')) = (decided_at IS NOT NULL)"
            " AND (decided_at IS NULL) = (resolution IS NULL)",
            name=op.f("ck_order_exceptions_decided_once"),
        ),
        sa.CheckConstraint(
            "0 <= refund AND refund <= cost", name=op.f("ck_order_exceptions_money_sensible")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_order_exceptions_{column}_{table}")
            )
            for column, table in (
                ("order_id", "orders"),
                ("raised_by", "users"),
                ("decided_by", "users"),
                ("coupon_id", "coupons"),
                ("package_id", "packages"),
                ("return_id", "order_returns"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_exceptions")),
        *(
            sa.UniqueConstraint(column, name=op.f(f"uq_order_exceptions_{column}"))
            for column in ("number", "key", "coupon_id", "package_id", "return_id")
        ),
    )
    op.create_index(op.f("ix_order_exceptions_order_id"), "order_exceptions", ["order_id"])
    op.create_index("ix_order_exceptions_raised_at", "order_exceptions", ["raised_at"])
    op.create_index(
        "ix_order_exceptions_due",
        "order_exceptions",
        ["due_at"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "order_exception_steps",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("exception_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "action IN ('raise','escalate','decide','close','withdraw')",
            name=op.f("ck_order_exception_steps_action_known"),
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_order_exception_steps_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["exception_id"],
            ["order_exceptions.id"],
            name=op.f("fk_order_exception_steps_exception_id_order_exceptions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_exception_steps")),
    )
    op.create_index(
        "ix_order_exception_steps_exception", "order_exception_steps", ["exception_id", "id"]
    )


def downgrade() -> None:
    for right in _NEW_RIGHTS:
        op.execute(
            sa.text("DELETE FROM role_rights WHERE right_code = :right").bindparams(right=right)
        )
    for table in (
        "order_exception_steps",
        "order_exceptions",
        "exception_rules",
        "exception_levels",
        "order_return_steps",
        "order_return_lines",
        "order_returns",
        "return_terms",
    ):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_order_lines_back_within_ordered"), "order_lines")
    op.drop_column("order_lines", "returned")
    op.drop_column("order_lines", "coming_back")
    op.drop_constraint(op.f("ck_orders_given_back_within_total"), "orders")
    op.drop_column("orders", "given_back")
