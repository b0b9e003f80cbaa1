"""A knowledge base; contribution, grades, segments and health of customers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "knowledge_categories",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("position", sa.Integer(), server_default="100", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_knowledge_categories")),
    )
    op.create_table(
        "insight_rules",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("version > 0", name=op.f("ck_insight_rules_version_positive")),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_insight_rules_actor_id_users")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_insight_rules")),
    )
    op.create_table(
        "knowledge_entries",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("category_code", sa.String(length=30), nullable=False),
        sa.Column(
            "keywords",
            postgresql.ARRAY(sa.String(length=30), as_tuple=True),
            server_default="{}",
            nullable=False,
        ),
        sa.Column("sku", sa.String(length=40), nullable=True),
        sa.Column("body", sa.String(length=20000), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("editor_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("head_words", sa.Text(), nullable=False),
        sa.Column("body_words", sa.Text(), nullable=False),
        sa.Column("body_initials", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft','published','retired')",
            name=op.f("ck_knowledge_entries_state_known"),
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_knowledge_entries_version_positive")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_knowledge_entries_author_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["category_code"],
            ["knowledge_categories.code"],
            name=op.f("fk_knowledge_entries_category_code_knowledge_categories"),
        ),
        sa.ForeignKeyConstraint(
            ["editor_id"], ["users.id"], name=op.f("fk_knowledge_entries_editor_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_entries")),
    )
    op.create_index(
        "ix_knowledge_entries_body_grams",
        "knowledge_entries",
        [sa.literal_column("search_grams(body_words)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        op.f("ix_knowledge_entries_category_code"),
        "knowledge_entries",
        ["category_code"],
        unique=False,
    )
    op.create_index(
        "ix_knowledge_entries_head_grams",
        "knowledge_entries",
        [sa.literal_column("search_grams(head_words)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_knowledge_entries_initials_grams",
        "knowledge_entries",
        [sa.literal_column("search_grams(body_initials)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(op.f("ix_knowledge_entries_sku"), "knowledge_entries", ["sku"], unique=False)
    op.create_table(
        "insight_queue",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_insight_queue_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_queue")),
    )
    op.create_index(
        op.f("ix_insight_queue_customer_id"), "insight_queue", ["customer_id"], unique=False
    )
    op.create_table(
        "knowledge_opinions",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("entry_version", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=15), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=True),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by_id", sa.Integer(), nullable=True),
        sa.Column("review_note", sa.String(length=1000), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('helpful','not_helpful','outdated')",
            name=op.f("ck_knowledge_opinions_verdict_known"),
        ),
        sa.CheckConstraint(
            "reviewed_at IS NOT NULL OR (reviewed_by_id IS NULL AND review_note IS NULL)",
            name=op.f("ck_knowledge_opinions_reviewed_with_its_time"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["knowledge_entries.id"],
            name=op.f("fk_knowledge_opinions_entry_id_knowledge_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by_id"],
            ["users.id"],
            name=op.f("fk_knowledge_opinions_reviewed_by_id_users"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_knowledge_opinions_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_opinions")),
    )
    op.create_index(
        "ix_knowledge_opinions_to_review",
        "knowledge_opinions",
        ["id"],
        unique=False,
        postgresql_where=sa.text("reviewed_at IS NULL AND verdict <> 'helpful'"),
    )
    op.create_index(
        "uq_knowledge_opinions_present",
        "knowledge_opinions",
        ["entry_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.create_table(
        "knowledge_questions",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.Column("asker_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=20000), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(answer IS NULL) = (answered_at IS NULL)",
            name=op.f("ck_knowledge_questions_answered_with_its_time"),
        ),
        sa.CheckConstraint(
            "answer IS NOT NULL OR (answered_by_id IS NULL AND entry_id IS NULL)",
            name=op.f("ck_knowledge_questions_answered_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["answered_by_id"],
            ["users.id"],
            name=op.f("fk_knowledge_questions_answered_by_id_users"),
        ),
        sa.ForeignKeyConstraint(
            ["asker_id"], ["users.id"], name=op.f("fk_knowledge_questions_asker_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_knowledge_questions_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["knowledge_entries.id"],
            name=op.f("fk_knowledge_questions_entry_id_knowledge_entries"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_questions")),
    )
    op.create_index(
        op.f("ix_knowledge_questions_asker_id"), "knowledge_questions", ["asker_id"], unique=False
    )
    op.create_index(
        op.f("ix_knowledge_questions_call_id"), "knowledge_questions", ["call_id"], unique=False
    )
    op.create_index(
        op.f("ix_knowledge_questions_customer_id"),
        "knowledge_questions",
        ["customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_knowledge_questions_entry_id"), "knowledge_questions", ["entry_id"], unique=False
    )
    op.create_index(
        "ix_knowledge_questions_open",
        "knowledge_questions",
        ["id"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_table(
        "knowledge_use_counts",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("recent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ever", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "recent >= 0 AND ever >= recent",
            name=op.f("ck_knowledge_use_counts_recent_is_part_of_ever"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["knowledge_entries.id"],
            name=op.f("fk_knowledge_use_counts_entry_id_knowledge_entries"),
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_knowledge_use_counts")),
    )
    op.create_table(
        "knowledge_uses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["knowledge_entries.id"],
            name=op.f("fk_knowledge_uses_entry_id_knowledge_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_knowledge_uses_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_uses")),
        sa.UniqueConstraint(
            "entry_id",
            "user_id",
            "occasion",
            name=op.f("uq_knowledge_uses_entry_id_user_id_occasion"),
        ),
    )
    op.create_index(op.f("ix_knowledge_uses_day"), "knowledge_uses", ["day"], unique=False)
    op.create_table(
        "knowledge_versions",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("category_code", sa.String(length=30), nullable=False),
        sa.Column(
            "keywords", postgresql.ARRAY(sa.String(length=30), as_tuple=True), nullable=False
        ),
        sa.Column("sku", sa.String(length=40), nullable=True),
        sa.Column("body", sa.String(length=20000), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("restored_from", sa.Integer(), nullable=True),
        sa.Column("editor_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft','published','retired')",
            name=op.f("ck_knowledge_versions_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["category_code"],
            ["knowledge_categories.code"],
            name=op.f("fk_knowledge_versions_category_code_knowledge_categories"),
        ),
        sa.ForeignKeyConstraint(
            ["editor_id"], ["users.id"], name=op.f("fk_knowledge_versions_editor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["knowledge_entries.id"],
            name=op.f("fk_knowledge_versions_entry_id_knowledge_entries"),
        ),
        sa.PrimaryKeyConstraint("entry_id", "version", name=op.f("pk_knowledge_versions")),
    )
    op.add_column(
        "customer_insight",
        sa.Column(
            "computed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.add_column(
        "customer_insight", sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "customer_insight",
        sa.Column("rules_version", sa.Integer(), server_default="0", nullable=False),
    )
    op.add_column(
        "customer_insight",
        sa.Column("orders_12m", sa.Integer(), server_default="0", nullable=False),
    )
    op.add_column(
        "customer_insight",
        sa.Column(
            "revenue_12m", sa.Numeric(precision=16, scale=2), server_default="0", nullable=False
        ),
    )
    op.add_column(
        "customer_insight",
        sa.Column("orders_90d", sa.Integer(), server_default="0", nullable=False),
    )
    op.add_column(
        "customer_insight",
        sa.Column(
            "revenue_90d", sa.Numeric(precision=16, scale=2), server_default="0", nullable=False
        ),
    )
    op.add_column(
        "customer_insight",
        sa.Column(
            "quarter_orders",
            postgresql.ARRAY(sa.Integer()),
            server_default="{0,0,0,0}",
            nullable=False,
        ),
    )
    op.add_column(
        "customer_insight",
        sa.Column(
            "quarter_revenue",
            postgresql.ARRAY(sa.Numeric(precision=16, scale=2)),
            server_default="{0,0,0,0}",
            nullable=False,
        ),
    )
    op.add_column(
        "customer_insight", sa.Column("first_order_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "customer_insight",
        sa.Column("order_interval_days", sa.Numeric(precision=8, scale=1), nullable=True),
    )
    op.add_column(
        "customer_insight", sa.Column("r", sa.SmallInteger(), server_default="1", nullable=False)
    )
    op.add_column(
        "customer_insight", sa.Column("f", sa.SmallInteger(), server_default="1", nullable=False)
    )
    op.add_column(
        "customer_insight", sa.Column("m", sa.SmallInteger(), server_default="1", nullable=False)
    )
    op.add_column(
        "customer_insight",
        sa.Column(
            "reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
    )
    op.create_check_constraint(
        op.f("ck_customer_insight_scores_1_to_5"),
        "customer_insight",
        "least(r, f, m) >= 1 AND greatest(r, f, m) <= 5",
    )
    op.drop_index(op.f("ix_customer_insight_segment_code"), table_name="customer_insight")
    op.create_index(
        op.f("ix_customer_insight_next_due_at"), "customer_insight", ["next_due_at"], unique=False
    )
    op.create_index(
        "ix_customer_insight_rules",
        "customer_insight",
        ["rules_version", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customer_insight_segment",
        "customer_insight",
        ["segment_code", "revenue_12m", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customer_insight_warned",
        "customer_insight",
        ["revenue_12m", "customer_id"],
        unique=False,
        postgresql_where=sa.text("warnings <> '[]'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_customer_insight_warned",
        table_name="customer_insight",
        postgresql_where=sa.text("warnings <> '[]'"),
    )
    op.drop_index("ix_customer_insight_segment", table_name="customer_insight")
    op.drop_index("ix_customer_insight_rules", table_name="customer_insight")
    op.drop_index(op.f("ix_customer_insight_next_due_at"), table_name="customer_insight")
    op.create_index(
        op.f("ix_customer_insight_segment_code"), "customer_insight", ["segment_code"], unique=False
    )
    op.drop_column("customer_insight", "reasons")
    op.drop_column("customer_insight", "m")
    op.drop_column("customer_insight", "f")
    op.drop_column("customer_insight", "r")
    op.drop_column("customer_insight", "order_interval_days")
    op.drop_column("customer_insight", "first_order_at")
    op.drop_column("customer_insight", "quarter_revenue")
    op.drop_column("customer_insight", "quarter_orders")
    op.drop_column("customer_insight", "revenue_90d")
    op.drop_column("customer_insight", "orders_90d")
    op.drop_column("customer_insight", "revenue_12m")
    op.drop_column("customer_insight", "orders_12m")
    op.drop_column("customer_insight", "rules_version")
    op.drop_column("customer_insight", "next_due_at")
    op.drop_column("customer_insight", "computed_at")
    op.drop_table("knowledge_versions")
    op.drop_index(op.f("ix_knowledge_uses_day"), table_name="knowledge_uses")
    op.drop_table("knowledge_uses")
    op.drop_table("knowledge_use_counts")
    op.drop_index(
        "ix_knowledge_questions_open",
        table_name="knowledge_questions",
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.drop_index(op.f("ix_knowledge_questions_entry_id"), table_name="knowledge_questions")
    op.drop_index(op.f("ix_knowledge_questions_customer_id"), table_name="knowledge_questions")
    op.drop_index(op.f("ix_knowledge_questions_call_id"), table_name="knowledge_questions")
    op.drop_index(op.f("ix_knowledge_questions_asker_id"), table_name="knowledge_questions")
    op.drop_table("knowledge_questions")
    op.drop_index(
        "uq_knowledge_opinions_present",
        table_name="knowledge_opinions",
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.drop_index(
        "ix_knowledge_opinions_to_review",
        table_name="knowledge_opinions",
        postgresql_where=sa.text("reviewed_at IS NULL AND verdict <> 'helpful'"),
    )
    op.drop_table("knowledge_opinions")
    op.drop_index(op.f("ix_insight_queue_customer_id"), table_name="insight_queue")
    op.drop_table("insight_queue")
    op.drop_index(op.f("ix_knowledge_entries_sku"), table_name="knowledge_entries")
    op.drop_index(
        "ix_knowledge_entries_initials_grams",
        table_name="knowledge_entries",
        postgresql_using="gin",
    )
    op.drop_index(
        "ix_knowledge_entries_head_grams", table_name="knowledge_entries", postgresql_using="gin"
    )
    op.drop_index(op.f("ix_knowledge_entries_category_code"), table_name="knowledge_entries")
    op.drop_index(
        "ix_knowledge_entries_body_grams", table_name="knowledge_entries", postgresql_using="gin"
    )
    op.drop_table("knowledge_entries")
    op.drop_table("insight_rules")
    op.drop_table("knowledge_categories")
