"""The place in the line that a call-back keeps."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0039"
down_revision: str | Sequence[str] | None = "0038"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "callbacks",
        sa.Column(
            "joined_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.execute("UPDATE callbacks SET joined_at = due_at")
    op.add_column(
        "callbacks", sa.Column("priority", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("callbacks", sa.Column("preferred_agent_id", sa.Integer(), nullable=True))
    op.create_foreign_key(
        op.f("fk_callbacks_preferred_agent_id_users"),
        "callbacks",
        "users",
        ["preferred_agent_id"],
        ["id"],
    )
    op.add_column("callbacks", sa.Column("skills_by", sa.String(length=50), nullable=True))


def downgrade() -> None:
    for column in ("skills_by", "preferred_agent_id", "priority", "joined_at"):
        op.drop_column("callbacks", column)
