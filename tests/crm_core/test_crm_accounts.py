import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from crm_core.audit.tables import AuditEntry
from crm_core.db import Database
from crm_core.errors import (
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    Invalid,
    LoginRefused,
    NotFound,
    TooManyAttempts,
)
from crm_core.people.accounts import AccountService
from crm_core.people.login_limits import Allowance
from crm_core.people.tables import LoginSession, RoleRight, User
from crm_core.people.users import NewUser, UserChange
from crm_core.rights import SYSTEM, Right
from tests.crm_core.crm_core_support import person, quick_passwords
from tests.proxy import Proxy

GOOD = "correct horse 47"
HOME = "192.0.2.10"


async def someone(accounts, login, role="agent", **values):
    return await accounts.create_user(
        SYSTEM, NewUser(login=login, name=login, role=role, **values), GOOD
    )


async def test_a_token_stands_for_a_person_with_rights_and_is_nowhere_in_the_database(
    accounts, seeded
):
    user = await someone(accounts, "wang", extension="1001")
    opened = await accounts.log_in(" WANG ", GOOD, HOME, user_agent="Firefox")
    principal = await accounts.session(opened.token)
    assert principal == opened.principal
    assert (principal.user_id, principal.extension, principal.role) == (user.id, "1001", "agent")
    principal.require(Right.ORDER_PLACE)
    with pytest.raises(Forbidden) as refused:
        principal.require(Right.USER_MANAGE)
    assert refused.value.fields == {"right": "user.manage"}
    async with seeded.begin() as session:
        kept = (await session.execute(select(LoginSession.__table__))).all()
        trail = (await session.execute(select(AuditEntry.__table__))).all()
        stored = await session.scalar(select(User.password_hash).where(User.id == user.id))
    assert opened.token not in repr(kept) + repr(trail)
    assert GOOD not in repr(kept) + repr(trail) + stored
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize("token", ["", "nonsense", "\0", "x" * 5000, "\ud800"])
async def test_an_unknown_token_stands_for_nobody(accounts, token):
    assert await accounts.session(token) is None


async def test_wrong_unknown_and_inactive_log_ins_are_refused_in_the_same_words(accounts):
    user = await someone(accounts, "gone")
    await accounts.update_user(SYSTEM, user.id, UserChange(active=False))
    await someone(accounts, "here")
    said = set()
    attempts = [("gone", GOOD), ("here", "wrong password"), ("nobody", GOOD), ("' OR 1=1--", GOOD)]
    for login, password in [*attempts, ("a\0b", GOOD)]:
        with pytest.raises(LoginRefused) as refused:
            await accounts.log_in(login, password, HOME)
        said.add((refused.value.code, refused.value.message))
    assert len(said) == 1


async def test_a_log_in_for_nobody_costs_the_same_hashing():
    passwords = quick_passwords()
    checked: list[str] = []
    verify = passwords._hasher.verify

    class Counting:
        hash = passwords._hasher.hash

        def verify(self, stored: str, password: str) -> bool:
            checked.append(stored)
            return verify(stored, password)

    passwords._hasher = Counting()
    assert not await passwords.matches("x", None)
    assert not await passwords.matches("x", await passwords.hash("y"))
    assert len(checked) == 2
    assert not await passwords.matches("x", "no hash at all")


async def test_guesses_sent_at_once_are_refused_like_guesses_in_turn(accounts, clock):
    await someone(accounts, "target")
    ended = await asyncio.gather(
        *(accounts.log_in("target", f"guess number {n}", f"192.0.2.{n}") for n in range(40)),
        return_exceptions=True,
    )
    looked_at = [e for e in ended if type(e) is LoginRefused]
    assert len(looked_at) == 5
    assert sum(isinstance(e, TooManyAttempts) for e in ended) == 35
    with pytest.raises(TooManyAttempts) as refused:
        await accounts.log_in("target", GOOD, "198.51.100.1")
    assert refused.value.fields == {"retry_after_s": 1}
    clock.pass_by(seconds=1.1)
    await accounts.log_in("target", GOOD, "198.51.100.1")
    with pytest.raises(LoginRefused) as refused:
        await accounts.log_in("target", "wrong again", "198.51.100.1")
    assert refused.value.code == "login_refused"


async def test_the_delay_grows_with_each_failure(accounts, clock):
    await someone(accounts, "slowly")
    waits = []
    for n in range(10):
        with pytest.raises(LoginRefused):
            await accounts.log_in("slowly", f"wrong {n}", f"203.0.113.{n}")
        try:
            await accounts.log_in("slowly", "wrong", "203.0.113.99")
        except TooManyAttempts as refused:
            waits.append(refused.fields["retry_after_s"])
            clock.pass_by(seconds=waits[-1] + 0.1)
        except LoginRefused:
            continue
    assert waits == sorted(set(waits))
    assert waits[0] == 1
    assert len(waits) >= 5


