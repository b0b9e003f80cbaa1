"""Which columns hold something of a person, said where the column is declared.

Rule: whoever adds a table says it here, so that a person's data are found and erased in all of them
(个人信息保护法, articles 45 and 47); a test knows every column of text that says nothing.

A row is somebody's by a reference to the customer (`crm_core.customers.references`), by a number (`NUMBER`),
by the call (`OF_CALL`), by a number that stands in a text (`MENTIONS`), or as part of such a row (`PART`).
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement, String, Table, case, cast, literal

_EMPTIED: Final = "emptied"
_NUMBER: Final = "number"
NUMBER: Final[dict[str, Any]] = {_NUMBER: True}
OF_CALL: Final[dict[str, Any]] = {"of_call": True}
MENTIONS: Final[dict[str, Any]] = {"mentions": True}
PART: Final[dict[str, Any]] = {"part": True}
FILE: Final[dict[str, Any]] = {"file": True}
"""A column with the path of a file that goes with its row, relative to the table's folder."""
SECRET: Final[dict[str, Any]] = {"secret": True}
"""A column that nobody is given a copy of, the person neither."""
REMOVED: Final[dict[str, Any]] = {"removed": True}
"""A table whose rows go as a whole; for `__table_args__`."""


def emptied(to: object = None) -> dict[str, Any]:
    """The column becomes this value, or what a function of the table gives as SQL."""
    return {_EMPTIED: to}


def nobodys_number(table: Table) -> ColumnElement[str]:
    """In place of a number: nobody's, and no other row's."""
    return literal("erased-") + cast(table.c.id, String)


def dash_for(column: str) -> Callable[[Table], object]:
    """In place of words that a constraint asks for; where there are none, there are none."""
    return lambda table: case((table.c[column].is_not(None), "—"), else_=None)


def entity(code: str) -> dict[str, Any]:
    """The name of a table's records in the audit trail; for `__table_args__`."""
    return {"entity": code}


def is_emptied(info: dict[str, Any]) -> bool:
    return _EMPTIED in info


def value_of(info: dict[str, Any], table: Table) -> object:
    """What the column becomes."""
    to = info[_EMPTIED]
    made: Callable[[Table], object] | None = to if callable(to) else None
    return made(table) if made else to
