"""Notices that wait for their time; room for the name of every channel."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0035"
down_revision: str | Sequence[str] | None = "0034"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_STATE, _TIME, _SCHEDULED = "state_known", "sent_with_its_time", "scheduled_for_a_time"
_WAITING = ("draft", "scheduled")


def upgrade() -> None:
    op.add_column("notices", sa.Column("send_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("notices", "channels", type_=_names(20))
    _constrain("draft", "scheduled", "sending", "sent", "cancelled")
    op.create_check_constraint(
        op.f(f"ck_notices_{_SCHEDULED}"), "notices", "state <> 'scheduled' OR send_at IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_constraint(op.f(f"ck_notices_{_SCHEDULED}"), "notices", type_="check")
    op.execute("UPDATE notices SET state = 'draft' WHERE state = 'scheduled'")
    _constrain("draft", "sending", "sent", "cancelled")
    op.execute("UPDATE notices SET channels = array_remove(channels, 'wecom_group')")
    op.alter_column("notices", "channels", type_=_names(10))
    op.drop_column("notices", "send_at")


def _names(length: int) -> postgresql.ARRAY[str]:
    return postgresql.ARRAY(sa.String(length=length), as_tuple=True)


def _constrain(*states: str) -> None:
    """These are the states, of which those before sending have no time of sending."""
    known = ",".join(f"'{each}'" for each in states)
    waiting = ",".join(f"'{each}'" for each in states if each in _WAITING)
    timed = (
        f"CASE WHEN state IN ({waiting}) THEN sent_at IS NULL WHEN state = 'cancelled' THEN true"
        " ELSE sent_at IS NOT NULL END"
    )
    for name, condition in ((_STATE, f"state IN ({known})"), (_TIME, timed)):
        op.drop_constraint(op.f(f"ck_notices_{name}"), "notices", type_="check")
        op.create_check_constraint(op.f(f"ck_notices_{name}"), "notices", condition)
