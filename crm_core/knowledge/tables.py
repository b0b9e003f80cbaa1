"""Tables of the knowledge base (知识库): entries, their earlier texts, their use, opinions, questions.

Rule: the columns `head_…` and `body_…` follow from the text (see `words`) and are written with it.
Use is counted in a table of its own, because a change of an entry's row would write all its grams into
the indexes again.
"""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import emptied, entity
from crm_core.search_text import text_index

_Time = DateTime(timezone=True)
_Keywords = ARRAY(String(30), as_tuple=True)
_STATE_KNOWN = "state IN ('draft','published','retired')"
_TO_REVIEW = "reviewed_at IS NULL AND verdict <> 'helpful'"


class KnowledgeCategory(Base):
    """What entries are about; lists show them by `position`."""

    __tablename__ = "knowledge_categories"

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    position: Mapped[int] = mapped_column(server_default="100")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class KnowledgeEntry(Base):
    """An entry as it is now; `sku` names the product that it is about."""

    __tablename__ = "knowledge_entries"
    __table_args__ = (
        CheckConstraint(_STATE_KNOWN, name="state_known"),
        CheckConstraint("version > 0", name="version_positive"),
        text_index("ix_knowledge_entries_head_grams", "head_words"),
        text_index("ix_knowledge_entries_body_grams", "body_words"),
        text_index("ix_knowledge_entries_initials_grams", "body_initials"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    category_code: Mapped[str] = mapped_column(ForeignKey("knowledge_categories.code"), index=True)
    keywords: Mapped[tuple[str, ...]] = mapped_column(_Keywords, server_default="{}")
    sku: Mapped[str | None] = mapped_column(String(40), index=True)
    body: Mapped[str] = mapped_column(String(20_000))
    state: Mapped[str] = mapped_column(String(10), server_default="draft")
    version: Mapped[int] = mapped_column(server_default="1")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    updated_at: Mapped[datetime] = mapped_column(_Time)
    head_words: Mapped[str] = mapped_column(Text)
    body_words: Mapped[str] = mapped_column(Text)
    body_initials: Mapped[str] = mapped_column(Text)


class KnowledgeVersion(Base):
    """An entry as it was from `at` on, the present text too; rows are only added."""

    __tablename__ = "knowledge_versions"
    __table_args__ = (CheckConstraint(_STATE_KNOWN, name="state_known"),)

    entry_id: Mapped[int] = mapped_column(ForeignKey("knowledge_entries.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(String(100))
    category_code: Mapped[str] = mapped_column(ForeignKey("knowledge_categories.code"))
    keywords: Mapped[tuple[str, ...]] = mapped_column(_Keywords)
    sku: Mapped[str | None] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(String(20_000))
    state: Mapped[str] = mapped_column(String(10))
    restored_from: Mapped[int | None]
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(_Time)


class KnowledgeUseCount(Base):
    """How often an entry was used: within the window, which moves with the days, and ever."""

    __tablename__ = "knowledge_use_counts"
    __table_args__ = (
        CheckConstraint("recent >= 0 AND ever >= recent", name="recent_is_part_of_ever"),
    )

    entry_id: Mapped[int] = mapped_column(ForeignKey("knowledge_entries.id"), primary_key=True)
    recent: Mapped[int] = mapped_column(server_default="0")
    ever: Mapped[int] = mapped_column(server_default="0")


class KnowledgeUse(Base):
    """Somebody used an entry. `occasion` is the call, or the day when there was none.

    A row is what one of `recent` stands for, and goes when its day leaves the window.
    """

    __tablename__ = "knowledge_uses"
    __table_args__ = (UniqueConstraint("entry_id", "user_id", "occasion"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("knowledge_entries.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    occasion: Mapped[str] = mapped_column(String(32))
    day: Mapped[date] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(_Time)


class KnowledgeOpinion(Base):
    """What somebody thinks of an entry; all but “helpful” is to be reviewed until it has been."""

    __tablename__ = "knowledge_opinions"
    __table_args__ = (
        CheckConstraint("verdict IN ('helpful','not_helpful','outdated')", name="verdict_known"),
        CheckConstraint(
            "reviewed_at IS NOT NULL OR (reviewed_by_id IS NULL AND review_note IS NULL)",
            name="reviewed_with_its_time",
        ),
        Index(
            "uq_knowledge_opinions_present",
            "entry_id",
            "user_id",
            unique=True,
            postgresql_where=text("reviewed_at IS NULL"),
        ),
        Index("ix_knowledge_opinions_to_review", "id", postgresql_where=text(_TO_REVIEW)),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("knowledge_entries.id"))
    entry_version: Mapped[int]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    verdict: Mapped[str] = mapped_column(String(15))
    note: Mapped[str | None] = mapped_column(String(1000))
    call_id: Mapped[str | None] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(_Time)
    reviewed_at: Mapped[datetime | None] = mapped_column(_Time)
    reviewed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    review_note: Mapped[str | None] = mapped_column(String(1000))


class KnowledgeQuestion(Base):
    """An agent's question to those who keep the knowledge base; it is answered once."""

    __tablename__ = "knowledge_questions"
    __table_args__ = (
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_with_its_time"),
        CheckConstraint(
            "answer IS NOT NULL OR (answered_by_id IS NULL AND entry_id IS NULL)",
            name="answered_by_somebody",
        ),
        Index("ix_knowledge_questions_open", "id", postgresql_where=text("answered_at IS NULL")),
        {"info": entity("knowledge_question")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    text: Mapped[str] = mapped_column(String(2000), info=emptied("—"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    call_id: Mapped[str | None] = mapped_column(String(32), index=True)
    asker_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(_Time)
    answer: Mapped[str | None] = mapped_column(String(20_000))
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    answered_at: Mapped[datetime | None] = mapped_column(_Time)
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("knowledge_entries.id"), index=True)
