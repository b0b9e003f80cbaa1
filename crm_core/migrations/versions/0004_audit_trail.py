"""The audit trail cannot be altered unseen; entries from before get their digests."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from crm_core.audit import protection

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after_xid", sa.BigInteger(), nullable=False),
        sa.Column("after_row_id", sa.BigInteger(), nullable=False),
        sa.Column("last_xid", sa.BigInteger(), nullable=False),
        sa.Column("first_row_id", sa.BigInteger(), nullable=False),
        sa.Column("last_row_id", sa.BigInteger(), nullable=False),
        sa.Column("highest_row_id", sa.BigInteger(), nullable=False),
        sa.Column("era_row_id", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("row_ids", sa.Text(), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.Column("rows_digest", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id > 0", name=op.f("ck_audit_seals_id_is_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("previous", name=op.f("uq_audit_seals_previous")),
    )
    op.add_column("audit_log", sa.Column("xid", sa.BigInteger(), nullable=True))
    op.add_column("audit_log", sa.Column("salt", sa.LargeBinary(), nullable=True))
    op.add_column("audit_log", sa.Column("payload_digest", sa.LargeBinary(), nullable=True))
    op.add_column("audit_log", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.add_column("audit_log", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("audit_log", sa.Column("redacted_by", sa.Integer(), nullable=True))
    op.add_column("audit_log", sa.Column("redaction_id", sa.BigInteger(), nullable=True))
    for statement in protection.ADOPT:
        op.execute(statement)
    for column in ("xid", "payload_digest", "digest"):
        op.alter_column("audit_log", column, nullable=False)
    op.create_index("ix_audit_log_actor_id_id", "audit_log", ["actor_id", "id"], unique=False)
    op.create_index(
        "ix_audit_log_own",
        "audit_log",
        ["id"],
        unique=False,
        postgresql_where=sa.text("action ^@ 'audit.'"),
    )
    op.create_index("ix_audit_log_xid_id", "audit_log", ["xid", "id"], unique=True)
    op.create_foreign_key(
        op.f("fk_audit_log_redacted_by_users"), "audit_log", "users", ["redacted_by"], ["id"]
    )
    for statement in (*protection.LOG, *protection.SEALS):
        op.execute(statement)


def downgrade() -> None:
    for statement in protection.REMOVE:
        op.execute(statement)
    op.drop_constraint(op.f("fk_audit_log_redacted_by_users"), "audit_log", type_="foreignkey")
    op.drop_index("ix_audit_log_xid_id", table_name="audit_log")
    op.drop_index(
        "ix_audit_log_own", table_name="audit_log", postgresql_where=sa.text("action ^@ 'audit.'")
    )
    op.drop_index("ix_audit_log_actor_id_id", table_name="audit_log")
    op.drop_column("audit_log", "redaction_id")
    op.drop_column("audit_log", "redacted_by")
    op.drop_column("audit_log", "redacted_at")
    op.drop_column("audit_log", "digest")
    op.drop_column("audit_log", "payload_digest")
    op.drop_column("audit_log", "salt")
    op.drop_column("audit_log", "xid")
    op.drop_table("audit_seals")
