"""Recordings pause, are held, are removed by policy, and whoever hears them is noted."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0041"
down_revision: str | Sequence[str] | None = "0040"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_Time = sa.DateTime(timezone=True)
_RIGHTS = {
    "recording.download": ("admin",),
    "recording.hold": ("admin",),
    "recording.pause": ("admin", "supervisor"),
}


def upgrade() -> None:
    op.add_column("calls", sa.Column("recording", sa.String(length=10), nullable=True))
    op.add_column("calls", sa.Column("paused_at", _Time, nullable=True))
    op.add_column("calls", sa.Column("paused_by", sa.BigInteger(), nullable=True))
    op.add_column("calls", sa.Column("pause_reason", sa.String(length=20), nullable=True))
    op.add_column("recordings", sa.Column("removed_at", _Time, nullable=True))
    op.add_column(
        "recordings",
        sa.Column("file_removed", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("recordings", sa.Column("held_at", _Time, nullable=True))
    op.add_column("recordings", sa.Column("held_by", sa.BigInteger(), nullable=True))
    op.add_column("recordings", sa.Column("hold_reason", sa.String(length=500), nullable=True))
    for name, rule in (
        ("held_stays", "removed_at IS NULL OR held_at IS NULL"),
        ("held_for_a_reason", "(held_at IS NULL) = (hold_reason IS NULL)"),
        ("file_goes_last", "removed_at IS NOT NULL OR NOT file_removed"),
    ):
        op.create_check_constraint(op.f(f"ck_recordings_{name}"), "recordings", rule)
    op.create_index(
        "ix_recordings_stored_at",
        "recordings",
        ["stored_at"],
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "ix_recordings_going",
        "recordings",
        ["call_id"],
        postgresql_where=sa.text("removed_at IS NOT NULL AND NOT file_removed"),
    )
    op.create_table(
        "recording_uses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("began_at", _Time, nullable=False),
        sa.Column("last_at", _Time, nullable=False),
        sa.CheckConstraint(
            "kind IN ('listen','download')", name=op.f("ck_recording_uses_kind_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_uses")),
    )
    op.create_index("ix_recording_uses_call", "recording_uses", ["call_id", "began_at"])
    give = sa.text(
        "INSERT INTO role_rights (role_code, right_code) SELECT code, :right FROM roles"
        " WHERE code = ANY(:roles) ON CONFLICT DO NOTHING"
    )
    for right, roles in _RIGHTS.items():
        op.get_bind().execute(give, {"right": right, "roles": list(roles)})


def downgrade() -> None:
    op.get_bind().execute(
        sa.text("DELETE FROM role_rights WHERE right_code = ANY(:rights)"),
        {"rights": list(_RIGHTS)},
    )
    op.drop_table("recording_uses")
    op.drop_index("ix_recordings_going", "recordings")
    op.drop_index("ix_recordings_stored_at", "recordings")
    for name in ("held_stays", "held_for_a_reason", "file_goes_last"):
        op.drop_constraint(op.f(f"ck_recordings_{name}"), "recordings")
    for column in ("hold_reason", "held_by", "held_at", "file_removed", "removed_at"):
        op.drop_column("recordings", column)
    for column in ("pause_reason", "paused_by", "paused_at", "recording"):
        op.drop_column("calls", column)
