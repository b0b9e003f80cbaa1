"""Catalogue and price rules; prices by level become rules, lines of orders know their unit and tax."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from crm_core.search_text import search_text

revision: str = "0013"
down_revision: str | Sequence[str] | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEW_RIGHTS = sa.text(
    "INSERT INTO role_rights (role_code, right_code)"
    " SELECT code, unnest(CAST('{catalogue.manage,price.manage}' AS text[])) FROM roles"
    " WHERE code IN ('operations', 'supervisor', 'admin') ON CONFLICT DO NOTHING"
)
_PRICES_BY_LEVEL = (
    "INSERT INTO price_rules (kind, sku, level_code, value)"
    " SELECT 'price', sku, level_code, price FROM product_prices ORDER BY sku, level_code"
)
_BACK_TO_PRICES = (
    "INSERT INTO product_prices (sku, level_code, price)"
    " SELECT DISTINCT ON (sku, level_code) sku, level_code, value FROM price_rules"
    " WHERE kind = 'price' AND level_code IS NOT NULL AND unit IS NULL AND active"
    " ORDER BY sku, level_code, min_quantity, id DESC"
)
_UNITS_OF_LINES = "UPDATE order_lines l SET unit = p.unit FROM products p WHERE p.sku = l.sku"


def _fill_search() -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.text("SELECT sku, name_zh, name_en FROM products")).all():
        words = " ".join(search_text(word) for word in row)[:2000]
        connection.execute(
            sa.text("UPDATE products SET search = :words WHERE sku = :sku"),
            {"words": words, "sku": row.sku},
        )


def upgrade() -> None:
    op.create_table(
        "product_categories",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("parent_code", sa.String(length=30), nullable=True),
        sa.Column("path", postgresql.ARRAY(sa.String(length=30)), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_code"],
            ["product_categories.code"],
            name=op.f("fk_product_categories_parent_code_product_categories"),
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_product_categories")),
    )
    op.create_table(
        "product_packs",
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("factor", sa.Integer(), nullable=False),
        sa.Column("list_price", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("barcode", sa.String(length=40), nullable=True),
        sa.CheckConstraint("factor > 1", name=op.f("ck_product_packs_holds_several")),
        sa.CheckConstraint(
            "list_price >= 0", name=op.f("ck_product_packs_list_price_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_product_packs_sku_products")
        ),
        sa.PrimaryKeyConstraint("sku", "unit", name=op.f("pk_product_packs")),
        sa.UniqueConstraint("barcode", name=op.f("uq_product_packs_barcode")),
    )
    op.create_table(
        "product_substitutes",
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("substitute_sku", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "sku <> substitute_sku", name=op.f("ck_product_substitutes_not_its_own")
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_product_substitutes_sku_products")
        ),
        sa.ForeignKeyConstraint(
            ["substitute_sku"],
            ["products.sku"],
            name=op.f("fk_product_substitutes_substitute_sku_products"),
        ),
        sa.PrimaryKeyConstraint("sku", "substitute_sku", name=op.f("pk_product_substitutes")),
    )
    op.create_table(
        "price_rules",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name_zh", sa.String(length=100), nullable=True),
        sa.Column("name_en", sa.String(length=100), nullable=True),
        sa.Column("sku", sa.String(length=40), nullable=True),
        sa.Column("category_code", sa.String(length=30), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("level_code", sa.String(length=30), nullable=True),
        sa.Column("min_quantity", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("min_total", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("value", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("free_sku", sa.String(length=40), nullable=True),
        sa.Column("free_quantity", sa.Integer(), nullable=True),
        sa.Column("free_most", sa.Integer(), nullable=True),
        sa.Column("stackable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "goods_key",
            sa.String(length=60),
            sa.Computed(
                "coalesce('sku:' || sku, 'category:' || category_code, 'all')", persisted=True
            ),
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
            "(kind = 'free_goods') = (free_quantity IS NOT NULL) AND free_quantity > 0",
            name=op.f("ck_price_rules_free_goods_have_a_quantity"),
        ),
        sa.CheckConstraint(
            "kind <> 'price' OR sku IS NOT NULL", name=op.f("ck_price_rules_price_of_a_product")
        ),
        sa.CheckConstraint(
            "kind IN ('price','special_price','percent_off','amount_off','free_goods','order_amount_off','order_percent_off')",
            name=op.f("ck_price_rules_kind_known"),
        ),
        sa.CheckConstraint(
            "kind NOT LIKE '%percent_off' OR value <= 100",
            name=op.f("ck_price_rules_percent_sensible"),
        ),
        sa.CheckConstraint("free_most > 0", name=op.f("ck_price_rules_free_most_positive")),
        sa.CheckConstraint("min_quantity > 0", name=op.f("ck_price_rules_min_quantity_positive")),
        sa.CheckConstraint("min_total >= 0", name=op.f("ck_price_rules_min_total_not_negative")),
        sa.CheckConstraint(
            "num_nonnulls(customer_id, level_code) <= 1",
            name=op.f("ck_price_rules_one_kind_of_buyer"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(sku, category_code) <= 1", name=op.f("ck_price_rules_one_kind_of_goods")
        ),
        sa.CheckConstraint(
            "unit IS NULL OR sku IS NOT NULL", name=op.f("ck_price_rules_unit_of_a_product")
        ),
        sa.CheckConstraint(
            "valid_until >= valid_from", name=op.f("ck_price_rules_ends_after_it_begins")
        ),
        sa.CheckConstraint("value >= 0", name=op.f("ck_price_rules_value_not_negative")),
        sa.ForeignKeyConstraint(
            ["category_code"],
            ["product_categories.code"],
            name=op.f("fk_price_rules_category_code_product_categories"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_price_rules_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_price_rules_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["free_sku"], ["products.sku"], name=op.f("fk_price_rules_free_sku_products")
        ),
        sa.ForeignKeyConstraint(
            ["level_code"], ["levels.code"], name=op.f("fk_price_rules_level_code_levels")
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_price_rules_sku_products")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_rules")),
    )
    op.create_index("ix_price_rules_customer_id", "price_rules", ["customer_id"], unique=False)
    op.create_index(
        "ix_price_rules_who_what", "price_rules", ["goods_key", "buyer_key"], unique=False
    )
    op.execute(_PRICES_BY_LEVEL)
    op.drop_table("product_prices")
    op.add_column("order_lines", sa.Column("unit", sa.String(length=20), nullable=True))
    op.execute(_UNITS_OF_LINES)
    op.alter_column("order_lines", "unit", nullable=False)
    op.add_column(
        "order_lines",
        sa.Column("factor", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    op.add_column(
        "order_lines",
        sa.Column(
            "base_quantity",
            sa.Integer(),
            sa.Computed("quantity * factor", persisted=True),
            nullable=False,
        ),
    )
    op.add_column(
        "order_lines",
        sa.Column(
            "tax_rate", sa.Numeric(precision=5, scale=4), server_default="0.13", nullable=False
        ),
    )
    op.alter_column("order_lines", "tax_rate", server_default=None)
    op.add_column(
        "orders",
        sa.Column(
            "discount_why",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
    )
    op.add_column("products", sa.Column("category_code", sa.String(length=30), nullable=True))
    op.add_column("products", sa.Column("specification", sa.String(length=100), nullable=True))
    op.add_column(
        "products",
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.add_column("products", sa.Column("barcode", sa.String(length=40), nullable=True))
    op.add_column(
        "products", sa.Column("floor_price", sa.Numeric(precision=12, scale=2), nullable=True)
    )
    op.add_column(
        "products",
        sa.Column(
            "tax_rate", sa.Numeric(precision=5, scale=4), server_default="0.13", nullable=False
        ),
    )
    op.add_column(
        "products",
        sa.Column("order_step", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    op.add_column("products", sa.Column("shelf_life_days", sa.Integer(), nullable=True))
    op.add_column(
        "products", sa.Column("search", sa.String(length=2000), server_default="", nullable=False)
    )
    op.add_column(
        "products", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    op.add_column(
        "products",
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.create_index(op.f("ix_products_category_code"), "products", ["category_code"], unique=False)
    op.create_index(
        "ix_products_search",
        "products",
        [sa.literal_column("search_grams(search)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_unique_constraint(op.f("uq_products_barcode"), "products", ["barcode"])
    op.create_foreign_key(
        op.f("fk_products_category_code_product_categories"),
        "products",
        "product_categories",
        ["category_code"],
        ["code"],
    )
    _fill_search()
    op.execute(_NEW_RIGHTS)


def downgrade() -> None:
    op.execute("DELETE FROM role_rights WHERE right_code IN ('catalogue.manage', 'price.manage')")
    op.drop_constraint(
        op.f("fk_products_category_code_product_categories"), "products", type_="foreignkey"
    )
    op.drop_constraint(op.f("uq_products_barcode"), "products", type_="unique")
    op.drop_index("ix_products_search", table_name="products", postgresql_using="gin")
    op.drop_index(op.f("ix_products_category_code"), table_name="products")
    op.drop_column("products", "changed_at")
    op.drop_column("products", "version")
    op.drop_column("products", "search")
    op.drop_column("products", "shelf_life_days")
    op.drop_column("products", "order_step")
    op.drop_column("products", "tax_rate")
    op.drop_column("products", "floor_price")
    op.drop_column("products", "barcode")
    op.drop_column("products", "attributes")
    op.drop_column("products", "specification")
    op.drop_column("products", "category_code")
    op.drop_column("orders", "discount_why")
    op.drop_column("order_lines", "tax_rate")
    op.drop_column("order_lines", "base_quantity")
    op.drop_column("order_lines", "factor")
    op.drop_column("order_lines", "unit")
    op.create_table(
        "product_prices",
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("level_code", sa.String(length=30), nullable=False),
        sa.Column("price", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.CheckConstraint("price >= 0", name=op.f("ck_product_prices_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["level_code"], ["levels.code"], name=op.f("fk_product_prices_level_code_levels")
        ),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_product_prices_sku_products")
        ),
        sa.PrimaryKeyConstraint("sku", "level_code", name=op.f("pk_product_prices")),
    )
    op.execute(_BACK_TO_PRICES)
    op.drop_index("ix_price_rules_who_what", table_name="price_rules")
    op.drop_index("ix_price_rules_customer_id", table_name="price_rules")
    op.drop_table("price_rules")
    op.drop_table("product_substitutes")
    op.drop_table("product_packs")
    op.drop_table("product_categories")
