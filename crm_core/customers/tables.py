"""Tables of customers and of the sales channel they stand in.

Rule: an invariant that two people could break at the same time is a constraint here, not only a
check in Python.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    cast,
    func,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.month_day import month_day_index
from crm_core.customers.references import STAYS
from crm_core.db import Base
from crm_core.personal import REMOVED, emptied, entity
from crm_core.search_text import text_index

_NOW = func.now()


def _nameless(table: Table) -> ColumnElement[str]:
    return literal("已删除客户 ") + cast(table.c.id, String)


class Level(Base):
    """A step of the sales channel; rank 1 stands next to the company, higher ranks further out. Its price policy, payment
    terms and credit limit are those of a customer who is entered there and given no other.
    """

    __tablename__ = "levels"
    __table_args__ = (
        CheckConstraint("rank > 0", name="rank_positive"),
        CheckConstraint("credit_limit >= 0", name="credit_limit_not_negative"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    rank: Mapped[int]
    is_vip: Mapped[bool] = mapped_column(server_default=text("false"))
    price_policy_code: Mapped[str | None] = mapped_column(ForeignKey("price_policies.code"))
    payment_terms_code: Mapped[str | None] = mapped_column(ForeignKey("payment_terms.code"))
    credit_limit: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    version: Mapped[int] = mapped_column(server_default="1")


class PricePolicy(Base):
    """What share of the list price a customer pays: 0.9500 is 95折."""

    __tablename__ = "price_policies"
    __table_args__ = (
        CheckConstraint("discount > 0 AND discount <= 1", name="discount_is_a_share"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    discount: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    version: Mapped[int] = mapped_column(server_default="1")


class PaymentTerms(Base):
    """When a customer pays: `days` after delivery; 0 is on delivery, or before when `prepaid`."""

    __tablename__ = "payment_terms"
    __table_args__ = (CheckConstraint("days BETWEEN 0 AND 365", name="days_within_a_year"),)

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    days: Mapped[int]
    prepaid: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(server_default="1")


class Customer(Base):
    """A buyer or a dealer. `version` counts edits by people; credit taken by orders does not count.

    What is overdue is what people and files entered and what orders add; each has its own writer, and nobody writes
    `overdue_of_orders` but a trigger of the orders. `path` are the customers above, the topmost first and the parent
    last. `search_text` is what `crm_core.search_text` makes of the name. `wecom` is a user id, `wecom_group` the key of the robot in
    the customer's group, `told_by` the channels that the customer wants to be told by, `opt_outs` the ways by which no
    notice may come. One that was merged stays, pointing at the survivor; of one that was erased nothing stays but the
    row.
    """

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint("credit_limit >= 0", name="credit_limit_not_negative"),
        CheckConstraint("credit_used >= 0", name="credit_used_not_negative"),
        CheckConstraint("overdue_entered >= 0", name="overdue_entered_not_negative"),
        CheckConstraint("overdue_of_orders >= 0", name="overdue_of_orders_not_negative"),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        CheckConstraint("NOT path @> ARRAY[id]", name="never_above_itself"),
        CheckConstraint(
            "parent_id IS NOT DISTINCT FROM path[cardinality(path)]", name="path_ends_at_parent"
        ),
        CheckConstraint("merged_into_id <> id", name="not_merged_into_itself"),
        CheckConstraint(
            "opt_outs <@ ARRAY['call','email','sms']::varchar[]", name="opt_outs_known"
        ),
        Index("ix_customers_path", "path", postgresql_using="gin"),
        Index("ix_customers_place", "province", "city"),
        Index("ix_customers_created_at", "created_at"),
        Index(
            "ix_customers_merged_into_id",
            "merged_into_id",
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
        Index(
            "ix_customers_credit_overdue",
            "credit_overdue",
            postgresql_where=text("credit_overdue > 0"),
        ),
        text_index("ix_customers_search_grams", "search_text"),
        *(
            text_index(
                f"ix_customers_{column}_grams",
                f"lower({column})",
                postgresql_where=text(f"{column} IS NOT NULL"),
            )
            for column in ("code", "email", "note")
        ),
        month_day_index("ix_customers_birthday_day", "birthday"),
        month_day_index("ix_customers_anniversary_day", "anniversary"),
        {"info": entity("customer")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str | None] = mapped_column(String(40), unique=True, info=emptied())
    name: Mapped[str] = mapped_column(
        String(100, collation="C"), index=True, info=emptied(_nameless)
    )
    search_text: Mapped[str] = mapped_column(String(1000), server_default="", info=emptied(""))
    level_code: Mapped[str] = mapped_column(ForeignKey("levels.code"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    path: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    area_code: Mapped[str | None] = mapped_column(String(5), info=emptied())
    province: Mapped[str | None] = mapped_column(String(20), info=emptied())
    city: Mapped[str | None] = mapped_column(String(20), info=emptied())
    price_policy_code: Mapped[str] = mapped_column(ForeignKey("price_policies.code"))
    payment_terms_code: Mapped[str | None] = mapped_column(ForeignKey("payment_terms.code"))
    credit_limit: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    credit_used: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    overdue_entered: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    overdue_of_orders: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    credit_overdue: Mapped[Decimal] = mapped_column(
        Numeric(14, 2), Computed("overdue_entered + overdue_of_orders", persisted=True)
    )
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    email: Mapped[str | None] = mapped_column(String(200), info=emptied())
    fax: Mapped[str | None] = mapped_column(String(32), info=emptied())
    wecom: Mapped[str | None] = mapped_column(String(64), info=emptied())
    wecom_group: Mapped[str | None] = mapped_column(String(64), info=emptied())
    told_by: Mapped[list[str] | None] = mapped_column(ARRAY(String(20)), info=emptied())
    language: Mapped[str | None] = mapped_column(String(10), info=emptied())
    opt_outs: Mapped[list[str]] = mapped_column(
        ARRAY(String(10)), server_default=text("'{}'"), info=emptied([])
    )
    birthday: Mapped[date | None] = mapped_column(info=emptied())
    anniversary: Mapped[date | None] = mapped_column(info=emptied())
    note: Mapped[str | None] = mapped_column(String(2000), info=emptied())
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)


class CustomerContact(Base):
    """A person at a customer. `search_text`: what `crm_core.customers.words` makes of it."""

    __tablename__ = "customer_contacts"
    __table_args__ = (
        month_day_index("ix_customer_contacts_birthday_day", "birthday"),
        text_index("ix_customer_contacts_search_grams", "search_text"),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(50))
    position: Mapped[str | None] = mapped_column(String(50))
    email: Mapped[str | None] = mapped_column(String(200))
    birthday: Mapped[date | None]
    note: Mapped[str | None] = mapped_column(String(500))
    search_text: Mapped[str] = mapped_column(Text, server_default="")


class CustomerPhone(Base):
    """A number belongs to one customer; a customer has one main number.

    `id` names it for those who may dial it without seeing it.
    """

    __tablename__ = "customer_phones"
    __table_args__ = (
        Index(
            "uq_customer_phones_main", "customer_id", unique=True, postgresql_where=text("is_main")
        ),
        text_index("ix_customer_phones_number_grams", "number"),
        {"info": REMOVED},
    )

    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), unique=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    is_main: Mapped[bool] = mapped_column(server_default=text("false"))
    label: Mapped[str | None] = mapped_column(String(30))
    contact_id: Mapped[int | None] = mapped_column(
        ForeignKey("customer_contacts.id", ondelete="SET NULL"), index=True
    )


class CustomerAddress(Base):
    """Where goods or papers go; a customer has one main address.

    `search_text`: what `crm_core.customers.words` makes of it.
    """

    __tablename__ = "customer_addresses"
    __table_args__ = (
        Index(
            "uq_customer_addresses_main",
            "customer_id",
            unique=True,
            postgresql_where=text("is_main"),
        ),
        text_index("ix_customer_addresses_search_grams", "search_text"),
        text_index("ix_customer_addresses_phone_grams", "phone"),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    is_main: Mapped[bool] = mapped_column(server_default=text("false"))
    label: Mapped[str | None] = mapped_column(String(30))
    recipient: Mapped[str | None] = mapped_column(String(50))
    phone: Mapped[str | None] = mapped_column(String(32), index=True)
    province: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str | None] = mapped_column(String(20))
    district: Mapped[str | None] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(String(300))
    postcode: Mapped[str | None] = mapped_column(String(10))
    search_text: Mapped[str] = mapped_column(Text, server_default="")


class Territory(Base):
    """Where a dealer sells; without `city` the whole province."""

    __tablename__ = "territories"
    __table_args__ = (
        Index(
            "uq_territories_customer_place",
            "customer_id",
            "province",
            "city",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_territories_place", "province", "city"),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    province: Mapped[str] = mapped_column(String(20))
    city: Mapped[str | None] = mapped_column(String(20))


class CustomerMove(Base):
    """A customer came to stand elsewhere in the channel, or with another salesperson; never changed."""

    __tablename__ = "customer_moves"
    __table_args__ = (Index("ix_customer_moves_customer_id", "customer_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), info=STAYS
    )
    from_parent_id: Mapped[int | None]
    to_parent_id: Mapped[int | None]
    from_level_code: Mapped[str] = mapped_column(String(30))
    to_level_code: Mapped[str] = mapped_column(String(30))
    from_salesperson_id: Mapped[int | None]
    to_salesperson_id: Mapped[int | None]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)


class CustomField(Base):
    """A field that this business added; its type never changes, its code neither."""

    __tablename__ = "custom_fields"
    __table_args__ = (
        CheckConstraint(
            "type IN ('text','number','date','yes_no','choice','choices')", name="type_known"
        ),
        CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,29}$'", name="code_form"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(String(30), unique=True)
    label_zh: Mapped[str] = mapped_column(String(50), unique=True)
    label_en: Mapped[str] = mapped_column(String(50))
    type: Mapped[str] = mapped_column(String(10))
    required: Mapped[bool] = mapped_column(server_default=text("false"))
    options: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    least: Mapped[Decimal | None] = mapped_column(Numeric(20, 6))
    most: Mapped[Decimal | None] = mapped_column(Numeric(20, 6))
    place: Mapped[int] = mapped_column(server_default="0")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class CustomValue(Base):
    """One value of a custom field; `choices` have a row for each. Yes and no are 1 and 0.

    `search_text` is what `crm_core.search_text` makes of a text.
    """

    __tablename__ = "custom_values"
    __table_args__ = (
        CheckConstraint("num_nonnulls(string, number, day) = 1", name="one_value"),
        Index(
            "ix_custom_values_string",
            "field_id",
            "string",
            postgresql_where=text("string IS NOT NULL"),
        ),
        Index(
            "ix_custom_values_number",
            "field_id",
            "number",
            postgresql_where=text("number IS NOT NULL"),
        ),
        text_index(
            "ix_custom_values_search_grams",
            "search_text",
            postgresql_where=text("search_text IS NOT NULL"),
        ),
        Index("ix_custom_values_day", "field_id", "day", postgresql_where=text("day IS NOT NULL")),
        {"info": REMOVED},
    )

    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    field_id: Mapped[int] = mapped_column(ForeignKey("custom_fields.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, server_default="0")
    string: Mapped[str | None] = mapped_column(String(500))
    number: Mapped[Decimal | None] = mapped_column(Numeric(20, 6))
    day: Mapped[date | None]
    search_text: Mapped[str | None] = mapped_column(Text)


class SavedSearch(Base):
    """Conditions somebody keeps; `shared` ones are everybody's to use."""

    __tablename__ = "saved_searches"
    __table_args__ = (Index("uq_saved_searches_owner_name", "owner_id", "name", unique=True),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(50))
    shared: Mapped[bool] = mapped_column(server_default=text("false"))
    conditions: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(server_default="1")
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)


class CustomerMerge(Base):
    """`dropped_id` became part of `kept_id`; `moved` says which rows came along, for the way back."""

    __tablename__ = "customer_merges"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True, info=STAYS)
    dropped_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True, info=STAYS)
    moved: Mapped[dict[str, list[object]]] = mapped_column(JSONB, info=emptied({}))
    filled: Mapped[dict[str, object]] = mapped_column(JSONB, info=emptied({}))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
