"""Who set an agent's state, why a break was asked for, and the right to set others'."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0046"
down_revision: str | Sequence[str] | None = "0045"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("agent_states", sa.Column("pending_reason", sa.String(length=50), nullable=True))
    op.add_column("agent_states", sa.Column("by_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_agent_states_since", "agent_states", ["agent_id", "since"])
    op.execute(
        "INSERT INTO role_rights (role_code, right_code) SELECT code, 'agent.supervise' FROM roles"
        " WHERE code IN ('supervisor', 'admin') ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.execute("DELETE FROM role_rights WHERE right_code = 'agent.supervise'")
    op.drop_index("ix_agent_states_since", "agent_states")
    op.drop_column("agent_states", "by_id")
    op.drop_column("agent_states", "pending_reason")
