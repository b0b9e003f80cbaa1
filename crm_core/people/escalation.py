"""Managing people never raises oneself.

Rule: nobody gives a role that holds a right or a scope he lacks, nor a unit above or beside his own if
he sees his own only, nor touches the account of somebody who has such a role or unit; through its
password or authenticator he would have what that person has.
"""

from sqlalchemy import any_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Invalid
from crm_core.people.refusals import BeyondOwnRights
from crm_core.people.tables import Role, RoleRight, Unit, User
from crm_core.rights import Actor, Right, Scope

_WIDTH = {Scope.OWN: 0, Scope.UNIT: 1, Scope.ALL: 2}
_KNOWN = frozenset(Right)
_REACH = select(
    Role.scope,
    select(func.array_agg(RoleRight.right_code))
    .where(RoleRight.role_code == Role.code)
    .scalar_subquery()
    .label("rights"),
)


async def require_within(session: AsyncSession, actor: Actor, role: str) -> None:
    """Raises Invalid (no such role), BeyondOwnRights."""
    row = (await session.execute(_REACH.where(Role.code == role))).one_or_none()
    if row is None:
        raise Invalid(f"There is no role “{role}”.", fields={"role": "unknown"})
    rights = (Right(code) for code in row.rights or () if code in _KNOWN)
    beyond = sorted(str(right) for right in rights if not actor.may(right))
    if _WIDTH[Scope(row.scope)] > _WIDTH[actor.scope]:
        beyond.append(f"scope {row.scope}")
    if beyond:
        raise BeyondOwnRights(
            f"The role “{role}” has what yours lacks ({', '.join(beyond)}): "
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
