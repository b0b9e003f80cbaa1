"""Customers are found by any combination of fields, and only by what one may see."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import insert

from crm_core.customers.criteria import FIELDS, Condition
from crm_core.customers.custom_fields import CustomFieldService, NewCustomField
from crm_core.customers.family import FamilyService
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.insight_tables import CustomerInsight
from crm_core.customers.search import SavedContent, SearchService
from crm_core.customers.service import CustomerService
from crm_core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from crm_core.people.tables import User
from crm_core.people.units import UnitContent, UnitService
from crm_core.rights import SYSTEM, Access, Principal, Scope
from tests.crm_core.crm_core_support import person


@pytest.fixture
def search(seeded):
    return SearchService(seeded)


def where(field, op="is", value=None):
    return Condition(field=field, op=op, value=value)


@pytest.fixture(scope="module")
async def shop(database):
    """Customers of many kinds, by name."""
    from crm_core.seeds import seed_channel, seed_roles

    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        await session.execute(
            insert(User),
            [
                {
                    "login": f"sales{n}",
                    "name": f"业务{n}",
                    "role_code": "agent",
                    "password_hash": "x",
                }
                for n in range(3)
            ],
        )
    customers, fields = CustomerService(database), CustomFieldService(database)
    for code, kind, options in (
        ("size", "number", ()),
        ("opened", "date", ()),
        ("chain", "yes_no", ()),
        ("goods", "choices", ("烟", "酒", "茶")),
        ("brand", "text", ()),
    ):
        await fields.create(
            SYSTEM,
            NewCustomField(code=code, type=kind, label_zh=code, label_en=code, options=options),
        )
    made = {}
    for name, values in {
        "津门总代": {"level_code": "national", "province": "天津", "city": "天津", "code": "D1"},
        "海河酒行": {
            "level_code": "city",
            "province": "天津",
            "city": "天津",
            "salesperson_id": 1,
            "credit_limit": Decimal(5000),
            "overdue_entered": Decimal(10),
            "phones": ("13912345678",),
            "addresses": [
                {"detail": "友谊北路19号"},
                {
                    "detail": "A座 John Lane 3",
                    "province": "浙江",
                    "city": "宁波",
                    "recipient": "钱二",
                    "phone": "13655507788",
                },
            ],
            "contacts": [{"name": "赵掌柜"}, {"name": "John Smith", "email": "JS@Smith.example"}],
            "territories": [{"province": "河北"}, {"province": "山东", "city": "德州"}],
            "note": "要发票，Tax ID 77",
            "custom": {"size": 80, "opened": "2015-05-01", "chain": True, "goods": ("酒", "茶")},
        },
        "燕赵茶庄": {
            "level_code": "city",
            "province": "河北",
            "city": "石家庄",
            "salesperson_id": 2,
            "credit_limit": Decimal(900),
            "email": "yz@cha.example",
            "birthday": date(1990, 3, 8),
            "custom": {
                "size": 20,
                "opened": "2021-01-01",
                "chain": False,
                "brand": "燕牌Green Tea",
            },
        },
        "散客张三": {"phones": ("13998765432",)},
    }.items():
        parent = made["津门总代"].id if name == "海河酒行" else None
        made[name] = await customers.create(
            SYSTEM, NewCustomer(name=name, parent_id=parent, **values)
        )
    async with database.begin() as session:
        await session.execute(
            insert(CustomerInsight).values(
                customer_id=made["海河酒行"].id,
                grade_code="A",
                segment_code="core",
                warnings=[{"code": "overdue"}],
                **_INSIGHT,
            )
        )
    return made


_INSIGHT: dict[str, object] = {"last_order_at": datetime(2026, 1, 5, 12, tzinfo=UTC)}

CASES = [
    ([("name", "contains", "酒行")], ["海河酒行"]),
    ([("name", "contains", "haihe")], ["海河酒行"]),
    ([("name", "contains", "yzcz")], ["燕赵茶庄"]),
    ([("code", "is", "D1")], ["津门总代"]),
    ([("phones", "contains", "3456")], ["海河酒行"]),
    ([("phones", "is", "13998765432")], ["散客张三"]),
    ([("addresses", "contains", "友谊北")], ["海河酒行"]),
    ([("address_phones", "contains", "5550")], ["海河酒行"]),
    ([("address_phones", "is", "+86 136 5550 7788")], ["海河酒行"]),
    ([("address_phones", "is", "13912345678")], []),
    ([("contacts", "contains", "赵掌")], ["海河酒行"]),
    ([("territories", "is", "河北")], ["海河酒行"]),
    ([("territories", "is", "德州")], ["海河酒行"]),
    ([("territories", "in", ["德州", "唐山"])], ["海河酒行"]),
    ([("territories", "contains", "德")], ["海河酒行"]),
    ([("territories", "contains", "%")], []),
    ([("addresses", "contains", "A座")], ["海河酒行"]),
    ([("addresses", "contains", "a座 JOHN")], ["海河酒行"]),
    ([("addresses", "contains", "浙江宁波")], ["海河酒行"]),
    ([("addresses", "contains", "youyibeilu")], ["海河酒行"]),
    ([("addresses", "contains", "yybl")], ["海河酒行"]),
    ([("addresses", "contains", "钱二")], ["海河酒行"]),
    ([("contacts", "contains", "john")], ["海河酒行"]),
    ([("contacts", "contains", "zhaozhanggui")], ["海河酒行"]),
    ([("contacts", "contains", "js@smith.example")], ["海河酒行"]),
    ([("code", "contains", "d1")], ["津门总代"]),
    ([("email", "contains", "@CHA.")], ["燕赵茶庄"]),
    ([("note", "contains", "发票")], ["海河酒行"]),
    ([("note", "contains", "tax id")], ["海河酒行"]),
    ([("note", "empty", True)], ["散客张三", "燕赵茶庄", "津门总代"]),
    ([("custom.brand", "contains", "green")], ["燕赵茶庄"]),
    ([("custom.brand", "contains", "yanpai")], ["燕赵茶庄"]),
    ([("phones", "is", "+86 139 9876 5432")], ["散客张三"]),
    ([("phones", "is", "0086-139-9876-5432")], ["散客张三"]),
    ([("phones", "contains", "+86 139-9876-5432")], ["散客张三"]),
    ([("level", "is", "city"), ("province", "is", "天津")], ["海河酒行"]),
    ([("level", "in", ["city", "national"])], ["燕赵茶庄", "海河酒行", "津门总代"]),
    ([("province", "not", ["天津"])], ["散客张三", "燕赵茶庄"]),
    ([("province", "empty", True)], ["散客张三"]),
    ([("salesperson", "is", 2)], ["燕赵茶庄"]),
    ([("email", "is", "yz@cha.example")], ["燕赵茶庄"]),
    ([("credit_limit", "from", 900), ("credit_limit", "to", 1000)], ["燕赵茶庄"]),
    ([("credit_available", "from", "4999.99")], ["海河酒行"]),
    ([("credit_overdue", "from", "0.01")], ["海河酒行"]),
    ([("birthday", "to", "1990-03-08")], ["燕赵茶庄"]),
    ([("birthday_month", "in", [2, 3])], ["燕赵茶庄"]),
    ([("created", "to", "2001-01-01")], []),
    ([("created", "from", "2001-01-01"), ("level", "is", "national")], ["津门总代"]),
    ([("custom.size", "from", 50)], ["海河酒行"]),
    ([("custom.size", "empty", True)], ["散客张三", "津门总代"]),
    ([("custom.size", "empty", False), ("custom.size", "to", 20)], ["燕赵茶庄"]),
    ([("custom.opened", "from", "2020-01-01")], ["燕赵茶庄"]),
    ([("custom.chain", "is", True)], ["海河酒行"]),
    ([("custom.chain", "is", False)], ["燕赵茶庄"]),
    ([("custom.goods", "in", ["茶", "烟"])], ["海河酒行"]),
    ([("custom.brand", "not", ["燕牌Green Tea"])], ["散客张三", "海河酒行", "津门总代"]),
    ([("grade", "is", "A"), ("segment", "is", "core"), ("warning", "is", "overdue")], ["海河酒行"]),
    ([("last_order", "from", "2026-01-05"), ("last_order", "to", "2026-01-05")], ["海河酒行"]),
    ([("last_order", "is", "2026-01-06")], []),
    ([("last_contact", "empty", True)], ["散客张三", "燕赵茶庄", "海河酒行", "津门总代"]),
    ([("last_order", "empty", True)], ["散客张三", "燕赵茶庄", "津门总代"]),
    ([("grade", "not", ["A"])], ["散客张三", "燕赵茶庄", "津门总代"]),
    ([("grade", "empty", True), ("level", "is", "city")], ["燕赵茶庄"]),
    ([], ["散客张三", "燕赵茶庄", "海河酒行", "津门总代"]),
]


@pytest.mark.parametrize(("conditions", "names"), CASES, ids=str)
async def test_fields_combine(shop, search, conditions, names):
    found = await search.find(SYSTEM, [where(*each) for each in conditions], count=True)
    assert [hit.name for hit in found.hits] == names
    assert found.total == len(names)


async def test_everybody_under_a_dealer_is_found(shop, search):
    found = await search.find(SYSTEM, [where("under", value=shop["津门总代"].id)])
    assert [hit.name for hit in found.hits] == ["海河酒行"]


@pytest.mark.parametrize("order", ["newest", "name"])
async def test_pages_follow_each_other_and_miss_nobody(shop, search, order):
    names, after = [], None
    while True:
        page = await search.find(SYSTEM, (), order=order, after=after, limit=1)
        names += [hit.name for hit in page.hits]
        after = page.after
        if after is None:
            break
    assert len(names) == len(set(names)) == 4
    assert order != "name" or names == sorted(names)


@pytest.mark.parametrize(
    ("field", "op", "value"),
    [
        ("password_hash", "is", "x"),
        ("custom.nothing", "is", "x"),
        ("level", "contains", "x"),
        ("level", "is", ["a"]),
        ("level", "in", "a"),
        ("salesperson", "is", "x"),
        ("salesperson", "is", 2**31),
        ("credit_limit", "from", "many"),
        ("credit_limit", "from", True),
        ("birthday", "is", "2026-02-30"),
        ("birthday_month", "is", 1.5),
        ("created", "empty", "yes"),
        ("created", "to", "9999-12-31"),
        ("birthday", "from", "0001-01-01"),
        ("phones", "contains", "12"),
        ("address_phones", "contains", "12"),
        ("note", "is", "x"),
        ("email", "contains", "@"),
        ("name", "contains", "%"),
        ("under", "in", [1]),
    ],
)
async def test_a_condition_that_makes_no_sense_is_named(shop, search, field, op, value):
    with pytest.raises(Invalid) as refused:
        await search.find(SYSTEM, [where(field, op, value)])
    assert field in refused.value.fields


VALUES = (
    st.booleans()
    | st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**15), max_value=10**15
    )
    | st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
    | st.sampled_from(
        [
            "2026-03-31",
            "天津",
            "'; DROP TABLE customers; --",
            "%",
            "_",
            "\\",
            "0001-01-01",
            "9999-12-31",
        ]
    )
)
FIELD = st.sampled_from(
    [*FIELDS, "custom.size", "custom.opened", "custom.chain", "custom.goods", "custom.brand"]
)


@settings(suppress_health_check=list(HealthCheck), max_examples=150, deadline=None)
@given(data=st.data())
async def test_any_condition_is_answered_or_refused_never_an_error_of_the_database(
    shop, search, data
):
    op = data.draw(st.sampled_from(["is", "in", "not", "contains", "from", "to", "empty"]))
    value = data.draw(st.lists(VALUES, max_size=3).map(tuple) if op in ("in", "not") else VALUES)
    try:
        condition = where(data.draw(FIELD), op, value)
        await search.find(SYSTEM, [condition], count=True)
    except (ValidationError, DomainError):
        return


async def test_what_a_role_does_not_see_it_cannot_search_by(shop, search):
    clerk = Principal(
        1, "c", "c", "agent", person("agent").rights, "zh-CN", None, 1,
        fields={"customer.credit_limit": Access.HIDDEN, "customer.note": Access.READ},
    )  # fmt: skip
    with pytest.raises(Forbidden):
        await search.find(clerk, [where("credit_limit", "from", 1)])
    assert (await search.find(clerk, [where("level", value="city")])).hits


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("139-9876-5432", ["散客张三"]),
        ("+86 139 9876 5432", ["散客张三"]),
        ("008613998765432", ["散客张三"]),
        ("9876", ["散客张三"]),
        ("5550778", ["海河酒行"]),
        ("+86 136-5550-7788", ["海河酒行"]),
        ("赵掌", ["海河酒行"]),
        ("zzg", ["海河酒行"]),
        ("Smith", ["海河酒行"]),
    ],
)
async def test_numbers_however_written_and_contacts_are_found_at_once(shop, search, typed, names):
    assert [hit.name for hit in await search.quick(SYSTEM, typed)] == names


async def test_a_few_signs_find_nobody_by_a_field_that_a_role_does_not_see(shop, search):
    clerk = Principal(
        7, "k", "k", "agent", person("supervisor").rights, "zh-CN", None, 1,
        fields={f"customer.{name}": Access.HIDDEN for name in ("contacts", "phones", "code")},
    )  # fmt: skip
    for typed in ("赵掌柜", "13998765432", "13655507788", "D1"):
        assert await search.quick(SYSTEM, typed)
        assert await search.quick(clerk, typed) == ()


async def test_what_can_be_searched_names_the_fields_of_the_business_too(shop, search):
    known = await search.fields(SYSTEM)
    assert known["custom.brand"] == {"is", "in", "not", "empty", "contains"}
    assert "custom.size" in known
    assert "contains" in known["note"]
    clerk = Principal(
        7, "k", "k", "agent", person("agent").rights, "zh-CN", None, 1,
        fields={"customer.custom.brand": Access.HIDDEN},
    )  # fmt: skip
    assert "custom.brand" not in await search.fields(clerk)


async def test_a_role_sees_its_own_customers_its_unit_s_or_all(shop, search, seeded):
    units = UnitService(seeded)
    north = await units.create(SYSTEM, UnitContent(name="北方"))
    team = await units.create(SYSTEM, UnitContent(name="一组", parent_id=north.id))
    async with seeded.begin() as session:
        users = {user_id: await session.get(User, user_id) for user_id in (1, 2, 3)}
        users[1].unit_id, users[2].unit_id, users[3].unit_id = north.id, team.id, None

    async def seen_by(user_id, scope):
        who = Principal(user_id, "c", "c", "agent", person("agent").rights, "zh-CN", None, 1, scope)
        found = await search.find(who, ())
        quick = {hit.name for hit in await search.quick(who, "燕赵")}
        assert quick == {"燕赵茶庄"} & {hit.name for hit in found.hits}
        return {hit.name for hit in found.hits} - {"津门总代", "散客张三"}

    assert await seen_by(1, Scope.ALL) == {"海河酒行", "燕赵茶庄"}
    assert await seen_by(1, Scope.OWN) == {"海河酒行"}
    assert await seen_by(1, Scope.UNIT) == {"海河酒行", "燕赵茶庄"}
    assert await seen_by(2, Scope.UNIT) == {"燕赵茶庄"}
    assert await seen_by(3, Scope.UNIT) == set()
    customers = CustomerService(seeded)
    stranger = Principal(3, "c", "c", "agent", person("agent").rights, "zh-CN", None, 1, Scope.OWN)
    with pytest.raises(NotFound):
        await customers.get(stranger, shop["海河酒行"].id)


async def test_searches_are_kept_and_shared(shop, search):
    mine, other = person("agent", 1), person("agent", 2)
    content = SavedContent(name="天津市级", conditions=(where("level", value="city"),))
    kept = await search.save(mine, content)
    with pytest.raises(Conflict):
        await search.save(mine, content)
    with pytest.raises(Invalid):
        await search.save(mine, SavedContent(name="错", conditions=(where("nothing", value="x"),)))
    assert [each.name for each in await search.saved(mine)] == ["天津市级"]
    assert await search.saved(other) == ()
    with pytest.raises(NotFound):
        await search.remove(other, kept.id)
    shared = await search.change(mine, kept.id, 1, content.model_copy(update={"shared": True}))
    assert await search.conditions_of(other, kept.id) == content.conditions
    with pytest.raises(Forbidden):
        await search.change(other, kept.id, shared.version, content)
    with pytest.raises(Conflict):
        await search.change(mine, kept.id, 1, content)
    await search.remove(mine, kept.id)
    assert await search.saved(mine) == ()


async def test_who_lives_in_the_same_house_is_found_however_it_is_written(shop, seeded):
    customers = CustomerService(seeded)
    one, two = [
        await customers.create(
            SYSTEM, NewCustomer(name=name, addresses=[{"detail": "Building A座 5"}])
        )
        for name in ("同屋甲", "异名乙")
    ]
    alike = await FamilyService(seeded).duplicates(SYSTEM, one.id)
    assert [hit.id for hit in alike] == [two.id]


async def test_a_changed_part_of_an_address_is_found(shop, seeded, search):
    customers = CustomerService(seeded)
    made = await customers.create(SYSTEM, NewCustomer(name="改址", addresses=[{"detail": "旧路"}]))
    entry = {"id": made.addresses[0].id, "detail": "旧路", "city": "Xiamen厦门"}
    change = CustomerFields.model_validate({"addresses": [entry]})
    await customers.update(SYSTEM, made.id, 1, change)
    found = await search.find(SYSTEM, [where("addresses", "contains", "厦门旧路")])
    assert [hit.id for hit in found.hits] == [made.id]


@pytest.mark.parametrize(
    ("field", "number"), [("phones", "13912345678"), ("address_phones", "13655507788")]
)
async def test_a_masked_number_cannot_be_guessed_by_its_fragments(shop, search, field, number):
    masked, seeing = person("agent"), person("supervisor")
    name = {"海河酒行"}
    fragments = {number[i:j] for i in range(len(number)) for j in range(i + 3, len(number) + 1)}
    assert len(fragments) > 40
    for digits in fragments:
        known = digits in (number, number[-4:])
        found = {hit.name for hit in await search.quick(masked, digits)}
        assert (name <= found) == known, digits
        assert name <= {hit.name for hit in await search.quick(seeing, digits)}
        condition = where(field, "contains", digits)
        assert name <= {hit.name for hit in (await search.find(seeing, [condition])).hits}
        try:
            found = {hit.name for hit in (await search.find(masked, [condition])).hits}
        except Invalid:
            found = set()
        assert (name <= found) == known, digits