async def test_one_address_that_tries_many_names_is_locked_out_and_others_are_not(accounts):
    await someone(accounts, "innocent")
    for n in range(30):
        with pytest.raises(LoginRefused):
            await accounts.log_in(f"name{n}", GOOD, "203.0.113.200")
    with pytest.raises(TooManyAttempts):
        await accounts.log_in("innocent", GOOD, "203.0.113.200")
    await accounts.log_in("innocent", GOOD, HOME)


async def test_a_session_slides_with_use_and_ends_idle_or_after_the_day(accounts, clock):
    await someone(accounts, "shift")
    opened = await accounts.log_in("shift", GOOD, HOME)
    for _ in range(15):
        clock.pass_by(minutes=63)
        assert await accounts.session(opened.token) is not None
    clock.pass_by(minutes=63)
    assert await accounts.session(opened.token) is None
    idle = await accounts.log_in("shift", GOOD, HOME)
    clock.pass_by(minutes=121)
    assert await accounts.session(idle.token) is None


async def test_a_clock_that_is_set_back_locks_nobody_out_and_keeps_no_session_for_longer(
    accounts, clock
):
    await someone(accounts, "early")
    opened = await accounts.log_in("early", GOOD, HOME)
    for n in range(5):
        with pytest.raises(LoginRefused):
            await accounts.log_in("early", f"wrong {n}", "203.0.113.60")
    with pytest.raises(TooManyAttempts):
        await accounts.log_in("early", GOOD, "203.0.113.61")
    clock.pass_by(days=-1)
    await accounts.log_in("early", GOOD, "203.0.113.61")
    assert await accounts.session(opened.token) is not None
    clock.pass_by(minutes=121)
    assert await accounts.session(opened.token) is None


async def test_sessions_are_listed_and_revoked_one_by_one_or_all(accounts):
    user = await someone(accounts, "many")
    tokens = [(await accounts.log_in("many", GOOD, HOME, user_agent=f"b{n}")) for n in range(3)]
    listed = await accounts.sessions(tokens[0].principal, user.id)
    assert {view.user_agent for view in listed} == {"b0", "b1", "b2"}
    with pytest.raises(Forbidden):
        await accounts.revoke(person("agent", user.id + 1), listed[0].id)
    with pytest.raises(NotFound):
        await accounts.revoke(tokens[0].principal, 10**9)
    await accounts.revoke(tokens[0].principal, tokens[0].principal.session_id)
    assert await accounts.session(tokens[0].token) is None
    await accounts.log_out(tokens[1].token)
    assert await accounts.session(tokens[1].token) is None
    assert await accounts.session(tokens[2].token) is not None
    assert await accounts.revoke_all(tokens[2].principal, user.id) == 1
    assert await accounts.session(tokens[2].token) is None
    with pytest.raises(Forbidden):
        await accounts.revoke_all(person("agent", user.id + 1), user.id)


async def test_a_new_password_and_a_new_role_end_the_sessions(accounts):
    user = await someone(accounts, "changing")
    first = await accounts.log_in("changing", GOOD, HOME)
    await accounts.set_password(SYSTEM, user.id, "another pass 88", must_change=False)
    assert await accounts.session(first.token) is None
    with pytest.raises(LoginRefused):
        await accounts.log_in("changing", GOOD, HOME)
    second = await accounts.log_in("changing", "another pass 88", HOME)
    await accounts.update_user(SYSTEM, user.id, UserChange(role="operations"))
    assert await accounts.session(second.token) is None
    with pytest.raises(Forbidden):
        await accounts.set_password(person("agent", user.id + 1), user.id, GOOD)


@pytest.mark.parametrize("password", ["short", "xx-Weak-1x", "aaaaaaaaaaaa", "y" * 500])
async def test_a_weak_password_is_refused(accounts, password):
    with pytest.raises(Invalid) as refused:
        await accounts.create_user(SYSTEM, NewUser(login="weak", name="弱", role="agent"), password)
    assert "password" in refused.value.fields


async def test_what_makes_a_user_impossible_is_said(accounts):
    await someone(accounts, "twice", extension="1010")
    for new, field in (
        (NewUser(login="twice", name="二", role="agent"), "login"),
        (NewUser(login="other", name="二", role="agent", extension="1010"), "extension"),
        (NewUser(login="other", name="二", role="king"), "role"),
        (NewUser(login="no spaces", name="二", role="agent"), "login"),
    ):
        with pytest.raises((Invalid, Conflict)) as refused:
            await accounts.create_user(SYSTEM, new, GOOD)
        assert field in refused.value.fields
    for role in ("agent", "supervisor", "operations"):
        with pytest.raises(Forbidden):
            await accounts.create_user(
                person(role), NewUser(login="x1", name="x", role="admin"), GOOD
            )


