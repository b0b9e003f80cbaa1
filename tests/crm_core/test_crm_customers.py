import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from crm_core.audit.tables import AuditEntry
from crm_core.customers.credit import release_credit, reserve_credit
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.search import SearchService
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound, NumberTaken
from crm_core.rights import SYSTEM, Scope
from tests.crm_core.crm_core_support import person

AGENT = person("agent")


@pytest.fixture
def customers(seeded):
    return CustomerService(seeded, identify_deadline_s=30)


@pytest.fixture
def search(seeded):
    return SearchService(seeded)


async def test_a_new_customer_is_found_by_any_way_of_writing_a_number(customers):
    made = await customers.create(
        SYSTEM, NewCustomer(name="天津一号店", phones=("+86 22 2800 0001", "13900000001"))
    )
    assert [(p.number, p.is_main) for p in made.phones] == [
        ("02228000001", True),
        ("13900000001", False),
    ]
    found = await customers.identify("13900000001")
    assert found is not None
    assert (found.customer_id, found.name, found.level_code, found.stale) == (
        made.id,
        "天津一号店",
        "consumer",
        False,
    )
    assert await customers.identify("13900009999") is None
    assert await customers.identify(None) is None


async def test_the_card_shows_level_policy_place_credit_and_parent(customers):
    above = await customers.create(
        SYSTEM, NewCustomer(name="上级", level_code="national", phones=("02228000010",))
    )
    made = await customers.create(
        SYSTEM,
        NewCustomer(
            name="下级",
            phones=("02228000011",),
            level_code="provincial",
            price_policy_code="off15",
            parent_id=above.id,
            area_code="0311",
            province="河北",
            city="石家庄",
            credit_limit=Decimal("1000.50"),
            email="a@b.example",
            note="两行\n备注",
        ),
    )
    card = await customers.card(made.id)
    assert card is not None
    assert (card.level.name_zh, card.level.is_vip) == ("省级代理", True)
    assert (card.price_policy.name_zh, card.price_policy.discount) == ("85折", Decimal("0.8500"))
    assert card.credit_available == Decimal("1000.50")
    assert (card.parent_id, card.parent_name) == (above.id, "上级")
    identity = await customers.identify("02228000011")
    assert identity is not None
    assert identity.place is not None
    assert (identity.place.city, identity.level_rank, identity.is_vip) == ("石家庄", 2, True)
    assert await customers.card(10**6) is None
    with pytest.raises(NotFound):
        await customers.get(SYSTEM, 10**6)


async def test_a_customer_whom_one_may_not_see_is_not_named_in_a_refusal(customers):
    await customers.create(
        SYSTEM, NewCustomer(name="别人的", phones=("13900000099",), salesperson_id=1)
    )
    seller = replace(person("supervisor", 7), scope=Scope.OWN)
    with pytest.raises(NumberTaken) as taken:
        await customers.create(seller, NewCustomer(name="我的", phones=("13900000099",)))
    assert taken.value.fields == {"number": "13900000099"}
    assert "别人的" not in taken.value.message
    above = await customers.create(
        SYSTEM, NewCustomer(name="别人的上级", level_code="retailer", salesperson_id=1)
    )
    with pytest.raises(Invalid) as refused:
        await customers.create(
            seller, NewCustomer(name="下", level_code="city", parent_id=above.id)
        )
    assert "别人的上级" not in refused.value.message


async def test_a_number_that_is_taken_names_its_customer(customers, search):
    first = await customers.create(SYSTEM, NewCustomer(name="先来的", phones=("13900000020",)))
    with pytest.raises(NumberTaken) as refused:
        await customers.create(SYSTEM, NewCustomer(name="后到的", phones=("+8613900000020",)))
    assert refused.value.fields == {
        "number": "13900000020",
        "customer_id": first.id,
        "customer_name": "先来的",
    }
    assert not await search.quick(SYSTEM, "后到的")


async def test_of_many_who_enter_the_same_number_at_once_one_succeeds(customers, search):
    new = [NewCustomer(name=f"同时{n}", phones=("13900000030",)) for n in range(12)]
    ended = await asyncio.gather(
        *(customers.create(SYSTEM, each) for each in new), return_exceptions=True
    )
    refused = [outcome for outcome in ended if isinstance(outcome, NumberTaken)]
    assert len(refused) == len(new) - 1
    assert all(refusal.fields["customer_name"].startswith("同时") for refusal in refused)
    assert len(await search.quick(SYSTEM, "同时")) == 1


