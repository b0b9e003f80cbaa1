"""An order is settled when it is paid, how much a role may waive, and of which steps customers are told."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0051"
down_revision: str | Sequence[str] | None = "0050"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "order_review_limits",
        sa.Column("most_waived", sa.Numeric(14, 2), server_default="0", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_order_review_limits_most_waived_not_negative"),
        "order_review_limits",
        "most_waived >= 0",
    )
    op.create_index(
        "ix_orders_to_settle",
        "orders",
        ["id"],
        postgresql_where=sa.text("status IN ('delivered','exchanged') AND credit_held = 0"),
    )
    op.create_table(
        "message_choices",
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("changed_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["users.id"], name=op.f("fk_message_choices_changed_by_users")
        ),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_message_choices")),
    )
    # Words of messages that nobody was ever sent.
    op.execute("DELETE FROM message_templates WHERE kind IN ('order_returned', 'order_exchanged')")


def downgrade() -> None:
    op.drop_table("message_choices")
    op.drop_index("ix_orders_to_settle", "orders")
    op.drop_constraint(
        op.f("ck_order_review_limits_most_waived_not_negative"), "order_review_limits"
    )
    op.drop_column("order_review_limits", "most_waived")
