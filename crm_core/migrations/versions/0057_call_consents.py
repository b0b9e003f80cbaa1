"""Consents to be called, and campaigns that call nobody without one."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0057"
down_revision: str | Sequence[str] | None = "0056"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "campaigns",
        sa.Column("needs_consent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_table(
        "call_consents",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("proof", sa.String(length=500), nullable=True),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_by", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Integer(), nullable=True),
        sa.Column("withdrawn_why", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(number, customer_id) > 0", name=op.f("ck_call_consents_of_somebody")
        ),
        sa.CheckConstraint(
            "num_nonnulls(proof, call_id, reference) > 0", name=op.f("ck_call_consents_proved")
        ),
        sa.CheckConstraint(
            "expires_at > given_at", name=op.f("ck_call_consents_over_after_it_was_given")
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            name=op.f("ck_call_consents_withdrawn_with_its_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_call_consents_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_call_consents_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["users.id"], name=op.f("fk_call_consents_recorded_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawn_by"], ["users.id"], name=op.f("fk_call_consents_withdrawn_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_consents")),
    )
    op.create_index("ix_call_consents_number", "call_consents", ["number"])
    op.create_index("ix_call_consents_customer_id", "call_consents", ["customer_id"])


def downgrade() -> None:
    op.drop_table("call_consents")
    op.drop_column("campaigns", "needs_consent")
