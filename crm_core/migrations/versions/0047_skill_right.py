"""Supervisors see to skills."""

from collections.abc import Sequence

from alembic import op

revision: str = "0047"
down_revision: str | Sequence[str] | None = "0046"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO role_rights (role_code, right_code) SELECT code, 'skill.manage' FROM roles"
        " WHERE code IN ('supervisor','admin') ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.execute("DELETE FROM role_rights WHERE right_code = 'skill.manage'")
