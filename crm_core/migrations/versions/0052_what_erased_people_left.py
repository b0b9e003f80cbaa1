"""Complaints of people who were erased are rejected, with the reason, and insight of them goes."""

from collections.abc import Sequence

from alembic import op

revision: str = "0052"
down_revision: str | Sequence[str] | None = "0051"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_REJECT = """
WITH left_open AS (
    SELECT c.id, c.state, p.erased_at FROM complaints c JOIN customers p ON p.id = c.customer_id
    WHERE c.handled_at IS NULL AND p.erased_at IS NOT NULL
), rejected AS (
    UPDATE complaints c SET state = 'rejected', handled_at = l.erased_at, updated_at = l.erased_at,
        version = version + 1
    FROM left_open l WHERE l.id = c.id
)
INSERT INTO complaint_steps (complaint_id, at, kind, from_state, to_state, text)
SELECT id, erased_at, 'state', state, 'rejected', 'erased at the person''s own request' FROM left_open
"""
_FORGET = """
DELETE FROM customer_insight i USING customers c WHERE c.id = i.customer_id AND c.erased_at IS NOT NULL
"""


def upgrade() -> None:
    op.execute(_REJECT)
    op.execute(_FORGET)


def downgrade() -> None:
    """What was rejected stays so."""
