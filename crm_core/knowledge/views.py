"""The knowledge base as people see it, and the columns it is read from.

Rule: a view's fields stand in the order of its columns.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased

from crm_core.knowledge.tables import (
    KnowledgeCategory,
    KnowledgeEntry,
    KnowledgeOpinion,
    KnowledgeUseCount,
    KnowledgeVersion,
)
from crm_core.people.tables import User


@dataclass(frozen=True, slots=True)
class CategoryView:
    code: str
    name_zh: str
    name_en: str
    position: int
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class EntryView:
    """`uses` within the window, `uses_ever` since the beginning; `helpful` and `to_review` people."""

    id: int
    title: str
    category_code: str
    keywords: tuple[str, ...]
    sku: str | None
    body: str
    state: str
    version: int
    author_id: int | None
    author_name: str | None
    editor_id: int | None
    editor_name: str | None
    created_at: datetime
    updated_at: datetime
    uses: int
    uses_ever: int
    helpful: int
    to_review: int


@dataclass(frozen=True, slots=True)
class EntryHit:
    """A line of a list. `in_head`: title, keywords or SKU contain all that was looked for."""

    id: int
    title: str
    category_code: str
    keywords: tuple[str, ...]
    sku: str | None
    state: str
    version: int
    updated_at: datetime
    uses: int
    in_head: bool
    excerpt: str


@dataclass(frozen=True, slots=True)
class VersionBrief:
    """A line of an entry's history."""

    version: int
    title: str
    category_code: str
    state: str
    restored_from: int | None
    editor_id: int | None
    editor_name: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class VersionView:
    """An entry as it was."""

    version: int
    title: str
    category_code: str
    keywords: tuple[str, ...]
    sku: str | None
    body: str
    state: str
    restored_from: int | None
    editor_id: int | None
    editor_name: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Used:
    """`counted`: it had not been counted for this person and call before."""

    counted: bool
    uses: int


Author, Editor = aliased(User), aliased(User)


def categories() -> Select[*tuple[Any, ...]]:
    """The columns of CategoryView."""
    table = KnowledgeCategory
    return select(
        table.code, table.name_zh, table.name_en, table.position, table.active, table.version
    )


def entries() -> Select[*tuple[Any, ...]]:
    """The columns of EntryView."""
    table = KnowledgeEntry
    return (
        select(
            table.id,
            table.title,
            table.category_code,
            table.keywords,
            table.sku,
            table.body,
            table.state,
            table.version,
            table.author_id,
            Author.name,
            table.editor_id,
            Editor.name,
            table.created_at,
            table.updated_at,
            KnowledgeUseCount.recent,
            KnowledgeUseCount.ever,
            _opinions(KnowledgeOpinion.verdict == "helpful"),
            _opinions(KnowledgeOpinion.verdict != "helpful"),
        )
        .join(KnowledgeUseCount, KnowledgeUseCount.entry_id == table.id)
        .outerjoin(Author, Author.id == table.author_id)
        .outerjoin(Editor, Editor.id == table.editor_id)
    )


def version_briefs() -> Select[*tuple[Any, ...]]:
    """The columns of VersionBrief."""
    table = KnowledgeVersion
    return select(
        table.version,
        table.title,
        table.category_code,
        table.state,
        table.restored_from,
        table.editor_id,
        Editor.name,
        table.at,
    ).outerjoin(Editor, Editor.id == table.editor_id)


def versions() -> Select[*tuple[Any, ...]]:
    """The columns of VersionView."""
    table = KnowledgeVersion
    return select(
        table.version,
        table.title,
        table.category_code,
        table.keywords,
        table.sku,
        table.body,
        table.state,
        table.restored_from,
        table.editor_id,
        Editor.name,
        table.at,
    ).outerjoin(Editor, Editor.id == table.editor_id)


def _opinions(which: ColumnElement[bool]) -> ColumnElement[int]:
    """How many people think so at present."""
    return (
        select(func.count())
        .where(
            KnowledgeOpinion.entry_id == KnowledgeEntry.id,
            KnowledgeOpinion.reviewed_at.is_(None),
            which,
        )
        .scalar_subquery()
    )
