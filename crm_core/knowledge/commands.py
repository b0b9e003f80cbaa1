"""What may be asked of the knowledge base. Rule: only fields that are given are kept or changed."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.fields import PAGE, CallId, Command, Id, Limit, Text, Version, Versioned
from crm_core.search_text import plain

_ON_ONE_SCREEN = 20


class EntryState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class Verdict(StrEnum):
    HELPFUL = "helpful"
    NOT_HELPFUL = "not_helpful"
    OUTDATED = "outdated"


def _each_once(keywords: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for each in keywords:
        found.setdefault(plain(each), each)
    return tuple(found.values())


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Name = Annotated[Text, Field(min_length=1, max_length=50)]
Position = Annotated[int, Field(ge=0, le=9999)]
Title = Annotated[Text, Field(min_length=1, max_length=100)]
Body = Annotated[Text, Field(min_length=1, max_length=20_000)]
Keyword = Annotated[Text, Field(min_length=1, max_length=30)]
Keywords = Annotated[tuple[Keyword, ...], Field(max_length=20), AfterValidator(_each_once)]
Sku = Annotated[Text, Field(min_length=1, max_length=40)]
Note = Annotated[Text, Field(max_length=1000)]
Question = Annotated[Text, Field(min_length=1, max_length=2000)]


class NewCategory(Command):
    code: Code
    name_zh: Name
    name_en: Name
    position: Position = 100
    active: bool = True


class CategoryEdit(Versioned):
    code: Code
    name_zh: Name = ""
    name_en: Name = ""
    position: Position = 100
    active: bool = True


class NewEntry(Command):
    """`body` is Markdown."""

    title: Title
    category_code: Code
    body: Body
    keywords: Keywords = ()
    sku: Sku | None = None
    state: EntryState = EntryState.DRAFT


class EntryEdit(Versioned):
    title: Title = ""
    category_code: Code = ""
    body: Body = ""
    keywords: Keywords = ()
    sku: Sku | None = None
    state: EntryState = EntryState.DRAFT


class Restore(Versioned):
    """The text of `from_version` becomes a new version; the state stays as it is."""

    from_version: Version


class EntryQuery(Command):
    """`after`: the last entry of the page before this one. Without `q`: the most used first."""

    q: Annotated[Text, Field(max_length=100)] = ""
    category_code: Code | None = None
    sku: Sku | None = None
    state: EntryState = EntryState.PUBLISHED
    after: Id | None = None
    limit: Limit = _ON_ONE_SCREEN


class VersionQuery(Command):
    """`before`: the last version of the page before this one; the newest come first."""

    before: Version | None = None
    limit: Limit = PAGE


class Use(Command):
    """Without a call an entry counts once a day."""

    call_id: CallId | None = None


class Opinion(Command):
    verdict: Verdict
    note: Note | None = None
    call_id: CallId | None = None


class OpinionQuery(Command):
    """`after`: the last opinion of the page before this one; the oldest come first."""

    entry_id: Id | None = None
    after: Id | None = None
    limit: Limit = PAGE


class Review(Command):
    """Only those named, so that what came since is still reviewed."""

    opinion_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=200)]
    note: Note | None = None


class NewQuestion(Command):
    text: Question
    customer_id: Id | None = None
    call_id: CallId | None = None


class EntryOfAnswer(Command):
    """The entry that an answer becomes; without `body` it has the answer's words."""

    title: Title
    category_code: Code
    body: Body | None = None
    keywords: Keywords = ()
    sku: Sku | None = None
    state: EntryState = EntryState.PUBLISHED


class Answer(Command):
    text: Body
    entry: EntryOfAnswer | None = None


class QuestionQuery(Command):
    """`after`: the last question of the page before this one.

    Open ones come oldest first, answered ones newest first. `mine`: those one has asked oneself, which
    is all that an agent sees.
    """

    answered: bool = False
    mine: bool = False
    after: Id | None = None
    limit: Limit = PAGE
