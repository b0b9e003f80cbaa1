"""How often somebody may try to log in, per login and per network address; and what else is tried too often.

Rule: an attempt is counted before its password is looked at, under a row lock, so that a thousand
guesses sent at once are refused like a thousand sent in turn. Delays double with each failure; an
address has a wider allowance, because an office shares one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import TooManyAttempts
from crm_core.people.tables import LoginLimit

REMEMBERED = timedelta(days=1)
"""No attempts are counted for longer than this."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`free` attempts at once; then `first` to wait, twice, four times … as long up to `longest`; a quiet `forget`
    clears.
    """

    free: int
    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=15)
    forget: timedelta = timedelta(hours=1)

    @classmethod
    def locking(cls, tries: int, lock: timedelta) -> Self:
        """After so many attempts nothing for `lock`, and again after each one from then on."""
        return cls(tries, first=lock, longest=lock, forget=REMEMBERED)

    def delay(self, attempts: int) -> timedelta:
        """How long to wait after this many attempts in a row."""
        beyond = attempts - self.free
        if beyond < 0:
            return timedelta(0)
        return min(self.first * (1 << min(beyond, 20)), self.longest)


@dataclass(frozen=True, slots=True)
class LoginLimits:
    login: Allowance = Allowance(free=5)
    address: Allowance = Allowance(free=30)


async def count_attempt(
    session: AsyncSession, limits: LoginLimits, login: str, address: str, now: datetime
) -> None:
    """Count one attempt. Raises TooManyAttempts, which is not counted."""
    for subject, allowance in (
        (_address(address), limits.address),
        (_login(login), limits.login),
    ):
        await count(session, subject, allowance, now)


async def count_confirmation(
    session: AsyncSession, limits: LoginLimits, user_id: int, now: datetime
) -> None:
    """Somebody who is logged in gives his password once more. Raises TooManyAttempts."""
    await count(session, _confirmation(user_id), limits.login, now)


async def count(
    session: AsyncSession, subject: str, allowance: Allowance, now: datetime
) -> datetime | None:
    """Count one attempt at anything (at most 120 characters name it); returns until when the next one must wait.

    Raises TooManyAttempts, which is not counted.
    """
    fresh = upsert(LoginLimit).values(subject=subject, attempts=0, last_at=now)
    locked = fresh.on_conflict_do_update(
        index_elements=["subject"], set_={"subject": fresh.excluded.subject}
    ).returning(LoginLimit.attempts, LoginLimit.last_at, LoginLimit.blocked_until)
    row = (await session.execute(locked)).one()
    _refuse(row.blocked_until, allowance, now)
    attempts = 1 if now - row.last_at > allowance.forget else row.attempts + 1
    delay = allowance.delay(attempts)
    until = now + delay if delay else None
    await session.execute(
        update(LoginLimit)
        .where(LoginLimit.subject == subject)
        .values(attempts=attempts, last_at=now, blocked_until=until)
    )
    return until


async def refuse_blocked(
    holder: AsyncSession | AsyncConnection, subject: str, allowance: Allowance, now: datetime
) -> None:
    """Without counting. Raises TooManyAttempts."""
    blocked_until = select(LoginLimit.blocked_until).where(LoginLimit.subject == subject)
    _refuse(await holder.scalar(blocked_until), allowance, now)


def _refuse(blocked_until: datetime | None, allowance: Allowance, now: datetime) -> None:
    """Who is blocked for longer than the longest time was so before the clock was set back."""
    if blocked_until is not None and now < blocked_until <= now + allowance.longest:
        wait = max(1, round((blocked_until - now).total_seconds()))
        raise TooManyAttempts(
            f"Too many attempts: wait {wait} seconds and try again.",
            fields={"retry_after_s": wait},
        )


async def forgive_confirmation(session: AsyncSession, user_id: int) -> None:
    await clear(session, _confirmation(user_id))


async def forgive(session: AsyncSession, login: str, address: str) -> None:
    """A log-in succeeded: its login starts anew, its address gets this one attempt back."""
    await give_back(session, _address(address))
    await clear(session, _login(login))


async def give_back(session: AsyncSession, subject: str) -> None:
    """One attempt was none to count."""
    await session.execute(
        update(LoginLimit)
        .where(LoginLimit.subject == subject, LoginLimit.attempts > 0)
        .values(attempts=LoginLimit.attempts - 1, blocked_until=None)
    )


async def clear(session: AsyncSession, subject: str) -> None:
    """It starts anew."""
    await session.execute(delete(LoginLimit).where(LoginLimit.subject == subject))


async def tidy(session: AsyncSession, now: datetime) -> None:
    """Drop what has been quiet for so long that it is forgotten anyway."""
    await session.execute(delete(LoginLimit).where(LoginLimit.last_at < now - REMEMBERED))


def _login(login: str) -> str:
    return f"login:{login}"


def _confirmation(user_id: int) -> str:
    return f"confirmation:{user_id}"


def _address(address: str) -> str:
    return f"address:{address}"
