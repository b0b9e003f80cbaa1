"""The lists of a customer's record, and the fields a business adds."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import func, select

from crm_core.customers.custom_fields import CustomFieldChange, CustomFieldService, NewCustomField
from crm_core.customers.custom_values import Definition, judge
from crm_core.customers.fields import (
    AddressEntry,
    ContactEntry,
    CustomerFields,
    NewCustomer,
    PhoneEntry,
    TerritoryEntry,
)
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import CustomValue
from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.rights import SYSTEM
from tests.crm_core.crm_core_support import person


@pytest.fixture
def customers(seeded):
    return CustomerService(seeded)


@pytest.fixture
def fields(seeded):
    return CustomFieldService(seeded)


async def edit(customers, card, **change):
    return await customers.update(SYSTEM, card.id, card.version, CustomerFields(**change))


async def test_a_record_has_phones_addresses_contacts_and_territories(customers):
    card = await customers.create(
        SYSTEM,
        NewCustomer(
            name="四海商行",
            code="SH-001",
            phones=("13700000101", PhoneEntry(number="02227000101", label="仓库")),
            addresses=(
                AddressEntry(province="天津", city="天津", district="河西区", detail="友谊路5号"),
                AddressEntry(
                    detail="河北省石家庄市中山路1号", recipient="老李", phone="13700000102"
                ),
            ),
            contacts=(ContactEntry(name="李经理", position="采购", birthday=date(1980, 2, 29)),),
            territories=(
                TerritoryEntry(province="天津"),
                TerritoryEntry(province="河北", city="唐山"),
            ),
            birthday=date(2001, 5, 1),
            payment_terms_code="net30",
            level_code="city",
        ),
    )
    assert card.address == "天津河西区友谊路5号"
    assert [each.is_main for each in card.addresses] == [True, False]
    assert (card.phones[1].label, card.contacts[0].birthday) == ("仓库", date(1980, 2, 29))
    assert [(t.province, t.city) for t in card.territories] == [("天津", None), ("河北", "唐山")]
    assert card.payment_terms is not None
    assert card.payment_terms.days == 30


async def test_a_list_is_replaced_and_what_has_an_id_stays_the_same_row(customers):
    card = await customers.create(
        SYSTEM,
        NewCustomer(
            name="换表",
            phones=("13700000111", "13700000112"),
            contacts=(ContactEntry(name="甲"), ContactEntry(name="乙")),
            addresses=(AddressEntry(detail="一号"), AddressEntry(detail="二号")),
        ),
    )
    first, second = card.phones
    changed = await edit(
        customers,
        card,
        phones=[{"id": second.id, "contact_id": card.contacts[1].id}, {"number": "13700000113"}],
        contacts=[{"id": card.contacts[1].id, "name": "乙乙"}, {"name": "丙"}],
        addresses=[{"id": card.addresses[1].id, "detail": "二号院"}],
    )
    main = changed.phones[0]
    assert (main.id, main.number, main.is_main) == (second.id, "13700000112", True)
    assert first.number not in [p.number for p in changed.phones]
    assert [c.name for c in changed.contacts] == ["乙乙", "丙"]
    assert [(a.id, a.detail, a.is_main) for a in changed.addresses] == [
        (card.addresses[1].id, "二号院", True)
    ]


async def test_an_entry_of_another_customer_cannot_be_taken(customers):
    mine = await customers.create(SYSTEM, NewCustomer(name="我的", phones=("13700000121",)))
    other = await customers.create(
        SYSTEM,
        NewCustomer(
            name="别人的",
            phones=("13700000122",),
            contacts=(ContactEntry(name="丁"),),
            addresses=(AddressEntry(detail="三号"),),
        ),
    )
    for change in (
        {"phones": [{"id": other.phones[0].id}]},
        {"phones": [{"number": "13700000123", "contact_id": other.contacts[0].id}]},
        {"contacts": [{"id": other.contacts[0].id, "name": "夺"}]},
        {"addresses": [{"id": other.addresses[0].id, "detail": "夺"}]},
        {"contacts": [{"id": 10**9, "name": "无"}]},
    ):
        with pytest.raises(Invalid):
            await edit(customers, mine, **change)
    assert (await customers.get(SYSTEM, other.id)).contacts == other.contacts


@pytest.mark.parametrize(
    "values",
    [
        {"birthday": "2026-02-30"},
        {"birthday": "1899-12-31"},
        {"anniversary": "2200-01-01"},
        {"phones": [{"label": "没有号码"}]},
        {"phones": [{"id": 1, "number": "13700000131"}]},
        {"phones": ["1" * 1_000_000]},
        {"addresses": [{"detail": ""}]},
        {"addresses": [{"detail": "x", "postcode": "一二三"}]},
        {"territories": [{"province": "天" * 21}]},
        {"contacts": [{"name": "甲\0"}]},
        {"custom": {"a": "x" * 501}},
        {"name": "名" * 1_000_000},
        {"credit_limit": "1e30"},
        {"credit_limit": "NaN"},
    ],
)
def test_what_cannot_be_is_refused_before_the_database_sees_it(values):
    with pytest.raises(ValidationError):
        NewCustomer(**{"name": "甲", **values})


async def test_emoji_and_sql_in_every_text_are_kept_as_they_are(customers):
    odd = "🏪'; DROP TABLE customers; --\\%_"
    card = await customers.create(
        SYSTEM,
        NewCustomer(
            name=odd,
            note=odd,
            addresses=(AddressEntry(detail=odd, label="🏠", recipient="'"),),
            contacts=(ContactEntry(name=odd, position="'--"),),
            territories=(TerritoryEntry(province="'||'"),),
        ),
    )
    assert (card.name, card.note, card.addresses[0].detail, card.contacts[0].name) == (odd,) * 4


async def made(fields, code, kind, **more):
    return await fields.create(
        SYSTEM,
        NewCustomField(code=code, type=kind, label_zh=f"字段{code}", label_en=code, **more),
    )


async def test_fields_are_added_without_code_and_keep_their_types(customers, fields):
    await made(fields, "shop_size", "number", least=Decimal(1), most=Decimal(5000))
    await made(fields, "opened", "date")
    await made(fields, "brand", "text")
    await made(fields, "cold_chain", "yes_no")
    await made(fields, "shop_type", "choice", options=("超市", "便利店"))
    await made(fields, "sells", "choices", options=("烟", "酒", "茶"))
    card = await customers.create(
        SYSTEM,
        NewCustomer(
            name="自定义",
            custom={
                "shop_size": "120.5",
                "opened": "2019-10-01",
                "brand": "老字号",
                "cold_chain": False,
                "shop_type": "超市",
                "sells": ("酒", "茶"),
            },
        ),
    )
    # A number may come as JSON text; the field's type decides what it is.
    assert {each.code: each.value for each in card.custom} == {
        "shop_size": Decimal("120.5"),
        "opened": date(2019, 10, 1),
        "brand": "老字号",
        "cold_chain": False,
        "shop_type": "超市",
        "sells": ("酒", "茶"),
    }
    emptied = await edit(customers, card, custom={"brand": None, "sells": (), "shop_size": 7})
    assert {each.code: each.value for each in emptied.custom} == {
        "shop_size": Decimal(7),
        "opened": date(2019, 10, 1),
        "cold_chain": False,
        "shop_type": "超市",
    }


async def test_a_wrong_value_of_a_custom_field_is_named_and_nothing_is_kept(
    customers, fields, seeded
):
    await made(fields, "rooms", "number", least=Decimal(1), most=Decimal(9))
    await made(fields, "kind", "choice", options=("甲", "乙"))
    with pytest.raises(Invalid) as refused:
        await customers.create(
            SYSTEM, NewCustomer(name="错值", custom={"rooms": 10, "kind": "丙", "nothing": 1})
        )
    assert set(refused.value.fields) == {"custom.rooms", "custom.kind", "custom.nothing"}
    async with seeded.reading() as connection:
        rows = select(func.count()).select_from(CustomValue).where(CustomValue.string == "丙")
        assert await connection.scalar(rows) == 0


async def test_a_required_field_must_be_filled_in(customers, fields):
    must = await made(fields, "licence", "text", required=True)
    with pytest.raises(Invalid):
        await customers.create(SYSTEM, NewCustomer(name="无证"))
    card = await customers.create(SYSTEM, NewCustomer(name="有证", custom={"licence": "A1"}))
    with pytest.raises(Invalid):
        await edit(customers, card, custom={"licence": None})
    await edit(customers, card, note="别的照改")
    await fields.update(SYSTEM, must.id, must.version, CustomFieldChange(required=False))
    await customers.create(SYSTEM, NewCustomer(name="不再要证"))


async def test_definitions_are_guarded(fields):
    agent = person("agent")
    with pytest.raises(Forbidden):
        await fields.create(
            agent, NewCustomField(code="x1", type="text", label_zh="某", label_en="x")
        )
    with pytest.raises(Invalid):
        await made(fields, "no_options", "choice")
    with pytest.raises(Invalid):
        await made(fields, "has_options", "text", options=("甲",))
    with pytest.raises(Invalid):
        await made(fields, "turned", "number", least=Decimal(5), most=Decimal(1))
    with pytest.raises(ValidationError):
        NewCustomField(code="DROP TABLE", type="text", label_zh="某", label_en="x")
    one = await made(fields, "guarded", "text")
    with pytest.raises(Conflict):
        await made(fields, "guarded", "number")
    edits = [
        fields.update(SYSTEM, one.id, one.version, CustomFieldChange(label_en=f"n{n}"))
        for n in range(5)
    ]
    ended = await asyncio.gather(*edits, return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in ended) == 4


def field(kind, **more):
    values = {"options": ("甲", "乙"), "least": None, "most": None} | more
    return Definition(
        1,
        "f",
        "字段",
        "f",
        kind,
        False,
        values["options"],
        values["least"],
        values["most"],
        0,
        True,
        1,
    )


ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.lists(st.text())
)


@given(st.sampled_from(["text", "number", "date", "yes_no", "choice", "choices"]), ANYTHING)
def test_any_value_is_either_kept_in_one_column_or_refused(kind, value):
    try:
        stored = judge(field(kind), value)
    except ValueError:
        return
    for each in stored:
        assert sum(v is not None for v in (each.string, each.number, each.day)) == 1
