"""The outbox tells of any record, not only of orders; notices."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("body", sa.String(length=2000), nullable=False),
        sa.Column(
            "channels", postgresql.ARRAY(sa.String(length=10), as_tuple=True), nullable=False
        ),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_by", sa.Integer(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('sending','sent')) = (sent_at IS NOT NULL)",
            name=op.f("ck_notices_sent_with_its_time"),
        ),
        sa.CheckConstraint(
            "state IN ('draft','sending','sent','cancelled')", name=op.f("ck_notices_state_known")
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_notices_version_positive")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_notices_created_by_users")
        ),
        sa.ForeignKeyConstraint(["sent_by"], ["users.id"], name=op.f("fk_notices_sent_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_table(
        "notice_recipients",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ways", sa.Integer(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_by", sa.Integer(), nullable=True),
        sa.Column("call_id", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "(ways IS NULL) = (prepared_at IS NULL)",
            name=op.f("ck_notice_recipients_prepared_with_its_time"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_notice_recipients_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name=op.f("fk_notice_recipients_notice_id_notices")
        ),
        sa.ForeignKeyConstraint(
            ["told_by"], ["users.id"], name=op.f("fk_notice_recipients_told_by_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_recipients")),
    )
    op.create_index(
        op.f("ix_notice_recipients_customer_id"), "notice_recipients", ["customer_id"], unique=False
    )
    op.create_index(
        "ix_notice_recipients_notice", "notice_recipients", ["notice_id", "id"], unique=False
    )
    op.create_index(
        "ix_notice_recipients_untold",
        "notice_recipients",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.create_index(
        "ix_notice_recipients_waiting",
        "notice_recipients",
        ["id"],
        unique=False,
        postgresql_where=sa.text("prepared_at IS NULL"),
    )
    op.add_column("outbox", sa.Column("subject", sa.String(length=20), nullable=True))
    op.add_column("outbox", sa.Column("subject_id", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("customer_id", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE outbox SET subject = 'order', subject_id = order_id, customer_id = o.customer_id FROM orders o WHERE o.id = order_id"
    )
    for column in ("subject", "subject_id", "customer_id"):
        op.alter_column("outbox", column, nullable=False)
    op.drop_index(op.f("ix_outbox_order_id"), table_name="outbox")
    op.create_index(op.f("ix_outbox_customer_id"), "outbox", ["customer_id"], unique=False)
    op.create_index("ix_outbox_subject", "outbox", ["subject", "subject_id"], unique=False)
    op.drop_constraint(op.f("fk_outbox_order_id_orders"), "outbox", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_outbox_customer_id_customers"), "outbox", "customers", ["customer_id"], ["id"]
    )
    op.drop_column("outbox", "order_id")


def downgrade() -> None:
    op.execute("DELETE FROM outbox WHERE subject <> 'order'")
    op.add_column("outbox", sa.Column("order_id", sa.INTEGER(), autoincrement=False, nullable=True))
    op.execute("UPDATE outbox SET order_id = subject_id")
    op.alter_column("outbox", "order_id", nullable=False)
    op.drop_constraint(op.f("fk_outbox_customer_id_customers"), "outbox", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_outbox_order_id_orders"), "outbox", "orders", ["order_id"], ["id"]
    )
    op.drop_index("ix_outbox_subject", table_name="outbox")
    op.drop_index(op.f("ix_outbox_customer_id"), table_name="outbox")
    op.create_index(op.f("ix_outbox_order_id"), "outbox", ["order_id"], unique=False)
    op.drop_column("outbox", "customer_id")
    op.drop_column("outbox", "subject_id")
    op.drop_column("outbox", "subject")
    op.drop_index(
        "ix_notice_recipients_waiting",
        table_name="notice_recipients",
        postgresql_where=sa.text("prepared_at IS NULL"),
    )
    op.drop_index(
        "ix_notice_recipients_untold",
        table_name="notice_recipients",
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.drop_index("ix_notice_recipients_notice", table_name="notice_recipients")
    op.drop_index(op.f("ix_notice_recipients_customer_id"), table_name="notice_recipients")
    op.drop_table("notice_recipients")
    op.drop_table("notices")
