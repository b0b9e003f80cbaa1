"""PINs of dealers who serve themselves, and since when a product is in the catalogue."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0038"
down_revision: str | Sequence[str] | None = "0037"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "customer_pins",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        sa.Column("temporary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_customer_pins_failures_counted")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_pins_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["users.id"], name=op.f("fk_customer_pins_set_by_users")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_pins")),
    )
    op.add_column(
        "products",
        sa.Column(
            "added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    op.execute(
        "UPDATE products SET added_at = coalesce((SELECT min(a.at) FROM audit_log a"
        " WHERE a.entity = 'product' AND a.entity_id = products.sku AND a.action = 'product.create'),"
        " changed_at)"
    )


def downgrade() -> None:
    op.drop_column("products", "added_at")
    op.drop_table("customer_pins")
