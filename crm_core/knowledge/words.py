"""The words that an entry is found by.

Rule: title, keywords and SKU are found by everything `search_text` knows, and so is the body, except
that initials find it only when at least INITIALS are typed: in a long text any two or three letters
stand somewhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pypinyin import lazy_pinyin

from crm_core.search_text import plain, search_text

INITIALS = 4
_LONGEST = 40_000  # compatibility forms may be longer than what was typed
_HAN = re.compile(r"[㐀-鿿\U00020000-\U0003ffff]+")


@dataclass(frozen=True, slots=True)
class BodyWords:
    """`text`: the body as it is compared, and its pinyin."""

    text: str
    initials: str


def of_head(title: str, keywords: Iterable[str], sku: str | None) -> str:
    """Each part by itself, so that initials begin with it."""
    return " ".join(search_text(part) for part in (title, *keywords, sku or "") if part)


def of_body(body: str) -> BodyWords:
    """Takes a tenth of a second for the longest body: call it in a thread."""
    known = plain(body)[:_LONGEST]
    spoken = [lazy_pinyin(han, errors="ignore") for han in dict.fromkeys(_HAN.findall(known))]
    pinyin = dict.fromkeys("".join(syllables) for syllables in spoken)
    initials = dict.fromkeys("".join(each[:1] for each in syllables) for syllables in spoken)
    return BodyWords(" ".join((known, *pinyin)), " ".join(initials))
