"""Opportunities handed on, supervisors who were told of a to-do, ways by which no notice may come."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0020"
down_revision: str | Sequence[str] | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TOLD_ALL = """
UPDATE todos SET escalated_to = ARRAY(
    SELECT u.id FROM users u JOIN role_rights r ON r.role_code = u.role_code
    WHERE u.active AND r.right_code = 'todo.supervise' ORDER BY u.id)
WHERE escalated_at IS NOT NULL AND state = 'open'
"""


def upgrade() -> None:
    op.create_table(
        "opportunity_handovers",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("opportunity_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("dealer_customer_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_opportunity_handovers_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["dealer_customer_id"],
            ["customers.id"],
            name=op.f("fk_opportunity_handovers_dealer_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["opportunity_id"],
            ["opportunities.id"],
            name=op.f("fk_opportunity_handovers_opportunity_id_opportunities"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_opportunity_handovers_owner_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunity_handovers")),
    )
    op.create_index(
        op.f("ix_opportunity_handovers_opportunity_id"),
        "opportunity_handovers",
        ["opportunity_id"],
        unique=False,
    )
    op.add_column(
        "todos",
        sa.Column(
            "escalated_to",
            postgresql.ARRAY(sa.Integer()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.execute(_TOLD_ALL)
    op.create_index(
        "ix_todos_raised",
        "todos",
        ["assignee_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND alarmed_at IS NOT NULL"),
    )
    op.add_column(
        "customers",
        sa.Column(
            "opt_outs",
            postgresql.ARRAY(sa.String(length=10)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.create_check_constraint(
        op.f("ck_customers_opt_outs_known"),
        "customers",
        "opt_outs <@ ARRAY['call','email','sms']::varchar[]",
    )
    _coupon_runs()
    op.drop_constraint(op.f("ck_notices_sent_with_its_time"), "notices")
    op.create_check_constraint(
        op.f("ck_notices_sent_with_its_time"),
        "notices",
        "CASE state WHEN 'draft' THEN sent_at IS NULL WHEN 'cancelled' THEN true"
        " ELSE sent_at IS NOT NULL END",
    )


def _coupon_runs() -> None:
    op.create_table(
        "coupon_runs",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind_code", sa.String(length=30), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="running", nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("issued", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_customer", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'running') = (ended_at IS NULL)",
            name=op.f("ck_coupon_runs_ended_with_its_time"),
        ),
        sa.CheckConstraint(
            "0 <= issued AND issued <= done", name=op.f("ck_coupon_runs_issued_to_some_of_them")
        ),
        sa.CheckConstraint(
            "state IN ('running','done','cancelled','failed')",
            name=op.f("ck_coupon_runs_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_coupon_runs_created_by_users")
        ),
        sa.ForeignKeyConstraint(
            ["kind_code"], ["coupon_kinds.code"], name=op.f("fk_coupon_runs_kind_code_coupon_kinds")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_runs")),
    )
    op.create_index(op.f("ix_coupon_runs_kind_code"), "coupon_runs", ["kind_code"], unique=False)
    op.create_index(
        "ix_coupon_runs_running",
        "coupon_runs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )


def downgrade() -> None:
    op.drop_table("coupon_runs")
    op.drop_constraint(op.f("ck_notices_sent_with_its_time"), "notices")
    op.execute("UPDATE notices SET sent_at = NULL WHERE state = 'cancelled'")
    op.create_check_constraint(
        op.f("ck_notices_sent_with_its_time"),
        "notices",
        "(state IN ('sending','sent')) = (sent_at IS NOT NULL)",
    )
    op.drop_constraint(op.f("ck_customers_opt_outs_known"), "customers")
    op.drop_column("customers", "opt_outs")
    op.drop_index("ix_todos_raised", table_name="todos")
    op.drop_column("todos", "escalated_to")
    op.drop_index(
        op.f("ix_opportunity_handovers_opportunity_id"), table_name="opportunity_handovers"
    )
    op.drop_table("opportunity_handovers")
