"""The table of PINs by which dealers prove themselves at the keypad."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import STAYS
from crm_core.db import Base
from crm_core.personal import REMOVED, SECRET

_Time = DateTime(timezone=True)


class CustomerPin(Base):
    """`secret` is the PIN's argon2 hash; `temporary`: staff gave it, and the dealer is asked for one of their own.

    `failures` are the wrong tries since the last right one. A customer who is merged keeps the PIN of the record
    that stays.
    """

    __tablename__ = "customer_pins"
    __table_args__ = (
        CheckConstraint("failures >= 0", name="failures_counted"),
        {"info": REMOVED},
    )

    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), primary_key=True, autoincrement=False, info=STAYS
    )
    secret: Mapped[str] = mapped_column(String(200), info=SECRET)
    temporary: Mapped[bool] = mapped_column(server_default=false())
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None] = mapped_column(_Time)
    set_at: Mapped[datetime] = mapped_column(_Time)
    set_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
