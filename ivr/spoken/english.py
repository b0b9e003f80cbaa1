"""Figures as they are said in English, in pieces of speech: 1005 is one, thousand, and, five.

Rule: pure. A piece is what one recording holds. The words of numbers come from num2words.
"""

from datetime import date, time
from decimal import Decimal

from num2words import num2words

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_TEN, _HUNDRED = 10, 100


def number(n: int) -> tuple[str, ...]:
    """`n` from 0 to 999,999,999,999. Raises ValueError beyond."""
    if not 0 <= n < 10**12:
        raise ValueError(f"{n} is not a number that can be said: 0 to 999,999,999,999")
    return _words(num2words(n, lang="en"))


def ordinal(n: int) -> str:
    """The day of a month: 2 is second."""
    return str(num2words(n, lang="en", to="ordinal"))


def quantity(n: int, one: str, many: str) -> tuple[str, ...]:
    return (*number(n), one if n == 1 else many)


def money(amount: Decimal) -> tuple[str, ...]:
    """Yuan and fen: 1005.20 is one thousand and five yuan and twenty fen. Raises ValueError below nothing."""
    fen = int(amount * 100)
    if fen != amount * 100:
        raise ValueError(f"{amount} has parts of a cent")
    yuan, rest = divmod(fen, _HUNDRED)
    said = (*number(yuan), "yuan") if yuan or not rest else ()
    if not rest:
        return said
    return (*said, *(("and",) if said else ()), *number(rest), "fen")


def day(when: date, today: date) -> tuple[str, ...]:
    """March second; with the year when it is not this one."""
    said = (MONTHS[when.month - 1], ordinal(when.day))
    return said if when.year == today.year else (*said, *_year(when.year))


def clock(when: time) -> tuple[str, ...]:
    """To the minute, of 24 hours: two o'clock, fourteen oh five."""
    hour = number(when.hour)
    if not when.minute:
        return (*hour, "o'clock")
    return (*hour, *(("oh",) if when.minute < _TEN else ()), *number(when.minute))


def code(text: str) -> tuple[str, ...]:
    """Sign by sign, as order numbers and telephone numbers are read; what is neither digit nor letter is a pause."""
    return tuple(number(int(sign))[0] if sign in "0123456789" else sign for sign in text.upper())


def _year(year: int) -> tuple[str, ...]:
    """twenty, twenty-six; 2000 and 2005 as numbers are said."""
    century, rest = divmod(year, _HUNDRED)
    if rest < _TEN:
        return number(year)
    return (*number(century), *number(rest))


def _words(said: str) -> tuple[str, ...]:
    return tuple(said.replace(",", "").split())
