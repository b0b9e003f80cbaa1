"""Values as people and Chinese Excel write them: money with 万 and ¥, full-width digits, dates in every form.

Rule: pure; what cannot be read for certain is refused with a sentence, never guessed.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import NamedTuple

_MONEY = re.compile(r"[¥￥$,\s元]|RMB|CNY", re.IGNORECASE)
_TIMES = {"万": Decimal(10_000), "千": Decimal(1_000), "亿": Decimal(100_000_000)}
_DATE = re.compile(
    r"(?P<year>\d{4})\s*(?:[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*日?"
    r"|(?P<month8>\d{2})(?P<day8>\d{2}))"
    r"(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
)
_TIME = re.compile(r"(?P<day>.*?)[ T]*(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)")
_SEPARATOR = re.compile(r"[、，,;；/|\n]+(?![^(（]*[)）])")
_YES = frozenset({"是", "有", "对", "真", "y", "yes", "true", "1", "√", "v"})
_NO = frozenset({"否", "无", "没有", "假", "n", "no", "false", "0", "×", "x"})
_WAYS = {
    "短信": "sms", "sms": "sms",
    "邮件": "email", "邮箱": "email", "电子邮件": "email", "email": "email", "e-mail": "email",
    "电话": "call", "call": "call", "phone": "call",
}  # fmt: skip
WAYS_ZH = {"sms": "短信", "email": "邮件", "call": "电话"}
_CHANNELS = {
    "短信": "sms", "sms": "sms",
    "邮件": "email", "邮箱": "email", "电子邮件": "email", "email": "email", "e-mail": "email",
    "语音": "voice", "电话": "voice", "voice": "voice", "call": "voice", "phone": "voice",
    "传真": "fax", "fax": "fax",
    "企业微信": "wecom", "企微": "wecom", "wecom": "wecom",
    "企业微信群": "wecom_group", "企微群": "wecom_group", "wecom_group": "wecom_group",
}  # fmt: skip
CHANNELS_ZH = {
    "sms": "短信", "email": "邮件", "voice": "语音", "fax": "传真", "wecom": "企业微信",
    "wecom_group": "企业微信群",
}  # fmt: skip
# Excel counts days from here, because it takes 1900 for a leap year.
_DAY_ZERO = date(1899, 12, 30)
_SERIALS = range(61, 109_575)
_MOST_DIGITS = 99_999_999
# As many digits as Excel shows; what stands behind them comes from counting in twos.
_SHOWN = ".15g"

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cell = str | float | bool | date | datetime | timedelta | None


class Row(NamedTuple):
    """A row of a file by its number, the first being 1; `fault`: why it cannot be taken in as it is."""

    number: int
    cells: Sequence[Cell]
    fault: str | None = None


def marked(written: str) -> str:
    """The text as CSV holds it, so that no spreadsheet takes it for a formula."""
    return f"'{written}" if written.lstrip("'").startswith(_FORMULA) else written


def unmarked(written: str) -> str:
    """What `marked` made the text of."""
    is_marked = written.startswith("'") and marked(written) != written
    return written[1:] if is_marked else written


def text(cell: Cell) -> str | None:
    """The cell as a person reads it; None when it is empty. A whole number has no “.0”."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:  # noqa: PLR2004
        return str(int(cell))
    if isinstance(cell, datetime):
        return str(cell.date()) if cell.time() == cell.min.time() else str(cell)
    if isinstance(cell, float):
        return format(cell, _SHOWN)
    written = unicodedata.normalize("NFKC", str(cell)) if not isinstance(cell, str) else cell
    return written.strip().strip("\ufeff\u200b") or None


def number(cell: Cell) -> Decimal | None:
    """`12,000.50`, `¥1.2万`, `１２３`, `(300)` is negative. Raises ValueError."""
    written = text(cell)
    if written is None:
        return None
    plain = _MONEY.sub("", unicodedata.normalize("NFKC", written))
    negative = plain.startswith("(") and plain.endswith(")")
    plain = plain.strip("()")
    times = _TIMES.get(plain[-1:], Decimal(1))
    if times != 1:
        plain = plain[:-1]
    try:
        found = Decimal(plain) * times
    except ArithmeticError:
        raise ValueError(f"“{written[:40]}” is not a number") from None
    if not found.is_finite():
        raise ValueError(f"“{written[:40]}” is not a number")
    return -found if negative else found


