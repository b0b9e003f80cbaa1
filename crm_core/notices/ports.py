"""What notices need to know and do not own: numbers that are never called.

Rule: a source answers with a query, which is asked for a batch of numbers inside PostgreSQL.
"""

from collections.abc import Callable

from sqlalchemy import Select, String, literal_column, select

NeverCalled = Callable[[], Select[str]]


def nobody_refuses() -> Select[str]:
    """Where nobody keeps such numbers."""
    return select(literal_column("''", String)).where(literal_column("false"))
