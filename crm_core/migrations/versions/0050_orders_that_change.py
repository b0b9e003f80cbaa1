"""Waybills know of which version of their order they are; other programs hear of every new version, and are read to the
end.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0050"
down_revision: str | Sequence[str] | None = "0049"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TRIGGER = """
CREATE OR REPLACE TRIGGER integration_order_changed AFTER UPDATE ON orders
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION integration_order_changed()
"""
_BEFORE = ("total", "address", "note", "customer_id")


def _noted(columns: Sequence[str]) -> str:
    old, new = (", ".join(f"{row}.{name}" for name in columns) for row in ("OLD", "NEW"))
    return _TRIGGER.format(old=old, new=new)


def upgrade() -> None:
    op.execute(_noted(("version", *_BEFORE)))
    op.add_column(
        "waybills", sa.Column("order_version", sa.Integer(), server_default="1", nullable=False)
    )
    op.execute(
        "UPDATE waybills w SET order_version = o.version FROM orders o WHERE o.id = w.order_id"
    )
    op.execute(
        "UPDATE connection_links l SET version = o.version FROM orders o WHERE o.id = l.order_id"
        " AND l.state = 'sent' AND o.status NOT IN"
        " ('backordered', 'review', 'placed', 'reviewed', 'picking')"
    )
    for column in (
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_skip", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("counted_to", sa.String(length=100), nullable=True),
    ):
        op.add_column("connections", column)


def downgrade() -> None:
    for name in ("counted_to", "read_skip", "read_at"):
        op.drop_column("connections", name)
    op.execute(_noted(_BEFORE))
    op.drop_column("waybills", "order_version")
