"""Quotas, what is given beyond them, and order windows."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0023"
down_revision: str | Sequence[str] | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEW_RIGHT = (
    "INSERT INTO role_rights (role_code, right_code) SELECT code, 'quota.manage' FROM roles"
    " WHERE code IN ('operations', 'supervisor', 'admin') ON CONFLICT DO NOTHING"
)


def upgrade() -> None:
    op.create_table(
        "quotas",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("sku", sa.String(length=40), nullable=True),
        sa.Column("category_code", sa.String(length=30), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("level_code", sa.String(length=30), nullable=True),
        sa.Column("together", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "goods_key",
            sa.String(length=60),
            sa.Computed("coalesce('sku:' || sku, 'category:' || category_code)", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "buyer_key",
            sa.String(length=60),
            sa.Computed(
                "coalesce('customer:' || CAST(customer_id AS text), 'level:' || level_code, 'all')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "num_nonnulls(sku, category_code) = 1", name=op.f("ck_quotas_one_kind_of_goods")
        ),
        sa.CheckConstraint(
            "num_nonnulls(customer_id, level_code) <= 1", name=op.f("ck_quotas_one_kind_of_buyer")
        ),
        sa.CheckConstraint(
            "period IN ('day','week','month','whole')", name=op.f("ck_quotas_period_known")
        ),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_quotas_quantity_not_negative")),
        sa.CheckConstraint(
            "valid_until >= valid_from", name=op.f("ck_quotas_ends_after_it_begins")
        ),
        sa.ForeignKeyConstraint(["sku"], ["products.sku"], name=op.f("fk_quotas_sku_products")),
        sa.ForeignKeyConstraint(
            ["category_code"],
            ["product_categories.code"],
            name=op.f("fk_quotas_category_code_product_categories"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_quotas_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["level_code"], ["levels.code"], name=op.f("fk_quotas_level_code_levels")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotas")),
    )
    op.create_index("ix_quotas_who_what", "quotas", ["goods_key", "buyer_key"])
    op.create_index("ix_quotas_customer_id", "quotas", ["customer_id"])
    op.create_table(
        "quota_grants",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("quota_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("period_begins", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("given_by", sa.Integer(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_quota_grants_quantity_given_or_taken")),
        sa.ForeignKeyConstraint(
            ["quota_id"], ["quotas.id"], name=op.f("fk_quota_grants_quota_id_quotas")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_quota_grants_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["given_by"], ["users.id"], name=op.f("fk_quota_grants_given_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_grants")),
    )
    op.create_index(
        "ix_quota_grants_whose", "quota_grants", ["quota_id", "customer_id", "period_begins"]
    )
    op.create_index(op.f("ix_quota_grants_customer_id"), "quota_grants", ["customer_id"])
    op.create_table(
        "order_windows",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("level_code", sa.String(length=30), nullable=True),
        sa.Column("weekdays", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("cardinality(weekdays) > 0", name=op.f("ck_order_windows_some_day")),
        sa.ForeignKeyConstraint(
            ["level_code"], ["levels.code"], name=op.f("fk_order_windows_level_code_levels")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_windows")),
    )
    op.execute(_NEW_RIGHT)


def downgrade() -> None:
    op.execute("DELETE FROM role_rights WHERE right_code = 'quota.manage'")
    op.drop_table("order_windows")
    op.drop_table("quota_grants")
    op.drop_table("quotas")
