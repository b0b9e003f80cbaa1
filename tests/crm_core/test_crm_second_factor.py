"""Authenticators, recovery codes, and roles that ask for them."""

import asyncio
from datetime import timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from crm_core.audit.tables import AuditEntry
from crm_core.errors import Conflict, Forbidden, Invalid, LoginRefused, NotFound, TooManyAttempts
from crm_core.people import totp
from crm_core.people.accounts import AccountService
from crm_core.people.refusals import (
    BeyondOwnRights,
    SecondFactorRefused,
    SecondFactorRequired,
    SecondFactorUnavailable,
    WrongPassword,
)
from crm_core.people.roles import RoleContent, RoleService
from crm_core.people.tables import RecoveryCode, Role, SecondFactor
from crm_core.people.users import NewUser, UserChange
from crm_core.people.vault import Vault
from crm_core.rights import SYSTEM, Hold, Principal, Right
from tests.crm_core.crm_core_support import Clock, person, quick_passwords

GOOD = "correct horse 47"
HOME = "192.0.2.30"
KEY = b"a key of 32 bytes for the tests."


@pytest.fixture
def accounts(seeded, clock):
    return AccountService(seeded, clock=clock, passwords=quick_passwords(), secrets_key=KEY)


async def someone(accounts, login, role="agent"):
    user = await accounts.create_user(SYSTEM, NewUser(login=login, name=login, role=role), GOOD)
    return user, await accounts.log_in(login, GOOD, HOME)


async def enrolled(accounts, clock, login, role="agent"):
    """A person with an authenticator; the next code has not been used."""
    user, opened = await someone(accounts, login, role)
    offered = await accounts.second_factor.begin(opened.principal)
    authenticator = pyotp.TOTP(offered.secret)
    codes = await accounts.second_factor.confirm(opened.principal, authenticator.at(clock()))
    clock.pass_by(seconds=30)
    return user, authenticator, codes


async def recorded(seeded, user_id):
    async with seeded.begin() as session:
        return list(
            await session.scalars(
                select(AuditEntry.action)
                .where(AuditEntry.entity == "user", AuditEntry.entity_id == str(user_id))
                .order_by(AuditEntry.id)
            )
        )


async def test_without_the_code_there_is_no_session_and_with_it_there_is_one(accounts, clock):
    user, authenticator, _ = await enrolled(accounts, clock, "wang")
    before = len(await accounts.sessions(SYSTEM, user.id))
    for missing in (None, "", "  "):
        with pytest.raises(SecondFactorRequired):
            await accounts.log_in("wang", GOOD, HOME, code=missing)
    assert len(await accounts.sessions(SYSTEM, user.id)) == before
    opened = await accounts.log_in("wang", GOOD, HOME, code=authenticator.at(clock()))
    assert opened.principal.second_factor
    assert opened.principal.may(Right.ORDER_PLACE)


async def test_the_code_does_not_replace_the_password_nor_tell_that_there_is_one(accounts, clock):
    _, authenticator, _ = await enrolled(accounts, clock, "pair")
    with pytest.raises(LoginRefused) as refused:
        await accounts.log_in("pair", "wrong password", HOME, code=authenticator.at(clock()))
    assert refused.value.code == "login_refused"
    with pytest.raises(LoginRefused) as refused:
        await accounts.log_in("pair", "wrong password", HOME)
    assert refused.value.code == "login_refused"
    await accounts.log_in("pair", GOOD, HOME, code=authenticator.at(clock()))


async def test_a_code_counts_half_a_minute_early_and_late_and_no_longer(accounts, clock):
    _, authenticator, _ = await enrolled(accounts, clock, "window")
    clock.pass_by(minutes=10)
    for seconds in (-60, 60, -90, 90):
        code = authenticator.at(clock() + timedelta(seconds=seconds))
        with pytest.raises(SecondFactorRefused):
            await accounts.log_in("window", GOOD, HOME, code=code)
    clock.pass_by(minutes=2)
    for seconds in (-30, 0, 30):
        code = authenticator.at(clock() + timedelta(seconds=seconds))
        await accounts.log_in("window", GOOD, HOME, code=code)


async def test_a_used_code_is_never_accepted_again_nor_an_earlier_one(accounts, clock):
    _, authenticator, _ = await enrolled(accounts, clock, "once")
    clock.pass_by(minutes=5)
    later = authenticator.at(clock() + timedelta(seconds=30))
    await accounts.log_in("once", GOOD, HOME, code=later)
    for used in (later, authenticator.at(clock())):
        with pytest.raises(SecondFactorRefused):
            await accounts.log_in("once", GOOD, HOME, code=used)


