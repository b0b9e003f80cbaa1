"""A new password in place of one before, as SQL inside the caller's transaction.

Rule: the last five are refused; of two changes at once one counts, and the other is told so.
"""

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import Conflict, Invalid
from crm_core.people.passwords import PROBLEMS, REMEMBERED, Passwords
from crm_core.people.tables import ReplacedPassword, User

_EARLIER = REMEMBERED - 1  # the present one is in `users`


async def check_unused(
    connection: AsyncConnection, passwords: Passwords, user_id: int, present: str, password: str
) -> None:
    """Raises Invalid when it is the present password or one of those shortly before it."""
    earlier = await connection.scalars(
        select(ReplacedPassword.password_hash)
        .where(ReplacedPassword.user_id == user_id)
        .order_by(ReplacedPassword.id.desc())
        .limit(_EARLIER)
    )
    if await passwords.matches_any(password, (present, *earlier)):
        raise Invalid(PROBLEMS["used_before"], fields={"password": "used_before"})


async def replace(
    session: AsyncSession,
    user_id: int,
    *,
    present: str,
    fresh: str,
    must_change: bool,
    now: datetime,
) -> None:
    """Put the hash `fresh` in place of `present`. Raises Conflict."""
    changed = await session.scalar(
        update(User)
        .where(User.id == user_id, User.password_hash == present)
        .values(password_hash=fresh, must_change_password=must_change)
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
        .limit(_EARLIER)
    )
    await session.execute(
        delete(ReplacedPassword).where(
            ReplacedPassword.user_id == user_id, ReplacedPassword.id.not_in(kept)
        )
    )
