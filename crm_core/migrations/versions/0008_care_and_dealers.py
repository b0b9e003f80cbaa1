"""Care by rule, dealers' stock reports and applications."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "care_rules",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("occasion", sa.String(length=20), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=True),
        sa.Column("local_hour", sa.Integer(), nullable=True),
        sa.Column("hours_after", sa.Integer(), nullable=True),
        sa.Column("lead_hours", sa.Integer(), nullable=True),
        sa.Column(
            "level_codes",
            postgresql.ARRAY(sa.String(length=30)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("assign_to", sa.String(length=20), nullable=False),
        sa.Column("assignee_id", sa.Integer(), nullable=True),
        sa.Column("title_zh", sa.String(length=100), nullable=False),
        sa.Column("title_en", sa.String(length=100), nullable=False),
        sa.Column("priority", sa.String(length=10), server_default="normal", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "active_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(assign_to = 'user') = (assignee_id IS NOT NULL)",
            name=op.f("ck_care_rules_user_where_assigned"),
        ),
        sa.CheckConstraint(
            "assign_to IN ('salesperson','user','supervisor')",
            name=op.f("ck_care_rules_assign_to_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(days_before, local_hour) = CASE occasion WHEN 'after_delivery' THEN 0 ELSE 2 END",
            name=op.f("ck_care_rules_days_where_a_day_is_celebrated"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(hours_after, lead_hours) = CASE occasion WHEN 'after_delivery' THEN 2 ELSE 0 END",
            name=op.f("ck_care_rules_hours_after_a_delivery"),
        ),
        sa.CheckConstraint(
            "occasion IN ('birthday','contact_birthday','anniversary','first_order','after_delivery')",
            name=op.f("ck_care_rules_occasion_known"),
        ),
        sa.CheckConstraint(
            "priority IN ('low','normal','high')", name=op.f("ck_care_rules_priority_known")
        ),
        sa.CheckConstraint(
            "days_before BETWEEN 0 AND 60", name=op.f("ck_care_rules_days_before_within_reason")
        ),
        sa.CheckConstraint(
            "hours_after BETWEEN 1 AND 720", name=op.f("ck_care_rules_hours_after_within_reason")
        ),
        sa.CheckConstraint(
            "lead_hours >= 0 AND lead_hours <= 168 AND lead_hours < hours_after",
            name=op.f("ck_care_rules_lead_within_hours"),
        ),
        sa.CheckConstraint(
            "local_hour BETWEEN 0 AND 23", name=op.f("ck_care_rules_local_hour_of_a_day")
        ),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["users.id"], name=op.f("fk_care_rules_assignee_id_users")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_care_rules")),
    )
    op.create_index(op.f("ix_care_rules_assignee_id"), "care_rules", ["assignee_id"], unique=False)
    op.create_table(
        "dealer_applications",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("province", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=20), nullable=True),
        sa.Column("level_code", sa.String(length=30), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="new", nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(state = 'approved') = (customer_id IS NOT NULL)",
            name=op.f("ck_dealer_applications_approved_made"),
        ),
        sa.CheckConstraint(
            "(state = 'new') = (decided_at IS NULL)",
            name=op.f("ck_dealer_applications_decided_with_its_time"),
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (reason IS NOT NULL)",
            name=op.f("ck_dealer_applications_refused_with_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('new','approved','refused')", name=op.f("ck_dealer_applications_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_dealer_applications_created_by_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_dealer_applications_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["users.id"], name=op.f("fk_dealer_applications_decided_by_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["level_code"], ["levels.code"], name=op.f("fk_dealer_applications_level_code_levels")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dealer_applications")),
        info={"entity": "dealer_application"},
    )
    op.create_index(
        op.f("ix_dealer_applications_customer_id"),
        "dealer_applications",
        ["customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_dealer_applications_state", "dealer_applications", ["state", "id"], unique=False
    )
    op.create_index(
        "uq_dealer_applications_open",
        "dealer_applications",
        ["phone"],
        unique=True,
        postgresql_where=sa.text("state = 'new'"),
    )
    op.create_table(
        "dealer_stock_reports",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("report_date", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_dealer_stock_reports_version_positive")),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_dealer_stock_reports_customer_id_customers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dealer_stock_reports")),
        sa.UniqueConstraint(
            "customer_id",
            "report_date",
            name=op.f("uq_dealer_stock_reports_customer_id_report_date"),
        ),
    )
    op.create_table(
        "dealer_stock_versions",
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["entered_by_id"],
            ["users.id"],
            name=op.f("fk_dealer_stock_versions_entered_by_id_users"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["dealer_stock_reports.id"],
            name=op.f("fk_dealer_stock_versions_report_id_dealer_stock_reports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("report_id", "version", name=op.f("pk_dealer_stock_versions")),
    )
    op.create_table(
        "dealer_stock_lines",
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("product_code", sa.String(length=30, collation="C"), nullable=False),
        sa.Column("on_hand", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("sold", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.Column("needed", sa.Numeric(precision=12, scale=3), nullable=False),
        sa.CheckConstraint(
            "least(on_hand, sold, needed) >= 0",
            name=op.f("ck_dealer_stock_lines_quantities_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["report_id", "version"],
            ["dealer_stock_versions.report_id", "dealer_stock_versions.version"],
            name=op.f("fk_dealer_stock_lines_report_id_version_dealer_stock_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "report_id", "version", "product_code", name=op.f("pk_dealer_stock_lines")
        ),
    )
    op.create_index(
        "ix_customer_contacts_birthday_day",
        "customer_contacts",
        [
            sa.literal_column(
                "(CAST(EXTRACT(month FROM birthday) * 100 + EXTRACT(day FROM birthday) AS integer))"
            )
        ],
        unique=False,
        postgresql_where=sa.text("birthday IS NOT NULL"),
    )
    op.create_index(
        "ix_customers_anniversary_day",
        "customers",
        [
            sa.literal_column(
                "(CAST(EXTRACT(month FROM anniversary) * 100 + EXTRACT(day FROM anniversary) AS integer))"
            )
        ],
        unique=False,
        postgresql_where=sa.text("anniversary IS NOT NULL"),
    )
    op.create_index(
        "ix_customers_birthday_day",
        "customers",
        [
            sa.literal_column(
                "(CAST(EXTRACT(month FROM birthday) * 100 + EXTRACT(day FROM birthday) AS integer))"
            )
        ],
        unique=False,
        postgresql_where=sa.text("birthday IS NOT NULL"),
    )
    op.create_index(
        "ix_order_status_log_delivered",
        "order_status_log",
        ["at"],
        unique=False,
        postgresql_where=sa.text("to_status = 'delivered'"),
    )
    op.create_index("ix_orders_placed_at", "orders", ["placed_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_orders_placed_at", table_name="orders")
    op.drop_index(
        "ix_order_status_log_delivered",
        table_name="order_status_log",
        postgresql_where=sa.text("to_status = 'delivered'"),
    )
    op.drop_index(
        "ix_customers_birthday_day",
        table_name="customers",
        postgresql_where=sa.text("birthday IS NOT NULL"),
    )
    op.drop_index(
        "ix_customers_anniversary_day",
        table_name="customers",
        postgresql_where=sa.text("anniversary IS NOT NULL"),
    )
    op.drop_index(
        "ix_customer_contacts_birthday_day",
        table_name="customer_contacts",
        postgresql_where=sa.text("birthday IS NOT NULL"),
    )
    op.drop_table("dealer_stock_lines")
    op.drop_table("dealer_stock_versions")
    op.drop_table("dealer_stock_reports")
    op.drop_index(
        "uq_dealer_applications_open",
        table_name="dealer_applications",
        postgresql_where=sa.text("state = 'new'"),
    )
    op.drop_index("ix_dealer_applications_state", table_name="dealer_applications")
    op.drop_index(op.f("ix_dealer_applications_customer_id"), table_name="dealer_applications")
    op.drop_table("dealer_applications")
    op.drop_index(op.f("ix_care_rules_assignee_id"), table_name="care_rules")
    op.drop_table("care_rules")
