"""The channel tree: levels, paths, moves with history."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from crm_core.audit.tables import AuditEntry
from crm_core.customers.channel import ChannelService, LevelContent, PolicyContent, TermsContent
from crm_core.customers.family import FamilyService, core_name
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.merging import MergeService
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM, Scope
from tests.crm_core.crm_core_support import person


@pytest.fixture
def customers(seeded):
    return CustomerService(seeded)


@pytest.fixture
def family(seeded):
    return FamilyService(seeded)


async def chain(customers, *levels):
    """One below the other."""
    made = []
    for number, level in enumerate(levels):
        parent = made[-1].id if made else None
        new = NewCustomer(name=f"链{number}{level}", level_code=level, parent_id=parent)
        made.append(await customers.create(SYSTEM, new))
    return made


async def paths(seeded, cards):
    async with seeded.reading() as connection:
        rows = await connection.execute(
            select(Customer.id, Customer.path).where(Customer.id.in_([c.id for c in cards]))
        )
        return {row.id: row.path for row in rows}


async def test_everybody_above_is_known_at_every_level(customers, seeded):
    cards = await chain(
        customers, "national", "provincial", "city", "county", "retailer", "consumer"
    )
    last = await customers.get(SYSTEM, cards[-1].id)
    assert [above.id for above in last.above] == [card.id for card in cards[:-1]]
    assert (last.parent_id, last.parent_name) == (cards[-2].id, cards[-2].name)


async def test_a_move_takes_everybody_below_along_and_keeps_the_history(customers, family, seeded):
    a, b, c, d = await chain(customers, "national", "provincial", "city", "retailer")
    other = await customers.create(SYSTEM, NewCustomer(name="另一总代", level_code="national"))
    moved = await customers.update(SYSTEM, b.id, b.version, CustomerFields(parent_id=other.id))
    assert await paths(seeded, [a, b, c, d]) == {
        a.id: [],
        b.id: [other.id],
        c.id: [other.id, b.id],
        d.id: [other.id, b.id, c.id],
    }
    await customers.update(SYSTEM, b.id, moved.version, CustomerFields(parent_id=None))
    history = await family.moves(SYSTEM, b.id)
    assert [(m.from_parent_id, m.to_parent_id) for m in history] == [
        (other.id, None),
        (a.id, other.id),
    ]
    (last,) = await family.moves(SYSTEM, b.id, limit=1)
    assert last == history[0]
    assert await family.moves(SYSTEM, b.id, before=last.id) == history[1:]
    assert await family.moves(SYSTEM, b.id, before=history[1].id) == ()
    below = await family.below(SYSTEM, b.id)
    assert ([hit.id for hit in below.hits], below.in_all) == ([c.id], 2)


async def test_nobody_stands_below_one_who_is_further_out(customers):
    retailer, _ = await chain(customers, "retailer", "consumer")
    with pytest.raises(Invalid) as refused:
        await customers.create(
            SYSTEM, NewCustomer(name="倒挂", level_code="city", parent_id=retailer.id)
        )
    assert refused.value.fields == {"parent_id": "level"}
    top, below = await chain(customers, "national", "provincial")
    with pytest.raises(Invalid) as refused:
        await customers.update(SYSTEM, top.id, top.version, CustomerFields(level_code="retailer"))
    assert refused.value.fields == {"level_code": "below"}
    branch = NewCustomer(name="分店", level_code="retailer", parent_id=retailer.id)
    assert (await customers.create(SYSTEM, branch)).parent_id == retailer.id
    assert below.level.code == "provincial"


async def test_moves_and_entries_at_once_leave_every_path_true(customers, seeded):
    a, b = await chain(customers, "national", "national")
    hub = await customers.create(
        SYSTEM, NewCustomer(name="枢纽", level_code="provincial", parent_id=a.id)
    )

    async def enter(number):
        new = NewCustomer(name=f"并发{number}", level_code="city", parent_id=hub.id)
        return await customers.create(SYSTEM, new)

    async def swing():
        for number in range(6):
            now = await customers.get(SYSTEM, hub.id)
            parent = (a, b)[number % 2].id
            await customers.update(SYSTEM, hub.id, now.version, CustomerFields(parent_id=parent))

    entered = await asyncio.gather(*(enter(n) for n in range(12)), swing())
    cards = [card for card in entered if card is not None]
    where = (await paths(seeded, [hub]))[hub.id]
    assert set(map(tuple, (await paths(seeded, cards)).values())) == {(*where, hub.id)}


async def test_the_table_itself_refuses_a_path_that_is_not_true(customers, seeded):
    a, b = await chain(customers, "national", "provincial")
    for wrong in ({"path": [b.id]}, {"path": []}, {"parent_id": None}, {"path": [a.id, b.id]}):
        with pytest.raises(IntegrityError):
            async with seeded.begin() as session:
                await session.execute(update(Customer).where(Customer.id == b.id).values(**wrong))


async def test_places_in_the_channel_need_their_own_right(customers):
    top, _ = await chain(customers, "national", "provincial")
    agent, manager = person("agent"), person("operations")
    mine = await customers.create(agent, NewCustomer(name="新客户"))
    with pytest.raises(Forbidden):
        await customers.update(agent, mine.id, 1, CustomerFields(parent_id=top.id))
    moved = await customers.update(manager, mine.id, 1, CustomerFields(parent_id=top.id))
    assert moved.parent_id == top.id
    with pytest.raises(Forbidden):
        await customers.update(manager, mine.id, moved.version, CustomerFields(note="不行"))


async def test_levels_policies_and_terms_are_data(seeded, customers):
    channel = ChannelService(seeded)
    await channel.levels.put(
        SYSTEM, "vending", LevelContent(name_zh="自动售货", name_en="Vending", rank=5)
    )
    assert (await channel.levels.all())["vending"].content.rank == 5
    await customers.create(SYSTEM, NewCustomer(name="售货机", level_code="vending"))
    with pytest.raises(Conflict):
        await channel.levels.put(
            SYSTEM, "vending", LevelContent(name_zh="售货", name_en="V", rank=2), 1
        )
    with pytest.raises(Conflict):
        await channel.levels.remove(SYSTEM, "vending")
    with pytest.raises(Forbidden):
        await channel.price_policies.put(
            person("agent"),
            "free",
            PolicyContent(name_zh="白送", name_en="free", discount="0.0001"),
        )
    await channel.payment_terms.put(
        SYSTEM, "net90", TermsContent(name_zh="月结90天", name_en="90 days", days=90)
    )
    await channel.payment_terms.remove(SYSTEM, "net90")
    with pytest.raises(NotFound):
        await channel.payment_terms.remove(SYSTEM, "net90")


async def terms(seeded, customer_id):
    async with seeded.reading() as connection:
        row = await connection.execute(
            select(
                Customer.price_policy_code, Customer.payment_terms_code, Customer.credit_limit
            ).where(Customer.id == customer_id)
        )
        return tuple(row.one())


async def test_who_is_entered_at_a_level_has_its_terms_unless_others_are_given(seeded, customers):
    channel = ChannelService(seeded)
    await channel.price_policies.put(
        SYSTEM, "ninety", PolicyContent(name_zh="九折", name_en="10 % off", discount="0.9")
    )
    await channel.payment_terms.put(
        SYSTEM, "net45", TermsContent(name_zh="月结45天", name_en="45 days", days=45)
    )
    of_level = {"price_policy_code": "ninety", "payment_terms_code": "net45", "credit_limit": 5000}
    content = LevelContent(name_zh="专卖", name_en="Shop", rank=5, **of_level)
    await channel.levels.put(SYSTEM, "shop", content)

    plain = await customers.create(SYSTEM, NewCustomer(name="照级别", level_code="shop"))
    given = {"price_policy_code": "list", "payment_terms_code": None, "credit_limit": 0}
    own = await customers.create(SYSTEM, NewCustomer(name="另定", level_code="shop", **given))
    assert await terms(seeded, plain.id) == ("ninety", "net45", 5000)
    assert await terms(seeded, own.id) == ("list", None, 0)
    async with seeded.reading() as connection:
        told = await connection.scalar(
            select(AuditEntry.after).where(
                AuditEntry.action == "customer.create", AuditEntry.entity_id == str(plain.id)
            )
        )
    assert told["price_policy_code"] == "ninety"

    await channel.levels.put(
        SYSTEM, "shop", content.model_copy(update={"credit_limit": Decimal(9000)}), 1
    )
    assert await terms(seeded, plain.id) == ("ninety", "net45", 5000)
    for wrong in ({"price_policy_code": "nowhere"}, {"payment_terms_code": "nowhere"}):
        with pytest.raises(Invalid):
            await channel.levels.put(SYSTEM, "shop", content.model_copy(update=wrong), 2)
    with pytest.raises(Conflict):
        await channel.price_policies.remove(SYSTEM, "ninety")
    with pytest.raises(ValidationError):
        LevelContent(name_zh="负", name_en="N", rank=5, credit_limit=-1)


async def test_of_many_who_make_the_same_level_at_once_one_does(seeded):
    channel = ChannelService(seeded)
    ended = await asyncio.gather(
        *(
            channel.levels.put(SYSTEM, "rush", LevelContent(name_zh=f"抢{n}", name_en="R", rank=9))
            for n in range(8)
        ),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in ended) == ["Conflict"] * 7 + ["NoneType"]
    kept = (await channel.levels.all())["rush"]
    assert kept.version == 1
    changes = await asyncio.gather(
        *(
            channel.levels.put(
                SYSTEM, "rush", LevelContent(name_zh=f"改{n}", name_en="R", rank=9), 1
            )
            for n in range(4)
        ),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in changes) == ["Conflict"] * 3 + ["NoneType"]
    with pytest.raises(NotFound):
        await channel.levels.put(
            SYSTEM, "nowhere", LevelContent(name_zh="无", name_en="N", rank=9), 1
        )
    with pytest.raises(Conflict):
        await channel.levels.put(SYSTEM, "rush", LevelContent(name_zh="再", name_en="R", rank=9))
    await channel.levels.remove(SYSTEM, "rush")


@pytest.mark.parametrize("code", ["hurry", "scurry", "flurry"])
async def test_a_rank_is_not_changed_while_somebody_comes_to_stand_below(seeded, customers, code):
    channel = ChannelService(seeded)
    await channel.levels.put(SYSTEM, code, LevelContent(name_zh="急", name_en="H", rank=5))
    top = await customers.create(SYSTEM, NewCustomer(name="急上", level_code="retailer"))
    below = NewCustomer(name="急下", level_code=code, parent_id=top.id)
    content = LevelContent(name_zh="急", name_en="H", rank=1)
    ended = await asyncio.gather(
        customers.create(SYSTEM, below),
        channel.levels.put(SYSTEM, code, content, 1),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Invalid | Conflict) for each in ended) == 1, ended


async def test_below_are_only_customers_that_are_there_and_may_be_seen(customers, family, seeded):
    top = await customers.create(SYSTEM, NewCustomer(name="数上", level_code="national"))
    mine, others, gone, erased = [
        await customers.create(SYSTEM, NewCustomer(name=name, parent_id=top.id, salesperson_id=who))
        for name, who in (("数我", None), ("数他", 1), ("数并", None), ("数删", None))
    ]
    await MergeService(seeded).merge(SYSTEM, (mine.id, 1), (gone.id, 1))
    async with seeded.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id == erased.id).values(erased_at=func.now())
        )
    below = await family.below(SYSTEM, top.id)
    assert ([hit.id for hit in below.hits], below.in_all) == ([mine.id, others.id], 2)
    seller = replace(person("agent", 2), scope=Scope.OWN)
    below = await family.below(seller, top.id)
    assert ([hit.id for hit in below.hits], below.in_all) == ([mine.id], 1)


async def test_nobody_stands_below_somebody_who_was_erased(customers, seeded):
    top = await customers.create(SYSTEM, NewCustomer(name="已删上", level_code="national"))
    async with seeded.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id == top.id).values(erased_at=func.now())
        )
    with pytest.raises(Invalid):
        await customers.create(SYSTEM, NewCustomer(name="已删下", parent_id=top.id))


async def test_who_may_be_the_same_customer_is_found(customers, family):
    one = await customers.create(SYSTEM, NewCustomer(name="津门海河商贸有限公司"))
    two = await customers.create(SYSTEM, NewCustomer(name="津门海河"))
    three = await customers.create(
        SYSTEM,
        NewCustomer(name="完全不同", email="a@b.example", addresses=({"detail": "海河路1号"},)),
    )
    four = await customers.create(SYSTEM, NewCustomer(name="也不同", email="a@b.example"))
    five = await customers.create(
        SYSTEM, NewCustomer(name="同址", addresses=({"detail": "海河路1号"},))
    )
    assert [hit.id for hit in await family.duplicates(SYSTEM, one.id)] == [two.id]
    assert [hit.id for hit in await family.duplicates(SYSTEM, three.id)] == [four.id, five.id]


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("天津海河商贸有限公司", "天津海河"),
        ("天津海河股份有限公司", "天津海河"),
        ("老王商店", "老王"),
        ("公司", "公司"),
        ("Harbour Foods", "harbourfoods"),
    ],
)
def test_the_core_of_a_company_s_name(name, core):
    assert core_name(name) == core
