"""The ledger of money that came in and went back, order by order. Rule: rows are only ever added, each of the
outside's transactions is there once, and never more goes back than came in: PostgreSQL refuses the rest.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    event,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import PART
from orders.methods import Method

METHODS = ",".join(repr(str(each)) for each in Method)


class PaymentEntry(Base):
    """`source` and `reference` name the outside's transaction: the gateway's, a line of a debit file, a
    bank slip entered by hand. `paid_at` is when the money moved, `booked_at` when we heard of it.
    """

    __tablename__ = "payment_entries"
    __table_args__ = (
        CheckConstraint("kind IN ('receipt','refund')", name="kind_known"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(f"method IN ({METHODS})", name="method_known"),
        UniqueConstraint("source", "kind", "reference", name="uq_payment_entries_once"),
        Index("ix_payment_entries_source_paid_at", "source", "paid_at"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True, info=PART)
    kind: Mapped[str] = mapped_column(String(10))
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    method: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(64))
    paid_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    booked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


PROTECTION = (
    """\
CREATE OR REPLACE FUNCTION payment_entries_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of payment_entries is refused: book an entry that balances it', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$""",
    """\
CREATE OR REPLACE FUNCTION payment_entries_sum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM orders WHERE id = NEW.order_id FOR NO KEY UPDATE;
    IF NEW.kind = 'refund' AND NEW.amount > (
        SELECT coalesce(sum(CASE kind WHEN 'receipt' THEN amount ELSE -amount END), 0)
        FROM payment_entries WHERE order_id = NEW.order_id
    ) THEN
        RAISE EXCEPTION 'more would go back of order % than came in', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_payment_entries_refund_within_receipts';
    END IF;
    RETURN NEW;
END $$""",
    """\
CREATE OR REPLACE TRIGGER payment_entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_entries
    FOR EACH STATEMENT EXECUTE FUNCTION payment_entries_keep()""",
    """\
CREATE OR REPLACE TRIGGER payment_entries_sum BEFORE INSERT ON payment_entries
    FOR EACH ROW EXECUTE FUNCTION payment_entries_sum()""",
)
"""Run after the table is made; the migration runs them by `op.execute`."""


def _protect(_table: object, connection: Connection, **_: Any) -> None:
    for statement in PROTECTION:
        connection.exec_driver_sql(statement)


event.listen(PaymentEntry.__table__, "after_create", _protect)
