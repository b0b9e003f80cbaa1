"""What holds for every request, whatever it asks for.

Rule: an answer never tells how the program is made: refusals become JSON with a code, faults of ours
become `internal` with the id under which the log has the rest.
"""

import secrets
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from crm_core.errors import DomainError
from webui import errors
from webui.bearer import bearer_of
from webui.door import DOOR
from webui.routing import CSRF_HEADER, SIGNED_HANDLERS

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=()",
}
_ONE_YEAR_S = 31_536_000
# Whoever has such an address sees an order: nobody keeps the page, and no log names it.
_BY_LINK = ("/o/", "/api/progress/")


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as JSON; what was not foreseen is logged."""
    request_id = secrets.token_hex(8)
    with structlog.contextvars.bound_contextvars(request=request_id):
        try:
            return await handler(request)
        except DomainError as error:
            return errors.answer(error)
        except web.HTTPException as error:
            if error.status < 400:  # noqa: PLR2004
                raise
            code = errors.HTTP_CODES.get(error.status, "bad_request")
            return errors.refusal(error.status, code, error.reason)
        except Exception:
            log.exception("request_failed", method=request.method, path=_shown(request.path))
            return errors.refusal(
                500, "internal", "The server had an internal error.", {"request": request_id}
            )


@web.middleware
async def own_pages_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What changes something must come from one of our pages, or from a program with a token.

    No other site can make a browser send a token, and with one the cookie counts for nothing; nor can
    it sign, and where a signature counts the cookie is not looked at.
    """
    if _is_signed(request):
        return await handler(request)
    if request.method not in _READING and bearer_of(request) is None:
        if not request.app[DOOR].origins.allows(request):
            raise errors.OriginRefused("This address may not ask for changes here.")
        if request.headers.get(CSRF_HEADER) != "1":
            raise errors.NotOurPage(f"Send the header {CSRF_HEADER}: 1.")
    return await handler(request)


def _is_signed(request: web.Request) -> bool:
    return request.match_info.handler in request.app[SIGNED_HANDLERS]


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For every answer, also of errors and files."""
    response.headers.update(_HEADERS)
    response.headers.pop("Server", None)
    if request.path.startswith("/api"):
        response.headers.setdefault("Cache-Control", "no-store")
    if request.path.startswith(_BY_LINK):
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if request.secure:
        response.headers["Strict-Transport-Security"] = f"max-age={_ONE_YEAR_S}"


def _shown(path: str) -> str:
    return next((each for each in _BY_LINK if path.startswith(each)), path)
