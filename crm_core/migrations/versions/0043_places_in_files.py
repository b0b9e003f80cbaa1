"""Where numbers are at home, out of files."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0043"
down_revision: str | Sequence[str] | None = "0042"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KINDS = "ck_exchange_jobs_kind_known"


def upgrade() -> None:
    op.add_column("place_overrides", sa.Column("carrier", sa.String(length=20), nullable=True))
    op.add_column("place_overrides", sa.Column("import_id", sa.Integer(), nullable=True))
    op.create_table(
        "place_revisions",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_place_revisions_only_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_place_revisions")),
    )
    op.drop_constraint(op.f(_KINDS), "exchange_jobs", type_="check")
    op.create_check_constraint(
        op.f(_KINDS), "exchange_jobs", "kind IN ('import','export','places')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM exchange_jobs WHERE kind = 'places'")
    op.drop_constraint(op.f(_KINDS), "exchange_jobs", type_="check")
    op.create_check_constraint(op.f(_KINDS), "exchange_jobs", "kind IN ('import','export')")
    op.drop_table("place_revisions")
    op.drop_column("place_overrides", "import_id")
    op.drop_column("place_overrides", "carrier")
