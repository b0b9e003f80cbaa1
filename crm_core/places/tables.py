"""The table of what was imported about where numbers are at home."""

from sqlalchemy import BigInteger, CheckConstraint, String, text
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base


class PlaceOverride(Base):
    """Imported knowledge of where numbers with this prefix are at home; `import_id` is the job that brought it."""

    __tablename__ = "place_overrides"
    __table_args__ = (CheckConstraint("prefix ~ '^[+]?[0-9]+$'", name="prefix_is_digits"),)

    prefix: Mapped[str] = mapped_column(String(16), primary_key=True)
    area_code: Mapped[str | None] = mapped_column(String(5))
    province: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(20))
    carrier: Mapped[str | None] = mapped_column(String(20))
    import_id: Mapped[int | None]


class PlaceRevision(Base):
    """One row, whose number rises with each change of the table above."""

    __tablename__ = "place_revisions"
    __table_args__ = (CheckConstraint("one", name="only_one"),)

    one: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    number: Mapped[int] = mapped_column(BigInteger)
