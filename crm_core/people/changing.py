"""A new password in place of one before, as SQL inside the caller's transaction.

Rule: the last ones are refused; of two changes at once one counts, and the other is told so.
"""

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import Conflict
from crm_core.people.passwords import PasswordRules, Passwords, unacceptable
from crm_core.people.tables import ReplacedPassword, User


async def check_unused(
    connection: AsyncConnection,
    passwords: Passwords,
    rules: PasswordRules,
    user_id: int,
    *,
    present: str,
    password: str,
) -> None:
    """Raises Invalid when it is the present password or one of those shortly before it."""
    earlier = await connection.scalars(
        select(ReplacedPassword.password_hash)
        .where(ReplacedPassword.user_id == user_id)
        .order_by(ReplacedPassword.id.desc())
        .limit(_earlier(rules))
    )
    if await passwords.matches_any(password, (present, *earlier)):
        raise unacceptable("used_before", rules)


def _earlier(rules: PasswordRules) -> int:
    """The present one is in `users`."""
    return rules.remembered - 1


async def replace(
    session: AsyncSession,
    user_id: int,
    *,
    present: str,
    fresh: str,
    must_change: bool,
    rules: PasswordRules,
    now: datetime,
) -> None:
    """Put the hash `fresh` in place of `present`. Raises Conflict."""
    changed = await session.scalar(
        update(User)
        .where(User.id == user_id, User.password_hash == present)
        .values(password_hash=fresh, must_change_password=must_change, password_set_at=now)
        .returning(User.id)
    )
    if changed is None:
        raise Conflict("This password was changed a moment ago: try again.")
    await session.execute(
        insert(ReplacedPassword).values(user_id=user_id, password_hash=present, replaced_at=now)
    )
    kept = (
        select(ReplacedPassword.id)
        .where(ReplacedPassword.user_id == user_id)
        .order_by(ReplacedPassword.id.desc())
        .limit(_earlier(rules))
    )
    await session.execute(
        delete(ReplacedPassword).where(
            ReplacedPassword.user_id == user_id, ReplacedPassword.id.not_in(kept)
        )
    )


async def expire(session: AsyncSession, user_id: int, before: datetime) -> bool:
    """Somebody whose password was set before that must change it; whether that is news."""
    expired = await session.scalar(
        update(User)
        .where(User.id == user_id, User.password_set_at < before, ~User.must_change_password)
        .values(must_change_password=True)
        .returning(User.id)
    )
    return expired is not None
