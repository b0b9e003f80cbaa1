"""Roles, units and groups: who may do what, and who belongs where."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from crm_core.errors import Invalid
from crm_core.people.groups import GroupContent
from crm_core.people.roles import RoleContent
from crm_core.people.units import UnitContent
from crm_core.rights import Right
from webui.api.customers import Version
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, Route, needs
from webui.sight import hideable_fields
from webui.views import View


class WantedRole(Model, RoleContent):
    """A new role."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]


class RoleChange(Model, RoleContent):
    """The whole role as it is to be."""

    version: Version


class WantedUnit(Model, UnitContent):
    """A new unit."""


class UnitChange(WantedUnit):
    version: Version


class WantedGroup(Model, GroupContent):
    """A new group."""


class GroupChange(WantedGroup):
    version: Version


class RoleItem(View):
    code: str
    name_zh: str
    name_en: str
    rights: tuple[str, ...]
    scope: str
    fields: dict[str, str]
    people: int
    second_factor_required: bool
    version: int


class RoleList(View):
    """`known_rights` and `known_fields` are what a role can hold and be kept from."""

    items: tuple[RoleItem, ...]
    known_rights: tuple[str, ...]
    known_fields: tuple[str, ...]


class RoleAnswer(View):
    role: RoleItem


class UnitItem(View):
    id: int
    name: str
    parent_id: int | None
    people: int
    version: int


class UnitList(View):
    items: tuple[UnitItem, ...]


class UnitAnswer(View):
    unit: UnitItem


class GroupItem(View):
    id: int
    name: str
    queues: tuple[str, ...]
    members: tuple[int, ...]
    version: int


class GroupList(View):
    items: tuple[GroupItem, ...]


class GroupAnswer(View):
    group: GroupItem


async def roles(asked: Asked[Nothing, Nothing]) -> RoleList:
    """Every role, and what a role can hold."""
    found = await asked.services.crm.roles.all(asked.principal)
    fields = await _known_fields(asked)
    return RoleList(
        items=tuple(RoleItem.model_validate(each) for each in found),
        known_rights=tuple(sorted(Right)),
        known_fields=tuple(sorted(fields)),
    )


async def create_role(asked: Asked[WantedRole, Nothing]) -> RoleAnswer:
    """Make a role of rights that one holds oneself."""
    await _check_content(asked, asked.body)
    made = await asked.services.crm.roles.create(asked.principal, asked.body.code, asked.body)
    return RoleAnswer(role=RoleItem.model_validate(made))


async def change_role(asked: Asked[RoleChange, Nothing]) -> RoleAnswer:
    """Change a role; it holds from everybody's next request."""
    await _check_content(asked, asked.body)
    made = await asked.services.crm.roles.change(
        asked.principal, asked.id, asked.body.version, asked.body
    )
    return RoleAnswer(role=RoleItem.model_validate(made))


async def remove_role(asked: Asked[Nothing, Nothing]) -> None:
    """Remove a role that nobody has."""
    await asked.services.crm.roles.remove(asked.principal, asked.id)


async def units(asked: Asked[Nothing, Nothing]) -> UnitList:
    """The parts of the company."""
    found = await asked.services.crm.units.all()
    return UnitList(items=tuple(UnitItem.model_validate(each) for each in found))


async def create_unit(asked: Asked[WantedUnit, Nothing]) -> UnitAnswer:
    """Make a part of the company."""
    made = await asked.services.crm.units.create(asked.principal, asked.body)
    return UnitAnswer(unit=UnitItem.model_validate(made))


async def change_unit(asked: Asked[UnitChange, Nothing]) -> UnitAnswer:
    """Rename it, or put it under another one."""
    content = UnitContent(name=asked.body.name, parent_id=asked.body.parent_id)
    made = await asked.services.crm.units.change(
        asked.principal, int(asked.id), asked.body.version, content
    )
    return UnitAnswer(unit=UnitItem.model_validate(made))


async def remove_unit(asked: Asked[Nothing, Nothing]) -> None:
    """Remove a part in which nobody is."""
    await asked.services.crm.units.remove(asked.principal, int(asked.id))


async def groups(asked: Asked[Nothing, Nothing]) -> GroupList:
    """Groups with the queues they serve."""
    found = await asked.services.crm.groups.all()
    return GroupList(items=tuple(GroupItem.model_validate(each) for each in found))