async def test_agents_are_active_people_with_a_telephone(accounts):
    kept = await someone(accounts, "phone1", extension="2001")
    left = await someone(accounts, "phone2", extension="2002")
    await accounts.update_user(SYSTEM, left.id, UserChange(active=False))
    ids = {agent.id for agent in await accounts.agents()}
    assert kept.id in ids
    assert left.id not in ids
    assert left.id in {user.id for user in await accounts.users(person("admin"))}
    await accounts.set_locale(kept.id, "en")
    assert {u.locale for u in await accounts.agents() if u.id == kept.id} == {"en"}
    with pytest.raises(Invalid):
        await accounts.set_locale(kept.id, "xx")


async def test_two_administrators_cannot_remove_each_other(accounts):
    admins = [await someone(accounts, f"root{n}", role="admin") for n in range(4)]
    ended = await asyncio.gather(
        *(
            accounts.update_user(
                person("admin"),
                each.id,
                UserChange(active=False) if n % 2 else UserChange(role="agent"),
            )
            for n, each in enumerate(admins)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Conflict) for outcome in ended) == 1
    remaining = [u for u in await accounts.users(person("admin")) if u.active and u.role == "admin"]
    assert len(remaining) == 1


async def test_rights_are_data_and_count_from_the_next_request(accounts, seeded):
    await someone(accounts, "ops", role="operations")
    opened = await accounts.log_in("ops", GOOD, HOME)
    assert not opened.principal.may(Right.RECORDING_LISTEN)
    async with seeded.begin() as session:
        session.add(RoleRight(role_code="operations", right_code="recording.listen"))
        session.add(RoleRight(role_code="operations", right_code="from.a.later.version"))
    principal = await accounts.session(opened.token)
    assert principal is not None
    assert principal.may(Right.RECORDING_LISTEN)


async def test_those_at_work_stay_logged_in_while_postgresql_is_away(accounts, clock):
    await someone(accounts, "working")
    opened = await accounts.log_in("working", GOOD, HOME)
    assert await accounts.session(opened.token) is not None
    there, accounts._database = accounts._database, Database("postgresql://nobody@127.0.0.1:1/none")
    assert await accounts.session(opened.token) == opened.principal
    with pytest.raises(DatabaseUnavailable):
        await accounts.session("somebody else's token")
    with pytest.raises(DatabaseUnavailable):
        await accounts.log_in("working", GOOD, HOME)
    clock.pass_by(minutes=121)
    with pytest.raises(DatabaseUnavailable):
        await accounts.session(opened.token)
    await accounts._database.close()
    accounts._database = there


async def test_those_at_work_wait_once_and_briefly_for_a_frozen_postgresql(
    accounts, seeded, pg_server
):
    await someone(accounts, "waiting")
    opened = await accounts.log_in("waiting", GOOD, HOME)
    async with Proxy(pg_server.port) as proxy:
        url = pg_server.url(seeded._engine.url.database)
        frozen = Database(url.replace(f":{pg_server.port}/", f":{proxy.port}/"))
        there, accounts._database = accounts._database, frozen
        assert await accounts.session(opened.token) == opened.principal
        proxy.stall()
        for _ in range(50):
            async with asyncio.timeout(2):
                assert await accounts.session(opened.token) == opened.principal
        assert len(accounts._late) == 1
        (late,) = accounts._late.values()
        proxy.open()
        assert await late == opened.principal
        assert await accounts.session(opened.token) == opened.principal
        await accounts.revoke_all(SYSTEM, opened.principal.user_id)
        assert await accounts.session(opened.token) is None
        await frozen.close()
        accounts._database = there


async def test_a_hash_of_older_parameters_is_renewed_at_log_in(seeded, clock, accounts):
    user = await someone(accounts, "older")
    today = AccountService(seeded, clock=clock)
    await today.log_in("older", GOOD, HOME)
    async with seeded.begin() as session:
        stored = await session.scalar(select(User.password_hash).where(User.id == user.id))
    assert "m=65536" in stored
    await today.log_in("older", GOOD, HOME)


@given(st.integers(0, 10**6), st.integers(0, 100))
def test_a_delay_never_shrinks_and_never_passes_its_limit(attempts, free):
    allowance = Allowance(free=free)
    assert allowance.delay(attempts) <= allowance.delay(attempts + 1) <= timedelta(minutes=15)
    assert bool(allowance.delay(attempts)) == (attempts >= free)
