"""Messages that callers leave for a queue's people."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0045"
down_revision: str | Sequence[str] | None = "0044"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "voicemails",
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("queue", sa.String(length=50), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heard_by_id", sa.BigInteger(), nullable=True),
        sa.Column("todo_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(heard_at IS NULL) = (heard_by_id IS NULL)",
            name=op.f("ck_voicemails_heard_by_somebody"),
        ),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_voicemails")),
        sa.UniqueConstraint("path", name=op.f("uq_voicemails_path")),
    )
    op.create_index("ix_voicemails_stored_at", "voicemails", ["stored_at"])
    op.create_index(
        "ix_voicemails_without_todo",
        "voicemails",
        ["stored_at"],
        postgresql_where=sa.text("todo_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("voicemails")
