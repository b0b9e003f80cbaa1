"""A level has the terms of whoever is entered there and given no other."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0054"
down_revision: str | Sequence[str] | None = "0053"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_CODES = {"price_policy_code": "price_policies", "payment_terms_code": "payment_terms"}


def upgrade() -> None:
    for name, table in _CODES.items():
        op.add_column("levels", sa.Column(name, sa.String(30)))
        op.create_foreign_key(op.f(f"fk_levels_{name}_{table}"), "levels", table, [name], ["code"])
    op.add_column(
        "levels", sa.Column("credit_limit", sa.Numeric(14, 2), server_default="0", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_levels_credit_limit_not_negative"), "levels", "credit_limit >= 0"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_levels_credit_limit_not_negative"), "levels", type_="check")
    op.drop_column("levels", "credit_limit")
    for name, table in _CODES.items():
        op.drop_constraint(op.f(f"fk_levels_{name}_{table}"), "levels", type_="foreignkey")
        op.drop_column("levels", name)
