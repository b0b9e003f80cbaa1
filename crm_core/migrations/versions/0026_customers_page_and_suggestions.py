"""Links of orders that were taken back, and how often goods were delivered together."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0026"
down_revision: str | Sequence[str] | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "order_links",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("revoked_at", _TIME, nullable=False),
        sa.Column("revoked_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_links_order_id_orders")
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by"], ["users.id"], name=op.f("fk_order_links_revoked_by_users")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_links")),
    )
    op.create_table(
        "product_pairs",
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("with_sku", sa.String(length=40), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.CheckConstraint("orders > 0", name=op.f("ck_product_pairs_orders_positive")),
        sa.CheckConstraint("sku <> with_sku", name=op.f("ck_product_pairs_of_two")),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_product_pairs_sku_products")
        ),
        sa.ForeignKeyConstraint(
            ["with_sku"], ["products.sku"], name=op.f("fk_product_pairs_with_sku_products")
        ),
        sa.PrimaryKeyConstraint("sku", "with_sku", name=op.f("pk_product_pairs")),
    )
    op.create_table(
        "product_counts",
        sa.Column("sku", sa.String(length=40), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.CheckConstraint("orders > 0", name=op.f("ck_product_counts_orders_positive")),
        sa.ForeignKeyConstraint(
            ["sku"], ["products.sku"], name=op.f("fk_product_counts_sku_products")
        ),
        sa.PrimaryKeyConstraint("sku", name=op.f("pk_product_counts")),
    )
    op.create_table(
        "pair_counts",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counted_until", _TIME, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_pair_counts_only_one")),
        sa.CheckConstraint("orders >= 0", name=op.f("ck_pair_counts_orders_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_counts")),
    )
    op.create_table(
        "counted_orders",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("delivered_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_counted_orders_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_counted_orders")),
    )
    op.create_index("ix_counted_orders_delivered_at", "counted_orders", ["delivered_at"])


def downgrade() -> None:
    op.drop_table("counted_orders")
    op.drop_table("pair_counts")
    op.drop_table("product_counts")
    op.drop_table("product_pairs")
    op.drop_table("order_links")