async def test_the_code_that_confirmed_does_not_log_in(accounts, clock):
    _, authenticator, _ = await enrolled(accounts, clock, "confirmer")
    code = authenticator.at(clock() - timedelta(seconds=30))
    with pytest.raises(SecondFactorRefused):
        await accounts.log_in("confirmer", GOOD, HOME, code=code)


async def test_of_many_log_ins_at_once_with_one_code_one_gets_in(accounts, clock):
    user, authenticator, _ = await enrolled(accounts, clock, "racer")
    clock.pass_by(minutes=5)
    code = authenticator.at(clock())
    ended = await asyncio.gather(
        *(accounts.log_in("racer", GOOD, f"192.0.2.{n}", code=code) for n in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, SecondFactorRefused) for each in ended) == 4, ended
    agents = await accounts.sessions(SYSTEM, user.id)
    assert sum(view.address != HOME for view in agents) == 1


async def test_of_many_log_ins_at_once_with_one_recovery_code_one_gets_in(accounts, clock, seeded):
    user, _, codes = await enrolled(accounts, clock, "lost")
    assert len(set(codes)) == 10
    ended = await asyncio.gather(
        *(accounts.log_in("lost", GOOD, f"192.0.2.{n}", code=codes[3]) for n in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, SecondFactorRefused) for each in ended) == 4, ended
    assert "second_factor.recovery" in await recorded(seeded, user.id)
    with pytest.raises(SecondFactorRefused):
        await accounts.log_in("lost", GOOD, HOME, code=codes[3])
    await accounts.log_in("lost", GOOD, HOME, code=codes[4].lower().replace("-", " "))


async def test_a_recovery_code_is_its_owner_s_only(accounts, clock):
    _, _, codes = await enrolled(accounts, clock, "owner")
    _, authenticator, _ = await enrolled(accounts, clock, "other")
    with pytest.raises(SecondFactorRefused):
        await accounts.log_in("other", GOOD, HOME, code=codes[0])
    await accounts.log_in("other", GOOD, HOME, code=authenticator.at(clock()))
    await accounts.log_in("owner", GOOD, HOME, code=codes[0])


async def test_wrong_codes_count_toward_the_limit_of_log_ins(accounts, clock):
    _, authenticator, _ = await enrolled(accounts, clock, "guessed")
    clock.pass_by(minutes=5)
    ended = await asyncio.gather(
        *(accounts.log_in("guessed", GOOD, f"192.0.2.{n}", code="000000") for n in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, TooManyAttempts) for each in ended) == 15
    with pytest.raises(TooManyAttempts):
        await accounts.log_in("guessed", GOOD, HOME, code=authenticator.at(clock()))


@pytest.mark.parametrize("code", ["x" * 40, "１２３", "\0", "' OR 1=1 --", "٠١٢٣٤٥", "-"])
async def test_what_is_no_code_is_refused(accounts, clock, code):
    await enrolled(accounts, clock, f"junk{abs(hash(code))}")
    with pytest.raises(SecondFactorRefused):
        await accounts.log_in(f"junk{abs(hash(code))}", GOOD, HOME, code=code)


async def test_a_code_typed_through_an_input_method_is_understood(accounts, clock):
    _, authenticator, _ = await enrolled(accounts, clock, "ime")
    wide = authenticator.at(clock()).translate({ord("0") + n: ord("０") + n for n in range(10)})
    await accounts.log_in("ime", GOOD, HOME, code=f" {wide[:3]}　{wide[3:]} ")


async def test_neither_the_secret_nor_a_recovery_code_can_be_read_in_the_database(
    accounts, clock, seeded
):
    user, authenticator, codes = await enrolled(accounts, clock, "hidden")
    async with seeded.begin() as session:
        kept = repr((await session.execute(select(SecondFactor.__table__))).all())
        kept += repr((await session.execute(select(RecoveryCode.__table__))).all())
        kept += repr((await session.execute(select(AuditEntry.__table__))).all())
    assert authenticator.secret not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    assert "second_factor.enrol" in await recorded(seeded, user.id)


async def test_a_secret_moved_to_another_person_opens_for_nobody(accounts, clock, seeded):
    mine, authenticator, _ = await enrolled(accounts, clock, "mallory")
    victim, _, _ = await enrolled(accounts, clock, "victim")
    async with seeded.begin() as session:
        sealed = await session.scalar(
            select(SecondFactor.secret).where(SecondFactor.user_id == mine.id)
        )
        await session.execute(
            update(SecondFactor).where(SecondFactor.user_id == victim.id).values(secret=sealed)
        )
    with pytest.raises(SecondFactorUnavailable):
        await accounts.log_in("victim", GOOD, HOME, code=authenticator.at(clock()))


