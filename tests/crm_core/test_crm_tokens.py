"""Service tokens: shown once, never more than their maker, refused when they are over."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text

from crm_core.audit.tables import AuditEntry
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.people.refusals import Held
from crm_core.people.tables import RoleRight, ServiceToken
from crm_core.people.tokens import NewToken, TokenQuery, TokenService
from crm_core.people.users import NewUser, UserChange
from crm_core.rights import SYSTEM, Hold, Right
from tests.crm_core.crm_core_support import person

SCOPE = frozenset({Right.ORDER_VIEW, Right.CUSTOMER_VIEW})


@pytest.fixture
def tokens(seeded, clock):
    return TokenService(seeded, clock=clock)


@pytest.fixture
async def boss(accounts, request):
    name = f"b{abs(hash(request.node.name)) % 10**9}"
    made = await accounts.create_user(
        SYSTEM, NewUser(login=name, name="老板", role="admin"), "correct horse 47"
    )
    return person("admin", made.id)


async def test_a_token_acts_for_its_maker_with_its_scopes_only(tokens, boss, seeded):
    made, token = await tokens.create(boss, NewToken(name="erp", rights=SCOPE))
    assert token.startswith("zj_")
    assert token.startswith(made.prefix)
    who = await tokens.principal(token)
    assert (who.user_id, who.rights, who.token) == (boss.user_id, SCOPE, "erp")
    async with seeded.begin() as session:
        kept = repr((await session.execute(select(ServiceToken.__table__))).all())
        trail = repr((await session.execute(select(AuditEntry.__table__))).all())
    assert token not in kept + trail
    assert token not in repr(await tokens.all(boss, TokenQuery()))
    assert "token.create" in trail
    assert "erp" in trail


@pytest.mark.parametrize(
    "token", ["", "zj_", "nonsense", "\0", "x" * 5000, "\ud800", "zj_' OR 1=1"]
)
async def test_an_unknown_token_acts_for_nobody(tokens, token):
    assert await tokens.principal(token) is None


async def test_the_digest_that_the_database_keeps_is_no_token(tokens, boss, seeded):
    made, _ = await tokens.create(boss, NewToken(name="digest", rights=SCOPE))
    async with seeded.begin() as session:
        kept = await session.scalar(
            select(ServiceToken.token_sha256).where(ServiceToken.id == made.id)
        )
    assert await tokens.principal(kept) is None


async def test_nobody_makes_a_token_with_more_than_he_holds(tokens, boss, accounts):
    holder = person("admin", boss.user_id)
    limited = type(holder)(
        holder.user_id, "m", "m", "m", frozenset({Right.TOKEN_MANAGE, Right.ORDER_VIEW}),
        "zh-CN", None, 1,
    )  # fmt: skip
    with pytest.raises(Forbidden) as refused:
        await tokens.create(limited, NewToken(name="more", rights=SCOPE))
    assert "customer.view" in refused.value.message
    with pytest.raises(Forbidden):
        await tokens.create(person("supervisor"), NewToken(name="more", rights=SCOPE))
    for call in (tokens.all(person("agent"), TokenQuery()), tokens.revoke(person("agent"), 1)):
        with pytest.raises(Forbidden):
            await call
    clerk = await accounts.create_user(
        SYSTEM, NewUser(login="clerk", name="c", role="agent"), "correct horse 47"
    )
    wanted = NewToken(name="more", rights=frozenset({Right.AUDIT_VIEW}))
    with pytest.raises(Forbidden):
        await tokens.create(SYSTEM, wanted, maker_id=clerk.id)
    with pytest.raises(NotFound):
        await tokens.create(SYSTEM, NewToken(name="more", rights=SCOPE), maker_id=10**6)
    with pytest.raises(Invalid):
        await tokens.create(SYSTEM, NewToken(name="more", rights=SCOPE))


async def test_what_the_maker_loses_the_token_loses(tokens, boss, accounts, seeded):
    made = await accounts.create_user(
        SYSTEM, NewUser(login="loser", name="c", role="operations"), "correct horse 47"
    )
    await accounts.create_user(
        SYSTEM, NewUser(login="stays", name="s", role="admin"), "correct horse 47"
    )
    rights = frozenset({Right.ORDER_VIEW, Right.ORDER_REVIEW, Right.BOARD_VIEW})
    _, token = await tokens.create(
        SYSTEM, NewToken(name="follows", rights=rights), maker_id=made.id
    )
    assert (await tokens.principal(token)).rights == rights
    async with seeded.begin() as session:
        await session.execute(
            delete(RoleRight).where(
                RoleRight.role_code == "operations", RoleRight.right_code == "order.review"
            )
        )
    assert (await tokens.principal(token)).rights == rights - {Right.ORDER_REVIEW}
    await accounts.update_user(SYSTEM, made.id, UserChange(role="agent"))
    assert (await tokens.principal(token)).rights == {Right.ORDER_VIEW}
    await accounts.update_user(SYSTEM, made.id, UserChange(active=False))
    assert await tokens.principal(token) is None
    await accounts.update_user(SYSTEM, made.id, UserChange(active=True, role="admin"))
    assert (await tokens.principal(token)).rights == rights
    async with seeded.begin() as session:
        session.add(RoleRight(role_code="operations", right_code="order.review"))
        await session.execute(
            text("UPDATE service_tokens SET rights = rights || ARRAY['from.later'::varchar]")
        )
    assert (await tokens.principal(token)).rights == rights


async def test_a_token_ends_at_its_time_or_when_it_is_revoked(tokens, boss, clock, seeded):
    ends = clock() + timedelta(days=1)
    _, passing = await tokens.create(boss, NewToken(name="day", rights=SCOPE, expires_at=ends))
    made, lasting = await tokens.create(boss, NewToken(name="lasting", rights=SCOPE))
    clock.pass_by(hours=23)
    assert await tokens.principal(passing) is not None
    clock.pass_by(hours=1)
    assert await tokens.principal(passing) is None
    assert await tokens.principal(lasting) is not None
    ended = await asyncio.gather(
        *(tokens.revoke(boss, made.id) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 3
    assert await tokens.principal(lasting) is None
    with pytest.raises(NotFound):
        await tokens.revoke(boss, 10**6)
    with pytest.raises(Invalid):
        await tokens.create(boss, NewToken(name="past", rights=SCOPE, expires_at=clock()))
    async with seeded.begin() as session:
        actions = await session.scalars(
            select(AuditEntry.action)
            .where(AuditEntry.entity == "service_token", AuditEntry.entity_id == str(made.id))
            .order_by(AuditEntry.id)
        )
        assert actions.all() == ["token.create", "token.revoke"]


async def test_a_name_is_one_token_s_also_when_two_are_made_at_once(tokens, boss):
    ended = await asyncio.gather(
        *(tokens.create(boss, NewToken(name="unique", rights=SCOPE)) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 4


async def test_its_last_use_is_noted_once_a_minute(tokens, boss, clock):
    made, token = await tokens.create(boss, NewToken(name="seen", rights=SCOPE))

    async def last_used():
        return next(e.last_used_at for e in await tokens.all(boss, TokenQuery()) if e.id == made.id)

    assert await last_used() is None
    first = clock()
    await tokens.principal(token)
    assert await last_used() == first
    clock.pass_by(seconds=59)
    await tokens.principal(token)
    assert await last_used() == first
    clock.pass_by(seconds=1)
    await tokens.principal(token)
    assert await last_used() == clock()


async def test_tokens_are_listed_by_the_page_newest_first(tokens, boss):
    for n in range(5):
        await tokens.create(boss, NewToken(name=f"page{n}", rights=SCOPE))
    first = await tokens.all(boss, TokenQuery(limit=3))
    second = await tokens.all(boss, TokenQuery(limit=2, before=first[-1].id))
    assert [each.name for each in first + second] == [f"page{n}" for n in (4, 3, 2, 1, 0)]
    assert set(first[0].rights) == SCOPE


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 51},
        {"name": "a\0b"},
        {"rights": frozenset()},
        {"rights": {"no.right"}},
        {"expires_at": "9999-01-01T00:00:00Z"},
        {"expires_at": "2027-01-01T00:00:00"},
        {"more": 1},
    ],
)
def test_what_makes_no_token_is_refused(wrong):
    with pytest.raises(ValueError, match=r"validation error"):
        NewToken(**{"name": "t", "rights": SCOPE} | wrong)


async def test_a_token_does_nothing_while_its_maker_is_held(tokens, boss, seeded):
    _, token = await tokens.create(boss, NewToken(name="held", rights=SCOPE))
    for column, hold in (
        ("users SET must_change_password = true", Hold.PASSWORD),
        ("roles SET second_factor_required = true", Hold.SECOND_FACTOR),
    ):
        async with seeded.begin() as session:
            await session.execute(text(f"UPDATE {column}"))
        who = await tokens.principal(token)
        assert (who.hold, who.rights) == (hold, frozenset())
        with pytest.raises(Held):
            await tokens.create(boss, NewToken(name="another", rights=SCOPE))
        async with seeded.begin() as session:
            await session.execute(text(f"UPDATE {column.replace('true', 'false')}"))
    assert (await tokens.principal(token)).rights == SCOPE


async def test_a_password_set_by_somebody_else_ends_the_tokens_of_its_owner(
    tokens, boss, accounts, seeded
):
    kept = await accounts.create_user(
        SYSTEM, NewUser(login="keeper", name="守", role="admin"), "correct horse 47"
    )
    _, theirs = await tokens.create(person("admin", kept.id), NewToken(name="kept", rights=SCOPE))
    made, token = await tokens.create(boss, NewToken(name="stolen", rights=SCOPE))
    await accounts.set_password(SYSTEM, boss.user_id, "a loud harbour 12")
    assert await tokens.principal(token) is None
    assert await tokens.principal(theirs) is not None
    async with seeded.begin() as session:
        told = await session.scalars(
            select(AuditEntry.entity_id).where(AuditEntry.action == "token.revoke")
        )
        assert str(made.id) in set(told)
