"""Log-in and log-out, one's own password, and the ticket for a page's websocket."""

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from crm_core.people.login_sessions import SessionToken
from crm_core.rights import Principal
from webui.asked import Asked, Model, Nothing
from webui.cookie import clear_token, set_token
from webui.routing import ANY_BROWSER, BROWSER, OWN_SESSION, Route, json_answer
from webui.services import WebServices
from webui.views import View

Password = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class LogIn(Model):
    login: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    password: Password
    code: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        default=None, description="of the authenticator, or a recovery code"
    )


class OwnPassword(Model):
    present: Password
    password: Password


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
    second_factor: bool


class SessionView(View):
    """`hold` is what this person must do before anything else; until then `rights` is empty."""

    user: UserView
    hold: str | None


class TicketView(View):
    ticket: str = Field(description="opens one page, once, within 10 seconds")


async def log_in(asked: Asked[LogIn, Nothing]) -> web.Response:
    """Log in; the session comes as a cookie that no script can read."""
    services = asked.services
    opened = await services.crm.accounts.log_in(
        asked.body.login,
        asked.body.password,
        asked.address,
        code=asked.body.code,
        user_agent=_user_agent(asked.request),
    )
    if asked.token is not None:
        await services.crm.accounts.log_out(asked.token)
        asked.door.hub.close_session(asked.token)
    return _opened(asked.services, opened)


async def change_password(asked: Asked[OwnPassword, Nothing]) -> web.Response:
    """Change one's own password; every session ends, and a new one begins here."""
    who = asked.principal
    opened = await asked.services.crm.accounts.change_password(
        who,
        asked.body.present,
        asked.body.password,
        address=asked.address,
        user_agent=_user_agent(asked.request),
    )
    asked.door.close_pages(lambda page: page.user_id == who.user_id)
    return _opened(asked.services, opened)


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


def _opened(services: WebServices, opened: SessionToken) -> web.Response:
    response = json_answer(_view(opened.principal))
    lasts = opened.expires_at - services.clock()
    set_token(response, opened.token, int(lasts.total_seconds()), services.options)
    return response


def _user_agent(request: web.Request) -> str:
    """A header may carry bytes that no database takes."""
    sent = request.headers.get("User-Agent", "")
    return "".join(c for c in sent if c.isascii() and c.isprintable())


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
            second_factor=principal.second_factor,
        ),
        hold=principal.hold,
    )


ROUTES = (
    Route("POST", "/api/session", log_in, ANY_BROWSER, LogIn, answer=SessionView),
    Route("GET", "/api/session", current, OWN_SESSION, answer=SessionView),
    Route("DELETE", "/api/session", log_out, OWN_SESSION, status=204),
    Route(
        "POST",
        "/api/session/password",
        change_password,
        OWN_SESSION,
        OwnPassword,
        answer=SessionView,
    ),
    Route(
        "PUT",
        "/api/session/locale",
        choose_locale,
        OWN_SESSION,
        ChosenLocale,
        status=204,
    ),
    Route("POST", "/api/ws-ticket", give_ticket, BROWSER, answer=TicketView),
)
