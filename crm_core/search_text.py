"""Finding text by a part of it: Chinese words, pinyin, initials, fragments of numbers.

Rule: `search_text` says what a name is found by; the database's own function `search_grams` cuts it into
grams, which an index holds; `contains` is the condition that uses the index and then looks exactly. It
needs no extension, and no locale.

A gram is a Chinese sign, two neighbours of which one is Chinese, three neighbouring letters or digits, or
`^` with the first two letters of a word. So one Chinese sign, two letters at the beginning of a word, or three anywhere are
the least that can be looked for.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from pypinyin import lazy_pinyin
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

_TIMES = 5
_WORD = re.compile(r"[a-z0-9\x80-\U0010ffff]+")
_SHORT = re.compile(r"[a-z0-9]{2}")
_PART = re.compile(r"[a-z0-9]+|[㐀-鿿\U00020000-\U0003ffff]+")

# One pass over the signs, in pieces, because `substr` counts from the beginning each time. What is
# neither a-z, 0-9 nor beyond ASCII ends a word, whatever the collation. The cost is what it is (35 µs for
# 60 signs), so that the index is taken also where many rows match.
CREATE_FUNCTION = r"""
CREATE OR REPLACE FUNCTION search_grams(words text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT COST 1000 AS $$
DECLARE
  grams text[] := '{}';
  word text;
  piece text;
  three text;
  two text;
  begins boolean;
BEGIN
  FOREACH word IN ARRAY string_to_array(
    regexp_replace(words, '[\x01-\x2f\x3a-\x60\x7b-\x7f]+', ' ', 'g'), ' ')
  LOOP
    begins := true;
    WHILE word <> '' LOOP
      piece := left(word, 258);
      FOR place IN 1 .. least(length(piece), 256) LOOP
        three := substr(piece, place, 3);
        IF octet_length(three) = 3 AND length(three) = 3 THEN
          grams := array_append(grams, three);
          IF begins THEN
            grams := array_append(grams, '^' || left(three, 2));
            begins := false;
          END IF;
          CONTINUE;
        END IF;
        two := left(three, 2);
        IF octet_length(two) > 2 AND length(two) = 2 THEN
          grams := array_append(grams, two);
        END IF;
        IF octet_length(left(three, 1)) > 1 THEN
          grams := array_append(grams, left(three, 1));
          begins := true;
        ELSE
          IF begins AND octet_length(two) = 2 AND length(two) = 2 THEN
            grams := array_append(grams, '^' || two);
          END IF;
          begins := false;
        END IF;
      END LOOP;
      word := substr(word, 257);
    END LOOP;
  END LOOP;
  RETURN grams;
END
$$
"""
DROP_FUNCTION = "DROP FUNCTION IF EXISTS search_grams(text)"


def plain(words: str) -> str:
    """Full-width and half-width, capital and small, one space and many: all the same."""
    return " ".join(unicodedata.normalize("NFKC", words).casefold().split())


def search_text(name: str, most: int = 200) -> str:
    """The name, its pinyin and its initials: 华北食品 → 华北食品 huabeishipin hbsp; of its first `most` signs."""
    known = plain(name)[:most]
    parts = _PART.findall(known)
    spoken = [_pinyin(part) for part in parts if not part.isascii()]
    pinyin = ["".join(syllables) for syllables in spoken]
    initials = "".join(
        part[:1] if part.isascii() else "".join(each[:1] for each in _pinyin(part))
        for part in parts
    )
    added = dict.fromkeys([*pinyin, "".join(pinyin), initials])
    return " ".join(filter(None, (known, *added)))[: most * _TIMES]


@lru_cache(maxsize=20_000)
def _pinyin(han: str) -> tuple[str, ...]:
    """The syllables; names share their ends, such as 商贸有限公司."""
    return tuple(lazy_pinyin(han, errors="ignore"))


def query_grams(wanted: str) -> tuple[str, ...]:
    """The grams that a text must have which contains `wanted` (in the form of `plain`)."""
    grams: list[str] = []
    for found in _WORD.finditer(wanted):
        word = found.group()
        if found.start() and _SHORT.match(word):
            grams.append(f"^{word[:2]}")
        grams += [g for g in _cut(word, 3) if g.isascii()]
        grams += [g for g in _cut(word, 2) if not g.isascii()]
        if len(word) == 1 and not word.isascii():
            grams.append(word)
    if not grams and _SHORT.match(wanted):
        grams.append(f"^{wanted[:2]}")
    return tuple(dict.fromkeys(grams))


def _cut(word: str, size: int) -> list[str]:
    return [word[place : place + size] for place in range(len(word) - size + 1)]


def contains(
    column: ColumnElement[str] | InstrumentedAttribute[Any], wanted: str
) -> ColumnElement[bool] | None:
    """That the column (made by `search_text`, or digits) contains each word of `wanted`.

    None when there is nothing long enough to look for. In an OR with another condition the grams of
    every candidate are cut again: give each its own SELECT and unite them.
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


def text_index(name: str, column: str, **options: Any) -> Index:
    """The index that `contains` uses; `column` may also be an expression."""
    return Index(name, text(f"search_grams({column})"), postgresql_using="gin", **options)


def _holds(
    column: ColumnElement[str] | InstrumentedAttribute[Any], word: str
) -> ColumnElement[bool]:
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
