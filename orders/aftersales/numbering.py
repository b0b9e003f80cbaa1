"""Documents with a number (a letter, yymmdd of the business's own calendar, the document's id) and the key of whoever
sent them. Rule: a key makes one document.
"""

from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Base
from orders.aftersales.errors import SameKeyOther

_WIDTH = 6


async def next_number(
    session: AsyncSession, table: type[Any], letter: str, today: date
) -> tuple[int, str]:
    """The id and the number of a new document."""
    sequence = func.pg_get_serial_sequence(table.__tablename__, "id")
    new_id = int(await session.scalar(select(func.nextval(sequence))) or 0)
    return new_id, f"{letter}{today:%y%m%d}-{new_id:0{_WIDTH}d}"


async def add(session: AsyncSession, row: Base) -> None:
    """Raises SameKeyOther when its key is used at this very moment for another order."""
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:
        if f"uq_{row.__tablename__}_key" not in str(error.orig):
            raise
        raise SameKeyOther from error
