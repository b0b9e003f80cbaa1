"""Log-in, sessions, and the people who have them.

Rule: every change asks for its right first and is audited. A refused log-in takes as long and says
the same whether the name exists or not.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable, Invalid, LoginRefused, NotFound
from crm_core.people import login_limits, login_sessions, users
from crm_core.people.login_limits import LoginLimits
from crm_core.people.login_sessions import Checked, Lifetimes, SessionToken, SessionView, digest
from crm_core.people.passwords import Passwords, check_acceptable
from crm_core.people.tables import LoginSession, User
from crm_core.people.users import NewUser, UserChange, UserView
from crm_core.rights import Actor, Principal, Right

log = structlog.get_logger(__name__)

LOCALES = ("zh-CN", "en")
_SEEN_EVERY = timedelta(minutes=1)
_REMEMBERED = 1000
_PATIENCE_S = 0.5


class AccountService:
    """Who is at the page, and what may they do."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        passwords: Passwords | None = None,
        limits: LoginLimits | None = None,
        lifetimes: Lifetimes | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._limits = limits or LoginLimits()
        self._lifetimes = lifetimes or Lifetimes()
        self._patience_s = patience_s
        self._remembered: OrderedDict[str, tuple[Principal, datetime]] = OrderedDict()
        self._late: dict[str, asyncio.Task[Principal | None]] = {}

    async def log_in(
        self, login: str, password: str, address: str, *, user_agent: str = ""
    ) -> SessionToken:
        """Raises LoginRefused, TooManyAttempts, DatabaseUnavailable."""
        name = login.strip().lower()
        name = name if users.is_login(name) else ""
        async with self._database.begin() as session:
            await login_limits.tidy(session, self._limits, self._clock())
            await login_limits.count_attempt(session, self._limits, name, address, self._clock())
        async with self._database.reading() as connection:
            found = (
                await connection.execute(
                    select(User.id, User.password_hash).where(User.login == name, User.active)
                )
            ).one_or_none()
        matches = await self._passwords.matches(password, found.password_hash if found else None)
        if found is None or not matches:
            log.info("login_refused", login=name, address=address)
            raise LoginRefused("This log-in name and password do not belong together.")
        fresh: str | None = None
        if self._passwords.is_outdated(found.password_hash):
            fresh = await self._passwords.hash(password)
        checked = Checked(found.id, name, found.password_hash, fresh)
        async with self._database.begin() as session:
            opened = await login_sessions.open_session(
                session,
                checked,
                address=address,
                user_agent=user_agent,
                now=self._clock(),
                lifetimes=self._lifetimes,
            )
            await login_limits.forgive(session, name, address)
            await trail.record(session, found.id, "session.open", "user", found.id)
        log.info("logged_in", user=found.id, address=address)
        return opened

    async def session(self, token: str) -> Principal | None:
        """Who holds this token, None when it is unknown, ended or revoked.

        While PostgreSQL is away or does not answer within `patience_s`, those it knew last are
        believed until their session ends, so that agents can go on taking calls. Raises
        DatabaseUnavailable for the others.
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

    async def _look_up(self, key: str, now: datetime) -> Principal | None:
        async with self._database.reading() as connection:
            found = await login_sessions.find(connection, key, now, self._lifetimes)
        if found is None:
            self._remembered.pop(key, None)
            return None
        if now - found.last_seen_at >= _SEEN_EVERY:
            async with self._database.begin() as session:
                await login_sessions.see(session, found.principal.session_id, now)
        self._remember(key, found.principal, min(found.expires_at, now + self._lifetimes.idle))
        return found.principal

    async def log_out(self, token: str) -> None:
        """End the session of this token; unknown ones are let be."""
        async with self._database.begin() as session:
            await self._end(session, LoginSession.token_sha256 == digest(token))

    async def sessions(self, user_id: int) -> tuple[SessionView, ...]:
        """The open sessions of a user, the latest first."""
        async with self._database.reading() as connection:
            return await login_sessions.of_user(connection, user_id, self._clock(), self._lifetimes)

    async def revoke(self, actor: Actor, session_id: int) -> None:
        """End one session: one's own, or anybody's with `user.manage`. Raises Forbidden, NotFound."""
        async with self._database.begin() as session:
            owner = await session.scalar(
                select(LoginSession.user_id).where(LoginSession.id == session_id)
            )
            if owner is None:
                raise NotFound("There is no such session.")
            _require_self_or_manager(actor, owner)
            await self._end(session, LoginSession.id == session_id)
            await trail.record(session, actor.user_id, "session.revoke", "user", owner)

    async def revoke_all(self, actor: Actor, user_id: int) -> int:
        """End every session of a user; returns how many. Raises Forbidden."""
        _require_self_or_manager(actor, user_id)
        async with self._database.begin() as session:
            ended = await self._end(session, LoginSession.user_id == user_id)
            await trail.record(session, actor.user_id, "session.revoke_all", "user", user_id)
        return ended

    async def create_user(self, actor: Actor, new: NewUser, password: str) -> UserView:
        """Raises Forbidden, Invalid, Conflict."""
        actor.require(Right.USER_MANAGE)
        check_acceptable(password, new.login)
        password_hash = await self._passwords.hash(password)
        async with self._database.begin() as session:
            made = await users.add(session, new, password_hash)
            await trail.record(
                session, actor.user_id, "user.create", "user", made.id, after=new.model_dump()
            )
        log.info("user_created", user=made.id, role=made.role)
        return made

    async def update_user(self, actor: Actor, user_id: int, change: UserChange) -> UserView:
        """A change of role or of `active` ends the user's sessions.

        Raises Forbidden, NotFound, Invalid, Conflict (extension taken, last manager).
        """
        actor.require(Right.USER_MANAGE)
        async with self._database.begin() as session:
            changed = await users.change(session, actor.user_id, user_id, change)
            if change.model_fields_set & {"role", "active"}:
                await self._end(session, LoginSession.user_id == user_id)
        log.info("user_updated", user=user_id, fields=sorted(change.model_fields_set))
        return changed

    async def set_password(self, actor: Actor, user_id: int, password: str) -> None:
        """Set one's own password, or anybody's with `user.manage`; ends the user's sessions.

        Raises Forbidden, NotFound, Invalid.
        """
        _require_self_or_manager(actor, user_id)
        async with self._database.begin() as session:
            login = (await users.get(session, user_id)).login
        check_acceptable(password, login)
        password_hash = await self._passwords.hash(password)
        async with self._database.begin() as session:
            await session.execute(
                update(User).where(User.id == user_id).values(password_hash=password_hash)
            )
            await self._end(session, LoginSession.user_id == user_id)
            await trail.record(session, actor.user_id, "user.password", "user", user_id)
        log.info("password_set", user=user_id)

    async def set_locale(self, user_id: int, locale: str) -> None:
        """Raises Invalid."""
        if locale not in LOCALES:
            raise Invalid(f"Choose one of {', '.join(LOCALES)}.", fields={"locale": "unknown"})
        async with self._database.begin() as session:
            await session.execute(update(User).where(User.id == user_id).values(locale=locale))

    async def users(self, actor: Actor) -> tuple[UserView, ...]:
        """Everybody, by log-in name. Raises Forbidden."""
        actor.require(Right.USER_MANAGE)
        async with self._database.begin() as session:
            return await users.everyone(session)

    async def agents(self) -> tuple[UserView, ...]:
        """Active users who have a telephone, by extension."""
        async with self._database.begin() as session:
            return await users.agents(session)

    def _answered(self, key: str, asked: asyncio.Task[Principal | None]) -> None:
        if self._late.get(key) is asked:
            del self._late[key]
        error = None if asked.cancelled() else asked.exception()
        if error is not None and not isinstance(error, DatabaseUnavailable):
            log.error("session_look_up_failed", exc_info=error)

    async def _end(self, session: AsyncSession, which: ColumnElement[bool]) -> int:
        ended = await login_sessions.end(session, which, self._clock())
        for key in ended:
            self._remembered.pop(key, None)
        return len(ended)

    def _remember(self, key: str, principal: Principal, until: datetime) -> None:
        self._remembered[key] = (principal, until)
        self._remembered.move_to_end(key)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)


def _require_self_or_manager(actor: Actor, user_id: int) -> None:
    if actor.user_id != user_id:
        actor.require(Right.USER_MANAGE)