def day(cell: Cell) -> date | None:
    """`2026-03-05`, `2026/3/5`, `2026年3月5日`, `20260305`, or Excel's own number of a day.

    Raises ValueError.
    """
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        if abs(cell) > _MOST_DIGITS:
            raise ValueError(f"“{cell}” is not a date: write it as 2026-03-31")
        if int(cell) in _SERIALS:
            return _DAY_ZERO + timedelta(days=int(cell))
        cell = str(int(cell)) if float(cell).is_integer() else str(cell)
    written = text(cell)
    if written is None:
        return None
    found = _DATE.fullmatch(unicodedata.normalize("NFKC", written).strip())
    if found is None:
        raise ValueError(f"“{written[:40]}” is not a date: write it as 2026-03-31")
    parts = found.groupdict()
    try:
        return date(
            int(parts["year"]),
            int(parts["month"] or parts["month8"]),
            int(parts["day"] or parts["day8"]),
        )
    except ValueError:
        raise ValueError(f"there is no day “{written[:40]}”") from None


def moment(cell: Cell, zone: tzinfo) -> datetime | None:
    """A day as `day` reads it, with its time (`14:05`, `14:05:33`) or without, in this zone.

    Raises ValueError.
    """
    if isinstance(cell, datetime):
        return cell if cell.tzinfo else cell.replace(tzinfo=zone)
    at = time()
    if isinstance(cell, float) and not cell.is_integer() and int(cell) in _SERIALS:
        begins = datetime.combine(_DAY_ZERO + timedelta(days=int(cell)), at, zone)
        return begins + timedelta(seconds=round(cell % 1 * 86_400))
    written = None if isinstance(cell, date | float | int) else text(cell)
    found = _TIME.fullmatch(unicodedata.normalize("NFKC", written)) if written else None
    if found is not None:
        hours, *rest = found["time"].split(":")
        try:
            at = time.fromisoformat(":".join((hours.zfill(2), *rest))[:8])
        except ValueError:
            raise ValueError(f"there is no time “{found['time']}”") from None
        cell = found["day"]
    on = day(cell)
    return None if on is None else datetime.combine(on, at, zone)


def yes_no(cell: Cell) -> bool | None:
    """Raises ValueError."""
    if isinstance(cell, bool):
        return cell
    written = text(cell)
    if written is None:
        return None
    known = unicodedata.normalize("NFKC", written).casefold()
    if known in _YES:
        return True
    if known in _NO:
        return False
    raise ValueError(f"“{written[:40]}” is neither 是 nor 否")


def several(cell: Cell) -> tuple[str, ...]:
    """`烟、酒，茶` or `138…/139…`: what is separated by a comma, semicolon, 、 or slash, outside brackets."""
    written = text(cell)
    if written is None:
        return ()
    parts = _SEPARATOR.split(written)
    return tuple(part.strip() for part in parts if part.strip())


def lines(cell: Cell) -> Iterator[tuple[str | None, ...]]:
    """Each line of a cell in its parts, which `|` separates; a part left out is None."""
    for line in (text(cell) or "").splitlines():
        parts = tuple(part.strip() or None for part in re.split(r"[|｜]", line))
        if any(parts):
            yield parts


def ways(cell: Cell) -> tuple[str, ...]:
    """`短信、邮件`: by which no notice may come; 无 is none. Raises ValueError."""
    return _known(cell, _WAYS, WAYS_ZH)


def channels(cell: Cell) -> tuple[str, ...]:
    """`短信、企业微信`: by which a customer wants to be told; 无 is none. Raises ValueError."""
    return _known(cell, _CHANNELS, CHANNELS_ZH)


def _known(cell: Cell, known: Mapping[str, str], names: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for each in several(cell):
        word = unicodedata.normalize("NFKC", each).casefold()
        if word in _NO:
            continue
        if word not in known:
            raise ValueError(f"“{each[:40]}” is none of {', '.join(names.values())}")
        found.append(known[word])
    return tuple(found)
