"""Leads and opportunities."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | Sequence[str] | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "opportunity_stages",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=5), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "outcome IN ('won','lost')", name=op.f("ck_opportunity_stages_outcome_known")
        ),
        sa.CheckConstraint(
            "percent BETWEEN 0 AND 100", name=op.f("ck_opportunity_stages_percent_sensible")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_opportunity_stages")),
    )
    op.create_index(
        "uq_opportunity_stages_outcome",
        "opportunity_stages",
        ["outcome"],
        unique=True,
        postgresql_where=sa.text("outcome IS NOT NULL"),
    )
    op.create_table(
        "leads",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("province", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=20), nullable=True),
        sa.Column("interest", sa.String(length=1000), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="new", nullable=False),
        sa.Column("lost_reason", sa.String(length=200), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("dealer_customer_id", sa.Integer(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(state = 'converted') = (customer_id IS NOT NULL)",
            name=op.f("ck_leads_converted_to_somebody"),
        ),
        sa.CheckConstraint(
            "(state = 'lost') = (lost_reason IS NOT NULL)", name=op.f("ck_leads_lost_with_reason")
        ),
        sa.CheckConstraint(
            "source IN ('call','web','fair','referral','campaign','other')",
            name=op.f("ck_leads_source_known"),
        ),
        sa.CheckConstraint(
            "state IN ('new','contacted','converted','lost')", name=op.f("ck_leads_state_known")
        ),
        sa.CheckConstraint(
            "num_nonnulls(owner_id, dealer_customer_id) <= 1", name=op.f("ck_leads_with_one")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_leads_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_leads_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["dealer_customer_id"],
            ["customers.id"],
            name=op.f("fk_leads_dealer_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_leads_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
        info={"entity": "lead"},
    )
    op.create_index(op.f("ix_leads_customer_id"), "leads", ["customer_id"], unique=False)
    op.create_index(
        op.f("ix_leads_dealer_customer_id"), "leads", ["dealer_customer_id"], unique=False
    )
    op.create_index(
        "ix_leads_owner",
        "leads",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_leads_owner_id"), "leads", ["owner_id"], unique=False)
    op.create_index("ix_leads_phone", "leads", ["phone"], unique=False)
    op.create_table(
        "lead_handovers",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("dealer_customer_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_lead_handovers_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["dealer_customer_id"],
            ["customers.id"],
            name=op.f("fk_lead_handovers_dealer_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["leads.id"], name=op.f("fk_lead_handovers_lead_id_leads")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_lead_handovers_owner_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_handovers")),
    )
    op.create_index(op.f("ix_lead_handovers_lead_id"), "lead_handovers", ["lead_id"], unique=False)
    op.create_table(
        "opportunities",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("stage_code", sa.String(length=30), nullable=False),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), server_default="0", nullable=False),
        sa.Column("close_on", sa.Date(), nullable=True),
        sa.Column("lost_reason", sa.String(length=200), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("dealer_customer_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_opportunities_amount_not_negative")),
        sa.CheckConstraint(
            "num_nonnulls(owner_id, dealer_customer_id) <= 1",
            name=op.f("ck_opportunities_with_one"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_opportunities_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_opportunities_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["dealer_customer_id"],
            ["customers.id"],
            name=op.f("fk_opportunities_dealer_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["leads.id"], name=op.f("fk_opportunities_lead_id_leads")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_opportunities_owner_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["stage_code"],
            ["opportunity_stages.code"],
            name=op.f("fk_opportunities_stage_code_opportunity_stages"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunities")),
        sa.UniqueConstraint("lead_id", name=op.f("uq_opportunities_lead_id")),
        info={"entity": "opportunity"},
    )
    op.create_index(
        op.f("ix_opportunities_customer_id"), "opportunities", ["customer_id"], unique=False
    )
    op.create_index(
        op.f("ix_opportunities_dealer_customer_id"),
        "opportunities",
        ["dealer_customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_opportunities_owner",
        "opportunities",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_opportunities_stage", "opportunities", ["stage_code", "id"], unique=False)
    op.create_table(
        "opportunity_moves",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("opportunity_id", sa.Integer(), nullable=False),
        sa.Column("from_stage", sa.String(length=30), nullable=True),
        sa.Column("to_stage", sa.String(length=30), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_opportunity_moves_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["opportunity_id"],
            ["opportunities.id"],
            name=op.f("fk_opportunity_moves_opportunity_id_opportunities"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunity_moves")),
    )
    op.create_index(
        op.f("ix_opportunity_moves_opportunity_id"),
        "opportunity_moves",
        ["opportunity_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_opportunity_moves_opportunity_id"), table_name="opportunity_moves")
    op.drop_table("opportunity_moves")
    op.drop_index("ix_opportunities_stage", table_name="opportunities")
    op.drop_index(
        "ix_opportunities_owner",
        table_name="opportunities",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(op.f("ix_opportunities_dealer_customer_id"), table_name="opportunities")
    op.drop_index(op.f("ix_opportunities_customer_id"), table_name="opportunities")
    op.drop_table("opportunities")
    op.drop_index(op.f("ix_lead_handovers_lead_id"), table_name="lead_handovers")
    op.drop_table("lead_handovers")
    op.drop_index("ix_leads_phone", table_name="leads")
    op.drop_index(op.f("ix_leads_owner_id"), table_name="leads")
    op.drop_index(
        "ix_leads_owner", table_name="leads", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_index(op.f("ix_leads_dealer_customer_id"), table_name="leads")
    op.drop_index(op.f("ix_leads_customer_id"), table_name="leads")
    op.drop_table("leads")
    op.drop_index(
        "uq_opportunity_stages_outcome",
        table_name="opportunity_stages",
        postgresql_where=sa.text("outcome IS NOT NULL"),
    )
    op.drop_table("opportunity_stages")