async def create_group(asked: Asked[WantedGroup, Nothing]) -> GroupAnswer:
    """Make a group; its agents serve its queues from their next log-in at the telephone."""
    _check_queues(asked)
    made = await asked.services.crm.groups.create(asked.principal, asked.body)
    return GroupAnswer(group=GroupItem.model_validate(made))


async def change_group(asked: Asked[GroupChange, Nothing]) -> GroupAnswer:
    """Change a group's name, queues and members."""
    _check_queues(asked)
    made = await asked.services.crm.groups.change(
        asked.principal, int(asked.id), asked.body.version, asked.body
    )
    return GroupAnswer(group=GroupItem.model_validate(made))


async def remove_group(asked: Asked[Nothing, Nothing]) -> None:
    """Remove a group; its people stay."""
    await asked.services.crm.groups.remove(asked.principal, int(asked.id))


async def _check_content(asked: Asked[Model, Nothing], content: RoleContent) -> None:
    _check_fields(content.fields, await _known_fields(asked))
    if content.second_factor_required:
        asked.services.crm.accounts.second_factor.require_available()


async def _known_fields(asked: Asked[Model, Nothing]) -> frozenset[str]:
    """The fields that a role can be kept from, with those that the business added."""
    custom = await asked.services.crm.custom_fields.all(only_active=False)
    return hideable_fields() | {f"{_CUSTOM}{each.code}" for each in custom}


def _check_fields(fields: Collection[str], known: Collection[str]) -> None:
    """Raises Invalid, which names the fields there are of the same record."""
    unknown = sorted(set(fields) - set(known))
    if not unknown:
        return
    kinds = {_kind(name) for name in unknown}
    there = sorted(name for name in known if _kind(name) in kinds) or sorted(known)
    raise Invalid(
        f"There is no field {', '.join(unknown)} that a role can be kept from: "
        f"choose of {', '.join(there)}.",
        fields=dict.fromkeys(unknown, "unknown"),
    )


def _kind(field: str) -> str:
    """What a field is looked for among: the record's own, or those that the business added."""
    return _CUSTOM if field.startswith(_CUSTOM) else field.partition(".")[0]


def _check_queues(asked: Asked[WantedGroup, Nothing]) -> None:
    known = {queue.name for queue in asked.services.acd.queue_views()}
    unknown = set(asked.body.queues) - known
    if unknown:
        raise Invalid(
            f"There is no queue {', '.join(sorted(unknown))}: choose of {', '.join(sorted(known))}.",
            fields={"queues": "unknown"},
        )


_CUSTOM = "customer.custom."
_ROLES, _ORGANISATION = needs(Right.ROLE_MANAGE), needs(Right.ORGANISATION_MANAGE)
_SEE = needs(Right.ORGANISATION_MANAGE, Right.USER_MANAGE)
_UNIT, _GROUP = f"/api/units/{NUMBER}", f"/api/groups/{NUMBER}"

ROUTES = (
    Route("GET", "/api/roles", roles, _ROLES, answer=RoleList),
    Route(
        "POST",
        "/api/roles",
        create_role,
        _ROLES,
        WantedRole,
        answer=RoleAnswer,
        status=201,
        once=True,
    ),
    Route("PUT", f"/api/roles/{CODE}", change_role, _ROLES, RoleChange, answer=RoleAnswer),
    Route("DELETE", f"/api/roles/{CODE}", remove_role, _ROLES, status=204),
    Route("GET", "/api/units", units, _SEE, answer=UnitList),
    Route(
        "POST",
        "/api/units",
        create_unit,
        _ORGANISATION,
        WantedUnit,
        answer=UnitAnswer,
        status=201,
        once=True,
    ),
    Route("PUT", _UNIT, change_unit, _ORGANISATION, UnitChange, answer=UnitAnswer),
    Route("DELETE", _UNIT, remove_unit, _ORGANISATION, status=204),
    Route("GET", "/api/groups", groups, _SEE, answer=GroupList),
    Route(
        "POST",
        "/api/groups",
        create_group,
        _ORGANISATION,
        WantedGroup,
        answer=GroupAnswer,
        status=201,
        once=True,
    ),
    Route("PUT", _GROUP, change_group, _ORGANISATION, GroupChange, answer=GroupAnswer),
    Route("DELETE", _GROUP, remove_group, _ORGANISATION, status=204),
)
