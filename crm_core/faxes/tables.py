"""The table of faxes, in and out."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import FILE, NUMBER, OF_CALL, REMOVED


class Fax(Base):
    """One transmission. `mode` is how it went: by T.38 or as sound; `rate` in bits a second; `station` is what the
    other machine calls itself, `did` the number of ours that was called.

    `source` knows it again (the name of the sheets that came in, the call that went out); `path` is relative to the
    folder of faxes, None when there are no sheets.
    """

    __tablename__ = "faxes"
    __table_args__ = (
        CheckConstraint("direction IN ('in','out')", name="direction_known"),
        CheckConstraint("status IN ('received','partial','sent','failed')", name="status_known"),
        CheckConstraint("pages >= 0", name="pages_counted"),
        Index("ix_faxes_customer_id_id", "customer_id", "id"),
        Index("ix_faxes_at", "at"),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    direction: Mapped[str] = mapped_column(String(3))
    source: Mapped[str] = mapped_column(String(120), unique=True)
    call_id: Mapped[str] = mapped_column(String(32), index=True, info=OF_CALL)
    message_token: Mapped[str | None] = mapped_column(String(32))
    number: Mapped[str | None] = mapped_column(String(32), info=NUMBER)
    did: Mapped[str | None] = mapped_column(String(32))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[str] = mapped_column(String(8))
    mode: Mapped[str | None] = mapped_column(String(10))
    pages: Mapped[int] = mapped_column(server_default=text("0"))
    rate: Mapped[int | None]
    station: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(200))
    path: Mapped[str | None] = mapped_column(String(200), info=FILE)
    size_bytes: Mapped[int] = mapped_column(server_default=text("0"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
