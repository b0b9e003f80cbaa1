"""Links of orders that were taken back. Rule: a link that was made in or before the second of `revoked_at` is dead,
whoever has it; later ones count again.
"""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import PART


class OrderLinks(Base):
    """An order whose links were revoked, or of which somebody was given one; `issued_at` is what the latest of these
    bears. One without a row has all of them.
    """

    __tablename__ = "order_links"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, info=PART)
    issued_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
