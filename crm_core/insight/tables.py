"""The rules of insight, every version that was ever in force. Rule: a version is written once and never
changed; the highest is in force.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers import insight_tables
from crm_core.db import Base

__all__ = ["InsightRulesVersion", "insight_tables"]


class InsightRulesVersion(Base):
    """`rules` is an `InsightRules` as JSON; `actor_id` None is Zongji itself."""

    __tablename__ = "insight_rules"
    __table_args__ = (CheckConstraint("version > 0", name="version_positive"),)

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
