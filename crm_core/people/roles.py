"""Roles as data: which rights each holds, whose customers it sees, which fields it may not touch.

Rule: nobody gives a right, a scope or the sight of a field that he does not have, and somebody who may manage people always remains.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, NotFound
from crm_core.fields import Text
from crm_core.people import escalation, users
from crm_core.people.escalation import Reach
from crm_core.people.tables import Role, RoleField, RoleRight, User
from crm_core.rights import Access, Actor, Right, Scope

_Label = Annotated[Text, Field(min_length=1, max_length=50)]
_FieldName = Annotated[str, Field(pattern=r"^[a-z_]{1,30}\.[a-z][a-z0-9_.]{0,48}$")]


class RoleContent(BaseModel):
    """A whole role; `fields` names those that are hidden or only read, such as customer.credit_limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name_zh: _Label
    name_en: _Label
    rights: frozenset[Right]
    scope: Scope = Scope.ALL
    fields: Annotated[dict[_FieldName, Access], Field(max_length=500)] = {}
    second_factor_required: bool = False


@dataclass(frozen=True, slots=True)
class RoleView:
    code: str
    name_zh: str
    name_en: str
    rights: tuple[str, ...]
    scope: str
    fields: Mapping[str, str]
    people: int
    second_factor_required: bool
    version: int


_RIGHTS = select(
    func.array_agg(aggregate_order_by(RoleRight.right_code, RoleRight.right_code))
).where(RoleRight.role_code == Role.code)
_FIELDS = select(func.jsonb_object_agg(RoleField.field, RoleField.access)).where(
    RoleField.role_code == Role.code
)
_PEOPLE = select(func.count()).where(User.role_code == Role.code, User.active)
_VIEW = select(
    Role.code,
    Role.name_zh,
    Role.name_en,
    _RIGHTS.scalar_subquery().label("rights"),
    Role.scope,
    _FIELDS.scalar_subquery().label("fields"),
    _PEOPLE.scalar_subquery().label("people"),
    Role.second_factor_required,
    Role.version,
)


class RoleService:
    """Roles, for those who hold `role.manage`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, actor: Actor) -> tuple[RoleView, ...]:
        """By code. Raises Forbidden."""
        actor.require(Right.ROLE_MANAGE)
        async with self._database.reading() as connection:
            rows = await connection.execute(_VIEW.order_by(Role.code))
            return tuple(_view(row) for row in rows)

    async def create(self, actor: Actor, code: str, content: RoleContent) -> RoleView:
        """`code` is letters, digits and _. Raises Forbidden, Conflict (code taken)."""
        actor.require(Right.ROLE_MANAGE)
        async with self._database.begin() as session:
            _check_gift(actor, content)
            made = await session.scalar(
                upsert(Role)
                .values(
                    code=code,
                    name_zh=content.name_zh,
                    name_en=content.name_en,
                    scope=content.scope,
                    second_factor_required=content.second_factor_required,
                )
                .on_conflict_do_nothing()
                .returning(Role.code)
            )
            if made is None:
                raise Conflict("Another role has this code.", fields={"code": "taken"})
            await _fill(session, code, content)
            after = await _get(session, code)
            await trail.record(
                session, actor.user_id, "role.create", "role", code, after=_recorded(after)
            )
        return after

    async def change(self, actor: Actor, code: str, version: int, content: RoleContent) -> RoleView:
        """Holds from everybody's next request. Raises Forbidden, NotFound, Conflict."""
        actor.require(Right.ROLE_MANAGE)
        async with self._database.begin() as session, users.keeping_a_manager(session):
            before = await _get(session, code)
            _check_gift(actor, content, before)
            changed = await session.scalar(
                update(Role)
                .where(Role.code == code, Role.version == version)
                .values(
                    name_zh=content.name_zh,
                    name_en=content.name_en,
                    scope=content.scope,
                    second_factor_required=content.second_factor_required,
                    version=version + 1,
                )
                .returning(Role.code)
            )
            if changed is None:
                raise Conflict(
                    "Somebody else has changed this role since you opened it: look again.",
                    fields={"version": before.version},
                )
            await session.execute(delete(RoleRight).where(RoleRight.role_code == code))
            await session.execute(delete(RoleField).where(RoleField.role_code == code))
            await _fill(session, code, content)
            after = await _get(session, code)
            was, became = trail.changes(_recorded(before), _recorded(after))
            await trail.record(
                session, actor.user_id, "role.update", "role", code, before=was, after=became
            )
        return after

    async def remove(self, actor: Actor, code: str) -> None:
        """Raises Forbidden, NotFound, Conflict (somebody has it, also somebody inactive)."""
        actor.require(Right.ROLE_MANAGE)
        async with self._database.begin() as session:
            before = await _get(session, code)
            if await session.scalar(select(User.id).where(User.role_code == code).limit(1)):
                raise Conflict("People have this role: give them another one first.")
            await session.execute(delete(Role).where(Role.code == code))
            await trail.record(
                session, actor.user_id, "role.remove", "role", code, before=_recorded(before)
            )


def _check_gift(actor: Actor, wanted: RoleContent, before: RoleView | None = None) -> None:
    had = None if before is None else _reach(before)
    beyond = escalation.beyond(actor, Reach(wanted.rights, wanted.scope, wanted.fields), had)
    if beyond:
        raise Forbidden(
            f"You cannot give what you do not have yourself: {', '.join(beyond)}.",
            fields={"role": "beyond your own"},
        )


def _reach(role: RoleView) -> Reach:
    return Reach(
        frozenset(map(Right, role.rights)),
        Scope(role.scope),
        {name: Access(access) for name, access in role.fields.items()},
    )


async def _fill(session: AsyncSession, code: str, content: RoleContent) -> None:
    if content.rights:
        await session.execute(
            insert(RoleRight),
            [{"role_code": code, "right_code": str(right)} for right in content.rights],
        )
    limited = {name: each for name, each in content.fields.items() if each is not Access.WRITE}
    if limited:
        await session.execute(
            insert(RoleField),
            [{"role_code": code, "field": name, "access": each} for name, each in limited.items()],
        )


async def _get(holder: AsyncSession | AsyncConnection, code: str) -> RoleView:
    row = (await holder.execute(_VIEW.where(Role.code == code))).one_or_none()
    if row is None:
        raise NotFound(f"There is no role “{code}”.")
    return _view(row)


def _view(row: Any) -> RoleView:
    known = frozenset(Right)
    rights = tuple(each for each in row.rights or () if each in known)
    return RoleView(
        row.code,
        row.name_zh,
        row.name_en,
        rights,
        row.scope,
        row.fields or {},
        row.people,
        row.second_factor_required,
        row.version,
    )


def _recorded(role: RoleView) -> dict[str, object]:
    return {
        "name_zh": role.name_zh,
        "name_en": role.name_en,
        "rights": list(role.rights),
        "scope": role.scope,
        "fields": dict(role.fields),
        "second_factor_required": role.second_factor_required,
    }
