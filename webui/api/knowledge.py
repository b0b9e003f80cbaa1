"""The knowledge base: searched, used, judged; written and kept.

Rule: who may only read meets published entries and nothing else; the service decides that.
"""

from datetime import datetime

from crm_core.fields import Version
from crm_core.knowledge.commands import (
    EntryEdit,
    EntryQuery,
    NewEntry,
    Opinion,
    OpinionQuery,
    Restore,
    Review,
    Use,
    VersionQuery,
)
from crm_core.knowledge.service import KnowledgeService
from crm_core.knowledge.views import EntryView
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedKnowledgeEntry(NewEntry, Model):
    """An entry to write."""


class WantedKnowledgeEdit(EntryEdit, Model):
    """Only what is given is changed."""


class WantedKnowledgeRestore(Restore, Model):
    """Which earlier text to take back."""


class WantedKnowledgeUse(Use, Model):
    """In which call it was used."""


class WantedKnowledgeOpinion(Opinion, Model):
    """What one thinks of an entry."""


class WantedKnowledgeReview(Review, Model):
    """Which opinions are settled."""


class KnowledgeSearch(EntryQuery, Model):
    """Which entries to list."""


class KnowledgeVersionSearch(VersionQuery, Model):
    """Which part of the history to list."""


class KnowledgeVersionWanted(Model):
    """Which version to show."""

    number: Version


class KnowledgeOpinionSearch(OpinionQuery, Model):
    """Which part of what waits for review to list."""


class KnowledgeEntryItem(View):
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


class KnowledgeEntryAnswer(View):
    entry: KnowledgeEntryItem


class KnowledgeHitItem(View):
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


class KnowledgeHitList(View):
    items: tuple[KnowledgeHitItem, ...]


class KnowledgeVersionItem(View):
    version: int
    title: str
    category_code: str
    state: str
    restored_from: int | None
    editor_id: int | None
    editor_name: str | None
    at: datetime


class KnowledgeVersionList(View):
    items: tuple[KnowledgeVersionItem, ...]


class KnowledgeVersionText(KnowledgeVersionItem):
    keywords: tuple[str, ...]
    sku: str | None
    body: str


class KnowledgeVersionAnswer(View):
    version: KnowledgeVersionText


class KnowledgeUsed(View):
    counted: bool
    uses: int


class KnowledgeOpinionItem(View):
    id: int
    entry_id: int
    entry_title: str
    entry_version: int
    current_version: int
    user_id: int
    user_name: str
    verdict: str
    note: str | None
    call_id: str | None
    at: datetime


class KnowledgeOpinionList(View):
    items: tuple[KnowledgeOpinionItem, ...]


class KnowledgeReviewed(View):
    reviewed: int


