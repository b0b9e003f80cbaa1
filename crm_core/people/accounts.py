"""Log-in, passwords, and the people who have them.

Rule: every change asks for its right first and is audited. A refused log-in takes as long and says
the same whether the name exists or not.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Forbidden, Invalid, LoginRefused
from crm_core.people import (
    changing,
    login_limits,
    login_sessions,
    principals,
    second_factors,
    tokens,
    users,
)
from crm_core.people.confirming import Confirmation
from crm_core.people.login_sessions import Checked, SessionToken
from crm_core.people.passwords import Passwords, check_acceptable
from crm_core.people.policy import AccountPolicy
from crm_core.people.second_factor_service import SecondFactorService
from crm_core.people.session_keeper import SessionKeeper
from crm_core.people.tables import LoginSession, User
from crm_core.people.users import NewUser, UserChange, UserQuery, UserView
from crm_core.people.vault import Vault
from crm_core.rights import Actor, Principal, Right

log = structlog.get_logger(__name__)

LOCALES = ("zh-CN", "en")
_PATIENCE_S = 0.5


class AccountService(SessionKeeper):
    """Who is at the page, and what may they do."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        passwords: Passwords | None = None,
        policy: AccountPolicy | None = None,
        patience_s: float = _PATIENCE_S,
        secrets_key: bytes | None = None,
    ) -> None:
        """`secrets_key` encrypts the authenticators' secrets; without it nobody can enrol one."""
        self._policy = policy or AccountPolicy()
        super().__init__(
            database, clock=clock, lifetimes=self._policy.lifetimes, patience_s=patience_s
        )
        self._passwords = passwords or Passwords()
        self._limits = self._policy.limits
        self._vault = Vault(secrets_key)
        self._confirmation = Confirmation(database, self._passwords, self._limits, clock)
        self.second_factor = SecondFactorService(
            database, self._vault, self._confirmation, end=self.end, clock=clock
        )

    async def log_in(
        self,
        login: str,
        password: str,
        address: str,
        *,
        code: str | None = None,
        user_agent: str = "",
    ) -> SessionToken:
        """`code` is of the authenticator, or a recovery code, of those who have one.

        Raises LoginRefused, SecondFactorRequired, SecondFactorRefused, SecondFactorUnavailable,
        TooManyAttempts, DatabaseUnavailable.
        """
        name = login.strip().lower()
        name = name if users.is_login(name) else ""
        async with self._database.begin() as session:
            await login_limits.tidy(session, self._clock())
            await login_limits.count_attempt(session, self._limits, name, address, self._clock())
        checked = await self._check(name, password, address)
        now = self._clock()
        async with self._database.begin() as session:
            await login_sessions.keep_password(session, checked)
            await second_factors.admit(session, self._vault, checked.user_id, code, now)
            expired = await self._expire(session, checked.user_id, now)
            opened = await login_sessions.open_session(
                session,
                checked,
                address=address,
                user_agent=user_agent,
                now=now,
                lifetimes=self._lifetimes,
            )
            await login_limits.forgive(session, name, address)
            told = {"password_expired": True} if expired else None
            await trail.record(
                session, checked.user_id, "session.open", "user", checked.user_id, after=told
            )
        log.info("logged_in", user=checked.user_id, address=address, password_expired=expired)
        return opened

    async def create_user(
        self, actor: Actor, new: NewUser, password: str, *, must_change: bool | None = None
    ) -> UserView:
        """Whose password a person has set must change it, unless `must_change` says otherwise.

        Raises Forbidden, BeyondOwnRights, Invalid, Conflict.
        """
        actor.require(Right.USER_MANAGE)
        check_acceptable(password, new.login, self._policy.rules)
        password_hash = await self._passwords.hash(password)
        must_change = actor.user_id is not None if must_change is None else must_change
        async with self._database.begin() as session:
            made = await users.add(
                session, actor, new, password_hash, must_change=must_change, now=self._clock()
            )
            await trail.record(
                session, actor.user_id, "user.create", "user", made.id, after=new.model_dump()
            )
        log.info("user_created", user=made.id, role=made.role)
        return made

    async def update_user(self, actor: Actor, user_id: int, change: UserChange) -> UserView:
        """A change of role or of `active` ends the user's sessions.

        Raises Forbidden, BeyondOwnRights, NotFound, Invalid, Conflict (version, extension taken,
        last manager).
        """
        actor.require(Right.USER_MANAGE)
        async with self._database.begin() as session:
            before, after = await users.change(session, actor, user_id, change)
            if (before.role, before.active) != (after.role, after.active):
                await self.end(session, LoginSession.user_id == user_id)
        log.info("user_updated", user=user_id, fields=sorted(change.model_fields_set))
        return after

    async def set_password(
        self, actor: Actor, user_id: int, password: str, *, must_change: bool = True
    ) -> None:
        """Set somebody else's password; ends the user's sessions and service tokens.

        Raises Forbidden (also for one's own: see `change_password`), BeyondOwnRights, NotFound,
        Invalid, Conflict.
        """
        actor.require(Right.USER_MANAGE)
        if actor.user_id == user_id:
            raise Forbidden("Change your own password by giving the present one.")
        async with self._database.begin() as session:
            login = (await users.held(session, actor, user_id)).login
            present = await session.scalar(select(User.password_hash).where(User.id == user_id))
        fresh = await self._hash_unused(user_id, login, present or "", password)
        async with self._database.begin() as session:
            await users.held(session, actor, user_id)
            await changing.replace(
                session,
                user_id,
                present=present or "",
                fresh=fresh,
                must_change=must_change,
                rules=self._policy.rules,
                now=self._clock(),
            )
            await self.end(session, LoginSession.user_id == user_id)
            await tokens.revoke_of(session, actor, user_id, self._clock())
            await trail.record(session, actor.user_id, "user.password", "user", user_id)
        log.info("password_set", user=user_id, by=actor.user_id)

    async def change_password(
        self, who: Principal, present: str, password: str, *, address: str, user_agent: str = ""
    ) -> SessionToken:
        """Change one's own; all sessions end and a new one begins.

        Raises WrongPassword, TooManyAttempts, Invalid, Conflict.
        """
        user_id, now = who.user_id, self._clock()
        checked = await self._confirmation.of(user_id, present)
        fresh = await self._hash_unused(user_id, checked.login, checked.password_hash, password)
        async with self._database.begin() as session:
            await changing.replace(
                session,
                user_id,
                present=checked.password_hash,
                fresh=fresh,
                must_change=False,
                rules=self._policy.rules,
                now=now,
            )
            await self.end(session, LoginSession.user_id == user_id)
            opened = await login_sessions.open_session(
                session,
                Checked(user_id, checked.login, fresh),
                address=address,
                user_agent=user_agent,
                now=now,
                lifetimes=self._lifetimes,
            )
            await trail.record(session, user_id, "user.password", "user", user_id)
        log.info("password_changed", user=user_id)
        return opened

    async def set_locale(self, user_id: int, locale: str) -> None:
        """Raises Invalid."""
        if locale not in LOCALES:
            raise Invalid(f"Choose one of {', '.join(LOCALES)}.", fields={"locale": "unknown"})
        async with self._database.begin() as session:
            before = await session.scalar(
                select(User.locale).where(User.id == user_id).with_for_update()
            )
            if before == locale:
                return
            await session.execute(update(User).where(User.id == user_id).values(locale=locale))
            await trail.record(
                session, user_id, "user.locale", "user", user_id,
                before={"locale": before}, after={"locale": locale},
            )  # fmt: skip

    async def users(self, actor: Actor) -> tuple[UserView, ...]:
        """Everybody, by log-in name. Raises Forbidden."""
        actor.require(Right.USER_MANAGE)
        async with self._database.begin() as session:
            return await users.everyone(session)

    async def user_page(self, actor: Actor, wanted: UserQuery) -> tuple[UserView, ...]:
        """A page of everybody, in the order in which they came. Raises Forbidden."""
        actor.require(Right.USER_MANAGE)
        async with self._database.begin() as session:
            return await users.listed(session, wanted)

    async def agents(self) -> tuple[UserView, ...]:
        """Active users who have a telephone, by extension."""
        async with self._database.begin() as session:
            return await users.agents(session)

    async def of_phone(self, extension: str) -> Principal | None:
        """Whose telephone has this extension, for what is asked from it. Raises DatabaseUnavailable."""
        async with self._database.reading() as connection:
            return await principals.of_phone(connection, extension)

    async def _expire(self, session: AsyncSession, user_id: int, now: datetime) -> bool:
        age = self._policy.password_age
        return age is not None and await changing.expire(session, user_id, now - age)

    async def _check(self, name: str, password: str, address: str) -> Checked:
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
        return Checked(found.id, name, found.password_hash, fresh)

    async def _hash_unused(self, user_id: int, login: str, present: str, password: str) -> str:
        """Raises Invalid."""
        rules = self._policy.rules
        check_acceptable(password, login, rules)
        async with self._database.reading() as connection:
            await changing.check_unused(
                connection, self._passwords, rules, user_id, present=present, password=password
            )
        return await self._passwords.hash(password)
