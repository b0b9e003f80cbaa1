"""What each advert's number brought (媒体报表): calls, orders, revenue."""

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated

from aiohttp import web
from pydantic import Field

from crm_core.rights import Right
from ivr.media.commands import Grouping, MediaQuery
from webui.asked import PARTED, Asked, Model, Nothing
from webui.downloads import XLSX, made
from webui.routing import Route, needs
from webui.views import View


class MediaSearch(MediaQuery, Model):
    """`by`: medium, did (the number called), day, hour (of the day); parted by commas.

    Days and hours are the company's. Without `since`, the 31 days before `until`.
    """

    by: Annotated[tuple[Grouping, ...], Field(max_length=4), PARTED] = (Grouping.MEDIUM,)


class MediaLineItem(View):
    """What it is not grouped by is null. `orders` are those that go on or are done, `revenue` what they bring after goods
    have come back, in yuan; `cancelled` came to nothing; `conversion`: orders for each call.
    """

    medium: str | None
    did: str | None
    day: date | None
    hour: int | None
    calls: int
    callers: int
    answered: int
    abandoned: int
    left_in_menu: int
    orders: int
    cancelled: int
    revenue: Decimal
    conversion: float | None


class MediaAnswer(View):
    """The most revenue first; by days or hours, in their order."""

    since: datetime
    until: datetime
    lines: tuple[MediaLineItem, ...]
    total: MediaLineItem


async def report(asked: Asked[Nothing, MediaSearch]) -> MediaAnswer:
    """Calls, answered and lost, orders and net revenue of each advert. Also needs `order.view`."""
    found = await asked.services.media.report(asked.principal, asked.query)
    return MediaAnswer.model_validate(found)


async def file(asked: Asked[Nothing, MediaSearch]) -> web.Response:
    """The same as an Excel file; noted in the audit trail. Also needs `order.view`."""
    write = partial(asked.services.media.write, asked.principal, asked.query)
    return await made(write, XLSX)


_VIEW = needs(Right.CALL_VIEW)

ROUTES = (
    Route("GET", "/api/media/report", report, _VIEW, query=MediaSearch, answer=MediaAnswer),
    Route("GET", "/api/media/file", file, _VIEW, query=MediaSearch, files=(XLSX,)),
)
