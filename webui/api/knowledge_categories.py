"""The classes of the knowledge base, kept by those who edit it.

Rule: a category is never deleted; one that is not active takes no new entries.
"""

from crm_core.knowledge.categories import KnowledgeCategories
from crm_core.knowledge.commands import CategoryEdit, NewCategory
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import Route, needs
from webui.views import View


class WantedKnowledgeCategory(NewCategory, Model):
    """A category to enter."""


class WantedKnowledgeCategoryEdit(CategoryEdit, Model):
    """Only what is given is changed; `code` names the category."""


class KnowledgeCategoryItem(View):
    code: str
    name_zh: str
    name_en: str
    position: int
    active: bool
    version: int


class KnowledgeCategoryList(View):
    items: tuple[KnowledgeCategoryItem, ...]


class KnowledgeCategoryAnswer(View):
    category: KnowledgeCategoryItem


async def search(asked: Asked[Nothing, Nothing]) -> KnowledgeCategoryList:
    """All categories in their order, the inactive ones too."""
    found = await _service(asked).all(asked.principal)
    return KnowledgeCategoryList(items=tuple(map(KnowledgeCategoryItem.model_validate, found)))


async def create(asked: Asked[WantedKnowledgeCategory, Nothing]) -> KnowledgeCategoryAnswer:
    """Enter a category."""
    made = await _service(asked).add(asked.principal, asked.body)
    return KnowledgeCategoryAnswer(category=KnowledgeCategoryItem.model_validate(made))


async def edit(asked: Asked[WantedKnowledgeCategoryEdit, Nothing]) -> KnowledgeCategoryAnswer:
    """Change a category."""
    made = await _service(asked).edit(asked.principal, asked.body)
    return KnowledgeCategoryAnswer(category=KnowledgeCategoryItem.model_validate(made))


def _service(asked: Asked[Model, Model]) -> KnowledgeCategories:
    return asked.services.crm.knowledge.categories


_VIEW, _EDIT = needs(Right.KNOWLEDGE_VIEW), needs(Right.KNOWLEDGE_EDIT)
_PATH = "/api/knowledge/categories"

ROUTES = (
    Route("GET", _PATH, search, _VIEW, answer=KnowledgeCategoryList),
    Route(
        "POST",
        _PATH,
        create,
        _EDIT,
        WantedKnowledgeCategory,
        answer=KnowledgeCategoryAnswer,
        status=201,
        once=True,
    ),
    Route("PATCH", _PATH, edit, _EDIT, WantedKnowledgeCategoryEdit, answer=KnowledgeCategoryAnswer),
)
