"""Numbers of documents: a letter, yymmdd of the business's own calendar, and the document's id."""

from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

_WIDTH = 6


async def next_number(
    session: AsyncSession, table: type[Any], letter: str, today: date
) -> tuple[int, str]:
    """The id and the number of a new document."""
    sequence = func.pg_get_serial_sequence(table.__tablename__, "id")
    new_id = int(await session.scalar(select(func.nextval(sequence))) or 0)
    return new_id, f"{letter}{today:%y%m%d}-{new_id:0{_WIDTH}d}"
