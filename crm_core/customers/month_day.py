"""Days of the year whatever the year, as a number: 5 March is 305.

Rule: query and index say it with the same expression, so that the days of a million customers are found
without reading them all.
"""

from typing import Any

from sqlalchemy import ColumnElement, Index, Integer, cast, extract, literal_column, text


def month_day(column: Any) -> ColumnElement[int]:
    hundred = literal_column("100", Integer)
    return cast(extract("month", column) * hundred + extract("day", column), Integer)


def month_day_index(name: str, column: str) -> Index:
    """The index that `month_day` of this column uses."""
    number = f"EXTRACT(month FROM {column}) * 100 + EXTRACT(day FROM {column})"
    return Index(
        name,
        text(f"(CAST({number} AS integer))"),
        postgresql_where=text(f"{column} IS NOT NULL"),
    )
