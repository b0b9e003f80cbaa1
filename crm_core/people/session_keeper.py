"""Sessions: who holds a token, which are open, and their end.

Rule: while PostgreSQL is away those it knew last are believed, so that agents can go on taking calls;
a session that ends here is forgotten at once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable, NotFound
from crm_core.people import login_sessions, users
from crm_core.people.login_sessions import Lifetimes, SessionPage, SessionView, digest
from crm_core.people.tables import LoginSession
from crm_core.rights import Actor, Principal, Right

log = structlog.get_logger(__name__)

_SEEN_EVERY = timedelta(minutes=1)
_REMEMBERED = 1000


class SessionKeeper:
    """What becomes of a session after its log-in."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        lifetimes: Lifetimes,
        patience_s: float,
    ) -> None:
        self._database = database
        self._clock = clock
        self._lifetimes = lifetimes
        self._patience_s = patience_s
        self._remembered: OrderedDict[str, tuple[Principal, datetime]] = OrderedDict()
        self._late: dict[str, asyncio.Task[Principal | None]] = {}

    async def session(self, token: str) -> Principal | None:
        """Who holds this token, None when it is unknown, ended or revoked.

        While PostgreSQL is away or does not answer within `patience_s`, those it knew last are
        believed until their session ends. Raises DatabaseUnavailable for the others.
        """
        key, now = digest(token), self._clock()
        known = self._remembered.get(key)
        if known is None or known[1] <= now:
            return await self._look_up(key, now)
        if key in self._late:
            return known[0]
        asked = asyncio.create_task(self._look_up(key, now))
        asked.add_done_callback(lambda task: self._answered(key, task))
        done, _ = await asyncio.wait({asked}, timeout=self._patience_s)
        if not done:
            self._late[key] = asked
            return known[0]
        try:
            return asked.result()
        except DatabaseUnavailable:
            return known[0]

    async def log_out(self, token: str) -> None:
        """End the session of this token; unknown ones are let be."""
        async with self._database.begin() as session:
            await self.end(session, LoginSession.token_sha256 == digest(token))

    async def sessions(
        self, actor: Actor, user_id: int, page: SessionPage | None = None
    ) -> tuple[SessionView, ...]:
        """One's own open sessions, or anybody's with `user.manage`. Raises Forbidden, NotFound."""
        require_self_or_manager(actor, user_id)
        async with self._database.begin() as session:
            await users.get(session, user_id)
        async with self._database.reading() as connection:
            return await login_sessions.of_user(
                connection, user_id, page or SessionPage(), self._clock(), self._lifetimes
            )

    async def revoke(self, actor: Actor, session_id: int) -> None:
        """End one session: one's own, or anybody's with `user.manage`. Raises Forbidden, NotFound."""
        async with self._database.begin() as session:
            owner = await session.scalar(
                select(LoginSession.user_id).where(LoginSession.id == session_id)
            )
            if owner is None:
                raise NotFound("There is no such session.")
            require_self_or_manager(actor, owner)
            if await self.end(session, LoginSession.id == session_id):
                await trail.record(session, actor.user_id, "session.revoke", "user", owner)

    async def revoke_all(self, actor: Actor, user_id: int, *, keep: int = 0) -> int:
        """End every session of a user but `keep`; returns how many. Raises Forbidden, NotFound."""
        require_self_or_manager(actor, user_id)
        async with self._database.begin() as session:
            await users.get(session, user_id)
            ended = await self.end(
                session, (LoginSession.user_id == user_id) & (LoginSession.id != keep)
            )
            await trail.record(session, actor.user_id, "session.revoke_all", "user", user_id)
        return ended

    async def end(self, session: AsyncSession, which: ColumnElement[bool]) -> int:
        """End open sessions in the caller's transaction."""
        ended = await login_sessions.end(session, which, self._clock())
        for key in ended:
            self._remembered.pop(key, None)
        return len(ended)

    async def _look_up(self, key: str, now: datetime) -> Principal | None:
        async with self._database.reading() as connection:
            found = await login_sessions.find(connection, key, now, self._lifetimes)
        if found is None:
            self._remembered.pop(key, None)
            return None
        if abs(now - found.last_seen_at) >= _SEEN_EVERY:
            async with self._database.begin() as session:
                await login_sessions.see(session, found.principal.session_id, now, self._lifetimes)
        self._remember(key, found.principal, min(found.expires_at, now + self._lifetimes.idle))
        return found.principal

    def _answered(self, key: str, asked: asyncio.Task[Principal | None]) -> None:
        if self._late.get(key) is asked:
            del self._late[key]
        error = None if asked.cancelled() else asked.exception()
        if error is not None and not isinstance(error, DatabaseUnavailable):
            log.error("session_look_up_failed", exc_info=error)

    def _remember(self, key: str, principal: Principal, until: datetime) -> None:
        self._remembered[key] = (principal, until)
        self._remembered.move_to_end(key)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)


def require_self_or_manager(actor: Actor, user_id: int) -> None:
    """Raises Forbidden."""
    if actor.user_id != user_id:
        actor.require(Right.USER_MANAGE)