async def test_without_the_key_nobody_enrols_and_under_another_one_nobody_gets_in(
    accounts, clock, seeded
):
    keyless = AccountService(seeded, clock=clock, passwords=quick_passwords())
    _, opened = await someone(keyless, "keyless")
    with pytest.raises(SecondFactorUnavailable) as refused:
        await keyless.second_factor.begin(opened.principal)
    assert "secrets_key" in refused.value.message
    _, authenticator, codes = await enrolled(accounts, clock, "keyed")
    other = AccountService(seeded, clock=clock, passwords=quick_passwords(), secrets_key=b"x" * 32)
    for service in (keyless, other):
        with pytest.raises(SecondFactorUnavailable):
            await service.log_in("keyed", GOOD, HOME, code=authenticator.at(clock()))
    await keyless.log_in("keyed", GOOD, HOME, code=codes[0])
    with pytest.raises(ValueError, match="32 bytes"):
        AccountService(seeded, secrets_key=b"short")


async def test_an_authenticator_counts_only_once_its_first_code_was_right(accounts, clock):
    _, opened = await someone(accounts, "begun")
    who = opened.principal
    with pytest.raises(NotFound):
        await accounts.second_factor.confirm(who, "000000")
    first = await accounts.second_factor.begin(who)
    assert first.uri.startswith("otpauth://totp/Zongji:begun?secret=")
    second = await accounts.second_factor.begin(who)
    for wrong in ("", "abcdef", "\x03¶!¥P\x15", pyotp.TOTP(first.secret).at(clock())):
        with pytest.raises(Invalid) as refused:
            await accounts.second_factor.confirm(who, wrong)
        assert "code" in refused.value.fields
    await accounts.log_in("begun", GOOD, HOME)
    await accounts.second_factor.confirm(who, pyotp.TOTP(second.secret).at(clock()))
    for again in (accounts.second_factor.begin(who), accounts.second_factor.confirm(who, "1")):
        with pytest.raises((Conflict, NotFound)):
            await again


async def test_of_many_confirmations_at_once_one_gives_codes(accounts, clock, seeded):
    user, opened = await someone(accounts, "hasty")
    offered = await accounts.second_factor.begin(opened.principal)
    code = pyotp.TOTP(offered.secret).at(clock())
    ended = await asyncio.gather(
        *(accounts.second_factor.confirm(opened.principal, code) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, tuple) for each in ended) == 1, ended
    async with seeded.begin() as session:
        kept = await session.scalars(select(RecoveryCode.id).where(RecoveryCode.user_id == user.id))
        assert len(kept.all()) == 10


async def test_enrolling_ends_the_sessions_that_were_opened_without_a_code(accounts, clock):
    _, opened = await someone(accounts, "two")
    other = await accounts.log_in("two", GOOD, HOME)
    offered = await accounts.second_factor.begin(opened.principal)
    await accounts.second_factor.confirm(opened.principal, pyotp.TOTP(offered.secret).at(clock()))
    assert await accounts.session(other.token) is None
    assert await accounts.session(opened.token) is not None


async def test_switching_off_needs_password_and_code_and_its_guesses_are_counted(accounts, clock):
    _, authenticator, codes = await enrolled(accounts, clock, "leaving")
    opened = await accounts.log_in("leaving", GOOD, HOME, code=codes[0])
    with pytest.raises(WrongPassword):
        await accounts.second_factor.switch_off(opened.principal, "wrong", codes[1])
    with pytest.raises(Invalid) as refused:
        await accounts.second_factor.switch_off(opened.principal, GOOD, "000000")
    assert refused.value.fields == {"code": "wrong"}
    for _ in range(3):
        with pytest.raises(Invalid):
            await accounts.second_factor.switch_off(opened.principal, GOOD, "000000")
    with pytest.raises(TooManyAttempts):
        await accounts.second_factor.switch_off(opened.principal, GOOD, codes[1])
    clock.pass_by(seconds=40)
    code = authenticator.at(clock())
    await accounts.second_factor.switch_off(opened.principal, GOOD, code)
    await accounts.log_in("leaving", GOOD, HOME)
    clock.pass_by(seconds=40)
    with pytest.raises(Conflict):
        await accounts.second_factor.switch_off(opened.principal, GOOD, code)
    switched_off = {each.login for each in await accounts.users(SYSTEM) if not each.second_factor}
    assert "leaving" in switched_off


