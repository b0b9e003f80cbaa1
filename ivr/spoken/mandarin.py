"""Figures as they are said in Mandarin, in pieces of speech: 1005 is 一千 零 五.

Rule: pure. A piece is what one recording holds: a number below a hundred, a digit with its hundred or
thousand, a unit. Source of the readings: GB/T 15835-2011 for writing numbers in signs, and everyday speech for 两
(two of something, and before 百, 千, 万 and 亿 where a number begins or 千 follows), 幺 (one in a code) and 号
(the day).
"""

from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal

DIGITS = "零一二三四五六七八九"
CODE = "零幺二三四五六七八九"
MOST = 10**12 - 1
_GROUPS = ((10**8, "亿"), (10**4, "万"))
_TEN, _HUNDRED, _THOUSAND = 10, 100, 1000


def number(n: int) -> tuple[str, ...]:
    """`n` from 0 to 999,999,999,999, without a unit: 2 is 二. Raises ValueError beyond."""
    if not 0 <= n <= MOST:
        raise ValueError(f"{n} is not a number that can be said: 0 to {MOST:,}")
    return tuple(_number(n)) if n else (DIGITS[0],)


def quantity(n: int, unit: str) -> tuple[str, ...]:
    """So many of something: 2 件 is 两件, 12 件 is 十二件."""
    said = ("两",) if n == 2 else number(n)  # noqa: PLR2004
    return (*said, unit)


def money(amount: Decimal) -> tuple[str, ...]:
    """Yuan to the cent: 1005.20 is 一千零五元二角, 10.05 is 十元零五分. Raises ValueError below nothing."""
    fen = int(amount * 100)
    if fen != amount * 100:
        raise ValueError(f"{amount} has parts of a cent")
    yuan, jiao, fen = fen // 100, fen // 10 % 10, fen % 10
    said: list[str] = []
    if yuan or not (jiao or fen):
        said += quantity(yuan, "元")
    if jiao:
        said += quantity(jiao, "角")
    elif yuan and fen:
        said.append(DIGITS[0])
    if fen:
        said += (DIGITS[fen], "分") if said else quantity(fen, "分")
    return tuple(said)


def day(when: date, today: date) -> tuple[str, ...]:
    """三月二号; with the year when it is not this one: 二零二七年三月二号."""
    year = () if when.year == today.year else (*(DIGITS[int(d)] for d in str(when.year)), "年")
    return (*year, *number(when.month), "月", *number(when.day), "号")


def clock(when: time) -> tuple[str, ...]:
    """To the minute, of 24 hours: 两点, 十四点零五分."""
    said = quantity(when.hour, "点")
    if not when.minute:
        return said
    zero = (DIGITS[0],) if when.minute < _TEN else ()
    return (*said, *zero, *number(when.minute), "分")


def code(text: str) -> tuple[str, ...]:
    """Sign by sign, as order numbers and telephone numbers are read: 1 is 幺; what is neither digit nor letter
    is a pause.
    """
    return tuple(CODE[int(sign)] if sign in "0123456789" else sign for sign in text.upper())


def _number(n: int) -> Iterator[str]:
    begun = gap = False
    for size, name in (*_GROUPS, (1, "")):
        group, n = divmod(n, size)
        if not group:
            gap = begun
            continue
        if begun and (gap or group < _THOUSAND):
            yield DIGITS[0]
        if name and group == 2:  # noqa: PLR2004
            yield "两"
        else:
            yield from _below_ten_thousand(group, leads=not begun)
        if name:
            yield name
        begun, gap = True, False


def _below_ten_thousand(n: int, *, leads: bool) -> Iterator[str]:
    thousands, rest = divmod(n, _THOUSAND)
    hundreds, below = divmod(rest, _HUNDRED)
    if thousands:
        yield ("两" if thousands == 2 else DIGITS[thousands]) + "千"  # noqa: PLR2004
    if hundreds:
        first = leads and not thousands
        yield ("两" if first and hundreds == 2 else DIGITS[hundreds]) + "百"  # noqa: PLR2004
    elif thousands and below:
        yield DIGITS[0]
    if below:
        if hundreds and below < _TEN:
            yield DIGITS[0]
        yield below_hundred(below, alone=leads and not (thousands or hundreds))


def below_hundred(n: int, *, alone: bool = True) -> str:
    """1 to 99; ten is 十 where a number begins, and 一十 inside one."""
    tens, ones = divmod(n, _TEN)
    if not tens:
        return DIGITS[ones]
    head = "" if tens == 1 and alone else DIGITS[tens]
    return head + "十" + (DIGITS[ones] if ones else "")
