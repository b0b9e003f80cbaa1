"""The table of what was imported about where numbers are at home."""

from sqlalchemy import (
    CheckConstraint,
    String,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base

_NOW = func.now()


class PlaceOverride(Base):
    """Imported knowledge of where numbers with this prefix are at home."""

    __tablename__ = "place_overrides"
    __table_args__ = (CheckConstraint("prefix ~ '^[+]?[0-9]+$'", name="prefix_is_digits"),)

    prefix: Mapped[str] = mapped_column(String(16), primary_key=True)
    area_code: Mapped[str | None] = mapped_column(String(5))
    province: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(20))
