"""Somebody's rights of this moment, for work that goes on after the request that asked for it."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.people.tables import Role, RoleField, RoleRight, User
from crm_core.rights import Access, Principal, Right, Scope

_FOUND = select(
    User.id,
    User.login,
    User.name,
    User.role_code,
    User.locale,
    User.extension,
    Role.scope,
    select(func.array_agg(RoleRight.right_code))
    .where(RoleRight.role_code == User.role_code)
    .scalar_subquery()
    .label("rights"),
    select(func.jsonb_object_agg(RoleField.field, RoleField.access))
    .where(RoleField.role_code == User.role_code)
    .scalar_subquery()
    .label("fields"),
).join(Role, Role.code == User.role_code)
_KNOWN = frozenset(Right)


async def of_user(connection: AsyncConnection, user_id: int) -> Principal | None:
    """None when nobody active has this id."""
    row = (await connection.execute(_FOUND.where(User.id == user_id, User.active))).one_or_none()
    if row is None:
        return None
    return Principal(
        user_id=row.id,
        login=row.login,
        name=row.name,
        role=row.role_code,
        rights=frozenset(Right(code) for code in row.rights or () if code in _KNOWN),
        locale=row.locale,
        extension=row.extension,
        session_id=0,
        scope=Scope(row.scope),
        fields={name: Access(access) for name, access in (row.fields or {}).items()},
    )
