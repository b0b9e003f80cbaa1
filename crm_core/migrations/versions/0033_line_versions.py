"""The line in versions, and the right to change it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0033"
down_revision: str | Sequence[str] | None = "0032"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "line_versions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("same_as", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.Integer(), nullable=True),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["same_as"],
            ["line_versions.number"],
            name=op.f("fk_line_versions_same_as_line_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["users.id"], name=op.f("fk_line_versions_made_by_users")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_line_versions")),
    )
    op.execute(
        "INSERT INTO role_rights (role_code, right_code) SELECT code, 'line.manage' FROM roles"
        " WHERE code IN ('operations','supervisor','admin') ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.execute("DELETE FROM role_rights WHERE right_code = 'line.manage'")
    op.drop_table("line_versions")
