"""Entries found by what an agent types while somebody waits on the line.

Rule: every word must be in the entry. Those whose title, keywords and SKU have them all come before
those of which the body must be asked; among these, what is used most comes first. Each place in which
a word may stand is asked by itself, with an index of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.knowledge.commands import EntryQuery
from crm_core.knowledge.tables import KnowledgeEntry, KnowledgeUseCount
from crm_core.knowledge.views import EntryHit
from crm_core.knowledge.words import INITIALS
from crm_core.search_text import contains, plain, query_grams

_HEAD, _BODY = 0, 1
_EXCERPT = 90
_BEFORE_THE_WORD = 20
_MOST_WORDS = 8


async def found(connection: AsyncConnection, wanted: EntryQuery) -> tuple[EntryHit, ...]:
    """The best first; all of them when nothing is looked for, none when too little is."""
    typed = plain(wanted.q).split()
    words = [word for word in dict.fromkeys(typed) if query_grams(word)][:_MOST_WORDS]
    if typed and not words:
        return ()
    rows = await connection.execute(_page(words, wanted))
    return tuple(EntryHit(*row) for row in rows)


def _page(words: Sequence[str], wanted: EntryQuery) -> Select[*tuple[Any, ...]]:
    hits = _hits(words, wanted).cte("hits")
    place = (hits.c.tier, hits.c.unused, hits.c.age)
    page = select(hits).order_by(*place).limit(wanted.limit)
    if wanted.after is not None:
        last = hits.alias("last")
        end = select(last.c.tier, last.c.unused, last.c.age).where(last.c.id == wanted.after)
        page = page.where(tuple_(*place) > end.scalar_subquery())
    shown = page.subquery("shown")
    table = KnowledgeEntry
    return (
        select(
            table.id,
            table.title,
            table.category_code,
            table.keywords,
            table.sku,
            table.state,
            table.version,
            table.updated_at,
            -shown.c.unused,
            shown.c.tier == _HEAD,
            _excerpt(words),
        )
        .join(shown, shown.c.id == table.id)
        .order_by(shown.c.tier, shown.c.unused, shown.c.age)
    )


def _hits(words: Sequence[str], wanted: EntryQuery) -> Select[*tuple[Any, ...]]:
    """What is found, with its place in the order: the least of each column comes first."""
    table, having = KnowledgeEntry, [_having(word) for word in words]
    tiers = [each.c.tier for each in having]
    tier = func.greatest(*tiers) if tiers else literal(_HEAD)
    query = select(
        table.id,
        tier.label("tier"),
        (-KnowledgeUseCount.recent).label("unused"),
        (-table.id).label("age"),
    ).join(KnowledgeUseCount, KnowledgeUseCount.entry_id == table.id)
    for each in having:
        query = query.join(each, each.c.id == table.id)
    query = query.where(table.state == wanted.state)
    if wanted.category_code is not None:
        query = query.where(table.category_code == wanted.category_code)
    if wanted.sku is not None:
        query = query.where(table.sku == wanted.sku)
    return query


def _having(word: str) -> Subquery:
    """The entries that have the word, each with the best place in which it stands."""
    places = union_all(*_places(word)).subquery()
    return (
        select(places.c.id, func.min(places.c.tier).label("tier")).group_by(places.c.id).subquery()
    )


def _places(word: str) -> Iterator[Select[int, int]]:
    table = KnowledgeEntry
    columns = [(table.head_words, _HEAD), (table.body_words, _BODY)]
    if len(word) >= INITIALS and word.isascii() and word.isalpha():
        columns.append((table.body_initials, _BODY))
    for column, tier in columns:
        has_it = contains(column, word)
        assert has_it is not None
        yield select(table.id, literal_column(str(tier), type_=Integer).label("tier")).where(has_it)


def _excerpt(words: Sequence[str]) -> ColumnElement[str]:
    """The part of the body around the first word as it was typed, or its beginning."""
    body = KnowledgeEntry.body
    places = [func.nullif(func.strpos(func.lower(body), word), 0) for word in words]
    place = func.coalesce(*places, 1) if places else literal(1)
    return func.substr(body, func.greatest(place - _BEFORE_THE_WORD, 1), _EXCERPT)
