"""Tables of settlement with couriers and suppliers. Rule: whatever can be settled is an item once, in whatever
order people draft, confirm and pay; a settlement's balance is the sum of its items.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    event,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from orders.sales.tables import Order
from orders.settlement import freezing
from orders.settlement.codes import ChargeKind, ItemKind, PartyKind, Resolution, State
from orders.settlement.periods import guard
from orders.settlement.periods.tables import protect

_Time = DateTime(timezone=True)
_Money = Numeric(14, 2)
_Sum = Numeric(18, 2)
_ZERO, _ONE = text("0"), text("1")


def _one_of(column: str, codes: type[StrEnum]) -> str:
    return f"{column} IN ({','.join(repr(str(code)) for code in codes)})"


class Supplier(Base):
    """From whom goods are bought."""

    __tablename__ = "suppliers"

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default=_ONE)


class SupplierCharge(Base):
    """What one delivery note of a supplier brings us to owe, or the supplier to owe us; never changed.

    `happened_at` is when goods came, `booked_at` when it was entered.
    """

    __tablename__ = "supplier_charges"
    __table_args__ = (
        CheckConstraint(_one_of("kind", ChargeKind), name="kind_known"),
        CheckConstraint("amount > 0", name="amount_positive"),
        UniqueConstraint("supplier_code", "kind", "reference", name="uq_supplier_charges_once"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    supplier_code: Mapped[str] = mapped_column(ForeignKey("suppliers.code"))
    kind: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(40))
    amount: Mapped[Decimal] = mapped_column(_Money)
    happened_at: Mapped[datetime] = mapped_column(_Time)
    booked_at: Mapped[datetime] = mapped_column(_Time)
    booked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None] = mapped_column(String(200))


class Settlement(Base):
    """What is between us and a party until `ends`. `balance` above nothing: the party owes it; below: we do.

    `paid` has its sign. The party's own statement has `statement_rows`, for the kinds `statement_kinds`. After it is paid its orders are worked off; `done_to` is the last item of it, `finished_at` when.
    """

    __tablename__ = "settlements"
    __table_args__ = (
        CheckConstraint(_one_of("party_kind", PartyKind), name="party_kind_known"),
        CheckConstraint(_one_of("state", State), name="state_known"),
        CheckConstraint("begins <= ends", name="ends_after_it_begins"),
        CheckConstraint("sign(paid) * sign(balance) >= 0", name="paid_by_who_owes"),
        CheckConstraint("abs(paid) <= abs(balance) OR state = 'draft'", name="paid_once"),
        CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="paid_at_a_time"),
        CheckConstraint("state <> 'paid' OR paid = balance", name="paid_in_full"),
        CheckConstraint(
            "(state IN ('confirmed','paid')) = (confirmed_at IS NOT NULL)",
            name="confirmed_at_a_time",
        ),
        Index(
            "uq_settlements_draft",
            "party_kind",
            "party_code",
            unique=True,
            postgresql_where=text("state = 'draft'"),
        ),
        Index("ix_settlements_party", "party_kind", "party_code", "id"),
        Index(
            "ix_settlements_to_finish",
            "id",
            postgresql_where=text("state = 'paid' AND finished_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(
        String(20), Computed("'S' || lpad(CAST(id AS text), 8, '0')", persisted=True), unique=True
    )
    party_kind: Mapped[str] = mapped_column(String(10))
    party_code: Mapped[str] = mapped_column(String(30))
    begins: Mapped[date]
    ends: Mapped[date]
    begins_at: Mapped[datetime] = mapped_column(_Time)
    ends_at: Mapped[datetime] = mapped_column(_Time)
    state: Mapped[str] = mapped_column(String(10), server_default="draft")
    items: Mapped[int] = mapped_column(server_default=_ZERO)
    balance: Mapped[Decimal] = mapped_column(_Sum, server_default=_ZERO)
    paid: Mapped[Decimal] = mapped_column(_Sum, server_default=_ZERO)
    statement_rows: Mapped[int | None]
    statement_kinds: Mapped[list[str] | None] = mapped_column(ARRAY(String(20)))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(_Time)
    paid_at: Mapped[datetime | None] = mapped_column(_Time)
    done_to: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    finished_at: Mapped[datetime | None] = mapped_column(_Time)
    version: Mapped[int] = mapped_column(server_default=_ONE)


class SettlementItem(Base):
    """One sum of money of one thing: `subject` and `subject_id` name it. `amount` is signed as the balance is;
    `told` is what the party said of it, without sign.

    A settlement has hundreds of thousands; that theirs exists is checked for a whole statement at once by
    the trigger that keeps them, because a foreign key looks it up for every row.
    """

    __tablename__ = "settlement_items"
    __table_args__ = (
        CheckConstraint(_one_of("kind", ItemKind), name="kind_known"),
        UniqueConstraint("subject_id", "subject", "kind", name="uq_settlement_items_once"),
    )

    settlement_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]
    reference: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(_Time)
    amount: Mapped[Decimal] = mapped_column(_Money)
    told: Mapped[Decimal | None] = mapped_column(_Money)


class SettlementTotal(Base):
    """The items of one kind in sum."""

    __tablename__ = "settlement_totals"

    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlements.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    items: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(_Sum)


class PartyStatementLine(Base):
    """One row of the party's own statement: what it says of one of our references, without sign."""

    __tablename__ = "settlement_statement_lines"

    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlements.id"), primary_key=True)
    reference: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    row: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(_Money)


