"""To-dos, complaints, and the exchange of files."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "complaint_categories",
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("parent_code", sa.String(length=30), nullable=True),
        sa.Column("name_zh", sa.String(length=50), nullable=False),
        sa.Column("name_en", sa.String(length=50), nullable=False),
        sa.Column("handling_hours", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "handling_hours > 0", name=op.f("ck_complaint_categories_handling_hours_positive")
        ),
        sa.CheckConstraint(
            "parent_code <> code", name=op.f("ck_complaint_categories_not_its_own_parent")
        ),
        sa.ForeignKeyConstraint(
            ["parent_code"],
            ["complaint_categories.code"],
            name=op.f("fk_complaint_categories_parent_code_complaint_categories"),
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_complaint_categories")),
    )
    op.create_index(
        op.f("ix_complaint_categories_parent_code"),
        "complaint_categories",
        ["parent_code"],
        unique=False,
    )
    op.create_table(
        "exchange_jobs",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("row", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("added", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("same", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refused", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('import','export')", name=op.f("ck_exchange_jobs_kind_known")),
        sa.CheckConstraint(
            "state IN ('uploaded','waiting','running','done','failed','cancelled')",
            name=op.f("ck_exchange_jobs_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_exchange_jobs_created_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_jobs")),
    )
    op.create_index(
        "ix_exchange_jobs_created_by", "exchange_jobs", ["created_by", "created_at"], unique=False
    )
    op.create_index(
        "ix_exchange_jobs_open",
        "exchange_jobs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting','running')"),
    )
    op.create_table(
        "complaints",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("category_code", sa.String(length=30), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("description", sa.String(length=4000), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.Column("order_number", sa.String(length=30), nullable=True),
        sa.Column("state", sa.String(length=15), server_default="open", nullable=False),
        sa.Column("handler_id", sa.Integer(), nullable=True),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolution", sa.String(length=2000), nullable=True),
        sa.Column("compensation", sa.String(length=1000), nullable=True),
        sa.Column("satisfaction", sa.Integer(), nullable=True),
        sa.Column("reopened", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)",
            name=op.f("ck_complaints_closed_with_its_time"),
        ),
        sa.CheckConstraint(
            "(state IN ('open','in_progress','reopened')) = (handled_at IS NULL)",
            name=op.f("ck_complaints_handled_with_its_time"),
        ),
        sa.CheckConstraint(
            "channel IN ('phone','online','email','visit','other')",
            name=op.f("ck_complaints_channel_known"),
        ),
        sa.CheckConstraint(
            "satisfaction IS NULL OR state = 'closed'",
            name=op.f("ck_complaints_satisfaction_at_closing"),
        ),
        sa.CheckConstraint(
            "state <> 'in_progress' OR handler_id IS NOT NULL",
            name=op.f("ck_complaints_has_a_handler"),
        ),
        sa.CheckConstraint(
            "state IN ('open','in_progress','resolved','closed','reopened','rejected')",
            name=op.f("ck_complaints_state_known"),
        ),
        sa.CheckConstraint(
            "satisfaction BETWEEN 1 AND 5", name=op.f("ck_complaints_satisfaction_known")
        ),
        sa.CheckConstraint("severity BETWEEN 1 AND 3", name=op.f("ck_complaints_severity_known")),
        sa.ForeignKeyConstraint(
            ["category_code"],
            ["complaint_categories.code"],
            name=op.f("fk_complaints_category_code_complaint_categories"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_complaints_customer_id_customers")
        ),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["users.id"], name=op.f("fk_complaints_entered_by_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["handler_id"], ["users.id"], name=op.f("fk_complaints_handler_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
    )
    op.create_index(op.f("ix_complaints_call_id"), "complaints", ["call_id"], unique=False)
    op.create_index(
        op.f("ix_complaints_category_code"), "complaints", ["category_code"], unique=False
    )
    op.create_index("ix_complaints_created_at", "complaints", ["created_at"], unique=False)
    op.create_index(op.f("ix_complaints_customer_id"), "complaints", ["customer_id"], unique=False)
    op.create_index(
        "ix_complaints_due",
        "complaints",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('open','in_progress','reopened')"),
    )
    op.create_index(op.f("ix_complaints_handler_id"), "complaints", ["handler_id"], unique=False)
    op.create_index(
        op.f("ix_complaints_order_number"), "complaints", ["order_number"], unique=False
    )
    op.create_table(
        "import_refusals",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("cells", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("waits", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["exchange_jobs.id"],
            name=op.f("fk_import_refusals_job_id_exchange_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "row", name=op.f("pk_import_refusals")),
    )
    op.create_table(
        "todos",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alarm_before_min", sa.Integer(), nullable=False),
        sa.Column("escalate_after_min", sa.Integer(), nullable=False),
        sa.Column("alarm_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("escalate_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assignee_id", sa.Integer(), nullable=False),
        sa.Column("creator_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("source_kind", sa.String(length=30), nullable=True),
        sa.Column("source_reference", sa.String(length=100), nullable=True),
        sa.Column("snoozes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("completion_note", sa.String(length=1000), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at IS NULL)", name=op.f("ck_todos_closed_with_its_time")
        ),
        sa.CheckConstraint(
            "kind IN ('task','note_to_supervisor','follow_up')", name=op.f("ck_todos_kind_known")
        ),
        sa.CheckConstraint(
            "priority IN ('low','normal','high')", name=op.f("ck_todos_priority_known")
        ),
        sa.CheckConstraint(
            "state IN ('open','done','cancelled')", name=op.f("ck_todos_state_known")
        ),
        sa.CheckConstraint(
            "(source_kind IS NULL) = (source_reference IS NULL)",
            name=op.f("ck_todos_source_is_whole"),
        ),
        sa.CheckConstraint(
            "alarm_at <= due_at AND escalate_at >= due_at", name=op.f("ck_todos_moments_in_order")
        ),
        sa.CheckConstraint("snoozes >= 0", name=op.f("ck_todos_snoozes_not_negative")),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["users.id"], name=op.f("fk_todos_assignee_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["users.id"], name=op.f("fk_todos_closed_by_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["creator_id"], ["users.id"], name=op.f("fk_todos_creator_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_todos_customer_id_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_todos")),
        sa.UniqueConstraint(
            "source_kind", "source_reference", name=op.f("uq_todos_source_kind_source_reference")
        ),
    )
    op.create_index(
        "ix_todos_alarm",
        "todos",
        ["alarm_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND alarmed_at IS NULL"),
    )
    op.create_index(op.f("ix_todos_assignee_id"), "todos", ["assignee_id"], unique=False)
    op.create_index(op.f("ix_todos_call_id"), "todos", ["call_id"], unique=False)
    op.create_index(
        "ix_todos_closed",
        "todos",
        ["closed_at", "id"],
        unique=False,
        postgresql_where=sa.text("state <> 'open'"),
    )
    op.create_index(op.f("ix_todos_creator_id"), "todos", ["creator_id"], unique=False)
    op.create_index(op.f("ix_todos_customer_id"), "todos", ["customer_id"], unique=False)
    op.create_index(
        "ix_todos_due",
        "todos",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_todos_escalate",
        "todos",
        ["escalate_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND escalated_at IS NULL"),
    )
    op.create_index(
        "ix_todos_mine",
        "todos",
        ["assignee_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "complaint_steps",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("from_state", sa.String(length=15), nullable=True),
        sa.Column("to_state", sa.String(length=15), nullable=True),
        sa.Column("to_user_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(length=2000), nullable=True),
        sa.CheckConstraint(
            "kind IN ('comment','state','handover','edit')",
            name=op.f("ck_complaint_steps_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_complaint_steps_actor_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaints.id"],
            name=op.f("fk_complaint_steps_complaint_id_complaints"),
        ),
        sa.ForeignKeyConstraint(
            ["to_user_id"], ["users.id"], name=op.f("fk_complaint_steps_to_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_steps")),
    )
    op.create_index(
        "ix_complaint_steps_complaint", "complaint_steps", ["complaint_id", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_complaint_steps_complaint", table_name="complaint_steps")
    op.drop_table("complaint_steps")
    op.drop_index("ix_todos_mine", table_name="todos", postgresql_where=sa.text("state = 'open'"))
    op.drop_index(
        "ix_todos_escalate",
        table_name="todos",
        postgresql_where=sa.text("state = 'open' AND escalated_at IS NULL"),
    )
    op.drop_index("ix_todos_due", table_name="todos", postgresql_where=sa.text("state = 'open'"))
    op.drop_index(op.f("ix_todos_customer_id"), table_name="todos")
    op.drop_index(op.f("ix_todos_creator_id"), table_name="todos")
    op.drop_index(
        "ix_todos_closed", table_name="todos", postgresql_where=sa.text("state <> 'open'")
    )
    op.drop_index(op.f("ix_todos_call_id"), table_name="todos")
    op.drop_index(op.f("ix_todos_assignee_id"), table_name="todos")
    op.drop_index(
        "ix_todos_alarm",
        table_name="todos",
        postgresql_where=sa.text("state = 'open' AND alarmed_at IS NULL"),
    )
    op.drop_table("todos")
    op.drop_table("import_refusals")
    op.drop_index(op.f("ix_complaints_order_number"), table_name="complaints")
    op.drop_index(op.f("ix_complaints_handler_id"), table_name="complaints")
    op.drop_index(
        "ix_complaints_due",
        table_name="complaints",
        postgresql_where=sa.text("state IN ('open','in_progress','reopened')"),
    )
    op.drop_index(op.f("ix_complaints_customer_id"), table_name="complaints")
    op.drop_index("ix_complaints_created_at", table_name="complaints")
    op.drop_index(op.f("ix_complaints_category_code"), table_name="complaints")
    op.drop_index(op.f("ix_complaints_call_id"), table_name="complaints")
    op.drop_table("complaints")
    op.drop_index(
        "ix_exchange_jobs_open",
        table_name="exchange_jobs",
        postgresql_where=sa.text("state IN ('waiting','running')"),
    )
    op.drop_index("ix_exchange_jobs_created_by", table_name="exchange_jobs")
    op.drop_table("exchange_jobs")
    op.drop_index(op.f("ix_complaint_categories_parent_code"), table_name="complaint_categories")
    op.drop_table("complaint_categories")
