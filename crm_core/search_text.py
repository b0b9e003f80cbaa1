"""Finding text by a part of it: Chinese words, pinyin, initials, fragments of numbers.

Rule: `search_text` says what a name is found by; the database's own function `search_grams` cuts it into
grams, which an index holds; `contains` is the condition that uses the index and then looks exactly. It
needs no extension, and no locale.

A gram is a Chinese sign, two neighbouring ones, three neighbouring letters or digits, or `^` with the
first two of a word. So one Chinese sign, two letters at the beginning of a word, or three anywhere are
the least that can be looked for.
"""

import re
import unicodedata
from typing import Any

from pypinyin import Style, lazy_pinyin
from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Text,
    and_,
    event,
    func,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.db import Base

LONGEST = 1000
_CUT = re.compile(r"[a-z0-9]+|[^\x00-\x7f]+")
_HAN = re.compile(r"[㐀-鿿\U00020000-\U0003ffff]+")

# Characters are compared by their code so that no collation matters.
CREATE_FUNCTION = r"""
CREATE OR REPLACE FUNCTION search_grams(words text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT COALESCE(array_agg(DISTINCT gram COLLATE "C"), '{}')
    FROM string_to_table(
           regexp_replace(words, '([a-z0-9]+)|[\x01-\x2f\x3a-\x60\x7b-\x7f]+', ' \1 ', 'g'), ' ')
           AS word,
         LATERAL (
           SELECT substr(word, place, 3) FROM generate_series(1, length(word) - 2) AS place
            WHERE word < '~' COLLATE "C"
           UNION ALL SELECT '^' || substr(word, 1, 2) WHERE word BETWEEN '0' AND '~' COLLATE "C"
           UNION ALL SELECT substr(word, place, size)
             FROM generate_series(1, length(word)) AS place, generate_series(1, 2) AS size
            WHERE word > '~' COLLATE "C" AND place + size <= length(word) + 1
         ) AS cut(gram)
$$
"""
DROP_FUNCTION = "DROP FUNCTION IF EXISTS search_grams(text)"


def plain(words: str) -> str:
    """Full-width and half-width, capital and small, one space and many: all the same."""
    return " ".join(unicodedata.normalize("NFKC", words).casefold().split())


def search_text(name: str) -> str:
    """The name, its pinyin and its initials: 华北食品 → 华北食品 huabeishipin hbsp."""
    known = plain(name)[:200]
    pinyin = ["".join(lazy_pinyin(part, errors="ignore")) for part in _HAN.findall(known)]
    initials = "".join(
        "".join(lazy_pinyin(part, style=Style.FIRST_LETTER, errors="ignore"))
        if _HAN.match(part)
        else part[:1]
        for part in re.findall(r"[a-z0-9]+|[㐀-鿿\U00020000-\U0003ffff]+", known)
    )
    added = dict.fromkeys([*pinyin, "".join(pinyin), initials])
    return " ".join(filter(None, (known, *added)))[:LONGEST]


def query_grams(wanted: str) -> tuple[str, ...]:
    """The grams that a text must have which contains `wanted` (in the form of `plain`)."""
    grams: list[str] = []
    for part in _CUT.findall(wanted):
        size = 3 if part.isascii() else 2
        grams += [part[i : i + size] for i in range(len(part) - size + 1)]
        if not part.isascii() and len(part) == 1:
            grams.append(part)
    if not grams and (short := re.fullmatch(r"[a-z0-9]{2}", wanted)):
        grams.append(f"^{short[0]}")
    return tuple(dict.fromkeys(grams))


def contains(column: InstrumentedAttribute[str], wanted: str) -> ColumnElement[bool] | None:
    """That the column (made by `search_text`, or digits) contains each word of `wanted`.

    None when there is nothing long enough to look for.
    """
    conditions: list[ColumnElement[bool]] = []
    for word in plain(wanted).split():
        grams = query_grams(word)
        if grams:
            held = func.search_grams(column, type_=ARRAY(Text)).contains(
                literal(list(grams), ARRAY(Text))
            )
            conditions += [held, _holds(column, word)]
    return and_(*conditions) if conditions else None


def text_index(name: str, column: str) -> Index:
    """The index that `contains` uses."""
    return Index(name, text(f"search_grams({column})"), postgresql_using="gin")


def _holds(column: InstrumentedAttribute[str], word: str) -> ColumnElement[bool]:
    if len(word) == 2 and word.isascii():  # noqa: PLR2004
        return (
            column.regexp_match(rf"(^|[^a-z0-9]){word}")
            if word.isalnum()
            else column.contains(word)
        )
    return column.contains(word, autoescape=True)


@event.listens_for(Base.metadata, "before_create")
def _create(_target: Any, connection: Connection, **_: Any) -> None:
    """The function comes before the tables that use it."""
    connection.exec_driver_sql(CREATE_FUNCTION)
