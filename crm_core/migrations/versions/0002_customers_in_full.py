"""Customers in full: lists, custom fields, channel tree, merging; roles with fields; the organisation.

The address a customer had becomes the main one of a list; paths and search texts are worked out; levels
make room for a county's agent; roles that were there get the rights that are new to them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from crm_core.search_text import search_text

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


_CHECKS = {
    "never_above_itself": "NOT path @> ARRAY[id]",
    "path_ends_at_parent": "parent_id IS NOT DISTINCT FROM path[cardinality(path)]",
    "not_merged_into_itself": "merged_into_id <> id",
}
_ADDRESSES = """
INSERT INTO customer_addresses (customer_id, is_main, detail)
SELECT id, true, address FROM customers WHERE address <> ''
"""
_PATHS = """
WITH RECURSIVE tree AS (
  SELECT id, ARRAY[]::integer[] AS path FROM customers WHERE parent_id IS NULL
  UNION ALL
  SELECT c.id, t.path || t.id FROM customers c JOIN tree t ON c.parent_id = t.id
)
UPDATE customers SET path = tree.path FROM tree WHERE tree.id = customers.id
"""
_NEW_RIGHTS = {
    "agent": "complaint.work knowledge.view lead.work phone.dial phone.dial_long_distance todo.work",
    "supervisor": "benefit.issue benefit.manage channel.manage complaint.manage complaint.work customer.export customer.import customer.merge insight.view knowledge.edit knowledge.view lead.manage lead.work notice.send phone.dial phone.dial_abroad phone.dial_long_distance rules.manage todo.supervise todo.work",
    "operations": "benefit.manage channel.manage customer.import insight.view knowledge.edit knowledge.view notice.send rules.manage todo.work",
    "admin": "audit.view benefit.issue benefit.manage channel.manage complaint.manage complaint.work customer.export customer.import customer.merge insight.view knowledge.edit knowledge.view lead.manage lead.work notice.send organisation.manage phone.dial phone.dial_abroad phone.dial_long_distance privacy.manage role.manage rules.manage todo.supervise todo.work token.manage",
}


def _give_rights(role: str, rights: str) -> sa.TextClause:
    """A role that is there gets what is new; one that is not is left to the seed."""
    return sa.text(
        "INSERT INTO role_rights (role_code, right_code)"
        " SELECT code, unnest(CAST(:rights AS text[])) FROM roles WHERE code = :role"
        " ON CONFLICT DO NOTHING"
    ).bindparams(rights=rights.split(), role=role)


def _fill_customers() -> None:
    op.execute(_PATHS)
    connection = op.get_bind()
    for row in connection.execute(sa.text("SELECT id, name FROM customers")).all():
        connection.execute(
            sa.text("UPDATE customers SET search_text = :words WHERE id = :id"),
            {"words": search_text(row.name), "id": row.id},
        )


def upgrade() -> None:
    op.create_table(
        "custom_fields",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("label_zh", sa.String(length=50), nullable=False),
        sa.Column("label_en", sa.String(length=50), nullable=False),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "options", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("least", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("most", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("place", sa.Integer(), server_default="0", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "code ~ '^[a-z][a-z0-9_]{0,29}$'", name=op.f("ck_custom_fields_code_form")
        ),
        sa.CheckConstraint(
            "type IN ('text','number','date','yes_no','choice','choices')",
            name=op.f("ck_custom_fields_type_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_fields")),
        sa.UniqueConstraint("code", name=op.f("uq_custom_fields_code")),
        sa.UniqueConstraint("label_zh", name=op.f("uq_custom_fields_label_zh")),
    )
    op.create_table(
        "groups",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column(
            "queues", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("name", name=op.f("uq_groups_name")),
    )
    op.create_table(
        "payment_terms",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("prepaid", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "days BETWEEN 0 AND 365", name=op.f("ck_payment_terms_days_within_a_year")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_payment_terms")),
    )
    op.create_table(
        "units",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("path", postgresql.ARRAY(sa.Integer()), server_default="{}", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("NOT path @> ARRAY[id]", name=op.f("ck_units_never_above_itself")),
        sa.CheckConstraint(
            "parent_id IS NOT DISTINCT FROM path[cardinality(path)]",
            name=op.f("ck_units_path_ends_at_parent"),
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["units.id"], name=op.f("fk_units_parent_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
        sa.UniqueConstraint("name", name=op.f("uq_units_name")),
    )
    op.create_index(op.f("ix_units_parent_id"), "units", ["parent_id"], unique=False)
    op.create_table(
        "role_fields",
        sa.Column("role_code", sa.String(length=30), nullable=False),
        sa.Column("field", sa.String(length=80), nullable=False),
        sa.Column("access", sa.String(length=6), nullable=False),
        sa.CheckConstraint("access IN ('hidden','read')", name=op.f("ck_role_fields_access_known")),
        sa.ForeignKeyConstraint(
            ["role_code"],
            ["roles.code"],
            name=op.f("fk_role_fields_role_code_roles"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("role_code", "field", name=op.f("pk_role_fields")),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["groups.id"],
            name=op.f("fk_group_members_group_id_groups"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_group_members_user_id_users")
        ),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_user_id"), "group_members", ["user_id"], unique=False)
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_saved_searches_owner_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
    )
    op.create_index(
        "uq_saved_searches_owner_name", "saved_searches", ["owner_id", "name"], unique=True
    )
    op.create_table(
        "custom_values",
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("field_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), server_default="0", nullable=False),
        sa.Column("string", sa.String(length=500), nullable=True),
        sa.Column("number", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(string, number, day) = 1", name=op.f("ck_custom_values_one_value")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_custom_values_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["field_id"], ["custom_fields.id"], name=op.f("fk_custom_values_field_id_custom_fields")
        ),
        sa.PrimaryKeyConstraint("customer_id", "field_id", "place", name=op.f("pk_custom_values")),
    )
    op.create_index(
        "ix_custom_values_day",
        "custom_values",
        ["field_id", "day"],
        unique=False,
        postgresql_where=sa.text("day IS NOT NULL"),
    )
    op.create_index(
        "ix_custom_values_number",
        "custom_values",
        ["field_id", "number"],
        unique=False,
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index(
        "ix_custom_values_string",
        "custom_values",
        ["field_id", "string"],
        unique=False,
        postgresql_where=sa.text("string IS NOT NULL"),
    )
    op.create_table(
        "customer_addresses",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("is_main", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("label", sa.String(length=30), nullable=True),
        sa.Column("recipient", sa.String(length=50), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("province", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=20), nullable=True),
        sa.Column("district", sa.String(length=30), nullable=True),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("postcode", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_addresses_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_addresses")),
    )
    op.create_index(
        op.f("ix_customer_addresses_customer_id"),
        "customer_addresses",
        ["customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customer_addresses_detail_grams",
        "customer_addresses",
        [sa.literal_column("search_grams(detail)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "uq_customer_addresses_main",
        "customer_addresses",
        ["customer_id"],
        unique=True,
        postgresql_where=sa.text("is_main"),
    )
    op.create_table(
        "customer_contacts",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("position", sa.String(length=50), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("birthday", sa.Date(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_contacts_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_contacts")),
    )
    op.create_index(
        op.f("ix_customer_contacts_customer_id"), "customer_contacts", ["customer_id"], unique=False
    )
    op.create_table(
        "customer_insight",
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("segment_code", sa.String(length=30), nullable=True),
        sa.Column("grade_code", sa.String(length=10), nullable=True),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "warnings", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_insight_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_insight")),
    )
    op.create_index(
        op.f("ix_customer_insight_grade_code"), "customer_insight", ["grade_code"], unique=False
    )
    op.create_index(
        op.f("ix_customer_insight_last_contact_at"),
        "customer_insight",
        ["last_contact_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customer_insight_last_order_at"),
        "customer_insight",
        ["last_order_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_customer_insight_segment_code"), "customer_insight", ["segment_code"], unique=False
    )
    op.create_table(
        "customer_merges",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kept_id", sa.Integer(), nullable=False),
        sa.Column("dropped_id", sa.Integer(), nullable=False),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("filled", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_customer_merges_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["dropped_id"], ["customers.id"], name=op.f("fk_customer_merges_dropped_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["kept_id"], ["customers.id"], name=op.f("fk_customer_merges_kept_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_merges")),
    )
    op.create_index(
        op.f("ix_customer_merges_dropped_id"), "customer_merges", ["dropped_id"], unique=False
    )
    op.create_index(
        op.f("ix_customer_merges_kept_id"), "customer_merges", ["kept_id"], unique=False
    )
    op.create_table(
        "customer_moves",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("from_parent_id", sa.Integer(), nullable=True),
        sa.Column("to_parent_id", sa.Integer(), nullable=True),
        sa.Column("from_level_code", sa.String(length=30), nullable=False),
        sa.Column("to_level_code", sa.String(length=30), nullable=False),
        sa.Column("from_salesperson_id", sa.Integer(), nullable=True),
        sa.Column("to_salesperson_id", sa.Integer(), nullable=True),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_customer_moves_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_moves_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_moves")),
    )
    op.create_index(
        "ix_customer_moves_customer_id", "customer_moves", ["customer_id", "id"], unique=False
    )
    op.create_table(
        "territories",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("province", sa.String(length=20), nullable=False),
        sa.Column("city", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_territories_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_territories")),
    )
    op.create_index("ix_territories_place", "territories", ["province", "city"], unique=False)
    op.create_index(
        "uq_territories_customer_place",
        "territories",
        ["customer_id", "province", "city"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.add_column(
        "customer_phones", sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False)
    )
    op.add_column("customer_phones", sa.Column("label", sa.String(length=30), nullable=True))
    op.add_column("customer_phones", sa.Column("contact_id", sa.Integer(), nullable=True))
    op.create_index(
        op.f("ix_customer_phones_contact_id"), "customer_phones", ["contact_id"], unique=False
    )
    op.create_index(
        "ix_customer_phones_number_grams",
        "customer_phones",
        [sa.literal_column("search_grams(number)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_unique_constraint(op.f("uq_customer_phones_id"), "customer_phones", ["id"])
    op.create_foreign_key(
        op.f("fk_customer_phones_contact_id_customer_contacts"),
        "customer_phones",
        "customer_contacts",
        ["contact_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.add_column("customers", sa.Column("code", sa.String(length=40), nullable=True))
    op.add_column(
        "customers",
        sa.Column("search_text", sa.String(length=1000), server_default="", nullable=False),
    )
    op.add_column(
        "customers",
        sa.Column("path", postgresql.ARRAY(sa.Integer()), server_default="{}", nullable=False),
    )
    op.add_column("customers", sa.Column("payment_terms_code", sa.String(length=30), nullable=True))
    op.add_column("customers", sa.Column("birthday", sa.Date(), nullable=True))
    op.add_column("customers", sa.Column("anniversary", sa.Date(), nullable=True))
    op.add_column("customers", sa.Column("merged_into_id", sa.Integer(), nullable=True))
    op.create_index("ix_customers_created_at", "customers", ["created_at"], unique=False)
    op.create_index(
        "ix_customers_credit_overdue",
        "customers",
        ["credit_overdue"],
        unique=False,
        postgresql_where=sa.text("credit_overdue > 0"),
    )
    op.create_index(
        "ix_customers_merged_into_id",
        "customers",
        ["merged_into_id"],
        unique=False,
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.create_index(
        "ix_customers_path", "customers", ["path"], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_customers_place", "customers", ["province", "city"], unique=False)
    _fill_customers()
    op.create_index(
        "ix_customers_search_grams",
        "customers",
        [sa.literal_column("search_grams(search_text)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_unique_constraint(op.f("uq_customers_code"), "customers", ["code"])
    op.create_foreign_key(
        op.f("fk_customers_payment_terms_code_payment_terms"),
        "customers",
        "payment_terms",
        ["payment_terms_code"],
        ["code"],
    )
    op.create_foreign_key(
        op.f("fk_customers_merged_into_id_customers"),
        "customers",
        "customers",
        ["merged_into_id"],
        ["id"],
    )
    op.execute(_ADDRESSES)
    op.drop_column("customers", "address")
    for name, condition in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_customers_{name}"), "customers", condition)
    op.alter_column("customers", "name", type_=sa.String(100, collation="C"))
    op.add_column(
        "roles", sa.Column("scope", sa.String(length=5), server_default="all", nullable=False)
    )
    op.add_column("roles", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_check_constraint(
        op.f("ck_roles_scope_known"), "roles", "scope IN ('all','unit','own')"
    )
    for role, rights in _NEW_RIGHTS.items():
        op.execute(_give_rights(role, rights))
    op.execute("UPDATE levels SET rank = rank + 1 WHERE code IN ('retailer', 'consumer')")
    op.add_column("users", sa.Column("unit_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_users_unit_id"), "users", ["unit_id"], unique=False)
    op.create_foreign_key(op.f("fk_users_unit_id_units"), "users", "units", ["unit_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_users_unit_id_units"), "users", type_="foreignkey")
    op.drop_index(op.f("ix_users_unit_id"), table_name="users")
    op.drop_column("users", "unit_id")
    op.drop_column("roles", "version")
    op.drop_column("roles", "scope")
    op.add_column("customers", sa.Column("address", sa.String(300), nullable=True))
    op.execute(
        "UPDATE customers SET address = a.detail FROM customer_addresses a"
        " WHERE a.customer_id = customers.id AND a.is_main"
    )
    for name in _CHECKS:
        op.drop_constraint(op.f(f"ck_customers_{name}"), "customers")
    op.execute("UPDATE levels SET rank = rank - 1 WHERE code IN ('retailer', 'consumer')")
    op.drop_constraint(
        op.f("fk_customers_merged_into_id_customers"), "customers", type_="foreignkey"
    )
    op.drop_constraint(
        op.f("fk_customers_payment_terms_code_payment_terms"), "customers", type_="foreignkey"
    )
    op.drop_constraint(op.f("uq_customers_code"), "customers", type_="unique")
    op.drop_index("ix_customers_search_grams", table_name="customers", postgresql_using="gin")
    op.drop_index("ix_customers_place", table_name="customers")
    op.drop_index("ix_customers_path", table_name="customers", postgresql_using="gin")
    op.drop_index(
        "ix_customers_merged_into_id",
        table_name="customers",
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_customers_credit_overdue",
        table_name="customers",
        postgresql_where=sa.text("credit_overdue > 0"),
    )
    op.drop_index("ix_customers_created_at", table_name="customers")
    op.drop_column("customers", "merged_into_id")
    op.drop_column("customers", "anniversary")
    op.drop_column("customers", "birthday")
    op.drop_column("customers", "payment_terms_code")
    op.drop_column("customers", "path")
    op.drop_column("customers", "search_text")
    op.drop_column("customers", "code")
    op.drop_constraint(
        op.f("fk_customer_phones_contact_id_customer_contacts"),
        "customer_phones",
        type_="foreignkey",
    )
    op.drop_constraint(op.f("uq_customer_phones_id"), "customer_phones", type_="unique")
    op.drop_index(
        "ix_customer_phones_number_grams", table_name="customer_phones", postgresql_using="gin"
    )
    op.drop_index(op.f("ix_customer_phones_contact_id"), table_name="customer_phones")
    op.drop_column("customer_phones", "contact_id")
    op.drop_column("customer_phones", "label")
    op.drop_column("customer_phones", "id")
    op.drop_index(
        "uq_territories_customer_place",
        table_name="territories",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index("ix_territories_place", table_name="territories")
    op.drop_table("territories")
    op.drop_index("ix_customer_moves_customer_id", table_name="customer_moves")
    op.drop_table("customer_moves")
    op.drop_index(op.f("ix_customer_merges_kept_id"), table_name="customer_merges")
    op.drop_index(op.f("ix_customer_merges_dropped_id"), table_name="customer_merges")
    op.drop_table("customer_merges")
    op.drop_index(op.f("ix_customer_insight_segment_code"), table_name="customer_insight")
    op.drop_index(op.f("ix_customer_insight_last_order_at"), table_name="customer_insight")
    op.drop_index(op.f("ix_customer_insight_last_contact_at"), table_name="customer_insight")
    op.drop_index(op.f("ix_customer_insight_grade_code"), table_name="customer_insight")
    op.drop_table("customer_insight")
    op.drop_index(op.f("ix_customer_contacts_customer_id"), table_name="customer_contacts")
    op.drop_table("customer_contacts")
    op.drop_index(
        "uq_customer_addresses_main",
        table_name="customer_addresses",
        postgresql_where=sa.text("is_main"),
    )
    op.drop_index(
        "ix_customer_addresses_detail_grams",
        table_name="customer_addresses",
        postgresql_using="gin",
    )
    op.drop_index(op.f("ix_customer_addresses_customer_id"), table_name="customer_addresses")
    op.drop_table("customer_addresses")
    op.drop_index(
        "ix_custom_values_string",
        table_name="custom_values",
        postgresql_where=sa.text("string IS NOT NULL"),
    )
    op.drop_index(
        "ix_custom_values_number",
        table_name="custom_values",
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.drop_index(
        "ix_custom_values_day",
        table_name="custom_values",
        postgresql_where=sa.text("day IS NOT NULL"),
    )
    op.drop_table("custom_values")
    op.drop_index("uq_saved_searches_owner_name", table_name="saved_searches")
    op.drop_table("saved_searches")
    op.drop_index(op.f("ix_group_members_user_id"), table_name="group_members")
    op.drop_table("group_members")
    op.drop_table("role_fields")
    op.drop_index(op.f("ix_units_parent_id"), table_name="units")
    op.drop_table("units")
    op.drop_table("payment_terms")
    op.drop_table("groups")
    op.drop_table("custom_fields")
