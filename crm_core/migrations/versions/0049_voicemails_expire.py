"""Messages that callers left are removed by policy, and held beyond it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0049"
down_revision: str | Sequence[str] | None = "0048"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RULES = (
    ("held_stays", "removed_at IS NULL OR held_at IS NULL"),
    ("held_for_a_reason", "(held_at IS NULL) = (hold_reason IS NULL)"),
    ("file_goes_last", "removed_at IS NOT NULL OR NOT file_removed"),
)


def upgrade() -> None:
    for column in (
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_removed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_by", sa.BigInteger(), nullable=True),
        sa.Column("hold_reason", sa.String(length=500), nullable=True),
    ):
        op.add_column("voicemails", column)
    for name, rule in _RULES:
        op.create_check_constraint(op.f(f"ck_voicemails_{name}"), "voicemails", rule)
    op.create_index(
        "ix_voicemails_going",
        "voicemails",
        ["call_id"],
        postgresql_where=sa.text("removed_at IS NOT NULL AND NOT file_removed"),
    )


def downgrade() -> None:
    op.drop_index("ix_voicemails_going", "voicemails")
    for name, _ in _RULES:
        op.drop_constraint(op.f(f"ck_voicemails_{name}"), "voicemails")
    for column in ("hold_reason", "held_by", "held_at", "file_removed", "removed_at"):
        op.drop_column("voicemails", column)
