"""What notices ask of the dialler: which numbers are never called, nor written to."""

from sqlalchemy import Select, String, column, select, text

from dialer.standing import NEVER_CALLED


def never_called() -> Select[str]:
    numbers = text(NEVER_CALLED).columns(column("number", String)).subquery()
    return select(numbers.c.number)
