"""Leads are found by name and number; a quote is sent; a role may give so much discount."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from crm_core.search_text import search_text

revision: str = "0034"
down_revision: str | Sequence[str] | None = "0033"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)
_BATCH = 1000


def upgrade() -> None:
    op.add_column(
        "leads", sa.Column("search_text", sa.String(length=1000), server_default="", nullable=False)
    )
    _fill()
    _grams("ix_leads_search_grams", "search_text")
    _grams("ix_leads_phone_grams", "phone", "phone IS NOT NULL")
    op.add_column("quotes", sa.Column("sent_at", _TIME, nullable=True))
    op.add_column("quotes", sa.Column("sent_by", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_quotes_sent_by_users"), "quotes", "users", ["sent_by"], ["id"])
    op.add_column(
        "order_review_limits",
        sa.Column("most_discount", sa.Numeric(precision=5, scale=2), nullable=True),
    )
    op.create_check_constraint(
        op.f("ck_order_review_limits_most_discount_sensible"),
        "order_review_limits",
        "most_discount BETWEEN 0 AND 100",
    )


def downgrade() -> None:
    op.drop_column("order_review_limits", "most_discount")
    op.drop_column("quotes", "sent_by")
    op.drop_column("quotes", "sent_at")
    op.drop_index("ix_leads_phone_grams", table_name="leads")
    op.drop_index("ix_leads_search_grams", table_name="leads")
    op.drop_column("leads", "search_text")


def _grams(name: str, column: str, where: str | None = None) -> None:
    op.create_index(
        name,
        "leads",
        [sa.literal_column(f"search_grams({column})")],
        postgresql_using="gin",
        postgresql_where=None if where is None else sa.text(where),
    )


def _fill() -> None:
    """What the leads that are there are found by."""
    held = op.get_bind()
    last = 0
    while rows := held.execute(
        sa.text("SELECT id, name FROM leads WHERE id > :last ORDER BY id LIMIT :many"),
        {"last": last, "many": _BATCH},
    ).all():
        held.execute(
            sa.text("UPDATE leads SET search_text = :words WHERE id = :id"),
            [{"words": search_text(row.name), "id": row.id} for row in rows],
        )
        last = rows[-1].id
