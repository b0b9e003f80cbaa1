"""Tables of the blacklist. Rule: one entry at most of a number holds; entries that are over stay to be seen."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import NUMBER, REMOVED

_Time = DateTime(timezone=True)


class BlacklistEntry(Base):
    """A number that is rejected or warned of; `added_by` NULL: by the votes of agents."""

    __tablename__ = "blacklist_entries"
    __table_args__ = (
        CheckConstraint("policy IN ('reject','warn')", name="policy_known"),
        Index(
            "uq_blacklist_entries_number",
            "number",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(32), info=NUMBER)
    policy: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(200))
    added_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    added_at: Mapped[datetime] = mapped_column(_Time)
    until: Mapped[datetime | None] = mapped_column(_Time)
    lifted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(_Time)


class BlacklistVote(Base):
    """An agent's vote against a number, the latest one; it counts as long as the period of the rules."""

    __tablename__ = "blacklist_votes"
    __table_args__ = (
        Index("uq_blacklist_votes_number_user_id", "number", "user_id", unique=True),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(32), info=NUMBER)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    call_id: Mapped[str | None] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(200))
    voted_at: Mapped[datetime] = mapped_column(_Time)
