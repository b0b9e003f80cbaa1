"""The categories of complaints, as those who manage complaints keep them.

Rule: every change is one transaction with its audit entry.
"""

import structlog

from crm_core.complaints import categories
from crm_core.complaints.commands import CategoryEdit, NewCategory
from crm_core.complaints.views import CategoryView
from crm_core.db import Database
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)


class CategoryService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, actor: Actor) -> tuple[CategoryView, ...]:
        """The inactive ones too."""
        actor.require(Right.COMPLAINT_WORK)
        async with self._database.reading() as connection:
            return await categories.all_of_them(connection)

    async def add(self, actor: Actor, new: NewCategory) -> CategoryView:
        """Raises Conflict (code taken, too many), Invalid (parent)."""
        actor.require(Right.COMPLAINT_MANAGE)
        async with self._database.begin() as session:
            category = await categories.add(session, actor, new)
        log.info("complaint_category_added", category=category.code, by=actor.user_id)
        return category

    async def edit(self, actor: Actor, edit: CategoryEdit) -> CategoryView:
        """Raises NotFound, Conflict (edited since), Invalid (parent)."""
        actor.require(Right.COMPLAINT_MANAGE)
        async with self._database.begin() as session:
            category = await categories.change(session, actor, edit)
        log.info("complaint_category_edited", category=category.code, by=actor.user_id)
        return category
