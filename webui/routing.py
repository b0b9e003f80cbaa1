"""How a line of the route table becomes a handler.

Rule: what a request must fulfil is checked here and in this order, for every route alike: session or
service token, hold, right, query, body. A handler that is reached may rely on all of them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from crm_core.errors import Forbidden
from crm_core.people.refusals import Held
from crm_core.rights import Hold, Principal, Right
from webui.asked import Asked, Model, Nothing, read_body, read_query
from webui.bearer import TokenNotAccepted, bearer_of
from webui.cookie import token_of
from webui.door import DOOR, Door
from webui.errors import Unauthenticated
from webui.once import KEY, once
from webui.sight import seen
from webui.views import View

Answer = View | web.StreamResponse | None
Handler = Callable[[Asked[Any, Any]], Awaitable[Answer]]

SIGNED_HANDLERS = web.AppKey("signed_handlers", frozenset[Any])
CSRF_HEADER = "X-Zongji"
NUMBER = r"{id:[1-9][0-9]{0,8}}"
CALL = r"{id:[0-9a-f]{32}}"
SKU = r"{id:[A-Za-z0-9][A-Za-z0-9._-]{0,39}}"
CODE = r"{id:[a-z][a-z0-9_]{0,29}}"


@dataclass(frozen=True, slots=True)
class Needs:
    """Who may ask: anyone, anyone logged in, or who holds one of the rights.

    `signed`: a program of somebody else's, known by its signature, which the handler checks.
    `by_token` False: only a browser with its session, no program with a service token. `lifts`: what
    may also be asked by somebody who is held, because it ends the hold or the session.
    """

    session: bool = True
    signed: bool = False
    any_of: frozenset[Right] = frozenset()
    by_token: bool = True
    lifts: frozenset[Hold] = frozenset()

    def allows(self, rights: frozenset[Right]) -> bool:
        return not self.any_of or bool(self.any_of & rights)


ANYONE = Needs(session=False)
LOGGED_IN = Needs()
BROWSER = Needs(by_token=False)
ANY_BROWSER = Needs(session=False, by_token=False)
SIGNED = Needs(session=False, signed=True, by_token=False)
OWN_SESSION = Needs(by_token=False, lifts=frozenset(Hold))
ENROLMENT = Needs(by_token=False, lifts=frozenset({Hold.SECOND_FACTOR}))


def needs(*rights: Right) -> Needs:
    """One of these rights; where the answer depends on which, the handler says so."""
    return Needs(any_of=frozenset(rights))


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. `answer` None: no content (status 204), or a file; `raw`: the handler
    reads the body itself, because it is a file; `once`: it creates something, and with the header
    Idempotency-Key it does so once.
    """

    method: str
    path: str
    handler: Handler
    needs: Needs
    body: type[Model] = Nothing
    query: type[Model] = Nothing
    answer: type[View] | None = None
    status: int = 200
    headers: tuple[str, ...] = ()
    raw: bool = False
    once: bool = False

    @property
    def answers_file(self) -> bool:
        return self.answer is None and self.status != 204  # noqa: PLR2004 - no content


def json_answer(
    view: View, status: int = 200, *, hidden: frozenset[str] = frozenset()
) -> web.Response:
    """Without the hidden fields."""
    view = seen(view, hidden)
    return web.Response(text=view.model_dump_json(), status=status, content_type="application/json")


def endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The route as aiohttp calls it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        door = request.app[DOOR]
        bearer = bearer_of(request)
        if bearer is not None and not route.needs.by_token:
            raise TokenNotAccepted("A service token is not accepted here: log in instead.")
        token = token_of(request, door.services.options) if bearer is None else None
        who = await _who(door, token, bearer) if route.needs.session else None
        if who is not None:
            structlog.contextvars.bind_contextvars(user=who.user_id)
            if who.token is not None:
                structlog.contextvars.bind_contextvars(token=who.token)
            _check_hold(route, who)
            _check_rights(route, who)
            who = replace(who, at_hand=door.live.at_hand(who.user_id))
        query = read_query(request, route.query)
        no_json = route.raw or request.method == "GET"
        body = Nothing() if no_json else await read_body(request, route.body)
        asked = Asked(body, query, request, door, who, token)
        if route.once and KEY in request.headers:
            return await once(asked, partial(_answered, route, asked))
        return await _answered(route, asked)

    return handle


async def _answered(route: Route, asked: Asked[Any, Any]) -> web.StreamResponse:
    answer = await route.handler(asked)
    if answer is None:
        return web.Response(status=204)
    if isinstance(answer, View):
        return json_answer(answer, route.status, hidden=asked.hidden)
    return answer


async def _who(door: Door, token: str | None, bearer: str | None) -> Principal:
    if bearer is not None:
        program = await door.services.crm.tokens.principal(bearer)
        if program is None:
            raise Unauthenticated("This service token is unknown, revoked or over.")
        return program
    principal = await door.services.crm.accounts.session(token) if token else None
    if principal is None:
        raise Unauthenticated("Your session has ended: log in again.")
    return principal


def _check_hold(route: Route, who: Principal) -> None:
    if who.hold is not None and who.hold not in route.needs.lifts:
        raise Held(who.hold)


def _check_rights(route: Route, who: Principal) -> None:
    if not route.needs.allows(who.rights):
        wanted = sorted(route.needs.any_of)
        raise Forbidden(
            f"Your role does not include “{wanted[0]}”: ask an administrator for it.",
            fields={"right": str(wanted[0])},
        )
