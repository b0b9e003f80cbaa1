"""Orders are reviewed by rules, changed, split and back-ordered."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0016"
down_revision: str | Sequence[str] | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BEFORE = (
    "review", "placed", "reviewed", "picking", "shipped", "in_transit", "delivered", "settled",
    "cancelled", "refused", "returned", "exchanged",
)  # fmt: skip
_STATUS = op.f("ck_orders_status_known")
# What a business usually wants to look at; every rule can be changed or ended.
_USUAL = """
INSERT INTO order_review_rules (kind, says, name_zh, name_en, value, words) VALUES
  ('overdue_over', 'hold', '客户有逾期欠款', 'The customer is overdue', 0, '{}'),
  ('bad_history', 'hold', '近期拒收退货较多', 'Many refused or returned lately', 30, '{}'),
  ('not_prepaid', 'hold', '款到发货客户未预付', 'Terms ask for payment first', 0, '{}'),
  ('discount_over', 'hold', '折扣过大', 'Far below the list prices', 40, '{}'),
  ('note_words', 'hold', '备注要求定制', 'The note asks for something special', 0,
   '{定制,定做,改标,改包装,custom}'),
  ('note_words', 'urgent', '备注要求加急', 'The note says it is urgent', 0,
   '{加急,急单,urgent,asap}')
"""


def upgrade() -> None:
    op.create_table(
        "order_review_rules",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("says", sa.String(length=10), nullable=False),
        sa.Column("name_zh", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False),
        sa.Column(
            "words",
            postgresql.ARRAY(sa.String(length=50)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('total_over','first_order_over','overdue_over','bad_history',"
            "'discount_over','not_prepaid','note_words')",
            name=op.f("ck_order_review_rules_kind_known"),
        ),
        sa.CheckConstraint(
            "says IN ('note','urgent','hold','reject')",
            name=op.f("ck_order_review_rules_says_known"),
        ),
        sa.CheckConstraint("value >= 0", name=op.f("ck_order_review_rules_value_not_negative")),
        sa.CheckConstraint(
            "(kind = 'note_words') = (cardinality(words) > 0)",
            name=op.f("ck_order_review_rules_words_for_notes_only"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_review_rules")),
    )
    op.execute(_USUAL)
    op.create_table(
        "order_review_limits",
        sa.Column("role_code", sa.String(length=30), nullable=False),
        sa.Column("most_total", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column(
            "most_beyond_credit",
            sa.Numeric(precision=14, scale=2),
            server_default="0",
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "most_total >= 0", name=op.f("ck_order_review_limits_most_total_not_negative")
        ),
        sa.CheckConstraint(
            "most_beyond_credit >= 0",
            name=op.f("ck_order_review_limits_most_beyond_credit_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["role_code"], ["roles.code"], name=op.f("fk_order_review_limits_role_code_roles")
        ),
        sa.PrimaryKeyConstraint("role_code", name=op.f("pk_order_review_limits")),
    )
    op.alter_column("orders", "number", type_=sa.String(length=24))
    op.alter_column("orders", "key", nullable=True)
    for column in (
        sa.Column("split_from", sa.Integer(), nullable=True),
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("medium", sa.String(length=100), nullable=True),
        sa.Column("wanted_on", sa.Date(), nullable=True),
        sa.Column("review", sa.String(length=4), server_default="pass", nullable=False),
        sa.Column("review_why", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
    ):
        op.add_column("orders", column)
    op.execute("UPDATE orders SET review = 'hold' WHERE status = 'review'")
    op.create_foreign_key(
        op.f("fk_orders_split_from_orders"), "orders", "orders", ["split_from"], ["id"]
    )
    op.drop_constraint(_STATUS, "orders")
    op.create_check_constraint(_STATUS, "orders", _one_of("backordered", *_BEFORE))
    op.create_check_constraint(
        op.f("ck_orders_review_known"), "orders", "review IN ('pass','hold')"
    )
    op.create_check_constraint(
        op.f("ck_orders_a_part_has_no_key"),
        "orders",
        "(key IS NULL) = (split_from IS NOT NULL)",
    )
    for name, indexed, condition in (
        ("ix_orders_split_from", "split_from", "split_from IS NOT NULL"),
        ("ix_orders_changed", "id", "version > 1"),
        ("ix_orders_backordered", "id", "status = 'backordered'"),
        ("ix_orders_to_approve", "placed_at", "status = 'placed'"),
    ):
        op.create_index(name, "orders", [indexed], postgresql_where=sa.text(condition))
    op.add_column("order_status_log", sa.Column("reason", sa.String(length=300), nullable=True))


def downgrade() -> None:
    op.drop_column("order_status_log", "reason")
    for name in (
        "ix_orders_changed",
        "ix_orders_split_from",
        "ix_orders_backordered",
        "ix_orders_to_approve",
    ):
        op.drop_index(name, table_name="orders")
    op.drop_constraint(op.f("ck_orders_a_part_has_no_key"), "orders")
    op.execute("UPDATE orders SET key = number WHERE key IS NULL")
    op.execute("UPDATE orders SET status = 'review' WHERE status = 'backordered'")
    op.drop_constraint(_STATUS, "orders")
    op.create_check_constraint(_STATUS, "orders", _one_of(*_BEFORE))
    for added in (
        "split_from", "urgent", "medium", "wanted_on", "review", "review_why", "version",
    ):  # fmt: skip
        op.drop_column("orders", added)
    op.alter_column("orders", "key", nullable=False)
    op.alter_column("orders", "number", type_=sa.String(length=20))
    op.drop_table("order_review_limits")
    op.drop_table("order_review_rules")


def _one_of(*statuses: str) -> str:
    return f"status IN ({','.join(repr(status) for status in statuses)})"
