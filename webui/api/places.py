"""Where numbers are at home: the imported table as files in and out, and a look at one number."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

from aiohttp import web
from pydantic import Field

from crm_core.errors import Invalid
from crm_core.fields import Text
from crm_core.numbers import normalise
from crm_core.rights import Right
from webui.api.exchange import MOST_BYTES, JobAnswer, JobItem
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.uploads import receive
from webui.views import View

_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class PlaceFile(Model):
    """With `whole` the file is all there is to know: what it does not name is forgotten."""

    filename: Annotated[Text, Field(min_length=1, max_length=200)]
    whole: bool = False


class NumberAsked(Model):
    number: Annotated[Text, Field(min_length=1, max_length=40)]


class HomeAnswer(View):
    """`source`: imported, segment (of mobiles, as shipped) or area_code; None when nothing knows the number."""

    number: str
    area_code: str | None
    province: str | None
    city: str | None
    source: str | None


async def hand_in_places(asked: Asked[Nothing, PlaceFile]) -> JobAnswer:
    """Take segments in from an Excel or CSV file (the body is the file, at most 64 MB): 号段, 省, 市, 区号, 运营商."""
    files = asked.services.crm.place_files
    files.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=files.folder, delete=False) as file:
        path = Path(file.name)
    try:
        await receive(asked.request, path, MOST_BYTES)
        job = await files.hand_in(
            asked.principal, asked.query.filename, path, whole=asked.query.whole
        )
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return JobAnswer(job=JobItem.model_validate(job))


async def show_places_import(asked: Asked[Nothing, Nothing]) -> JobAnswer:
    """How far an import is."""
    job = await asked.services.crm.place_files.get(asked.principal, int(asked.id))
    return JobAnswer(job=JobItem.model_validate(job))


async def cancel_places_import(asked: Asked[Nothing, Nothing]) -> JobAnswer:
    """Stop an import; what was taken in stays."""
    job = await asked.services.crm.place_files.cancel(asked.principal, int(asked.id))
    return JobAnswer(job=JobItem.model_validate(job))


async def refused_places(asked: Asked[Nothing, Nothing]) -> web.StreamResponse:
    """The rows that were not taken in, with the reasons, as an Excel file to correct and hand in again."""
    path = await asked.services.crm.place_files.refused_file(asked.principal, int(asked.id))
    return web.FileResponse(path, headers=_headers(path.name, _SHEET))


async def places_file(asked: Asked[Nothing, Nothing]) -> web.StreamResponse:
    """The whole imported table as CSV."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "places.csv"
        await asked.services.crm.place_files.export(asked.principal, path, "csv")
        body = await asyncio.to_thread(path.read_bytes)
    return web.Response(body=body, headers=_headers(path.name, "text/csv; charset=utf-8"))


async def home_of(asked: Asked[Nothing, NumberAsked]) -> HomeAnswer:
    """Where a number is at home, and by what that is known."""
    number = normalise(asked.query.number)
    if number is None:
        raise Invalid("This is no telephone number.", fields={"number": "form"})
    home = asked.services.home_of(number)
    return HomeAnswer(
        number=number,
        area_code=home.place.area_code if home.place else None,
        province=home.place.province if home.place else None,
        city=home.place.city if home.place else None,
        source=home.source,
    )


def _headers(name: str, kind: str) -> dict[str, str]:
    return {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }


_MANAGE = needs(Right.LINE_MANAGE)
_ONE = f"/api/places/imports/{NUMBER}"

ROUTES = (
    Route(
        "POST",
        "/api/places/imports",
        hand_in_places,
        _MANAGE,
        query=PlaceFile,
        answer=JobAnswer,
        status=201,
        raw=True,
    ),
    Route("GET", _ONE, show_places_import, _MANAGE, answer=JobAnswer),
    Route("POST", f"{_ONE}/cancel", cancel_places_import, _MANAGE, answer=JobAnswer),
    Route("GET", f"{_ONE}/refused", refused_places, _MANAGE, files=(_SHEET,)),
    Route("GET", "/api/places/file", places_file, _MANAGE, files=("text/csv",)),
    Route("GET", "/api/places/home", home_of, _MANAGE, query=NumberAsked, answer=HomeAnswer),
)
