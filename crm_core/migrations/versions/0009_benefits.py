"""Coupons, packages and referrals; what coupons take off an order."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "coupon_kinds",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column(
            "least_total", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False
        ),
        sa.Column("most_discount", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column(
            "level_codes",
            postgresql.ARRAY(sa.String(length=30)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("valid_days", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "value > 0 AND (what <> 'percent' OR value <= 100)",
            name=op.f("ck_coupon_kinds_value_sensible"),
        ),
        sa.CheckConstraint("what IN ('amount','percent')", name=op.f("ck_coupon_kinds_what_known")),
        sa.CheckConstraint(
            "least_total >= 0", name=op.f("ck_coupon_kinds_least_total_not_negative")
        ),
        sa.CheckConstraint(
            "most_discount > 0", name=op.f("ck_coupon_kinds_most_discount_positive")
        ),
        sa.CheckConstraint(
            "valid_days BETWEEN 1 AND 3660", name=op.f("ck_coupon_kinds_valid_days_sensible")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_coupon_kinds")),
    )
    op.create_table(
        "package_kinds",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("price", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("most_in_90_days", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "purpose IN ('service','compensation')", name=op.f("ck_package_kinds_purpose_known")
        ),
        sa.CheckConstraint(
            "months BETWEEN 1 AND 120", name=op.f("ck_package_kinds_months_sensible")
        ),
        sa.CheckConstraint("most_in_90_days > 0", name=op.f("ck_package_kinds_most_positive")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_package_kinds_price_not_negative")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_package_kinds")),
    )
    op.create_table(
        "package_items",
        sa.Column("kind_code", sa.String(length=30), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("many", sa.Integer(), nullable=True),
        sa.Column("coupon_kind_code", sa.String(length=30), nullable=True),
        sa.CheckConstraint(
            "coupon_kind_code IS NULL OR many IS NOT NULL",
            name=op.f("ck_package_items_coupons_are_counted"),
        ),
        sa.CheckConstraint("many > 0", name=op.f("ck_package_items_many_positive")),
        sa.ForeignKeyConstraint(
            ["coupon_kind_code"],
            ["coupon_kinds.code"],
            name=op.f("fk_package_items_coupon_kind_code_coupon_kinds"),
        ),
        sa.ForeignKeyConstraint(
            ["kind_code"],
            ["package_kinds.code"],
            name=op.f("fk_package_items_kind_code_package_kinds"),
        ),
        sa.PrimaryKeyConstraint("kind_code", "place", name=op.f("pk_package_items")),
    )
    op.create_table(
        "referral_rules",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("referrer_kind_code", sa.String(length=30), nullable=True),
        sa.Column("referred_kind_code", sa.String(length=30), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_referral_rules_only_one")),
        sa.ForeignKeyConstraint(
            ["referred_kind_code"],
            ["coupon_kinds.code"],
            name=op.f("fk_referral_rules_referred_kind_code_coupon_kinds"),
        ),
        sa.ForeignKeyConstraint(
            ["referrer_kind_code"],
            ["coupon_kinds.code"],
            name=op.f("fk_referral_rules_referrer_kind_code_coupon_kinds"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_rules")),
    )
    op.create_table(
        "coupons",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=14), nullable=False),
        sa.Column("kind_code", sa.String(length=30), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="issued", nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("source", sa.String(length=60), nullable=True),
        sa.Column("issued_by", sa.Integer(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_for", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("discount", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.CheckConstraint(
            "(state = 'used') = (used_for IS NOT NULL)", name=op.f("ck_coupons_used_for_something")
        ),
        sa.CheckConstraint(
            "state IN ('issued','used','cancelled')", name=op.f("ck_coupons_state_known")
        ),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_coupons_valid_for_a_time")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_coupons_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["issued_by"], ["users.id"], name=op.f("fk_coupons_issued_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["kind_code"], ["coupon_kinds.code"], name=op.f("fk_coupons_kind_code_coupon_kinds")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
        sa.UniqueConstraint("code", name=op.f("uq_coupons_code")),
        sa.UniqueConstraint("source", name=op.f("uq_coupons_source")),
    )
    op.create_index("ix_coupons_customer", "coupons", ["customer_id", "id"], unique=False)
    op.create_index(op.f("ix_coupons_kind_code"), "coupons", ["kind_code"], unique=False)
    op.create_index(
        "ix_coupons_used_for",
        "coupons",
        ["used_for"],
        unique=False,
        postgresql_where=sa.text("used_for IS NOT NULL"),
    )
    op.create_table(
        "referrals",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("referrer_customer_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("entered_by", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("qualified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "referrer_customer_id <> customer_id", name=op.f("ck_referrals_not_oneself")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_referrals_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["entered_by"], ["users.id"], name=op.f("fk_referrals_entered_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["referrer_customer_id"],
            ["customers.id"],
            name=op.f("fk_referrals_referrer_customer_id_customers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_referrals_customer_id")),
    )
    op.create_index(
        op.f("ix_referrals_referrer_customer_id"),
        "referrals",
        ["referrer_customer_id"],
        unique=False,
    )
    op.create_table(
        "packages",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind_code", sa.String(length=30), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("granted_by", sa.Integer(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_packages_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("fk_packages_complaint_id_complaints")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_packages_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["granted_by"], ["users.id"], name=op.f("fk_packages_granted_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["kind_code"], ["package_kinds.code"], name=op.f("fk_packages_kind_code_package_kinds")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
        info={"entity": "package"},
    )
    op.create_index(op.f("ix_packages_complaint_id"), "packages", ["complaint_id"], unique=False)
    op.create_index("ix_packages_customer", "packages", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_packages_ends_on",
        "packages",
        ["ends_on"],
        unique=False,
        postgresql_where=sa.text("cancelled_at IS NULL"),
    )
    op.create_index(op.f("ix_packages_kind_code"), "packages", ["kind_code"], unique=False)
    op.create_table(
        "entitlements",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=True),
        sa.Column("used", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "used >= 0 AND (allowed IS NULL OR used <= allowed)",
            name=op.f("ck_entitlements_never_too_often"),
        ),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_entitlements_package_id_packages")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlements")),
    )
    op.create_index(
        op.f("ix_entitlements_package_id"), "entitlements", ["package_id"], unique=False
    )
    op.create_table(
        "entitlement_uses",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("entitlement_id", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("used_by", sa.Integer(), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entitlement_id"],
            ["entitlements.id"],
            name=op.f("fk_entitlement_uses_entitlement_id_entitlements"),
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["users.id"], name=op.f("fk_entitlement_uses_undone_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["used_by"], ["users.id"], name=op.f("fk_entitlement_uses_used_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlement_uses")),
    )
    op.create_index(
        op.f("ix_entitlement_uses_entitlement_id"),
        "entitlement_uses",
        ["entitlement_id"],
        unique=False,
    )
    op.add_column(
        "orders",
        sa.Column(
            "discount", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False
        ),
    )
    op.create_check_constraint(op.f("ck_orders_discount_not_negative"), "orders", "discount >= 0")


def downgrade() -> None:
    op.drop_column("orders", "discount")
    op.drop_index(op.f("ix_entitlement_uses_entitlement_id"), table_name="entitlement_uses")
    op.drop_table("entitlement_uses")
    op.drop_index(op.f("ix_entitlements_package_id"), table_name="entitlements")
    op.drop_table("entitlements")
    op.drop_index(op.f("ix_packages_kind_code"), table_name="packages")
    op.drop_index(
        "ix_packages_ends_on",
        table_name="packages",
        postgresql_where=sa.text("cancelled_at IS NULL"),
    )
    op.drop_index("ix_packages_customer", table_name="packages")
    op.drop_index(op.f("ix_packages_complaint_id"), table_name="packages")
    op.drop_table("packages")
    op.drop_index(op.f("ix_referrals_referrer_customer_id"), table_name="referrals")
    op.drop_table("referrals")
    op.drop_index(
        "ix_coupons_used_for",
        table_name="coupons",
        postgresql_where=sa.text("used_for IS NOT NULL"),
    )
    op.drop_index(op.f("ix_coupons_kind_code"), table_name="coupons")
    op.drop_index("ix_coupons_customer", table_name="coupons")
    op.drop_table("coupons")
    op.drop_table("referral_rules")
    op.drop_table("package_items")
    op.drop_table("package_kinds")
    op.drop_table("coupon_kinds")
