"""The table of accounting periods. Rule: they follow each other without gap or overlap, by a constraint: each but
the first begins where another one ends, and nothing else begins there.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    DateTime,
    ForeignKey,
    Identity,
    String,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from orders.invoices.tables import Invoice
from orders.receipts.tables import PaymentEntry
from orders.settlement.periods import guard
from orders.stock.tables import StockMove

_Time = DateTime(timezone=True)


class AccountingPeriod(Base):
    """Days `begins` to `ends`, both within it; the times are those of the company's zone, of which `ends_at` is
    the first that is no longer in it.
    """

    __tablename__ = "accounting_periods"
    __table_args__ = (
        CheckConstraint("state IN ('open','closed')", name="state_known"),
        CheckConstraint("begins <= ends AND begins_at < ends_at", name="ends_after_it_begins"),
        CheckConstraint("follows_at = begins_at", name="without_gap"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_once"),
        UniqueConstraint(
            "follows_at",
            name="uq_accounting_periods_follows_at",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    begins: Mapped[date]
    ends: Mapped[date]
    begins_at: Mapped[datetime] = mapped_column(_Time)
    ends_at: Mapped[datetime] = mapped_column(_Time, unique=True)
    follows_at: Mapped[datetime | None] = mapped_column(
        _Time, ForeignKey("accounting_periods.ends_at")
    )
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[datetime | None] = mapped_column(_Time)
    version: Mapped[int] = mapped_column(server_default=text("1"))


def protect(*statements: str) -> Any:
    def run(_table: object, connection: Connection, **_: Any) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return run


event.listen(AccountingPeriod.__table__, "after_create", protect(guard.OPEN))
event.listen(StockMove.__table__, "after_create", protect(*guard.STOCK_MOVES))
event.listen(PaymentEntry.__table__, "after_create", protect(*guard.PAYMENT_ENTRIES))
event.listen(Invoice.__table__, "after_create", protect(*guard.INVOICES))
