"""Sessions of browsers that are logged in, as SQL inside the caller's transaction.

Rule: a token leaves here once, when its session opens; PostgreSQL keeps only its SHA-256.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field
from sqlalchemy import ColumnElement, bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.clock import SKEW
from crm_core.errors import LoginRefused
from crm_core.fields import PAGE, Command, Limit
from crm_core.people.principals import PRINCIPALS, of_row
from crm_core.people.tables import LoginSession, User
from crm_core.rights import Principal


@dataclass(frozen=True, slots=True)
class SessionToken:
    """What the browser keeps, and who it stands for."""

    token: str
    principal: Principal
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionView:
    """A log-in as its owner sees it in a list."""

    id: int
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


class SessionPage(Command):
    """`before`: the last session of the page before this one."""

    before: Annotated[int, Field(ge=1, le=2**62)] | None = None
    limit: Limit = PAGE


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """A session ends `idle` after its last request, and `absolute` after its log-in."""

    idle: timedelta = timedelta(hours=2)
    absolute: timedelta = timedelta(hours=16)


@dataclass(frozen=True, slots=True)
class Checked:
    """A user whose password was right; `fresh_hash` replaces one made with weaker parameters."""

    user_id: int
    login: str
    password_hash: str
    fresh_hash: str | None = None


@dataclass(frozen=True, slots=True)
class FoundSession:
    principal: Principal
    last_seen_at: datetime
    expires_at: datetime


_FOUND = (
    PRINCIPALS.add_columns(
        LoginSession.id.label("session_id"), LoginSession.last_seen_at, LoginSession.expires_at
    )
    .join(LoginSession, LoginSession.user_id == User.id)
    .where(
        User.active,
        LoginSession.token_sha256 == bindparam("digest"),
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > bindparam("now"),
        LoginSession.last_seen_at > bindparam("idle_since"),
    )
)


def digest(token: str) -> str:
    """What PostgreSQL knows of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


async def open_session(
    session: AsyncSession,
    checked: Checked,
    *,
    address: str,
    user_agent: str,
    now: datetime,
    lifetimes: Lifetimes,
) -> SessionToken:
    """Under `keep_password`. Raises LoginRefused."""
    token, expires_at = secrets.token_urlsafe(32), now + lifetimes.absolute
    await session.execute(
        insert(LoginSession).values(
            token_sha256=digest(token),
            user_id=checked.user_id,
            address=address,
            user_agent=user_agent[:200],
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
        )
    )
    found = await find(session, digest(token), now, lifetimes)
    if found is None:
        raise LoginRefused("This session was ended at once: log in again.")
    return SessionToken(token, found.principal, expires_at)


async def find(
    source: AsyncConnection | AsyncSession, token_digest: str, now: datetime, lifetimes: Lifetimes
) -> FoundSession | None:
    """The open session of a token, with its user's rights of this moment."""
    times = {"digest": token_digest, "now": now, "idle_since": now - lifetimes.idle}
    row = (await source.execute(_FOUND, times)).one_or_none()
    if row is None:
        return None
    principal = of_row(row, session_id=row.session_id)
    return FoundSession(principal, row.last_seen_at, row.expires_at)


async def of_user(
    connection: AsyncConnection,
    user_id: int,
    page: SessionPage,
    now: datetime,
    lifetimes: Lifetimes,
) -> tuple[SessionView, ...]:
    """The open sessions of a user, the latest first."""
    table = LoginSession
    earlier = () if page.before is None else (table.id < page.before,)
    rows = await connection.execute(
        select(
            table.id,
            table.address,
            table.user_agent,
            table.created_at,
            table.last_seen_at,
            table.expires_at,
        )
        .where(
            table.user_id == user_id,
            table.revoked_at.is_(None),
            table.expires_at > now,
            table.last_seen_at > now - lifetimes.idle,
            *earlier,
        )
        .order_by(table.id.desc())
        .limit(page.limit)
    )
    return tuple(SessionView(*row) for row in rows)


async def see(session: AsyncSession, session_id: int, now: datetime, lifetimes: Lifetimes) -> None:
    """The session was used: its idle time starts anew. One from before the clock was set back ends no later than if
    it began now.
    """
    table = LoginSession
    await session.execute(
        update(table)
        .where(
            table.id == session_id,
            or_(table.last_seen_at < now, table.last_seen_at > now + SKEW),
        )
        .values(last_seen_at=now, expires_at=func.least(table.expires_at, now + lifetimes.absolute))
    )


async def end(session: AsyncSession, which: ColumnElement[bool], now: datetime) -> tuple[str, ...]:
    """End open sessions; returns the digests of their tokens."""
    ended = await session.scalars(
        update(LoginSession)
        .where(which, LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(LoginSession.token_sha256)
    )
    return tuple(ended)


async def keep_password(session: AsyncSession, checked: Checked) -> None:
    """Hold the user's row while the session opens; a password set meanwhile wins.

    Raises LoginRefused when the password was changed since it was checked.
    """
    unchanged = await session.scalar(
        select(User.id)
        .where(User.id == checked.user_id, User.active, User.password_hash == checked.password_hash)
        .with_for_update()
    )
    if unchanged is None:
        raise LoginRefused("The password was changed a moment ago: use the new one.")
    if checked.fresh_hash is not None:
        await session.execute(
            update(User).where(User.id == checked.user_id).values(password_hash=checked.fresh_hash)
        )
