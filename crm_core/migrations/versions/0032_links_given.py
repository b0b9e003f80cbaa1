"""Of each order, what the latest link bears that somebody was given, so that a revocation meets it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0032"
down_revision: str | Sequence[str] | None = "0031"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("order_links", sa.Column("issued_at", _TIME, nullable=True))
    op.alter_column("order_links", "revoked_at", existing_type=_TIME, nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM order_links WHERE revoked_at IS NULL")
    op.alter_column("order_links", "revoked_at", existing_type=_TIME, nullable=False)
    op.drop_column("order_links", "issued_at")
