"""What the house asks of passwords and log-ins is its own to say."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from crm_core.audit.tables import AuditEntry
from crm_core.errors import Invalid, LoginRefused, TooManyAttempts
from crm_core.people.accounts import AccountService
from crm_core.people.login_limits import Allowance, LoginLimits
from crm_core.people.login_sessions import Lifetimes
from crm_core.people.passwords import PasswordRules
from crm_core.people.policy import AccountPolicy
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM, Hold
from tests.crm_core.crm_core_support import quick_passwords

GOOD = "correct horse 47"
HOME = "192.0.2.40"


async def someone(accounts, login):
    return await accounts.create_user(SYSTEM, NewUser(login=login, name=login, role="agent"), GOOD)


async def logged_in(accounts, login, password=GOOD):
    return await accounts.log_in(login, password, HOME)


async def changed(accounts, opened, present, password):
    return await accounts.change_password(opened.principal, present, password, address=HOME)


def strict(seeded, clock, **policy):
    return AccountService(
        seeded, clock=clock, passwords=quick_passwords(), policy=AccountPolicy(**policy)
    )


async def test_how_long_a_password_is_and_how_many_are_remembered_is_for_the_house_to_say(
    seeded, clock
):
    accounts = strict(seeded, clock, rules=PasswordRules(shortest=14, remembered=2))
    user = await someone(accounts, "longer")
    opened = await logged_in(accounts, "longer")
    with pytest.raises(Invalid) as refused:
        await changed(accounts, opened, GOOD, "a quiet harb")
    assert refused.value.fields == {"password": "too_short", "shortest": 14}
    assert "14 characters" in refused.value.message
    opened = await changed(accounts, opened, GOOD, "a quiet harbour")
    with pytest.raises(Invalid) as refused:
        await accounts.set_password(SYSTEM, user.id, GOOD)
    assert refused.value.fields == {"password": "used_before", "remembered": 2}
    opened = await changed(accounts, opened, "a quiet harbour", "a louder harbour")
    await changed(accounts, opened, "a louder harbour", GOOD)


async def test_of_one_remembered_password_only_the_present_one_is_refused(seeded, clock):
    accounts = strict(seeded, clock, rules=PasswordRules(remembered=1))
    await someone(accounts, "forgetful")
    opened = await logged_in(accounts, "forgetful")
    with pytest.raises(Invalid):
        await changed(accounts, opened, GOOD, GOOD)
    opened = await changed(accounts, opened, GOOD, "a quiet harbour")
    await changed(accounts, opened, "a quiet harbour", GOOD)


async def test_a_long_sentence_need_not_have_many_different_signs(seeded, clock):
    accounts = strict(seeded, clock, rules=PasswordRules(shortest=64))
    new = NewUser(login="sentence", name="s", role="agent")
    await accounts.create_user(SYSTEM, new, "seven tall trees " * 4)


async def test_a_password_that_is_too_old_is_changed_before_anything_else(seeded, clock):
    accounts = strict(seeded, clock, password_age=timedelta(days=90))
    user = await someone(accounts, "aging")
    clock.pass_by(days=90)
    opened = await logged_in(accounts, "aging")
    assert opened.principal.hold is None
    clock.pass_by(seconds=1)
    assert (await accounts.session(opened.token)).hold is None
    opened = await logged_in(accounts, "aging")
    assert (opened.principal.hold, opened.principal.rights) == (Hold.PASSWORD, frozenset())
    opened = await changed(accounts, opened, GOOD, "a quiet harbour")
    assert opened.principal.hold is None
    assert (await logged_in(accounts, "aging", "a quiet harbour")).principal.hold is None
    async with seeded.begin() as session:
        told = await session.scalars(
            select(AuditEntry.after)
            .where(AuditEntry.action == "session.open", AuditEntry.entity_id == str(user.id))
            .order_by(AuditEntry.id)
        )
        assert list(told) == [None, {"password_expired": True}, None]


async def test_a_password_that_somebody_else_sets_is_as_old_as_the_day_it_was_set(seeded, clock):
    accounts = strict(seeded, clock, password_age=timedelta(days=90))
    user = await someone(accounts, "renewed")
    clock.pass_by(days=80)
    await accounts.set_password(SYSTEM, user.id, "a quiet harbour", must_change=False)
    clock.pass_by(days=80)
    assert (await logged_in(accounts, "renewed", "a quiet harbour")).principal.hold is None


async def test_without_a_highest_age_no_password_grows_old(accounts, clock):
    await someone(accounts, "ageless")
    clock.pass_by(days=36_500)
    assert (await logged_in(accounts, "ageless")).principal.hold is None


async def test_how_long_a_log_in_lasts_and_how_often_one_may_try_is_for_the_house_to_say(
    seeded, clock
):
    accounts = strict(
        seeded,
        clock,
        lifetimes=Lifetimes(idle=timedelta(minutes=10), absolute=timedelta(hours=1)),
        limits=LoginLimits(login=Allowance(free=2)),
    )
    await someone(accounts, "brief")
    opened = await logged_in(accounts, "brief")
    assert opened.expires_at == clock() + timedelta(hours=1)
    clock.pass_by(minutes=9)
    assert await accounts.session(opened.token) is not None
    clock.pass_by(minutes=11)
    assert await accounts.session(opened.token) is None
    for _ in range(2):
        with pytest.raises(LoginRefused) as refused:
            await logged_in(accounts, "brief", "wrong")
        assert refused.value.code == "login_refused"
    with pytest.raises(TooManyAttempts):
        await logged_in(accounts, "brief")
