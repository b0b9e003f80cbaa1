"""Sessions that are open: one's own, and those of people one manages; seen and ended."""

from datetime import datetime

from crm_core.people.login_sessions import SessionPage
from crm_core.people.login_sessions import SessionView as OpenSession
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import BROWSER, NUMBER, Route, needs
from webui.views import View


class SessionQuery(Model, SessionPage):
    """A page of sessions."""


class LoginSessionItem(View):
    """`current`: the one that asks."""

    id: int
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class LoginSessionList(View):
    items: tuple[LoginSessionItem, ...]


async def own_sessions(asked: Asked[Nothing, SessionQuery]) -> LoginSessionList:
    """Where one is logged in, the latest log-in first."""
    who = asked.principal
    found = await asked.services.crm.accounts.sessions(who, who.user_id, asked.query)
    return _list(asked, found)


async def sessions_of(asked: Asked[Nothing, SessionQuery]) -> LoginSessionList:
    """Where somebody is logged in, the latest log-in first."""
    found = await asked.services.crm.accounts.sessions(asked.principal, int(asked.id), asked.query)
    return _list(asked, found)


async def end_session(asked: Asked[Nothing, Nothing]) -> None:
    """End one session: one's own, or anybody's with `user.manage`; its pages close at once."""
    session_id = int(asked.id)
    await asked.services.crm.accounts.revoke(asked.principal, session_id)
    asked.door.close_pages(lambda page: page.session_id == session_id)


async def end_other_sessions(asked: Asked[Nothing, Nothing]) -> None:
    """End all of one's own but this one."""
    who = asked.principal
    await asked.services.crm.accounts.revoke_all(who, who.user_id, keep=who.session_id)
    asked.door.close_pages(
        lambda page: page.user_id == who.user_id and page.session_id != who.session_id
    )


async def end_sessions_of(asked: Asked[Nothing, Nothing]) -> None:
    """Log somebody out everywhere."""
    user_id = int(asked.id)
    await asked.services.crm.accounts.revoke_all(asked.principal, user_id)
    asked.door.close_pages(lambda page: page.user_id == user_id)


def _list(asked: Asked[Nothing, SessionQuery], found: tuple[OpenSession, ...]) -> LoginSessionList:
    own = asked.principal.session_id
    return LoginSessionList(
        items=tuple(
            LoginSessionItem(
                id=each.id,
                address=each.address,
                user_agent=each.user_agent,
                created_at=each.created_at,
                last_seen_at=each.last_seen_at,
                expires_at=each.expires_at,
                current=each.id == own,
            )
            for each in found
        )
    )


_MANAGE = needs(Right.USER_MANAGE)
_OF_USER = f"/api/users/{NUMBER}/sessions"

ROUTES = (
    Route(
        "GET", "/api/sessions", own_sessions, BROWSER, query=SessionQuery, answer=LoginSessionList
    ),
    Route("DELETE", "/api/sessions", end_other_sessions, BROWSER, status=204),
    Route("DELETE", f"/api/sessions/{NUMBER}", end_session, BROWSER, status=204),
    Route("GET", _OF_USER, sessions_of, _MANAGE, query=SessionQuery, answer=LoginSessionList),
    Route("DELETE", _OF_USER, end_sessions_of, _MANAGE, status=204),
)