async def search(asked: Asked[Nothing, KnowledgeSearch]) -> KnowledgeHitList:
    """Entries by words, pinyin or initials, the most used first; drafts for knowledge.edit."""
    found = await _service(asked).search(asked.principal, asked.query)
    return KnowledgeHitList(items=tuple(map(KnowledgeHitItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> KnowledgeEntryAnswer:
    """One entry."""
    return _answer(await _service(asked).get(asked.principal, int(asked.id)))


async def create(asked: Asked[WantedKnowledgeEntry, Nothing]) -> KnowledgeEntryAnswer:
    """Write an entry."""
    return _answer(await _service(asked).create(asked.principal, asked.body))


async def edit(asked: Asked[WantedKnowledgeEdit, Nothing]) -> KnowledgeEntryAnswer:
    """Change an entry, publish or retire it; the text it had is kept."""
    return _answer(await _service(asked).edit(asked.principal, int(asked.id), asked.body))


async def restore(asked: Asked[WantedKnowledgeRestore, Nothing]) -> KnowledgeEntryAnswer:
    """Take an earlier text back, as a new version."""
    return _answer(await _service(asked).restore(asked.principal, int(asked.id), asked.body))


async def versions(asked: Asked[Nothing, KnowledgeVersionSearch]) -> KnowledgeVersionList:
    """The versions of an entry, newest first."""
    found = await _service(asked).history(asked.principal, int(asked.id), asked.query)
    return KnowledgeVersionList(items=tuple(map(KnowledgeVersionItem.model_validate, found)))


async def version(asked: Asked[Nothing, KnowledgeVersionWanted]) -> KnowledgeVersionAnswer:
    """An entry as it was."""
    found = await _service(asked).version(asked.principal, int(asked.id), asked.query.number)
    return KnowledgeVersionAnswer(version=KnowledgeVersionText.model_validate(found))


async def mark_used(asked: Asked[WantedKnowledgeUse, Nothing]) -> KnowledgeUsed:
    """It was used; counts once for each person and call."""
    used = await _service(asked).mark_used(asked.principal, int(asked.id), asked.body)
    return KnowledgeUsed.model_validate(used)


async def give_opinion(asked: Asked[WantedKnowledgeOpinion, Nothing]) -> None:
    """Say that it helps, does not help or is outdated; replaces what one said before."""
    await _service(asked).give_opinion(asked.principal, int(asked.id), asked.body)


async def to_review(asked: Asked[Nothing, KnowledgeOpinionSearch]) -> KnowledgeOpinionList:
    """What was found unhelpful or outdated and not reviewed since, the oldest first."""
    found = await _service(asked).to_review(asked.principal, asked.query)
    return KnowledgeOpinionList(items=tuple(map(KnowledgeOpinionItem.model_validate, found)))


async def review(asked: Asked[WantedKnowledgeReview, Nothing]) -> KnowledgeReviewed:
    """Settle opinions; 409 when somebody else has settled all of them."""
    return KnowledgeReviewed(reviewed=await _service(asked).review(asked.principal, asked.body))


def _service(asked: Asked[Model, Model]) -> KnowledgeService:
    return asked.services.crm.knowledge


def _answer(entry: EntryView) -> KnowledgeEntryAnswer:
    return KnowledgeEntryAnswer(entry=KnowledgeEntryItem.model_validate(entry))


_VIEW, _EDIT = needs(Right.KNOWLEDGE_VIEW), needs(Right.KNOWLEDGE_EDIT)
_ALL = "/api/knowledge/entries"
_ONE = f"{_ALL}/{NUMBER}"
_OPINIONS = "/api/knowledge/opinions"

ROUTES = (
    Route("GET", _ALL, search, _VIEW, query=KnowledgeSearch, answer=KnowledgeHitList),
    Route(
        "POST",
        _ALL,
        create,
        _EDIT,
        WantedKnowledgeEntry,
        answer=KnowledgeEntryAnswer,
        status=201,
        once=True,
    ),
    Route("GET", _ONE, show, _VIEW, answer=KnowledgeEntryAnswer),
    Route("PATCH", _ONE, edit, _EDIT, WantedKnowledgeEdit, answer=KnowledgeEntryAnswer),
    Route(
        "POST",
        f"{_ONE}/restore",
        restore,
        _EDIT,
        WantedKnowledgeRestore,
        answer=KnowledgeEntryAnswer,
    ),
    Route(
        "GET",
        f"{_ONE}/versions",
        versions,
        _EDIT,
        query=KnowledgeVersionSearch,
        answer=KnowledgeVersionList,
    ),
    Route(
        "GET",
        f"{_ONE}/version",
        version,
        _EDIT,
        query=KnowledgeVersionWanted,
        answer=KnowledgeVersionAnswer,
    ),
    Route("POST", f"{_ONE}/use", mark_used, _VIEW, WantedKnowledgeUse, answer=KnowledgeUsed),
    Route("POST", f"{_ONE}/opinion", give_opinion, _VIEW, WantedKnowledgeOpinion, status=204),
    Route(
        "GET",
        _OPINIONS,
        to_review,
        _EDIT,
        query=KnowledgeOpinionSearch,
        answer=KnowledgeOpinionList,
    ),
    Route(
        "POST",
        f"{_OPINIONS}/review",
        review,
        _EDIT,
        WantedKnowledgeReview,
        answer=KnowledgeReviewed,
    ),
)
