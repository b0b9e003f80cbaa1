"""Telling customers at each step: more ways, once for each step, and words of the business's own."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0014"
down_revision: str | Sequence[str] | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Customers who were merged may have two messages of one step: the later ones are steps of their own.
_TELL_STEPS_APART = """
UPDATE outbox SET step = token FROM (
    SELECT id AS later FROM (
        SELECT id, row_number() OVER (
            PARTITION BY subject, subject_id, customer_id, kind, channel ORDER BY id) AS place
        FROM outbox) numbered
    WHERE place > 1) doubles
WHERE id = later
"""
_SINCE_WHEN = """
UPDATE outbox SET queued_at = created_at, settled_at = sent_at,
    tried_at = CASE WHEN state = 'sending' THEN now() END
"""
_NEW_RIGHT = sa.text(
    "INSERT INTO role_rights (role_code, right_code)"
    " SELECT code, 'message.manage' FROM roles"
    " WHERE code IN ('operations', 'supervisor', 'admin') ON CONFLICT DO NOTHING"
)
_STATES = "'pending','sending','sent','failed','unknown'"
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "message_templates",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("channel", sa.String(length=20), server_default="", nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.String(length=2000), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "language IN ('zh','en')", name=op.f("ck_message_templates_language_known")
        ),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["users.id"], name=op.f("fk_message_templates_changed_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_templates")),
        sa.UniqueConstraint("kind", "language", "channel", name="uq_message_templates_place"),
    )
    op.add_column("customers", sa.Column("fax", sa.String(length=32), nullable=True))
    op.add_column("customers", sa.Column("wecom", sa.String(length=64), nullable=True))
    op.add_column("customers", sa.Column("wecom_group", sa.String(length=64), nullable=True))
    op.add_column(
        "customers", sa.Column("told_by", postgresql.ARRAY(sa.String(length=20)), nullable=True)
    )
    _deepen_outbox()
    op.add_column("attempts", sa.Column("message_token", sa.String(length=32), nullable=True))
    op.alter_column("attempts", "agent_id", existing_type=sa.Integer(), nullable=True)
    _check("attempts", "one_purpose", "num_nonnulls(callback_id, contact_id, message_token) = 1")
    op.create_check_constraint(
        op.f("ck_attempts_agent_unless_message"),
        "attempts",
        "(agent_id IS NULL) = (message_token IS NOT NULL)",
    )
    op.execute(_NEW_RIGHT)


def _deepen_outbox() -> None:
    op.alter_column("outbox", "channel", existing_type=sa.String(10), type_=sa.String(20))
    op.add_column("outbox", sa.Column("step", sa.String(40), server_default="", nullable=False))
    op.add_column("outbox", sa.Column("claims", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "outbox", sa.Column("queued_at", _MOMENT, server_default=sa.text("now()"), nullable=False)
    )
    for name in ("tried_at", "doubtful_since", "settled_at"):
        op.add_column("outbox", sa.Column(name, _MOMENT, nullable=True))
    op.execute(_TELL_STEPS_APART)
    op.execute(_SINCE_WHEN)
    op.create_unique_constraint(
        "uq_outbox_step",
        "outbox",
        ["subject", "subject_id", "customer_id", "kind", "channel", "step"],
    )
    _check("outbox", "state_known", f"state IN ({_STATES},'given_up')")
    op.drop_index("ix_outbox_subject", table_name="outbox")
    op.drop_index("ix_outbox_due", table_name="outbox")
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_outbox_due", "outbox", ["channel", "next_at", "id"], postgresql_where=pending
    )
    op.create_index(
        "ix_outbox_unsettled",
        "outbox",
        ["id"],
        postgresql_where=sa.text("state IN ('failed','unknown')"),
    )
    op.create_index(
        "ix_outbox_settled_at",
        "outbox",
        ["settled_at"],
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    )


def _check(table: str, name: str, condition: str) -> None:
    """In place of the constraint of this name."""
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    op.execute("DELETE FROM role_rights WHERE right_code = 'message.manage'")
    op.execute("DELETE FROM attempts WHERE message_token IS NOT NULL")
    op.drop_constraint(op.f("ck_attempts_agent_unless_message"), "attempts", type_="check")
    _check("attempts", "one_purpose", "num_nonnulls(callback_id, contact_id) = 1")
    op.alter_column("attempts", "agent_id", existing_type=sa.Integer(), nullable=False)
    op.drop_column("attempts", "message_token")
    op.execute("UPDATE outbox SET state = 'failed' WHERE state = 'given_up'")
    op.execute("DELETE FROM outbox WHERE length(channel) > 10")
    for index in ("ix_outbox_settled_at", "ix_outbox_unsettled", "ix_outbox_due"):
        op.drop_index(index, table_name="outbox")
    op.drop_constraint("uq_outbox_step", "outbox", type_="unique")
    _check("outbox", "state_known", f"state IN ({_STATES})")
    for name in ("settled_at", "doubtful_since", "tried_at", "queued_at", "claims", "step"):
        op.drop_column("outbox", name)
    op.alter_column("outbox", "channel", existing_type=sa.String(20), type_=sa.String(10))
    op.create_index("ix_outbox_subject", "outbox", ["subject", "subject_id"])
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_at", "id"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    for name in ("told_by", "wecom_group", "wecom", "fax"):
        op.drop_column("customers", name)
    op.drop_table("message_templates")
