"""What makes a password acceptable, whose turn it is to change it, and the end of old log-ins."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from crm_core.audit.tables import AuditEntry
from crm_core.errors import Conflict, Forbidden, Invalid, LoginRefused, NotFound, TooManyAttempts
from crm_core.people.login_limits import REMEMBERED
from crm_core.people.passwords import _common, is_common
from crm_core.people.purging import AccountPurge
from crm_core.people.refusals import BeyondOwnRights, WrongPassword
from crm_core.people.roles import RoleContent, RoleService
from crm_core.people.tables import LoginLimit, LoginSession, ReplacedPassword
from crm_core.people.units import UnitContent, UnitService
from crm_core.people.users import NewUser, UserChange, UserQuery
from crm_core.rights import ROLES, SYSTEM, Hold, Principal, Right, Scope
from tests.crm_core.crm_core_support import person

GOOD = "correct horse 47"
HOME = "192.0.2.40"


async def someone(accounts, login, role="agent", **values):
    new = NewUser(login=login, name=login, role=role, **values)
    return await accounts.create_user(SYSTEM, new, GOOD)


async def logged_in(accounts, login, password=GOOD):
    return await accounts.log_in(login, password, HOME)


async def changed(accounts, opened, present, password):
    return await accounts.change_password(opened.principal, present, password, address=HOME)


@pytest.mark.parametrize(
    "password",
    [
        "woaini1314",
        "WoAiNi1314!!",
        "5201314!!!5201314",
        "5201314520",
        "1qaz2wsx3edc",
        "Password2026!",
        "qwertyuiop",
        "Qwertyuiop#1",
        "1234567890",
        "123456789!!!",
        "  iloveyou123  ",
    ],
)
async def test_a_password_that_many_people_use_is_refused(accounts, password):
    with pytest.raises(Invalid) as refused:
        await accounts.create_user(SYSTEM, NewUser(login="x1", name="x", role="agent"), password)
    assert "password" in refused.value.fields


@given(st.sampled_from(sorted(_common())), st.text("0123456789!?.#-_ ", max_size=8))
def test_no_tail_of_digits_and_signs_makes_a_common_password_good(common, tail):
    assert is_common(common.upper() + tail)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=14, max_size=30))
def test_a_long_word_of_one_s_own_is_not_taken_for_a_common_one(word):
    assert is_common(word) == (word in _common())


def test_the_list_is_in_the_form_in_which_it_is_looked_up():
    assert 1000 <= len(_common()) <= 2000
    assert all(word == word.lower().strip() and word for word in _common())


async def test_the_last_five_passwords_are_refused_and_the_one_before_them_is_not(accounts, seeded):
    user = await someone(accounts, "history")
    used = [GOOD, *(f"a quiet harbour {n}x" for n in range(5))]
    opened = await logged_in(accounts, "history")
    for present, fresh in itertools.pairwise(used):
        opened = await changed(accounts, opened, present, fresh)
    for again in used[1:]:
        with pytest.raises(Invalid) as refused:
            await changed(accounts, opened, used[-1], again)
        assert "password" in refused.value.fields
        with pytest.raises(Invalid):
            await accounts.set_password(SYSTEM, user.id, again)
    await changed(accounts, opened, used[-1], GOOD)
    async with seeded.begin() as session:
        kept = await session.scalars(
            select(ReplacedPassword.password_hash).where(ReplacedPassword.user_id == user.id)
        )
        assert len(hashes := kept.all()) == 4
    assert all(each.startswith("$argon2id$") for each in hashes)


async def test_one_s_own_is_changed_with_the_present_one_and_every_other_session_ends(accounts):
    await someone(accounts, "own")
    first, second = [await logged_in(accounts, "own") for _ in range(2)]
    with pytest.raises(WrongPassword):
        await changed(accounts, first, "not this one", "another pass 88")
    opened = await changed(accounts, first, GOOD, "another pass 88")
    assert await accounts.session(first.token) is None
    assert await accounts.session(second.token) is None
    assert (await accounts.session(opened.token)).may(Right.ORDER_PLACE)
    with pytest.raises(LoginRefused):
        await logged_in(accounts, "own")
    with pytest.raises(Forbidden):
        await accounts.set_password(person("admin", opened.principal.user_id),
                                    opened.principal.user_id, "yet another 99")  # fmt: skip


async def test_guesses_at_the_present_password_are_counted_and_do_not_lock_the_log_in(
    accounts, clock
):
    await someone(accounts, "found")
    opened = await logged_in(accounts, "found")
    ended = await asyncio.gather(
        *(changed(accounts, opened, f"guess {n}", "another pass 88") for n in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, WrongPassword) for each in ended) == 5
    with pytest.raises(TooManyAttempts):
        await changed(accounts, opened, GOOD, "another pass 88")
    await logged_in(accounts, "found")
    clock.pass_by(seconds=2)
    await changed(accounts, opened, GOOD, "another pass 88")


async def test_of_two_changes_at_once_one_counts(accounts):
    await someone(accounts, "twice")
    opened = await logged_in(accounts, "twice")
    fresh = [f"a quiet harbour {n}x" for n in range(4)]
    ended = await asyncio.gather(
        *(changed(accounts, opened, GOOD, each) for each in fresh), return_exceptions=True
    )
    assert sum(isinstance(each, Conflict | WrongPassword) for each in ended) == 3, ended
    kept = [
        word for word, each in zip(fresh, ended, strict=True) if not isinstance(each, Exception)
    ]
    await logged_in(accounts, "twice", kept[0])


async def test_a_password_that_a_manager_set_is_changed_before_anything_else(accounts, seeded):
    boss = await someone(accounts, "chief", "admin")
    actor = person("admin", boss.id)
    made = await accounts.create_user(actor, NewUser(login="newly", name="新", role="agent"), GOOD)
    assert made.must_change_password
    opened = await logged_in(accounts, "newly")
    assert (opened.principal.hold, opened.principal.rights) == (Hold.PASSWORD, frozenset())
    opened = await changed(accounts, opened, GOOD, "a quiet harbour")
    assert opened.principal.hold is None
    await accounts.set_password(actor, made.id, "a loud harbour")
    assert await accounts.session(opened.token) is None
    opened = await logged_in(accounts, "newly", "a loud harbour")
    assert opened.principal.hold is Hold.PASSWORD
    async with seeded.begin() as session:
        trail = await session.execute(
            select(AuditEntry.actor_id, AuditEntry.action).where(
                AuditEntry.action == "user.password", AuditEntry.entity_id == str(made.id)
            )
        )
        assert {tuple(row) for row in trail} == {
            (made.id, "user.password"),
            (boss.id, "user.password"),
        }


def manager(*rights, user_id=1, scope=Scope.ALL):
    held = frozenset({Right.USER_MANAGE, *rights})
    return Principal(user_id, "m", "m", "m", held, "zh-CN", None, 1, scope)


async def test_nobody_raises_himself_or_others_beyond_his_own_rights(accounts):
    boss = await someone(accounts, "topmost", "admin")
    low = await someone(accounts, "below")
    small = manager(*ROLES["agent"].rights)
    new = NewUser(login="climb", name="c", role="supervisor")
    for attempt in (
        accounts.create_user(small, new, GOOD),
        accounts.update_user(small, low.id, UserChange(role="admin")),
        accounts.update_user(small, boss.id, UserChange(name="x")),
        accounts.update_user(small, boss.id, UserChange(active=False)),
        accounts.set_password(small, boss.id, "another pass 88"),
        accounts.second_factor.reset(small, boss.id),
        accounts.update_user(manager(), low.id, UserChange(name="x")),
        accounts.create_user(
            manager(*ROLES["agent"].rights, scope=Scope.UNIT),
            new.model_copy(update={"role": "agent"}),
            GOOD,
        ),
    ):
        with pytest.raises(BeyondOwnRights):
            await attempt
    for actor in (person("agent"), person("supervisor"), person("operations")):
        for attempt in (
            accounts.set_password(actor, low.id, "another pass 88"),
            accounts.update_user(actor, low.id, UserChange(name="x")),
            accounts.user_page(actor, UserQuery()),
            accounts.sessions(actor, low.id),
        ):
            with pytest.raises(Forbidden):
                await attempt
    assert (await accounts.update_user(small, low.id, UserChange(name="改名"))).name == "改名"
    await accounts.set_password(small, low.id, "another pass 88")
    opened = await logged_in(accounts, "topmost")
    assert opened.principal.name == "topmost"


async def test_a_role_that_grew_is_out_of_reach_from_then_on(accounts, seeded):
    roles = RoleService(seeded)
    narrow = RoleContent(name_zh="助理", name_en="A", rights=frozenset({Right.ORDER_VIEW}))
    await roles.create(SYSTEM, "assistant", narrow)
    user = await someone(accounts, "grown", "assistant")
    small = manager(Right.ORDER_VIEW)
    await accounts.update_user(small, user.id, UserChange(name="a"))
    await roles.change(
        SYSTEM,
        "assistant",
        1,
        narrow.model_copy(update={"rights": frozenset({Right.AUDIT_VIEW})}),
    )
    with pytest.raises(BeyondOwnRights):
        await accounts.update_user(small, user.id, UserChange(name="b"))


async def test_a_user_is_in_a_unit_and_an_older_version_changes_nothing(accounts, seeded):
    unit = await UnitService(seeded).create(SYSTEM, UnitContent(name="直销部"))
    user = await someone(accounts, "placed", unit_id=unit.id)
    assert (user.unit_id, user.version) == (unit.id, 1)
    moved = await accounts.update_user(SYSTEM, user.id, UserChange(unit_id=None, version=1))
    assert (moved.unit_id, moved.version) == (None, 2)
    with pytest.raises(Conflict):
        await accounts.update_user(SYSTEM, user.id, UserChange(name="x", version=1))
    ended = await asyncio.gather(
        *(
            accounts.update_user(SYSTEM, user.id, UserChange(name=f"n{n}", version=2))
            for n in range(5)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 4
    for wrong in (10**8, 999_999_999):
        with pytest.raises(Invalid) as refused:
            await accounts.update_user(SYSTEM, user.id, UserChange(unit_id=wrong))
        assert "unit_id" in refused.value.fields
    with pytest.raises(NotFound):
        await accounts.update_user(SYSTEM, 10**6, UserChange(name="x"))


async def test_only_a_real_change_of_role_ends_sessions(accounts):
    user = await someone(accounts, "steady")
    opened = await logged_in(accounts, "steady")
    await accounts.update_user(SYSTEM, user.id, UserChange(role="agent", active=True, name="稳"))
    assert await accounts.session(opened.token) is not None
    await accounts.update_user(SYSTEM, user.id, UserChange(role="operations"))
    assert await accounts.session(opened.token) is None


async def test_people_and_sessions_are_listed_by_the_page(accounts):
    ids = [(await someone(accounts, f"page{n}")).id for n in range(5)]
    found, after = [], ids[0] - 1
    while page := await accounts.user_page(SYSTEM, UserQuery(after=after or None, limit=2)):
        assert len(page) <= 2
        found += [each.id for each in page]
        after = page[-1].id
    assert found[:5] == ids
    for _ in range(5):
        opened = await logged_in(accounts, "page0")
    who = opened.principal
    listed = await accounts.sessions(who, who.user_id)
    assert [each.id for each in listed] == sorted((each.id for each in listed), reverse=True)
    assert len(listed) == 5
    assert await accounts.revoke_all(who, who.user_id, keep=who.session_id) == 4
    assert [each.id for each in await accounts.sessions(who, who.user_id)] == [who.session_id]
    for attempt in (accounts.sessions(SYSTEM, 10**6), accounts.revoke_all(SYSTEM, 10**6)):
        with pytest.raises(NotFound):
            await attempt


async def test_old_sessions_and_attempts_are_forgotten_and_the_others_kept(accounts, seeded, clock):
    await someone(accounts, "oldest")
    with pytest.raises(LoginRefused):
        await logged_in(accounts, "nobody-at-all")
    for _ in range(5):
        await accounts.log_out((await logged_in(accounts, "oldest")).token)
    expired = await logged_in(accounts, "oldest")
    purges = [AccountPurge(seeded, clock=clock, batch=2) for _ in range(3)]
    clock.pass_by(days=89)
    recent = await logged_in(accounts, "oldest")
    before = await _sessions(seeded)
    await purges[0].run_once()
    assert await _sessions(seeded) == before
    clock.pass_by(days=2)
    await asyncio.gather(*(each.run_once() for each in purges))
    assert await _sessions(seeded) == {recent.principal.session_id}
    assert expired.principal.session_id not in await _sessions(seeded)
    async with seeded.begin() as session:
        oldest = await session.scalar(select(func.min(LoginLimit.last_at)))
    assert oldest is None or oldest >= clock() - REMEMBERED


async def _sessions(seeded):
    async with seeded.begin() as session:
        return set(await session.scalars(select(LoginSession.id)))


async def test_the_purge_starts_and_closes(seeded, clock):
    purge = AccountPurge(seeded, clock=clock)
    await purge.close()
    purge.start()
    await purge.close()


async def test_who_sees_the_own_unit_only_manages_people_there_and_below(accounts, seeded):
    units = UnitService(seeded)
    top = await units.create(SYSTEM, UnitContent(name="集团"))
    branch = await units.create(SYSTEM, UnitContent(name="分公司", parent_id=top.id))
    team = await units.create(SYSTEM, UnitContent(name="小组", parent_id=branch.id))
    await RoleService(seeded).create(
        SYSTEM,
        "unit_agent",
        RoleContent(name_zh="员", name_en="U", rights=frozenset(), scope=Scope.UNIT),
    )
    ids = {
        name: (await someone(accounts, name, "unit_agent", unit_id=unit.id)).id
        for name, unit in (("head", branch), ("above", top), ("member", team))
    }
    head = manager(user_id=ids["head"], scope=Scope.UNIT)
    new = NewUser(login="placed2", name="p", role="unit_agent", unit_id=top.id)
    for attempt in (
        accounts.create_user(head, new, GOOD),
        accounts.update_user(head, ids["head"], UserChange(unit_id=top.id)),
        accounts.update_user(head, ids["member"], UserChange(unit_id=top.id)),
        accounts.set_password(head, ids["above"], "another pass 88"),
    ):
        with pytest.raises(BeyondOwnRights):
            await attempt
    await accounts.set_password(head, ids["member"], "another pass 88")
    moved = await accounts.update_user(head, ids["member"], UserChange(unit_id=branch.id))
    assert moved.unit_id == branch.id
    assert (
        await accounts.create_user(head, new.model_copy(update={"unit_id": team.id}), GOOD)
    ).unit_id == team.id
