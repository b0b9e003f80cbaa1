"""Where in the whole database a customer is referred to.

Rule: read from the tables themselves, so that a table added by any package is followed when customers
are merged or a person's data are asked for. A column refers to a customer by its foreign key, or by
`info=REFERS` where rows must be kept whatever happens to the customer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table

from crm_core.db import Base

REFERS = {"customer": True}
STAYS = {"customer_stays": True}
HOLDS_CREDIT = {"holds_credit": True}


def one_for_each(*columns: str) -> dict[str, tuple[str, ...]]:
    """The `info` of a column of which a customer has one row for each value of these columns.

    Without columns a customer has one row at all.
    """
    return {"one_for_each": columns}


def never_same_as(column: str) -> dict[str, str]:
    """The `info` of a column that never names the same customer as this other one of its row."""
    return {"never_same_as": column}


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names a customer."""

    table: Table
    column: Column[Any]

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def alone_by(self) -> tuple[Column[Any], ...] | None:
        """The columns for each value of which a customer has one row; None: as many as there are."""
        names = self.column.info.get("one_for_each")
        return None if names is None else tuple(self.table.c[name] for name in names)

    @property
    def other(self) -> Column[Any] | None:
        """The column that never names the same customer."""
        name = self.column.info.get("never_same_as")
        return None if name is None else self.table.c[name]

    @property
    def keys(self) -> tuple[Column[Any], ...]:
        """What names one row of the table."""
        return tuple(self.table.primary_key.columns)


def references() -> Iterator[Reference]:
    """Every column that names a customer, in a stable order."""
    for table in sorted(Base.metadata.tables.values(), key=lambda each: each.name):
        for column in table.columns:
            if _names_customer(column):
                yield Reference(table, column)


def movable() -> Iterator[Reference]:
    """Those that follow a customer who is merged into another one."""
    return (each for each in references() if not each.column.info.get("customer_stays"))


def credit_columns() -> Iterator[tuple[Column[Any], Column[Any]]]:
    """Columns of money that is held of a customer's credit, each with the one naming the customer."""
    for each in references():
        for column in each.table.columns:
            if column.info.get("holds_credit"):
                yield column, each.column


def _names_customer(column: Column[Any]) -> bool:
    keyed = any(key.column.table.name == "customers" for key in column.foreign_keys)
    return keyed or bool(column.info.get("customer"))
