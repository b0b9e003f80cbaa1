"""Customers are found by the numbers at which their goods are received."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0055"
down_revision: str | Sequence[str] | None = "0054"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(op.f("ix_customer_addresses_phone"), "customer_addresses", ["phone"])
    op.create_index(
        "ix_customer_addresses_phone_grams",
        "customer_addresses",
        [sa.text("search_grams(phone)")],
        postgresql_using="gin",
    )


def downgrade() -> None:
    op.drop_index("ix_customer_addresses_phone_grams", "customer_addresses")
    op.drop_index(op.f("ix_customer_addresses_phone"), "customer_addresses")
