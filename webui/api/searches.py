"""Searches that people keep."""

from datetime import datetime

from crm_core.customers.criteria import Condition
from crm_core.customers.search import SavedContent
from crm_core.rights import Right
from webui.api.customers import Version
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedSavedSearch(Model, SavedContent):
    """Conditions with a name."""


class SavedSearchChange(WantedSavedSearch):
    version: Version


class SavedSearchItem(View):
    id: int
    name: str
    conditions: tuple[Condition, ...]
    shared: bool
    owner: str
    own: bool
    version: int
    updated_at: datetime


class SavedSearchList(View):
    items: tuple[SavedSearchItem, ...]


class SavedSearchAnswer(View):
    search: SavedSearchItem


async def all_saved(asked: Asked[Nothing, Nothing]) -> SavedSearchList:
    """One's own searches and those that are shared."""
    found = await asked.services.crm.search.saved(asked.principal)
    return SavedSearchList(items=tuple(SavedSearchItem.model_validate(each) for each in found))


async def save(asked: Asked[WantedSavedSearch, Nothing]) -> SavedSearchAnswer:
    """Keep a search."""
    made = await asked.services.crm.search.save(asked.principal, asked.body)
    return SavedSearchAnswer(search=SavedSearchItem.model_validate(made))


async def change(asked: Asked[SavedSearchChange, Nothing]) -> SavedSearchAnswer:
    """Change a search of one's own."""
    made = await asked.services.crm.search.change(
        asked.principal, int(asked.id), asked.body.version, asked.body
    )
    return SavedSearchAnswer(search=SavedSearchItem.model_validate(made))


async def remove(asked: Asked[Nothing, Nothing]) -> None:
    """Remove a search of one's own."""
    await asked.services.crm.search.remove(asked.principal, int(asked.id))


_VIEW = needs(Right.CUSTOMER_VIEW)
_ONE = f"/api/saved-searches/{NUMBER}"

ROUTES = (
    Route("GET", "/api/saved-searches", all_saved, _VIEW, answer=SavedSearchList),
    Route(
        "POST",
        "/api/saved-searches",
        save,
        _VIEW,
        WantedSavedSearch,
        answer=SavedSearchAnswer,
        status=201,
        once=True,
    ),
    Route("PUT", _ONE, change, _VIEW, SavedSearchChange, answer=SavedSearchAnswer),
    Route("DELETE", _ONE, remove, _VIEW, status=204),
)
