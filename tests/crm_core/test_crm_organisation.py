"""Roles, units and groups as data."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update

from crm_core.audit.tables import AuditEntry
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.people.groups import GroupContent, GroupService
from crm_core.people.refusals import BeyondOwnRights
from crm_core.people.roles import RoleContent, RoleService
from crm_core.people.skills import SkillService
from crm_core.people.tables import Unit, User
from crm_core.people.units import UnitContent, UnitService
from crm_core.people.users import NewUser, UserChange
from crm_core.rights import ROLES, SYSTEM, Access, Principal, Right, Scope
from tests.crm_core.crm_core_support import person


@pytest.fixture
def roles(seeded):
    return RoleService(seeded)


@pytest.fixture
def units(seeded):
    return UnitService(seeded)


@pytest.fixture
def groups(seeded):
    return GroupService(seeded)


def clerk(**more):
    values = {
        "name_zh": "录单员",
        "name_en": "Clerk",
        "rights": {Right.CUSTOMER_VIEW, Right.ORDER_VIEW},
    }
    return RoleContent(**values | more)


async def test_a_role_of_the_business_s_own_holds_at_the_next_request(roles, accounts):
    await roles.create(SYSTEM, "clerk", clerk(scope=Scope.OWN))
    made = await accounts.create_user(
        SYSTEM, NewUser(login="clerk1", name="小李", role="clerk"), "long enough 9!"
    )
    opened = await accounts.log_in("clerk1", "long enough 9!", "127.0.0.1")
    assert opened.principal.rights == {Right.CUSTOMER_VIEW, Right.ORDER_VIEW}
    assert opened.principal.scope is Scope.OWN
    wider = clerk(
        rights={Right.CUSTOMER_VIEW},
        fields={"customer.credit_limit": Access.HIDDEN, "customer.note": Access.READ,
                "customer.email": Access.WRITE},
    )  # fmt: skip
    await roles.change(SYSTEM, "clerk", 1, wider)
    now = await accounts.session(opened.token)
    assert now is not None
    assert (now.rights, now.scope) == ({Right.CUSTOMER_VIEW}, Scope.ALL)
    assert now.fields == {
        "customer.credit_limit": Access.HIDDEN,
        "customer.note": Access.READ,
    }
    assert now.hidden == {"customer.credit_limit"}
    with pytest.raises(Forbidden) as refused:
        now.require_write("customer", ["name", "note", "credit_limit"])
    assert set(refused.value.fields) == {"note", "credit_limit"}
    with pytest.raises(Conflict):
        await roles.remove(SYSTEM, "clerk")
    await accounts.update_user(SYSTEM, made.id, UserChange(role="agent"))
    await roles.remove(SYSTEM, "clerk")
    with pytest.raises(NotFound):
        await roles.remove(SYSTEM, "clerk")


async def test_nobody_gives_a_right_that_he_does_not_hold(roles):
    limited = Principal(
        1, "m", "m", "m", frozenset({Right.ROLE_MANAGE, Right.CUSTOMER_VIEW}), "zh-CN", None, 1
    )
    with pytest.raises(Forbidden):
        await roles.create(limited, "climber", clerk())
    made = await roles.create(limited, "viewer", clerk(rights={Right.CUSTOMER_VIEW}))
    with pytest.raises(Forbidden):
        await roles.change(limited, "viewer", made.version, clerk(rights=frozenset(Right)))
    supervisor = next(each for each in await roles.all(SYSTEM) if each.code == "supervisor")
    kept = RoleContent(
        name_zh="班长", name_en="Supervisor", rights=frozenset(map(Right, supervisor.rights))
    )
    assert (await roles.change(limited, "supervisor", supervisor.version, kept)).rights
    with pytest.raises(Forbidden):
        await roles.all(person("agent"))


def role_manager(**limits):
    held = frozenset({Right.ROLE_MANAGE, Right.USER_MANAGE, Right.CUSTOMER_VIEW})
    return Principal(1, "m", "m", "m", held, "zh-CN", None, 1, **limits)


async def test_nobody_gives_a_wider_scope_than_his_own(roles):
    made = await roles.create(
        SYSTEM, "narrow", clerk(rights={Right.CUSTOMER_VIEW}, scope=Scope.OWN)
    )
    wide = clerk(rights={Right.CUSTOMER_VIEW})
    for own in (Scope.OWN, Scope.UNIT):
        actor = role_manager(scope=own)
        with pytest.raises(Forbidden):
            await roles.change(actor, "narrow", made.version, wide)
        with pytest.raises(Forbidden):
            await roles.create(actor, "wide", wide)
    unit = wide.model_copy(update={"scope": Scope.UNIT})
    assert (await roles.change(role_manager(scope=Scope.UNIT), "narrow", 1, unit)).scope == "unit"


@pytest.mark.parametrize("limit", [Access.HIDDEN, Access.READ])
@pytest.mark.parametrize("field", ["customer.credit_limit", "customer.custom.size"])
async def test_nobody_frees_a_role_from_the_limits_that_he_has(roles, accounts, field, limit):
    end = f"{limit}{len(field)}"
    limited = clerk(rights={Right.CUSTOMER_VIEW}, fields={field: limit})
    made = await roles.create(SYSTEM, f"limited_{end}", limited)
    free = limited.model_copy(update={"fields": {}})
    await roles.create(SYSTEM, f"free_{end}", free)
    actor = role_manager(fields={field: limit})
    with pytest.raises(Forbidden):
        await roles.change(actor, made.code, made.version, free)
    with pytest.raises(Forbidden):
        await roles.create(actor, f"another_{end}", free)
    named = limited.model_copy(update={"name_en": "Named"})
    assert (await roles.change(actor, made.code, made.version, named)).name_en == "Named"
    whole = limited.model_copy(update={"fields": {field.replace(".size", ""): Access.HIDDEN}})
    assert await roles.create(actor, f"covered_{end}", whole)
    user = await accounts.create_user(
        actor, NewUser(login=f"limited{end}", name="小赵", role=made.code), "long enough 9!"
    )
    with pytest.raises(BeyondOwnRights):
        await accounts.update_user(actor, user.id, UserChange(role=f"free_{end}"))


async def test_somebody_who_may_manage_people_always_remains(roles, accounts):
    await accounts.create_user(
        SYSTEM, NewUser(login="boss", name="老板", role="admin"), "long enough 9!"
    )
    admin = next(each for each in await roles.all(SYSTEM) if each.code == "admin")
    fewer = RoleContent(
        name_zh="管理员", name_en="A", rights=ROLES["admin"].rights - {Right.USER_MANAGE}
    )
    with pytest.raises(Conflict):
        await roles.change(SYSTEM, "admin", admin.version, fewer)
    assert (await roles.all(SYSTEM))[0].version == admin.version


async def test_of_many_changes_to_a_role_at_once_one_is_kept(roles):
    made = await roles.create(SYSTEM, "racer", clerk())
    changes = [
        roles.change(SYSTEM, "racer", made.version, clerk(name_en=f"n{n}")) for n in range(8)
    ]
    ended = await asyncio.gather(*changes, return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in ended) == 7
    with pytest.raises(Conflict):
        await roles.create(SYSTEM, "racer", clerk())


async def test_units_form_a_tree_without_a_circle(units, seeded):
    company = await units.create(SYSTEM, UnitContent(name="总公司"))
    branch = await units.create(SYSTEM, UnitContent(name="天津分公司", parent_id=company.id))
    team = await units.create(SYSTEM, UnitContent(name="电销组", parent_id=branch.id))
    with pytest.raises(Invalid):
        await units.change(SYSTEM, company.id, 1, UnitContent(name="总公司", parent_id=team.id))
    with pytest.raises(Conflict):
        await units.create(SYSTEM, UnitContent(name="电销组"))
    with pytest.raises(Invalid):
        await units.create(SYSTEM, UnitContent(name="无根", parent_id=10**6))
    await units.change(SYSTEM, branch.id, 1, UnitContent(name="天津分公司"))
    async with seeded.reading() as connection:
        path = await connection.scalar(select(Unit.path).where(Unit.id == team.id))
    assert path == [branch.id]
    with pytest.raises(Conflict):
        await units.remove(SYSTEM, branch.id)
    await units.remove(SYSTEM, team.id)
    with pytest.raises(Forbidden):
        await units.create(person("supervisor"), UnitContent(name="不许"))


async def test_what_somebody_is_good_at_is_kept_with_the_user_and_read_at_log_in(accounts, seeded):
    new = NewUser(login="taster", name="品酒", role="agent", skills={"wine": 4, "cantonese": 1})
    made = await accounts.create_user(SYSTEM, new, "long enough 9!")
    assert made.skills == {"wine": 4, "cantonese": 1}
    skills = SkillService(seeded)
    who = Principal(made.id, "taster", "a", "agent", frozenset(), "zh-CN", "1001", 1)
    assert await skills.of(who) == made.skills
    assert await skills.of(replace(who, user_id=made.id + 1)) == {}
    kept = await accounts.update_user(SYSTEM, made.id, UserChange(name="品酒师"))
    assert kept.skills == made.skills
    less = UserChange(version=kept.version, skills={"wine": 5})
    assert (await accounts.update_user(SYSTEM, made.id, less)).skills == {"wine": 5}
    assert await skills.of(who) == {"wine": 5}
    with pytest.raises(Conflict):
        await accounts.update_user(SYSTEM, made.id, less)
    async with seeded.begin() as session:
        mine = (AuditEntry.action == "user.update") & (AuditEntry.entity_id == str(made.id))
        written = select(AuditEntry).where(mine).order_by(AuditEntry.id.desc()).limit(1)
        entry = (await session.scalars(written)).one()
    assert (entry.before, entry.after) == (
        {"skills": {"wine": 4, "cantonese": 1}},
        {"skills": {"wine": 5}},
    )
    assert (await accounts.update_user(SYSTEM, made.id, UserChange(skills={}))).skills == {}


async def test_deputies_stand_with_the_user_in_their_order_and_every_change_is_noted(
    accounts, seeded
):
    one, two, three = [
        await accounts.create_user(
            SYSTEM, NewUser(login=login, name=login, role="agent"), "long enough 9!"
        )
        for login in ("absent", "standin", "secondone")
    ]
    wanted = [
        {"deputy_id": three.id, "valid_from": "2026-03-01", "valid_until": "2026-03-07"},
        {"deputy_id": two.id},
    ]
    change = UserChange.model_validate({"version": one.version, "deputies": wanted})
    made = await accounts.update_user(SYSTEM, one.id, change)
    assert [each.deputy_id for each in made.deputies] == [three.id, two.id]
    assert made.deputies[0].valid_until == date(2026, 3, 7)
    renamed = await accounts.update_user(SYSTEM, one.id, UserChange(name="不在"))
    assert renamed.deputies == made.deputies
    with pytest.raises(Conflict):
        await accounts.update_user(SYSTEM, one.id, change)
    async with seeded.begin() as session:
        mine = (AuditEntry.action == "user.update") & (AuditEntry.entity_id == str(one.id))
        written = (await session.scalars(select(AuditEntry).where(mine))).all()
    assert written[0].before == {"deputies": []}
    assert [each["deputy_id"] for each in written[0].after["deputies"]] == [three.id, two.id]
    nobody = await accounts.update_user(SYSTEM, one.id, UserChange(deputies=()))
    assert nobody.deputies == ()


async def test_nobody_stands_in_for_themselves_nor_does_somebody_who_is_gone(accounts, seeded):
    one, gone = [
        await accounts.create_user(
            SYSTEM, NewUser(login=login, name=login, role="agent"), "long enough 9!"
        )
        for login in ("lonely", "gone")
    ]
    await accounts.update_user(SYSTEM, gone.id, UserChange(active=False))
    for deputy in (one.id, gone.id, 987_654_321):
        change = UserChange.model_validate({"deputies": [{"deputy_id": deputy}]})
        with pytest.raises(Invalid) as refused:
            await accounts.update_user(SYSTEM, one.id, change)
        assert "deputies" in refused.value.fields
    with pytest.raises(ValidationError, match="exchange the two days"):
        UserChange.model_validate(
            {
                "deputies": [
                    {"deputy_id": 1, "valid_from": "2026-03-02", "valid_until": "2026-03-01"}
                ]
            }
        )


async def test_while_the_database_is_away_the_skills_known_last_hold(accounts, seeded):
    new = NewUser(login="sommelier", name="品酒", role="agent", skills={"wine": 2})
    made = await accounts.create_user(SYSTEM, new, "long enough 9!")
    who = Principal(made.id, "a", "a", "agent", frozenset(), "zh-CN", "1001", 1)
    skills = SkillService(seeded)
    assert await skills.of(who) == {"wine": 2}
    nowhere = Database("postgresql://nobody:x@127.0.0.1:1/none", connect_timeout_s=0.2)
    skills._database = nowhere
    assert await skills.of(who) == {"wine": 2}
    assert await SkillService(nowhere).of(who) == {}
    await nowhere.close()


@pytest.mark.parametrize("skills", [{"wine": 0}, {"wine": 6}, {"Wine": 1}, {"": 1}])
def test_a_skill_needs_a_name_of_the_line_plan_and_a_level_from_1_to_5(skills):
    with pytest.raises(ValidationError):
        UserChange(skills=skills)


async def test_an_agent_serves_the_queues_of_its_groups(groups, seeded):
    known = ("north", "east", "retail")
    who = Principal(1, "a", "a", "agent", frozenset(), "zh-CN", "1001", 1)
    assert await groups.queues_of(who, known) == known
    north = await groups.create(
        SYSTEM, GroupContent(name="甲组", queues=("retail", "gone", "north"), members={1})
    )
    await groups.create(SYSTEM, GroupContent(name="乙组", queues=("east",), members={1}))
    await groups.create(SYSTEM, GroupContent(name="丙组", queues=("east",)))
    assert set(await groups.queues_of(who, known)) == {"retail", "north", "east"}
    served = await groups.queues_of(who, known)
    assert served.index("retail") < served.index("north")
    outside = Principal(2, "b", "b", "agent", frozenset(), "zh-CN", "1002", 1)
    assert await groups.queues_of(outside, known) == ()
    without = Principal(1, "a", "a", "agent", frozenset(), "zh-CN", None, 1)
    assert await groups.queues_of(without, known) == ()
    with pytest.raises(Invalid):
        await groups.create(SYSTEM, GroupContent(name="错", members={10**6}))
    with pytest.raises(Conflict):
        await groups.change(SYSTEM, north.id, 9, GroupContent(name="甲组"))
    changed = await groups.change(SYSTEM, north.id, 1, GroupContent(name="甲组"))
    assert changed.members == ()
    await groups.remove(SYSTEM, north.id)
    async with seeded.begin() as session:
        await session.execute(update(User).values(unit_id=None))
