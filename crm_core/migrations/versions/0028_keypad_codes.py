"""What callers press for a product."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0028"
down_revision: str | Sequence[str] | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("products", sa.Column("keypad_code", sa.String(length=8), nullable=True))
    op.create_unique_constraint(op.f("uq_products_keypad_code"), "products", ["keypad_code"])
    op.create_check_constraint(
        op.f("ck_products_keypad_code_of_digits"), "products", "keypad_code ~ '^[0-9]{1,8}$'"
    )


def downgrade() -> None:
    op.drop_column("products", "keypad_code")
