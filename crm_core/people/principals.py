"""Somebody's rights of this moment: of a session, of a token, of work that goes on after its request.

Rule: whoever is held (see `Hold`) has no right, by whatever way he comes.
"""

from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.people.tables import Role, RoleField, RoleRight, SecondFactor, User
from crm_core.rights import Access, Hold, Principal, Right, Scope

PRINCIPALS = select(
    User.id,
    User.login,
    User.name,
    User.role_code,
    User.locale,
    User.extension,
    User.must_change_password,
    Role.scope,
    Role.second_factor_required,
    select(func.array_agg(RoleRight.right_code))
    .where(RoleRight.role_code == User.role_code)
    .scalar_subquery()
    .label("rights"),
    select(func.jsonb_object_agg(RoleField.field, RoleField.access))
    .where(RoleField.role_code == User.role_code)
    .scalar_subquery()
    .label("fields"),
    exists(
        select(SecondFactor.user_id).where(
            SecondFactor.user_id == User.id, SecondFactor.confirmed_at.is_not(None)
        )
    ).label("second_factor"),
).join(Role, Role.code == User.role_code)
"""Everybody, as `of_row` reads them."""
_KNOWN = frozenset(Right)


async def of_user(connection: AsyncConnection, user_id: int) -> Principal | None:
    """None when nobody active has this id."""
    wanted = PRINCIPALS.where(User.id == user_id, User.active)
    row = (await connection.execute(wanted)).one_or_none()
    return None if row is None else of_row(row, session_id=0)


async def of_phone(connection: AsyncConnection, extension: str) -> Principal | None:
    """Whose telephone has this extension; None when it is nobody active's."""
    wanted = PRINCIPALS.where(User.extension == extension, User.active)
    row = (await connection.execute(wanted)).one_or_none()
    return None if row is None else of_row(row, session_id=0)


def of_row(row: Any, *, session_id: int) -> Principal:
    """Who stands in a row of `PRINCIPALS`; `session_id` 0 without a session."""
    hold = _hold(row)
    rights = frozenset(Right(code) for code in row.rights or () if code in _KNOWN)
    return Principal(
        user_id=row.id,
        login=row.login,
        name=row.name,
        role=row.role_code,
        rights=frozenset() if hold else rights,
        locale=row.locale,
        extension=row.extension,
        session_id=session_id,
        scope=Scope(row.scope),
        fields={name: Access(access) for name, access in (row.fields or {}).items()},
        hold=hold,
        second_factor=row.second_factor,
    )


def _hold(row: Any) -> Hold | None:
    if row.must_change_password:
        return Hold.PASSWORD
    if row.second_factor_required and not row.second_factor:
        return Hold.SECOND_FACTOR
    return None
