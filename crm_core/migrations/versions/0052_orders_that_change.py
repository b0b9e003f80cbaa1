"""Waybills know of which version of their order they are."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0052"
down_revision: str | Sequence[str] | None = "0049"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "waybills", sa.Column("order_version", sa.Integer(), server_default="1", nullable=False)
    )
    op.execute(
        "UPDATE waybills w SET order_version = o.version FROM orders o WHERE o.id = w.order_id"
    )


def downgrade() -> None:
    op.drop_column("waybills", "order_version")
