"""The way of calls through the menus, looked up and counted, and how far old data of calls have expired."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0040"
down_revision: str | Sequence[str] | None = "0039"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("line_version", sa.Integer(), nullable=True))
    op.add_column("calls", sa.Column("last_menu", sa.String(length=50), nullable=True))
    op.add_column("calls", sa.Column("wrong_keys", sa.Integer(), nullable=True))
    op.add_column("calls", sa.Column("services", postgresql.JSONB(), nullable=True))
    op.add_column("calls", sa.Column("walk", postgresql.JSONB(), nullable=True))
    op.drop_index("ix_calls_started_at", "calls")
    op.create_index("ix_calls_started_at", "calls", ["started_at", "id"])
    op.create_index("ix_calls_did", "calls", ["did", "started_at", "id"])
    op.create_index(
        "ix_calls_left_in_menu",
        "calls",
        ["last_menu", "started_at", "id"],
        postgresql_where="outcome = 'left_in_menu'",
    )
    op.create_index(
        "ix_calls_wrong_keys",
        "calls",
        ["started_at", "id"],
        postgresql_where="wrong_keys > 0",
    )
    op.create_index(
        "ix_calls_served",
        "calls",
        ["started_at", "id"],
        postgresql_where="services <> '[]'",
    )
    op.create_table(
        "call_expiry",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("upto", sa.DateTime(timezone=True), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_call_expiry")),
    )


def downgrade() -> None:
    op.drop_table("call_expiry")
    op.drop_index("ix_calls_served", "calls")
    op.drop_index("ix_calls_wrong_keys", "calls")
    op.drop_index("ix_calls_left_in_menu", "calls")
    op.drop_index("ix_calls_did", "calls")
    op.drop_index("ix_calls_started_at", "calls")
    op.create_index("ix_calls_started_at", "calls", ["started_at"])
    for column in ("walk", "services", "wrong_keys", "last_menu", "line_version"):
        op.drop_column("calls", column)
