"""The built pages: one document for every address that people see, and the files it needs.

Rule: a name is one plain file name, so that no path can lead out of the folder. Files whose names carry
a hash of their content never change; the document is asked for anew each time.
"""

from pathlib import Path

from aiohttp import web

from webui.door import DOOR

_NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}"
_FOREVER = "public, max-age=31536000, immutable"
_NOT_BUILT = """\
The pages are not built yet. Build them with:

    .venv/bin/zongji pages

and load this page again.
"""


def add_pages(app: web.Application) -> None:
    """Routes for the document, its assets, and files such as the icon."""
    app.router.add_get(f"/assets/{{name:{_NAME}}}", _asset)
    app.router.add_get(f"/{{name:{_NAME}\\.[a-z0-9]+}}", _file)
    app.router.add_get(r"/{page:(?!api/|assets/)[^.]*}", _document)


async def _asset(request: web.Request) -> web.StreamResponse:
    return _give(_folder(request) / "assets" / request.match_info["name"], _FOREVER)


async def _file(request: web.Request) -> web.StreamResponse:
    return _give(_folder(request) / request.match_info["name"], "public, max-age=3600")


async def _document(request: web.Request) -> web.StreamResponse:
    document = _folder(request) / "index.html"
    if not document.is_file():
        return web.Response(status=503, text=_NOT_BUILT)
    return _give(document, "no-cache")


def _give(path: Path, cache: str) -> web.FileResponse:
    if not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Cache-Control": cache})


def _folder(request: web.Request) -> Path:
    return request.app[DOOR].services.options.static