async def test_switching_off_while_logging_in_ends_in_one_of_both_orders(accounts, clock):
    _, _, codes = await enrolled(accounts, clock, "both")
    opened = await accounts.log_in("both", GOOD, HOME, code=codes[0])
    ended = await asyncio.gather(
        accounts.second_factor.switch_off(opened.principal, GOOD, codes[1]),
        *(accounts.log_in("both", GOOD, HOME, code=code) for code in codes[2:5]),
        return_exceptions=True,
    )
    assert not [each for each in ended if isinstance(each, BaseException)], ended


async def test_a_manager_resets_the_factor_of_somebody_below_and_it_is_audited(
    accounts, clock, seeded
):
    user, _, codes = await enrolled(accounts, clock, "forgot")
    boss, _, _ = await enrolled(accounts, clock, "boss", "admin")
    opened = await accounts.log_in("forgot", GOOD, HOME, code=codes[0])
    limited = Principal(10**6, "m", "m", "m", frozenset({Right.USER_MANAGE}), "zh-CN", None, 1)
    for actor, user_id, refusal in (
        (person("agent", user.id), user.id, Forbidden),
        (limited, user.id, BeyondOwnRights),
        (limited, boss.id, BeyondOwnRights),
        (person("admin", boss.id), boss.id, Forbidden),
        (person("admin", boss.id), 10**6, NotFound),
    ):
        with pytest.raises(refusal):
            await accounts.second_factor.reset(actor, user_id)
    assert await accounts.session(opened.token) is not None
    await accounts.second_factor.reset(person("admin", boss.id), user.id)
    assert await accounts.session(opened.token) is None
    assert (await recorded(seeded, user.id))[-1] == "second_factor.reset"
    await accounts.log_in("forgot", GOOD, HOME)
    with pytest.raises(Conflict):
        await accounts.second_factor.reset(SYSTEM, user.id)


async def test_a_role_that_asks_for_a_second_factor_holds_its_people_until_they_have_one(
    accounts, clock, seeded
):
    roles = RoleService(seeded)
    content = RoleContent(
        name_zh="审单", name_en="Reviewer", rights=frozenset({Right.ORDER_REVIEW})
    )
    await roles.create(SYSTEM, "reviewer", content)
    _, opened = await someone(accounts, "held", "reviewer")
    assert opened.principal.hold is None
    strict = content.model_copy(update={"second_factor_required": True})
    assert (await roles.change(SYSTEM, "reviewer", 1, strict)).second_factor_required
    who = await accounts.session(opened.token)
    assert (who.hold, who.rights) == (Hold.SECOND_FACTOR, frozenset())
    offered = await accounts.second_factor.begin(who)
    await accounts.second_factor.confirm(who, pyotp.TOTP(offered.secret).at(clock()))
    now = await accounts.session(opened.token)
    assert (now.hold, now.rights) == (None, {Right.ORDER_REVIEW})
    async with seeded.begin() as session:
        assert await session.scalar(
            select(Role.second_factor_required).where(Role.code == "reviewer")
        )


async def test_a_change_of_role_brings_the_hold_of_the_new_one(accounts, seeded):
    user, _ = await someone(accounts, "promoted")
    roles = RoleService(seeded)
    await roles.create(
        SYSTEM,
        "strict",
        RoleContent(name_zh="严", name_en="S", rights=frozenset(), second_factor_required=True),
    )
    await accounts.update_user(SYSTEM, user.id, UserChange(role="strict"))
    opened = await accounts.log_in("promoted", GOOD, HOME)
    assert opened.principal.hold is Hold.SECOND_FACTOR


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
def test_the_codes_are_those_of_rfc_6238(at, code):
    """Appendix B, whose codes of eight digits end in these six."""
    clock = Clock()
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    moment = clock.now.fromtimestamp(at, clock.now.tzinfo)
    assert totp.steps(secret, code, moment) == (at // 30,)


@given(st.integers(1, 10**6), st.text(min_size=1, max_size=40))
def test_what_is_sealed_opens_for_the_same_person_only(user_id, secret):
    vault = Vault(KEY)
    sealed = vault.seal(user_id, secret)
    assert vault.open(user_id, sealed) == secret
    assert vault.seal(user_id, secret) != sealed
    with pytest.raises(SecondFactorUnavailable):
        vault.open(user_id + 1, sealed)


@given(st.text(st.characters(), max_size=60) | st.just("\ud800"))
def test_no_text_breaks_the_reading_of_a_code(text):
    given_ = totp.typed(text)
    assert not (totp.is_code(given_) and totp.is_recovery_code(given_))
    assert len(totp.recovery_digest(text)) == 64
