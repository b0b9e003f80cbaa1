"""Two records become one and two again, and nothing is lost on either way."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from acd.tables import Call
from crm_core.customers.criteria import Condition
from crm_core.customers.custom_fields import CustomFieldService, NewCustomField
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.merging import MergeService
from crm_core.customers.references import movable, references
from crm_core.customers.search import SearchService
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer
from crm_core.db import Base
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM
from dialer.tables import Callback
from orders.sales.tables import Order
from tests.crm_core.crm_core_support import person

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def customers(seeded):
    return CustomerService(seeded)


@pytest.fixture
def merging(seeded):
    return MergeService(seeded)


async def two(customers, numbers):
    a, b = numbers
    kept = await customers.create(
        SYSTEM,
        NewCustomer(
            name="海河商贸",
            level_code="city",
            phones=(a,),
            addresses=[{"detail": "一号"}],
            territories=[{"province": "天津"}],
        ),
    )
    dropped = await customers.create(
        SYSTEM,
        NewCustomer(
            name="海河商贸有限公司",
            level_code="city",
            phones=(b,),
            addresses=[{"detail": "二号"}, {"detail": "三号"}],
            contacts=[{"name": "老赵"}],
            territories=[{"province": "天津"}, {"province": "河北"}],
            email="hh@example.com",
            note="旧记录",
            overdue_entered=Decimal(7),
        ),
    )
    return kept, dropped


async def rows_of(seeded, customer_id):
    """How many rows of each table name this customer."""
    counts = {}
    async with seeded.reading() as connection:
        for each in movable():
            found = await connection.execute(select(each.column).where(each.column == customer_id))
            counts[each.name] = len(found.all())
    return {name: count for name, count in counts.items() if count}


async def furnish(seeded, customer_id, mark):
    """An order that holds credit, a call and a call-back."""
    async with seeded.begin() as session:
        session.add(
            Order(
                number=f"N{mark}", key=f"key-{mark}", fingerprint="f", customer_id=customer_id,
                status="placed", total=30, credit_held=30, placed_at=NOW,
            )
        )  # fmt: skip
        session.add(
            Call(
                id=mark * 32, node="n", linkedid=mark, direction="inbound", did="400", menu_path=[],
                customer_id=customer_id, started_at=NOW, steps=0,
            )
        )  # fmt: skip
        session.add(
            Callback(
                number=f"1370000{ord(mark)}", customer_id=customer_id, queue="q", source="agent"
            )
        )
        await session.execute(
            text("UPDATE customers SET credit_limit = 100, credit_used = 30 WHERE id = :id"),
            {"id": customer_id},
        )


def everything(card):
    return (card.name, card.phones, card.addresses, card.contacts, card.territories, card.email,
            card.note, card.credit_used, card.overdue_entered, card.credit_overdue, card.parent_id)  # fmt: skip


async def test_a_merge_brings_everything_along_and_undoing_it_brings_everything_back(
    customers, merging, seeded
):
    kept, dropped = await two(customers, ("13700001001", "13700001002"))
    child = await customers.create(
        SYSTEM, NewCustomer(name="下家", level_code="retailer", parent_id=dropped.id)
    )
    grandchild = await customers.create(SYSTEM, NewCustomer(name="再下", parent_id=child.id))
    await furnish(seeded, kept.id, "a")
    await furnish(seeded, dropped.id, "b")
    before = [everything(await customers.get(SYSTEM, each.id)) for each in (kept, dropped)]
    rows_before = [await rows_of(seeded, each.id) for each in (kept, dropped)]

    merge = await merging.merge(SYSTEM, (kept.id, kept.version), (dropped.id, dropped.version))

    one = await customers.get(SYSTEM, kept.id)
    assert await customers.get(SYSTEM, dropped.id) == one
    assert [p.number for p in one.phones] == ["13700001001", "13700001002"]
    assert [a.detail for a in one.addresses] == ["一号", "二号", "三号"]
    assert [(t.province) for t in one.territories] == ["天津", "河北"]
    assert (one.email, one.note, one.contacts[0].name) == ("hh@example.com", "旧记录", "老赵")
    assert (one.credit_used, one.credit_overdue) == (Decimal(60), Decimal(7))
    found = await customers.identify("13700001002")
    assert found is not None
    assert found.customer_id == kept.id
    assert [above.id for above in (await customers.get(SYSTEM, grandchild.id)).above] == [
        kept.id,
        child.id,
    ]
    left = await rows_of(seeded, dropped.id)
    assert left == {"territories.customer_id": 1}
    assert [hit.name for hit in await SearchService(seeded).quick(SYSTEM, "海河商贸")] == [
        "海河商贸"
    ]

    await merging.undo(SYSTEM, merge.id)
    after = [everything(await customers.get(SYSTEM, each.id)) for each in (kept, dropped)]
    assert after == before
    assert [await rows_of(seeded, each.id) for each in (kept, dropped)] == rows_before
    assert [above.id for above in (await customers.get(SYSTEM, grandchild.id)).above] == [
        dropped.id,
        child.id,
    ]
    with pytest.raises(Conflict):
        await merging.undo(SYSTEM, merge.id)


async def test_what_came_after_the_merge_stays_with_the_kept_customer(customers, merging, seeded):
    kept, dropped = await two(customers, ("13700001011", "13700001012"))
    merge = await merging.merge(SYSTEM, (kept.id, 1), (dropped.id, 1))
    await furnish(seeded, kept.id, "c")
    now = await customers.get(SYSTEM, kept.id)
    await customers.update(
        SYSTEM, kept.id, now.version, CustomerFields(email="new@example.com", note=None)
    )
    await merging.undo(SYSTEM, merge.id)
    one, other = [await customers.get(SYSTEM, each.id) for each in (kept, dropped)]
    assert (one.email, other.email) == ("new@example.com", "hh@example.com")
    assert (one.credit_used, other.credit_used) == (Decimal(30), Decimal(0))
    assert (await rows_of(seeded, dropped.id)).get("orders.customer_id") is None


async def test_values_that_both_have_stay_with_their_own_record(customers, merging, seeded):
    fields = CustomFieldService(seeded)
    for code in ("m_one", "m_two"):
        await fields.create(
            SYSTEM, NewCustomField(code=code, type="text", label_zh=code, label_en=code)
        )
    kept = await customers.create(SYSTEM, NewCustomer(name="甲", custom={"m_one": "甲一"}))
    dropped = await customers.create(
        SYSTEM, NewCustomer(name="乙", custom={"m_one": "乙一", "m_two": "乙二"})
    )
    merge = await merging.merge(SYSTEM, (kept.id, 1), (dropped.id, 1))
    one = await customers.get(SYSTEM, kept.id)
    assert {each.code: each.value for each in one.custom} == {"m_one": "甲一", "m_two": "乙二"}
    await merging.undo(SYSTEM, merge.id)
    assert (await customers.get(SYSTEM, dropped.id)).custom == dropped.custom
    assert (await customers.get(SYSTEM, kept.id)).custom == kept.custom


async def test_merges_on_top_of_each_other_are_undone_in_turn(customers, merging):
    a, b, c = [await customers.create(SYSTEM, NewCustomer(name=f"叠{n}")) for n in range(3)]
    first = await merging.merge(SYSTEM, (b.id, 1), (a.id, 1))
    b = await customers.get(SYSTEM, b.id)
    second = await merging.merge(SYSTEM, (c.id, 1), (b.id, b.version))
    assert (await customers.get(SYSTEM, a.id)).id == c.id
    with pytest.raises(Conflict):
        await merging.undo(SYSTEM, first.id)
    await merging.undo(SYSTEM, second.id)
    assert (await customers.get(SYSTEM, a.id)).id == b.id
    await merging.undo(SYSTEM, first.id)
    assert (await customers.get(SYSTEM, a.id)).id == a.id
    assert [each.id for each in await merging.of_customer(SYSTEM, a.id)] == [first.id]


async def test_what_cannot_be_merged_is_refused(customers, merging):
    top = await customers.create(SYSTEM, NewCustomer(name="上", level_code="national"))
    below = await customers.create(
        SYSTEM, NewCustomer(name="下", level_code="city", parent_id=top.id)
    )
    with pytest.raises(Invalid):
        await merging.merge(SYSTEM, (below.id, 1), (top.id, 1))
    with pytest.raises(Invalid):
        await merging.merge(SYSTEM, (top.id, 1), (top.id, 1))
    with pytest.raises(NotFound):
        await merging.merge(SYSTEM, (top.id, 1), (10**8, 1))
    with pytest.raises(Conflict):
        await merging.merge(SYSTEM, (top.id, 1), (below.id, 9))
    with pytest.raises(Forbidden):
        await merging.merge(person("agent"), (top.id, 1), (below.id, 1))
    await merging.merge(SYSTEM, (top.id, 1), (below.id, 1))
    with pytest.raises(Conflict):
        await customers.update(SYSTEM, below.id, 2, CustomerFields(note="到原处写"))


async def test_a_merge_never_puts_anybody_below_a_customer_further_out(customers, merging):
    dealer = await customers.create(SYSTEM, NewCustomer(name="阶上", level_code="city"))
    shop = await customers.create(
        SYSTEM, NewCustomer(name="阶下", level_code="retailer", parent_id=dealer.id)
    )
    buyer = await customers.create(SYSTEM, NewCustomer(name="阶外"))
    with pytest.raises(Invalid) as refused:
        await merging.merge(SYSTEM, (buyer.id, 1), (dealer.id, 1))
    assert refused.value.fields == {"dropped_id": "level"}
    await customers.update(SYSTEM, shop.id, 1, CustomerFields(level_code="consumer"))
    merge = await merging.merge(SYSTEM, (buyer.id, 1), (dealer.id, 1))
    await customers.update(
        SYSTEM, shop.id, 2, CustomerFields(parent_id=None, level_code="national")
    )
    await merging.undo(SYSTEM, merge.id)
    assert (await customers.get(SYSTEM, shop.id)).parent_id is None


async def test_what_no_longer_fits_below_the_dropped_customer_stays_where_it_is(customers, merging):
    kept = await customers.create(SYSTEM, NewCustomer(name="还上", level_code="national"))
    shop = await customers.create(SYSTEM, NewCustomer(name="还中", level_code="retailer"))
    risen, raised = [
        await customers.create(
            SYSTEM, NewCustomer(name=n, level_code="retailer", parent_id=shop.id)
        )
        for n in ("还一", "还二")
    ]
    above = await customers.create(SYSTEM, NewCustomer(name="还顶", level_code="national"))
    await customers.update(SYSTEM, shop.id, 1, CustomerFields(parent_id=above.id))
    merge = await merging.merge(SYSTEM, (kept.id, 1), (shop.id, 2))
    await customers.update(SYSTEM, risen.id, 1, CustomerFields(level_code="city"))
    await customers.update(SYSTEM, raised.id, 1, CustomerFields(level_code="national"))
    await customers.update(SYSTEM, above.id, 1, CustomerFields(parent_id=raised.id))
    await merging.undo(SYSTEM, merge.id)
    for each in (risen, raised):
        assert (await customers.get(SYSTEM, each.id)).parent_id == kept.id
    assert [a.id for a in (await customers.get(SYSTEM, shop.id)).above] == [
        kept.id, raised.id, above.id,
    ]  # fmt: skip


async def test_a_merged_record_keeps_nobody_from_another_level_but_its_return_is_checked(
    customers, merging
):
    kept = await customers.create(SYSTEM, NewCustomer(name="鬼存", level_code="city"))
    above = await customers.create(SYSTEM, NewCustomer(name="鬼上", level_code="national"))
    dropped = await customers.create(
        SYSTEM, NewCustomer(name="鬼", level_code="city", parent_id=above.id)
    )
    merge = await merging.merge(SYSTEM, (kept.id, 1), (dropped.id, 1))
    lower = await customers.update(SYSTEM, above.id, 1, CustomerFields(level_code="retailer"))
    with pytest.raises(Conflict):
        await merging.undo(SYSTEM, merge.id)
    await customers.update(SYSTEM, above.id, lower.version, CustomerFields(level_code="city"))
    await merging.undo(SYSTEM, merge.id)


async def test_the_code_of_a_merged_record_leads_to_the_customer_that_is_left(
    customers, merging, seeded
):
    kept = await customers.create(SYSTEM, NewCustomer(name="码存", code="MC-1"))
    dropped = await customers.create(SYSTEM, NewCustomer(name="码去", code="MC-2"))
    await merging.merge(SYSTEM, (kept.id, 1), (dropped.id, 1))
    search = SearchService(seeded)
    for typed in ("MC-1", "mc-2", "MC-2"):
        assert [hit.id for hit in await search.quick(SYSTEM, typed)] == [kept.id]
    for op, value in (("is", "MC-2"), ("in", ("MC-2", "x"))):
        found = await search.find(SYSTEM, (Condition(field="code", op=op, value=value),))
        assert [hit.id for hit in found.hits] == [kept.id]


async def test_of_two_who_merge_the_same_record_at_once_one_succeeds(customers, merging):
    a, b, c = [await customers.create(SYSTEM, NewCustomer(name=f"争{n}")) for n in range(3)]
    ended = await asyncio.gather(
        merging.merge(SYSTEM, (a.id, 1), (c.id, 1)),
        merging.merge(SYSTEM, (b.id, 1), (c.id, 1)),
        merging.merge(SYSTEM, (c.id, 1), (a.id, 1)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 2


async def test_every_column_that_names_a_customer_is_followed(seeded):
    named = {each.name for each in references()}
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if column.name.endswith("customer_id"):
                assert f"{table.name}.{column.name}" in named
    assert {"orders.customer_id", "calls.customer_id", "customers.merged_into_id"} <= named
    async with seeded.reading() as connection:
        assert await connection.scalar(select(Customer.id).limit(1)) is not None


async def test_whoever_opted_out_stays_opted_out_on_either_way(customers, merging):
    kept = await customers.create(SYSTEM, NewCustomer(name="收", opt_outs=("sms",)))
    dropped = await customers.create(SYSTEM, NewCustomer(name="拒", opt_outs=("email", "sms")))
    merge = await merging.merge(SYSTEM, (kept.id, 1), (dropped.id, 1))
    assert (await customers.get(SYSTEM, kept.id)).opt_outs == ("email", "sms")
    await merging.undo(SYSTEM, merge.id)
    both = [(await customers.get(SYSTEM, each.id)).opt_outs for each in (kept, dropped)]
    assert both == [("sms",), ("email", "sms")]
