"""Faxes, in and out, and the right to see them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0044"
down_revision: str | Sequence[str] | None = "0043"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "faxes",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("message_token", sa.String(length=32), nullable=True),
        sa.Column("number", sa.String(length=32), nullable=True),
        sa.Column("did", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=True),
        sa.Column("pages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=True),
        sa.Column("station", sa.String(length=40), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("path", sa.String(length=200), nullable=True),
        sa.Column("size_bytes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("direction IN ('in','out')", name=op.f("ck_faxes_direction_known")),
        sa.CheckConstraint("pages >= 0", name=op.f("ck_faxes_pages_counted")),
        sa.CheckConstraint(
            "status IN ('received','partial','sent','failed')", name=op.f("ck_faxes_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_faxes_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faxes")),
        sa.UniqueConstraint("source", name=op.f("uq_faxes_source")),
    )
    op.create_index(op.f("ix_faxes_call_id"), "faxes", ["call_id"])
    op.create_index("ix_faxes_customer_id_id", "faxes", ["customer_id", "id"])
    op.create_index("ix_faxes_at", "faxes", ["at"])
    op.execute(
        "INSERT INTO role_rights (role_code, right_code) SELECT code, 'fax.view' FROM roles"
        " WHERE code IN ('agent','operations','supervisor','admin') ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.execute("DELETE FROM role_rights WHERE right_code = 'fax.view'")
    op.drop_table("faxes")
