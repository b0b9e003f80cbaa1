"""The line as it was applied, version by version. Rule: versions are added, never changed; the newest is the one that
calls take.
"""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base


class LineVersion(Base):
    """`text` is the line file as it was written. `same_as` is the version that it brought back, if it did."""

    __tablename__ = "line_versions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(String(200))
    same_as: Mapped[int | None] = mapped_column(ForeignKey("line_versions.number"))
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