async def test_an_edit_from_an_older_version_is_refused_and_loses_nothing(customers):
    made = await customers.create(SYSTEM, NewCustomer(name="被改的"))
    edits = [CustomerFields(note=f"第{n}人") for n in range(10)]
    ended = await asyncio.gather(
        *(customers.update(AGENT, made.id, made.version, edit) for edit in edits),
        return_exceptions=True,
    )
    kept = [outcome for outcome in ended if not isinstance(outcome, Exception)]
    assert len(kept) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in ended) == len(edits) - 1
    now = await customers.get(SYSTEM, made.id)
    assert (now.note, now.version) == (kept[0].note, made.version + 1)


async def test_an_edit_changes_only_what_it_names_and_leaves_its_trail(customers, seeded):
    made = await customers.create(
        SYSTEM, NewCustomer(name="旧名", phones=("13900000040", "13900000041"), note="留着")
    )
    after = await customers.update(
        SYSTEM,
        made.id,
        made.version,
        CustomerFields(name="新名", phones=("13900000041",), credit_limit=Decimal(50)),
    )
    assert (after.name, after.note) == ("新名", "留着")
    assert [(p.number, p.is_main) for p in after.phones] == [("13900000041", True)]
    assert await customers.identify("13900000040") is None
    async with seeded.begin() as session:
        entry = (
            await session.scalars(
                select(AuditEntry).where(
                    AuditEntry.action == "customer.update", AuditEntry.entity_id == str(made.id)
                )
            )
        ).one()
    assert entry.before == {
        "name": "旧名",
        "phones": ["13900000040", "13900000041"],
        "credit_limit": "0.00",
    }
    assert entry.after == {"name": "新名", "phones": ["13900000041"], "credit_limit": "50.00"}


async def test_a_refused_edit_leaves_no_trail(customers, seeded):
    first = await customers.create(SYSTEM, NewCustomer(name="甲", phones=("13900000050",)))
    second = await customers.create(SYSTEM, NewCustomer(name="乙", phones=("13900000051",)))
    with pytest.raises(NumberTaken):
        await customers.update(
            SYSTEM, second.id, second.version, CustomerFields(name="丙", phones=("13900000050",))
        )
    assert (await customers.get(SYSTEM, second.id)).name == "乙"
    assert [p.number for p in (await customers.get(SYSTEM, first.id)).phones] == ["13900000050"]
    async with seeded.begin() as session:
        entries = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.entity_id == str(second.id))
        )
        assert list(entries) == ["customer.create"]


async def test_terms_of_trade_need_their_own_right(customers):
    made = await customers.create(AGENT, NewCustomer(name="普通客户"))
    for change in (
        CustomerFields(credit_limit=Decimal(10**6)),
        CustomerFields(price_policy_code="off20"),
        CustomerFields(level_code="national"),
    ):
        with pytest.raises(Forbidden):
            await customers.update(AGENT, made.id, made.version, change)
    with pytest.raises(Forbidden):
        await customers.create(person("operations"), NewCustomer(name="不许"))
    raised = await customers.update(
        person("supervisor"), made.id, made.version, CustomerFields(credit_limit=Decimal(10))
    )
    assert raised.credit_limit == Decimal(10)


async def test_the_channel_tree_has_no_circle_even_when_two_close_it_at_once(customers):
    made = [await customers.create(SYSTEM, NewCustomer(name=f"树{n}")) for n in range(3)]
    a, b, c = made
    b = await customers.update(SYSTEM, b.id, b.version, CustomerFields(parent_id=a.id))
    with pytest.raises(Invalid):
        await customers.update(SYSTEM, a.id, a.version, CustomerFields(parent_id=b.id))
    with pytest.raises(Invalid):
        await customers.update(SYSTEM, a.id, a.version, CustomerFields(parent_id=a.id))
    with pytest.raises(Invalid):
        await customers.update(SYSTEM, a.id, a.version, CustomerFields(parent_id=10**6))
    ended = await asyncio.gather(
        customers.update(SYSTEM, a.id, a.version, CustomerFields(parent_id=c.id)),
        customers.update(SYSTEM, c.id, c.version, CustomerFields(parent_id=b.id)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Invalid) for outcome in ended) == 1


