"""People who work here, as SQL inside the caller's transaction.

Rule: somebody who may manage people always remains: whatever takes that right from a person looks
for another one under `_LOCK_MANAGERS`, so that two administrators cannot remove each other.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import cast, exists, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.fields import PAGE, Command, Id, Limit, Text, Version
from crm_core.people import deputies, escalation, skills
from crm_core.people.deputies import Deputies, DeputyEntry
from crm_core.people.skills import Skills
from crm_core.people.tables import RoleRight, SecondFactor, Unit, User, UserSkill
from crm_core.rights import Actor, Right

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,49}")
_EXTENSION = r"^[0-9]{2,8}$"
_Locale = Annotated[str, Field(pattern=r"^(zh-CN|en)$")]
_Name = Annotated[Text, Field(min_length=1, max_length=50)]
_RoleCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
_LOCK_MANAGERS = text("SELECT pg_advisory_xact_lock(hashtext('zongji.user.manage'))")


class NewUser(BaseModel):
    """Somebody to be let in; the password is given beside it."""

    model_config = ConfigDict(frozen=True)

    login: Annotated[str, Field(max_length=60)]
    name: _Name
    role: _RoleCode
    extension: str | None = Field(default=None, pattern=_EXTENSION)
    locale: _Locale = "zh-CN"
    unit_id: Id | None = None
    skills: Skills = {}


class UserChange(BaseModel):
    """Only the fields that are given are changed; `version` is what their author looked at."""

    model_config = ConfigDict(frozen=True)

    version: Version | None = None
    name: _Name = ""
    role: _RoleCode = ""
    extension: str | None = Field(default=None, pattern=_EXTENSION)
    active: bool = True
    unit_id: Id | None = None
    skills: Skills = {}
    deputies: Deputies = ()


class UserQuery(Command):
    """`after`: the last user of the page before this one."""

    after: Id | None = None
    limit: Limit = PAGE


@dataclass(frozen=True, slots=True)
class UserView:
    id: int
    login: str
    name: str
    role: str
    extension: str | None
    locale: str
    active: bool
    unit_id: int | None
    must_change_password: bool
    second_factor: bool
    version: int
    skills: Mapping[str, int]
    deputies: tuple[DeputyEntry, ...]


_VIEW = select(
    User.id,
    User.login,
    User.name,
    User.role_code,
    User.extension,
    User.locale,
    User.active,
    User.unit_id,
    User.must_change_password,
    exists(
        select(SecondFactor.user_id).where(
            SecondFactor.user_id == User.id, SecondFactor.confirmed_at.is_not(None)
        )
    ),
    User.version,
    select(
        func.coalesce(
            func.jsonb_object_agg(UserSkill.skill, UserSkill.level), cast({}, JSONB), type_=JSONB
        )
    )
    .where(UserSkill.user_id == User.id)
    .scalar_subquery(),
    deputies.listed(),
)


def is_login(login: str) -> bool:
    """Whether it has the form of a log-in name (lower case)."""
    return _LOGIN.fullmatch(login) is not None


async def add(
    session: AsyncSession,
    actor: Actor,
    new: NewUser,
    password_hash: str,
    *,
    must_change: bool,
    now: datetime,
) -> UserView:
    """Raises Invalid (login, role, unit), BeyondOwnRights, Conflict (login or extension taken)."""
    login = new.login.strip().lower()
    if not is_login(login):
        raise Invalid(
            "A log-in name has 2 to 50 letters, digits and . _ @ -",
            fields={"login": "form"},
        )
    await escalation.require_within(session, actor, new.role)
    await _check_unit(session, actor, new.unit_id)
    values = {
        "login": login,
        "name": new.name,
        "role_code": new.role,
        "extension": new.extension,
        "locale": new.locale,
        "unit_id": new.unit_id,
        "password_hash": password_hash,
        "password_set_at": now,
        "must_change_password": must_change,
    }
    try:
        made = await session.scalar(insert(User).values(values).returning(User.id))
    except IntegrityError as error:
        raise _taken(error) from error
    await skills.put(session, made or 0, new.skills)
    return await get(session, made or 0)


async def change(
    session: AsyncSession, actor: Actor, user_id: int, wanted: UserChange
) -> tuple[UserView, UserView]:
    """How it was and how it is now.

    Raises NotFound, Invalid (role, unit), BeyondOwnRights, Conflict (version, extension taken, last
    manager).
    """
    given = wanted.model_dump(exclude_unset=True, exclude={"version"})
    async with keeping_a_manager(session):
        before = await held(session, actor, user_id)
        if wanted.version not in (None, before.version):
            raise Conflict(
                "Somebody else has changed this user since you opened it: look again.",
                fields={"version": before.version},
            )
        if not given:
            return before, before
        if "role" in given:
            await escalation.require_within(session, actor, wanted.role)
            given["role_code"] = given.pop("role")
        await _check_unit(session, actor, given.get("unit_id"))
        if given.pop("skills", None) is not None:
            await skills.put(session, user_id, wanted.skills)
        if given.pop("deputies", None) is not None:
            await deputies.put(session, user_id, wanted.deputies)
        try:
            await session.execute(
                update(User).where(User.id == user_id).values(given | {"version": User.version + 1})
            )
        except IntegrityError as error:
            raise _taken(error) from error
    after = await get(session, user_id)
    was, became = trail.changes(_values(before), _values(after))
    await trail.record(
        session, actor.user_id, "user.update", "user", user_id, before=was, after=became
    )
    return before, after


async def held(session: AsyncSession, actor: Actor, user_id: int) -> UserView:
    """The user, whom nobody else changes until the end of the transaction.

    Raises NotFound, BeyondOwnRights (the user's role or unit reaches further than the actor's).
    """
    await lock(session, user_id)
    found = await get(session, user_id)
    await escalation.require_within(session, actor, found.role)
    await escalation.require_unit_within(session, actor, found.unit_id)
    return found


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
    return _view(row)


async def everyone(session: AsyncSession) -> tuple[UserView, ...]:
    rows = await session.execute(_VIEW.order_by(User.login))
    return tuple(_view(row) for row in rows)


async def lock(session: AsyncSession, user_id: int) -> None:
    """Taken before anything else of the user is changed, so that nobody waits in a circle."""
    await session.execute(select(User.id).where(User.id == user_id).with_for_update())


async def listed(session: AsyncSession, wanted: UserQuery) -> tuple[UserView, ...]:
    """A page of everybody, in the order in which they came."""
    query = _VIEW if wanted.after is None else _VIEW.where(User.id > wanted.after)
    rows = await session.execute(query.order_by(User.id).limit(wanted.limit))
    return tuple(_view(row) for row in rows)


async def agents(session: AsyncSession) -> tuple[UserView, ...]:
    """Active users who have a telephone."""
    rows = await session.execute(
        _VIEW.where(User.active, User.extension.is_not(None)).order_by(User.extension)
    )
    return tuple(_view(row) for row in rows)


async def _has_manager(session: AsyncSession) -> bool:
    managers = (
        select(func.count())
        .select_from(User)
        .join(RoleRight, RoleRight.role_code == User.role_code)
        .where(User.active, RoleRight.right_code == Right.USER_MANAGE)
    )
    return bool(await session.scalar(managers))


async def _check_unit(session: AsyncSession, actor: Actor, unit_id: int | None) -> None:
    """Keeps the unit until the end of the transaction."""
    if unit_id is None:
        return
    kept = select(Unit.id).where(Unit.id == unit_id).with_for_update(key_share=True)
    if await session.scalar(kept) is None:
        raise Invalid("There is no such unit.", fields={"unit_id": "unknown"})
    await escalation.require_unit_within(session, actor, unit_id)


def _taken(error: IntegrityError) -> Conflict:
    if "fk_users_role_code_roles" in str(error.orig):
        return Conflict("This role was removed a moment ago: choose another one.")
    field = "extension" if "uq_users_extension" in str(error.orig) else "login"
    return Conflict(f"Another user has this {field}: choose another one.", fields={field: "taken"})


def _view(row: Any) -> UserView:
    stand_ins = tuple(DeputyEntry.model_validate(each) for each in row[-1])
    return UserView(*(*row[:-1], stand_ins))


def _values(view: UserView) -> dict[str, object]:
    return {
        "name": view.name,
        "role": view.role,
        "extension": view.extension,
        "unit_id": view.unit_id,
        "active": view.active,
        "skills": dict(view.skills),
        "deputies": [each.model_dump(mode="json") for each in view.deputies],
    }
