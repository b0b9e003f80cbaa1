"""Figures as prompts: which ones to play for a number, a sum of money, a day or a code, in the caller's language.

Rule: every piece that the readings give is a prompt of `vocabulary`, so that recordings can replace all of them and
none is missing when it is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from functools import cache
from string import ascii_uppercase
from types import MappingProxyType

from ivr.menu import Language
from ivr.spoken import english, mandarin


@dataclass(frozen=True, slots=True)
class Unit:
    """What goods are counted in: `name` in prompts, one and many in English."""

    name: str
    one: str
    many: str


UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "件": Unit("piece", "piece", "pieces"),
        "个": Unit("item", "item", "items"),
        "箱": Unit("case", "case", "cases"),
        "条": Unit("carton", "carton", "cartons"),
        "盒": Unit("box", "box", "boxes"),
        "包": Unit("pack", "pack", "packs"),
        "袋": Unit("bag", "bag", "bags"),
        "瓶": Unit("bottle", "bottle", "bottles"),
        "罐": Unit("can", "can", "cans"),
        "桶": Unit("barrel", "barrel", "barrels"),
        "支": Unit("stick", "stick", "sticks"),
        "台": Unit("set", "set", "sets"),
        "套": Unit("kit", "kit", "kits"),
        "双": Unit("pair", "pair", "pairs"),
        "张": Unit("sheet", "sheet", "sheets"),
        "斤": Unit("jin", "jin", "jin"),
        "公斤": Unit("kilogram", "kilogram", "kilograms"),
        "吨": Unit("ton", "ton", "tons"),
    }
)
_ZH_WORDS = {
    "零": "number_0", "两": "number_2_of", "幺": "digit_1", "两百": "number_200_first", "万": "ten_thousands",
    "亿": "hundred_millions", "元": "yuan", "角": "jiao", "分": "fen", "年": "year", "月": "month", "号": "day",
    "点": "oclock", "分钟": "minutes",
}  # fmt: skip
_EN_WORDS = (
    "and", "hundred", "thousand", "million", "billion", "yuan", "fen", "oh", "minute", "minutes",
)  # fmt: skip


@cache
def vocabulary(language: Language) -> Mapping[str, str]:
    """The prompt of each piece, by what is said."""
    words = dict(_mandarin() if language == "zh" else _english())
    words |= {letter: f"letter_{letter.lower()}" for letter in ascii_uppercase}
    return MappingProxyType(words)


class Speaker:
    """Figures in one language, as names of prompts."""

    def __init__(self, language: Language) -> None:
        self._zh = language == "zh"
        self._words = vocabulary(language)

    def number(self, n: int) -> tuple[str, ...]:
        """Raises ValueError below 0 and from a billion billions on, like all below."""
        return self._prompts(mandarin.number(n) if self._zh else english.number(n))

    def one(self, unit: str) -> tuple[str, ...]:
        """The unit alone; nothing for one that is not in UNITS."""
        known = UNITS.get(unit)
        return (f"unit_{known.name}",) if known else ()

    def quantity(self, n: int, unit: str) -> tuple[str, ...]:
        """So many of a unit; of one that is not in UNITS the number alone."""
        known = UNITS.get(unit)
        if known is None:
            return self.number(n)
        if self._zh:
            return self._prompts(mandarin.quantity(n, unit))
        return self._prompts(english.quantity(n, known.one, known.many))

    def money(self, amount: Decimal) -> tuple[str, ...]:
        return self._prompts(mandarin.money(amount) if self._zh else english.money(amount))

    def day(self, when: date, today: date) -> tuple[str, ...]:
        """With the year when it is not this one."""
        said = mandarin.day(when, today) if self._zh else english.day(when, today)
        return self._prompts(said)

    def clock(self, when: time) -> tuple[str, ...]:
        """A time of day, to the minute."""
        return self._prompts(mandarin.clock(when) if self._zh else english.clock(when))

    def minutes(self, n: int) -> tuple[str, ...]:
        if self._zh:
            return self._prompts(mandarin.quantity(n, "分钟"))
        return self._prompts(english.quantity(n, "minute", "minutes"))

    def code(self, text: str) -> tuple[str, ...]:
        """Sign by sign; what is neither digit nor letter is left out."""
        signs = "".join(sign for sign in text if sign.isascii() and sign.isalnum())
        return self._prompts(mandarin.code(signs) if self._zh else english.code(signs))

    def _prompts(self, said: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._words[piece] for piece in said)


def _mandarin() -> Mapping[str, str]:
    words = dict(_ZH_WORDS)
    for n in range(1, 100):
        words.setdefault(mandarin.below_hundred(n), f"number_{n}")
    for n in range(10, 20):
        words[mandarin.below_hundred(n, alone=False)] = f"number_{n}_inside"
    for digit in range(1, 10):
        words[f"{mandarin.DIGITS[digit]}百"] = f"number_{digit}00"
        words[f"{'两' if digit == 2 else mandarin.DIGITS[digit]}千"] = f"number_{digit}000"  # noqa: PLR2004
    return words | {unit: f"unit_{known.name}" for unit, known in UNITS.items()}


def _english() -> Mapping[str, str]:
    words = {english.number(n)[0]: f"number_{n}" for n in range(100)}
    words |= {english.ordinal(n): f"day_{n}" for n in range(1, 32)}
    words |= {month: month.lower() for month in english.MONTHS}
    words |= {word: word for word in _EN_WORDS} | {"o'clock": "oclock"}
    for unit in UNITS.values():
        words[unit.many] = f"unit_{unit.name}_many"
        words[unit.one] = f"unit_{unit.name}"
    return words
