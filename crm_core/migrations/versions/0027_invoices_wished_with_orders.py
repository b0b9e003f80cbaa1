"""The invoice that is wanted of an order."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0027"
down_revision: str | Sequence[str] | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "order_invoice_wishes",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("electronic", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("tax_no", sa.String(length=20), nullable=True),
        sa.Column("address", sa.String(length=100), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("bank", sa.String(length=100), nullable=True),
        sa.Column("account", sa.String(length=34), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('special','normal')", name=op.f("ck_order_invoice_wishes_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_order_invoice_wishes_order_id_orders")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_invoice_wishes")),
    )
    op.create_index(
        "ix_order_invoice_wishes_open",
        "order_invoice_wishes",
        ["order_id"],
        postgresql_where=sa.text("asked_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("order_invoice_wishes")
