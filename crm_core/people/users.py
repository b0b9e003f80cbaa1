"""People who work here, as SQL inside the caller's transaction.

Rule: somebody who may manage people always remains: whatever takes that right from a person looks
for another one under `_LOCK_MANAGERS`, so that two administrators cannot remove each other.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.people.tables import Role, RoleRight, User
from crm_core.rights import Right

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,49}")
_EXTENSION = r"^[0-9]{2,8}$"
_LOCK_MANAGERS = text("SELECT pg_advisory_xact_lock(hashtext('zongji.user.manage'))")


class NewUser(BaseModel):
    """Somebody to be let in; the password is given beside it."""

    model_config = ConfigDict(frozen=True)

    login: str
    name: str = Field(min_length=1, max_length=50)
    role: str
    extension: str | None = Field(default=None, pattern=_EXTENSION)
    locale: str = Field(default="zh-CN", max_length=10)


class UserChange(BaseModel):
    """Only the fields that are given are changed."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(default="", min_length=1, max_length=50)
    role: str = ""
    extension: str | None = Field(default=None, pattern=_EXTENSION)
    active: bool = True


@dataclass(frozen=True, slots=True)
class UserView:
    id: int
    login: str
    name: str
    role: str
    extension: str | None
    locale: str
    active: bool


_VIEW = select(
    User.id, User.login, User.name, User.role_code, User.extension, User.locale, User.active
)


def is_login(login: str) -> bool:
    """Whether it has the form of a log-in name (lower case)."""
    return _LOGIN.fullmatch(login) is not None


async def add(session: AsyncSession, new: NewUser, password_hash: str) -> UserView:
    """Raises Invalid (login, role), Conflict (login or extension taken)."""
    login = new.login.strip().lower()
    if not is_login(login):
        raise Invalid(
            "A log-in name has 2 to 50 letters, digits and . _ @ -",
            fields={"login": "form"},
        )
    await _check_role(session, new.role)
    values = {
        "login": login,
        "name": new.name,
        "role_code": new.role,
        "extension": new.extension,
        "locale": new.locale,
        "password_hash": password_hash,
    }
    try:
        made = await session.scalar(insert(User).values(values).returning(User.id))
    except IntegrityError as error:
        raise _taken(error) from error
    return await get(session, made or 0)


async def change(
    session: AsyncSession, actor_id: int | None, user_id: int, wanted: UserChange
) -> UserView:
    """Raises NotFound, Invalid (role), Conflict (extension taken, last manager)."""
    before = await get(session, user_id)
    given = wanted.model_dump(exclude_unset=True)
    if "role" in given:
        await _check_role(session, wanted.role)
        given["role_code"] = given.pop("role")
    if not given:
        return before
    async with keeping_a_manager(session):
        try:
            await session.execute(update(User).where(User.id == user_id).values(given))
        except IntegrityError as error:
            raise _taken(error) from error
    after = await get(session, user_id)
    was, became = trail.changes(_values(before), _values(after))
    await trail.record(session, actor_id, "user.update", "user", user_id, before=was, after=became)
    return after


@asynccontextmanager
async def keeping_a_manager(session: AsyncSession) -> AsyncIterator[None]:
    """Around what may take rights away. Raises Conflict when nobody could manage people afterwards."""
    await session.execute(_LOCK_MANAGERS)
    had_manager = await _has_manager(session)
    yield
    if had_manager and not await _has_manager(session):
        raise Conflict(
            "This is the last person who may manage people: give that right to another one first."
        )


async def get(session: AsyncSession, user_id: int) -> UserView:
    """Raises NotFound."""
    row = (await session.execute(_VIEW.where(User.id == user_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no user {user_id}.")
    return UserView(*row)


async def everyone(session: AsyncSession) -> tuple[UserView, ...]:
    rows = await session.execute(_VIEW.order_by(User.login))
    return tuple(UserView(*row) for row in rows)


async def agents(session: AsyncSession) -> tuple[UserView, ...]:
    """Active users who have a telephone."""
    rows = await session.execute(
        _VIEW.where(User.active, User.extension.is_not(None)).order_by(User.extension)
    )
    return tuple(UserView(*row) for row in rows)


async def _has_manager(session: AsyncSession) -> bool:
    managers = (
        select(func.count())
        .select_from(User)
        .join(RoleRight, RoleRight.role_code == User.role_code)
        .where(User.active, RoleRight.right_code == Right.USER_MANAGE)
    )
    return bool(await session.scalar(managers))


async def _check_role(session: AsyncSession, code: str) -> None:
    if await session.scalar(select(Role.code).where(Role.code == code)) is None:
        raise Invalid(f"There is no role “{code}”.", fields={"role": "unknown"})


def _taken(error: IntegrityError) -> Conflict:
    field = "extension" if "uq_users_extension" in str(error.orig) else "login"
    return Conflict(f"Another user has this {field}: choose another one.", fields={field: "taken"})


def _values(view: UserView) -> dict[str, object]:
    return {
        "name": view.name,
        "role": view.role,
        "extension": view.extension,
        "active": view.active,
    }
