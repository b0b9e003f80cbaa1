"""Answers to the questions that callers are asked after the talk."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "survey_answers",
        sa.Column("call_id", sa.String(32), nullable=False),
        sa.Column("question", sa.String(50), nullable=False),
        sa.Column("survey", sa.String(50), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("queue", sa.String(50), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("pressed", sa.String(1), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("label_zh", sa.String(50), nullable=True),
        sa.Column("label_en", sa.String(50), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "question", name=op.f("pk_survey_answers")),
    )
    op.create_index("ix_survey_answers_asked_at", "survey_answers", ["asked_at"])


def downgrade() -> None:
    op.drop_index("ix_survey_answers_asked_at", table_name="survey_answers")
    op.drop_table("survey_answers")
