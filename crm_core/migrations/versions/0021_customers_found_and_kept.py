"""Words by which addresses, contacts and own texts are found; versions of levels,
policies and terms; attempts of jobs; limits of exports.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from crm_core.customers.words import of_address, of_contact, of_value

revision: str = "0021"
down_revision: str | Sequence[str] | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_VERSIONED = ("levels", "price_policies", "payment_terms")
_LOWERED = ("code", "email", "note")
_BATCH = 5_000
_ADDRESSES = """
SELECT id, province, city, district, detail, recipient FROM customer_addresses
 WHERE id > :after ORDER BY id LIMIT :many
"""
_CONTACTS = (
    "SELECT id, name, email FROM customer_contacts WHERE id > :after ORDER BY id LIMIT :many"
)
_KEEP = """
UPDATE {table} AS kept SET search_text = found.words
  FROM unnest(CAST(:ids AS integer[]), CAST(:words AS text[])) AS found (id, words)
 WHERE kept.id = found.id
"""
_VALUES = """
SELECT v.customer_id, v.field_id, v.place, v.string FROM custom_values v
  JOIN custom_fields f ON f.id = v.field_id
 WHERE f.type = 'text' AND v.string IS NOT NULL AND v.search_text IS NULL LIMIT :many
"""
_KEEP_VALUES = """
UPDATE custom_values AS kept SET search_text = found.words
  FROM unnest(CAST(:customers AS integer[]), CAST(:fields AS integer[]), CAST(:places AS integer[]),
              CAST(:words AS text[])) AS found (customer_id, field_id, place, words)
 WHERE kept.customer_id = found.customer_id AND kept.field_id = found.field_id
   AND kept.place = found.place
"""


def _fill(table: str, query: str, words: Callable[..., str]) -> None:
    connection, after = op.get_bind(), 0
    asked: dict[str, Any] = {"many": _BATCH}
    while rows := connection.execute(sa.text(query), asked | {"after": after}).all():
        found = {"ids": [row[0] for row in rows], "words": [words(*row[1:]) for row in rows]}
        connection.execute(sa.text(_KEEP.format(table=table)), found)
        after = rows[-1][0]


def _fill_values() -> None:
    connection = op.get_bind()
    while rows := connection.execute(sa.text(_VALUES), {"many": _BATCH}).all():
        customers, fields, places, texts = (list(part) for part in zip(*rows, strict=True))
        words = [of_value(text) for text in texts]
        found = {"customers": customers, "fields": fields, "places": places, "words": words}
        connection.execute(sa.text(_KEEP_VALUES), found)


def _grams(name: str, table: str, column: str, where: str | None = None) -> None:
    op.create_index(
        name,
        table,
        [sa.literal_column(f"search_grams({column})")],
        postgresql_using="gin",
        postgresql_where=sa.text(where) if where else None,
    )


def upgrade() -> None:
    op.create_table(
        "export_limits",
        sa.Column("role_code", sa.String(length=30), nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("per_day >= 0", name=op.f("ck_export_limits_per_day_not_negative")),
        sa.ForeignKeyConstraint(
            ["role_code"],
            ["roles.code"],
            name=op.f("fk_export_limits_role_code_roles"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("role_code", name=op.f("pk_export_limits")),
    )
    for table in _VERSIONED:
        op.add_column(table, sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column(
        "exchange_jobs", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False)
    )
    for table in ("customer_addresses", "customer_contacts"):
        op.add_column(table, sa.Column("search_text", sa.Text(), server_default="", nullable=False))
    op.add_column("custom_values", sa.Column("search_text", sa.Text(), nullable=True))
    op.drop_index("ix_customer_addresses_detail_grams", table_name="customer_addresses")
    _fill("customer_addresses", _ADDRESSES, of_address)
    _fill("customer_contacts", _CONTACTS, of_contact)
    _fill_values()
    for table in ("customer_addresses", "customer_contacts"):
        _grams(f"ix_{table}_search_grams", table, "search_text")
    _grams(
        "ix_custom_values_search_grams", "custom_values", "search_text", "search_text IS NOT NULL"
    )
    for column in _LOWERED:
        _grams(
            f"ix_customers_{column}_grams", "customers", f"lower({column})", f"{column} IS NOT NULL"
        )


def downgrade() -> None:
    for column in _LOWERED:
        op.drop_index(f"ix_customers_{column}_grams", table_name="customers")
    op.drop_index("ix_custom_values_search_grams", table_name="custom_values")
    for table in ("customer_addresses", "customer_contacts"):
        op.drop_index(f"ix_{table}_search_grams", table_name=table)
        op.drop_column(table, "search_text")
    op.drop_column("custom_values", "search_text")
    _grams("ix_customer_addresses_detail_grams", "customer_addresses", "detail")
    op.drop_column("exchange_jobs", "attempts")
    for table in _VERSIONED:
        op.drop_column(table, "version")
    op.drop_table("export_limits")
