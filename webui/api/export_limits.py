"""How many customers each role may take out in 24 hours."""

from crm_core.exchange.limits import LimitContent
from crm_core.fields import Version
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, Route, needs
from webui.views import View


class WantedLimit(Model, LimitContent):
    """Without `version` it is made, with the version that was looked at it is changed."""

    version: Version | None = None


class LimitItem(View):
    role: str
    per_day: int
    version: int


class LimitList(View):
    """`default` holds for every role that is not among the items."""

    default: int
    items: tuple[LimitItem, ...]


async def show(asked: Asked[Nothing, Nothing]) -> LimitList:
    """The limits of roles, and the one of all others."""
    limits = asked.services.crm.export_limits
    found = await limits.all(asked.principal)
    return LimitList(
        default=limits.default, items=tuple(LimitItem.model_validate(each) for each in found)
    )


async def put(asked: Asked[WantedLimit, Nothing]) -> None:
    """Give a role a limit of its own, or change it."""
    body = asked.body
    content = LimitContent(per_day=body.per_day)
    await asked.services.crm.export_limits.put(asked.principal, asked.id, content, body.version)


async def remove(asked: Asked[Nothing, Nothing]) -> None:
    """From now on the default holds for the role."""
    await asked.services.crm.export_limits.remove(asked.principal, asked.id)


_MANAGE = needs(Right.ROLE_MANAGE)

ROUTES = (
    Route("GET", "/api/export-limits", show, _MANAGE, answer=LimitList),
    Route("PUT", f"/api/export-limits/{CODE}", put, _MANAGE, WantedLimit, status=204),
    Route("DELETE", f"/api/export-limits/{CODE}", remove, _MANAGE, status=204),
)
