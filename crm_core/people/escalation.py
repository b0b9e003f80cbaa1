"""Managing people never raises oneself.

Rule: nobody gives a role that holds a right or a scope he lacks, or sees or writes a field he may not, nor
makes a role so; nobody gives a unit above or beside his own if he sees his own only, nor touches the account of somebody who has such a role or unit; through its
password or authenticator he would have what that person has.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import any_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Invalid
from crm_core.people.refusals import BeyondOwnRights
from crm_core.people.tables import Role, RoleField, RoleRight, Unit, User
from crm_core.rights import Access, Actor, Right, Scope, access_to

_KNOWN = frozenset(Right)
_REACH = select(
    Role.scope,
    select(func.array_agg(RoleRight.right_code))
    .where(RoleRight.role_code == Role.code)
    .scalar_subquery()
    .label("rights"),
    select(func.jsonb_object_agg(RoleField.field, RoleField.access))
    .where(RoleField.role_code == Role.code)
    .scalar_subquery()
    .label("fields"),
)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a role lets its people do, and see."""

    rights: frozenset[Right]
    scope: Scope
    fields: Mapping[str, Access]


def beyond(actor: Actor, wanted: Reach, had: Reach | None = None) -> tuple[str, ...]:
    """What of it the actor lacks; what the role had already is not given by him."""
    rights = wanted.rights - (had.rights if had else frozenset())
    width = max(actor.scope.width, had.scope.width if had else 0)
    return (
        *sorted(str(right) for right in rights if not actor.may(right)),
        *((f"scope {wanted.scope}",) if wanted.scope.width > width else ()),
        *sorted(
            f"field {name}"
            for name, limit in actor.fields.items()
            if access_to(wanted.fields, name).extent
            > max(limit.extent, access_to(had.fields, name).extent if had else 0)
        ),
    )


async def require_within(session: AsyncSession, actor: Actor, role: str) -> None:
    """Raises Invalid (no such role), BeyondOwnRights."""
    row = (await session.execute(_REACH.where(Role.code == role))).one_or_none()
    if row is None:
        raise Invalid(f"There is no role “{role}”.", fields={"role": "unknown"})
    found = Reach(
        frozenset(Right(code) for code in row.rights or () if code in _KNOWN),
        Scope(row.scope),
        {name: Access(access) for name, access in (row.fields or {}).items()},
    )
    lacking = beyond(actor, found)
    if lacking:
        raise BeyondOwnRights(
            f"The role “{role}” has what yours lacks ({', '.join(lacking)}): "
            "ask somebody who holds it all.",
            fields={"role": "beyond your own"},
        )


async def require_unit_within(session: AsyncSession, actor: Actor, unit_id: int | None) -> None:
    """Raises BeyondOwnRights: who does not see everything places people in the own unit or below."""
    if unit_id is None or actor.scope is Scope.ALL:
        return
    own = select(User.unit_id).where(User.id == actor.user_id).scalar_subquery()
    within = select(Unit.id).where(
        Unit.id == unit_id,
        or_(Unit.id == own, own == any_(Unit.path)),
    )
    if await session.scalar(within) is None:
        raise BeyondOwnRights(
            "This unit is not yours nor below it: ask somebody who sees it.",
            fields={"unit_id": "beyond your own"},
        )