async def test_search_finds_a_part_of_a_name_or_a_number_and_takes_signs_literally(
    customers, search
):
    for name, number in (
        ("百货大楼", "02228123456"),
        ("100%果汁_店", "13987654321"),
        ("Harbour Foods", "13987650000"),
    ):
        await customers.create(SYSTEM, NewCustomer(name=name, phones=(number,)))
    assert [hit.name for hit in await search.quick(SYSTEM, "货大")] == ["百货大楼"]
    assert [hit.number for hit in await search.quick(SYSTEM, "8123")] == ["02228123456"]
    assert [hit.name for hit in await search.quick(SYSTEM, "7654 321")] == ["100%果汁_店"]
    assert [hit.name for hit in await search.quick(SYSTEM, "100%")] == ["100%果汁_店"]
    assert not await search.quick(SYSTEM, "%' OR 1=1 --")
    assert [hit.name for hit in await search.quick(SYSTEM, "hARBour")] == ["Harbour Foods"]
    assert not await search.quick(SYSTEM, "\0")
    assert not await search.quick(SYSTEM, " ")
    assert len(await search.quick(SYSTEM, "店", limit=1)) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "甲", "phones": ("隐藏",)},
        {"name": "甲\0乙"},
        {"name": "甲", "email": "not an address"},
        {"name": "甲", "credit_limit": "-1"},
        {"name": "甲", "credit_limit": "0.001"},
        {"name": "甲", "credit_used": "5"},
        {"name": "甲", "area_code": "22"},
    ],
)
def test_a_record_that_cannot_be_right_is_not_accepted(values):
    with pytest.raises(ValidationError):
        NewCustomer(**values)


async def test_an_unknown_level_is_named(customers):
    with pytest.raises(Invalid) as refused:
        await customers.create(SYSTEM, NewCustomer(name="甲", level_code="emperor"))
    assert refused.value.fields == {"level_code": "unknown"}


async def test_a_customer_cannot_have_two_main_numbers(customers, seeded):
    made = await customers.create(
        SYSTEM, NewCustomer(name="两个主号", phones=("13900000060", "13900000061"))
    )

    async def two_mains() -> None:
        async with seeded.begin() as session:
            await session.execute(
                update(CustomerPhone)
                .where(CustomerPhone.customer_id == made.id)
                .values(is_main=True)
            )

    with pytest.raises(IntegrityError):
        await two_mains()


async def test_orders_at_once_never_use_more_credit_than_there_is(customers, seeded):
    made = await customers.create(SYSTEM, NewCustomer(name="赊账", credit_limit=Decimal("100.00")))

    async def order(amount: Decimal) -> bool:
        async with seeded.begin() as session:
            return await reserve_credit(session, made.id, amount)

    taken = await asyncio.gather(*(order(Decimal("33.33")) for _ in range(20)))
    assert taken.count(True) == 3
    assert (await customers.get(SYSTEM, made.id)).credit_available == Decimal("0.01")
    assert (await customers.get(SYSTEM, made.id)).version == made.version
    assert await order(Decimal("0.01"))
    assert not await order(Decimal("0.01"))
    async with seeded.begin() as session:
        assert await release_credit(session, made.id, Decimal("100.00"))
        assert not await release_credit(session, made.id, Decimal("0.01"))
    assert (await customers.get(SYSTEM, made.id)).credit_used == 0
    with pytest.raises(ValueError, match="sum of money"):
        await order(Decimal(-5))


async def test_credit_reserved_in_a_transaction_that_fails_is_not_used(customers, seeded):
    made = await customers.create(SYSTEM, NewCustomer(name="反悔", credit_limit=Decimal(10)))

    async def order() -> None:
        async with seeded.begin() as session:
            assert await reserve_credit(session, made.id, Decimal(10))
            customer = await session.get(Customer, made.id)
            assert customer is not None
            assert customer.credit_used == 10
            raise KeyError

    with pytest.raises(KeyError):
        await order()
    assert (await customers.get(SYSTEM, made.id)).credit_used == 0
