"""The classes of complaints, kept by those who manage complaints.

Rule: a category is never deleted; one that is not active takes no new complaints.
"""

from crm_core.complaints.category_service import CategoryService
from crm_core.complaints.commands import CategoryEdit, NewCategory
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import Route, needs
from webui.views import View


class WantedComplaintCategory(NewCategory, Model):
    """A category to enter."""


class WantedComplaintCategoryEdit(CategoryEdit, Model):
    """Only what is given is changed; `code` names the category."""


class ComplaintCategoryItem(View):
    code: str
    parent_code: str | None
    name_zh: str
    name_en: str
    handling_hours: int
    active: bool
    version: int


class ComplaintCategoryList(View):
    items: tuple[ComplaintCategoryItem, ...]


class ComplaintCategoryAnswer(View):
    category: ComplaintCategoryItem


async def search(asked: Asked[Nothing, Nothing]) -> ComplaintCategoryList:
    """All categories, the inactive ones too."""
    found = await _service(asked).all(asked.principal)
    return ComplaintCategoryList(items=tuple(map(ComplaintCategoryItem.model_validate, found)))


async def create(asked: Asked[WantedComplaintCategory, Nothing]) -> ComplaintCategoryAnswer:
    """Enter a category."""
    made = await _service(asked).add(asked.principal, asked.body)
    return ComplaintCategoryAnswer(category=ComplaintCategoryItem.model_validate(made))


async def edit(asked: Asked[WantedComplaintCategoryEdit, Nothing]) -> ComplaintCategoryAnswer:
    """Change a category; complaints keep the due time they have."""
    made = await _service(asked).edit(asked.principal, asked.body)
    return ComplaintCategoryAnswer(category=ComplaintCategoryItem.model_validate(made))


def _service(asked: Asked[Model, Model]) -> CategoryService:
    return asked.services.crm.complaints.categories


_WORK, _MANAGE = needs(Right.COMPLAINT_WORK), needs(Right.COMPLAINT_MANAGE)
_PATH = "/api/complaints/categories"

ROUTES = (
    Route("GET", _PATH, search, _WORK, answer=ComplaintCategoryList),
    Route(
        "POST",
        _PATH,
        create,
        _MANAGE,
        WantedComplaintCategory,
        answer=ComplaintCategoryAnswer,
        status=201,
        once=True,
    ),
    Route(
        "PATCH", _PATH, edit, _MANAGE, WantedComplaintCategoryEdit, answer=ComplaintCategoryAnswer
    ),
)
