"""Log-in and log-out, and the ticket for a page's websocket."""

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from crm_core.rights import Principal
from webui.asked import Asked, Model, Nothing
from webui.cookie import clear_token, set_token
from webui.routing import ANYONE, LOGGED_IN, Route, json_answer
from webui.views import View


class LogIn(Model):
    login: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ChosenLocale(Model):
    locale: Literal["zh-CN", "en"]


class UserView(View):
    id: int
    login: str
    name: str
    role: str
    rights: tuple[str, ...]
    locale: str
    extension: str | None


class SessionView(View):
    user: UserView


class TicketView(View):
    ticket: str = Field(description="opens one page, once, within 10 seconds")


async def log_in(asked: Asked[LogIn, Nothing]) -> web.Response:
    """Log in; the session comes as a cookie that no script can read."""
    services = asked.services
    opened = await services.crm.accounts.log_in(
        asked.body.login,
        asked.body.password,
        asked.request.remote or "",
        user_agent=_plain(asked.request.headers.get("User-Agent", "")),
    )
    if asked.token is not None:
        await services.crm.accounts.log_out(asked.token)
        asked.door.hub.close_session(asked.token)
    response = json_answer(_view(opened.principal))
    lasts = opened.expires_at - services.clock()
    set_token(response, opened.token, int(lasts.total_seconds()), services.options)
    return response


async def current(asked: Asked[Nothing, Nothing]) -> SessionView:
    """Who is logged in, with the rights of this moment."""
    return _view(asked.principal)


async def log_out(asked: Asked[Nothing, Nothing]) -> web.Response:
    """End the session; its pages close at once."""
    if asked.token is not None:
        await asked.services.crm.accounts.log_out(asked.token)
        asked.door.hub.close_session(asked.token)
    response = web.Response(status=204)
    clear_token(response, asked.services.options)
    return response


async def choose_locale(asked: Asked[ChosenLocale, Nothing]) -> None:
    """Remember the language of the pages."""
    await asked.services.crm.accounts.set_locale(asked.principal.user_id, asked.body.locale)


async def give_ticket(asked: Asked[Nothing, Nothing]) -> TicketView:
    """A ticket for `/ws`."""
    return TicketView(ticket=asked.door.tickets.give(asked.token or ""))


def _plain(text: str) -> str:
    """A header may carry bytes that no database takes."""
    return "".join(c for c in text if c.isascii() and c.isprintable())


def _view(principal: Principal) -> SessionView:
    return SessionView(
        user=UserView(
            id=principal.user_id,
            login=principal.login,
            name=principal.name,
            role=principal.role,
            rights=tuple(sorted(principal.rights)),
            locale=principal.locale,
            extension=principal.extension,
        )
    )


ROUTES = (
    Route("POST", "/api/session", log_in, ANYONE, LogIn, answer=SessionView),
    Route("GET", "/api/session", current, LOGGED_IN, answer=SessionView),
    Route("DELETE", "/api/session", log_out, LOGGED_IN, status=204),
    Route(
        "PUT",
        "/api/session/locale",
        choose_locale,
        LOGGED_IN,
        ChosenLocale,
        status=204,
    ),
    Route("POST", "/api/ws-ticket", give_ticket, LOGGED_IN, answer=TicketView),
)