class SettlementDifference(Base):
    """Where the party says something else than we do, until a person has resolved it; amounts without sign,
    either may be missing.
    """

    __tablename__ = "settlement_differences"
    __table_args__ = (
        CheckConstraint(_one_of("kind", ItemKind), name="kind_known"),
        CheckConstraint(_one_of("resolution", Resolution), name="resolution_known"),
        CheckConstraint("num_nonnulls(ours, theirs) > 0", name="somebody_says_something"),
        CheckConstraint("(resolution IS NULL) = (resolved_at IS NULL)", name="resolved_once"),
        CheckConstraint("(resolution IS NULL) = (reason IS NULL)", name="resolved_with_a_reason"),
        UniqueConstraint(
            "settlement_id", "kind", "reference", name="uq_settlement_differences_once"
        ),
        Index(
            "ix_settlement_differences_open",
            "settlement_id",
            postgresql_where=text("resolution IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlements.id"))
    kind: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int | None]
    ours: Mapped[Decimal | None] = mapped_column(_Money)
    theirs: Mapped[Decimal | None] = mapped_column(_Money)
    resolution: Mapped[str | None] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(200))
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    resolved_at: Mapped[datetime | None] = mapped_column(_Time)


class SettlementPayment(Base):
    """Money that moved for a settlement, with the sign of its balance; never changed, each slip once."""

    __tablename__ = "settlement_payments"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_nothing"),
        CheckConstraint("method IN ('transfer','cash')", name="method_known"),
        UniqueConstraint("method", "reference", name="uq_settlement_payments_once"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    settlement_id: Mapped[int] = mapped_column(ForeignKey("settlements.id"), index=True)
    amount: Mapped[Decimal] = mapped_column(_Sum)
    method: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(64))
    paid_at: Mapped[datetime] = mapped_column(_Time)
    booked_at: Mapped[datetime] = mapped_column(_Time)
    booked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


Index(
    "ix_orders_delivered",
    Order.customer_id,
    postgresql_where=text("status IN ('delivered','exchanged')"),
)
event.listen(SupplierCharge.__table__, "after_create", protect(*guard.SUPPLIER_CHARGES))
event.listen(SettlementPayment.__table__, "after_create", protect(*guard.SETTLEMENT_PAYMENTS))
event.listen(Settlement.__table__, "after_create", protect(*freezing.OF_SETTLEMENTS))
event.listen(SettlementItem.__table__, "after_create", protect(*freezing.OF_ITEMS))
