"""Do-not-call: by campaign, from named lists, with where each refusal came from, lifted and not deleted."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0056"
down_revision: str | Sequence[str] | None = "0055"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KINDS = "ck_exchange_jobs_kind_known"
_TABLE = "do_not_call"


def upgrade() -> None:
    op.drop_constraint(op.f("pk_do_not_call"), _TABLE, type_="primary")
    op.add_column(_TABLE, sa.Column("id", sa.Integer(), sa.Identity(), nullable=False))
    op.create_primary_key(op.f("pk_do_not_call"), _TABLE, ["id"])
    op.add_column(_TABLE, sa.Column("campaign_id", sa.Integer(), nullable=True))
    op.add_column(
        _TABLE, sa.Column("source", sa.String(length=8), server_default="api", nullable=False)
    )
    op.add_column(_TABLE, sa.Column("call_id", sa.String(length=32), nullable=True))
    op.add_column(_TABLE, sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(_TABLE, sa.Column("lifted_by", sa.Integer(), nullable=True))
    op.add_column(_TABLE, sa.Column("lifted_why", sa.String(length=200), nullable=True))
    op.create_foreign_key(
        op.f("fk_do_not_call_campaign_id_campaigns"), _TABLE, "campaigns", ["campaign_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_do_not_call_lifted_by_users"), _TABLE, "users", ["lifted_by"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_do_not_call_source_known"),
        _TABLE,
        "source IN ('agent','key','inbound','api','cli')",
    )
    op.create_check_constraint(
        op.f("ck_do_not_call_lifted_with_its_reason"),
        _TABLE,
        "(lifted_at IS NULL) = (lifted_why IS NULL)",
    )
    op.create_index(
        "uq_do_not_call_number",
        _TABLE,
        ["number", "campaign_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.execute("UPDATE do_not_call SET source = 'cli' WHERE added_by IS NULL")
    op.create_table(
        "do_not_call_lists",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("covers", sa.String(length=10), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("numbers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "covers IN ('everything','campaigns')", name=op.f("ck_do_not_call_lists_covers_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_do_not_call_lists")),
        sa.UniqueConstraint("name", name=op.f("uq_do_not_call_lists_name")),
    )
    op.create_table(
        "do_not_call_listed",
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["do_not_call_lists.id"],
            name=op.f("fk_do_not_call_listed_list_id_do_not_call_lists"),
        ),
        sa.PrimaryKeyConstraint("list_id", "job_id", "number", name=op.f("pk_do_not_call_listed")),
    )
    op.create_index("ix_do_not_call_listed_number", "do_not_call_listed", ["number"])
    op.alter_column("exchange_jobs", "kind", type_=sa.String(length=12))
    op.drop_constraint(op.f(_KINDS), "exchange_jobs", type_="check")
    op.create_check_constraint(
        op.f(_KINDS), "exchange_jobs", "kind IN ('import','export','places','do_not_call')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM exchange_jobs WHERE kind = 'do_not_call'")
    op.drop_constraint(op.f(_KINDS), "exchange_jobs", type_="check")
    op.create_check_constraint(
        op.f(_KINDS), "exchange_jobs", "kind IN ('import','export','places')"
    )
    op.alter_column("exchange_jobs", "kind", type_=sa.String(length=6))
    op.drop_table("do_not_call_listed")
    op.drop_table("do_not_call_lists")
    op.execute("DELETE FROM do_not_call WHERE lifted_at IS NOT NULL OR campaign_id IS NOT NULL")
    op.drop_index("uq_do_not_call_number", table_name=_TABLE)
    op.drop_constraint(op.f("ck_do_not_call_lifted_with_its_reason"), _TABLE, type_="check")
    op.drop_constraint(op.f("ck_do_not_call_source_known"), _TABLE, type_="check")
    op.drop_constraint(op.f("fk_do_not_call_lifted_by_users"), _TABLE, type_="foreignkey")
    op.drop_constraint(op.f("fk_do_not_call_campaign_id_campaigns"), _TABLE, type_="foreignkey")
    op.drop_constraint(op.f("pk_do_not_call"), _TABLE, type_="primary")
    for column in (
        "lifted_why",
        "lifted_by",
        "lifted_at",
        "call_id",
        "source",
        "campaign_id",
        "id",
    ):
        op.drop_column(_TABLE, column)
    op.create_primary_key(op.f("pk_do_not_call"), _TABLE, ["number"])
