"""The catalogue: products with packs and substitutes, and the tree of their categories."""

import asyncio

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM
from orders.catalogue.commands import (
    ChangedCategory,
    ChangedProduct,
    NewCategory,
    NewProduct,
    ProductQuery,
)
from orders.errors import UnknownProduct
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop

GOODS = {"name_zh": "货", "name_en": "Goods", "unit": "条", "list_price": "100.00"}


async def added(shop: Shop, sku: str, **content: object):
    return await shop.trade.catalogue.add(SYSTEM, NewProduct(sku=sku, **GOODS | content))


async def changed(shop: Shop, sku: str, version: int, **content: object):
    new = ChangedProduct(version=version, **GOODS | content)
    return await shop.trade.catalogue.change(SYSTEM, sku, new)


async def category(shop: Shop, code: str, parent: str | None = None):
    new = NewCategory(code=code, parent_code=parent, name_zh=code, name_en=code)
    return await shop.trade.catalogue.add_category(SYSTEM, new)


async def move_below(shop: Shop, code: str, parent: str | None, version: int):
    new = ChangedCategory(version=version, parent_code=parent, name_zh=code, name_en=code)
    return await shop.trade.catalogue.change_category(SYSTEM, code, new)


async def test_a_product_is_one_record_with_its_packs_and_substitutes(shop: Shop):
    await added(shop, "CAT-OLD")
    made = await added(
        shop,
        "CAT-1",
        specification="84mm×20",
        attributes={"产地": "云南"},
        tax_rate="0.09",
        packs=({"unit": "箱", "factor": 50, "barcode": "690111"},),
        substitutes=("CAT-OLD",),
    )
    assert await shop.trade.catalogue.get(SYSTEM, "CAT-1") == made
    assert (made.version, made.substitutes, made.attributes) == (1, ("CAT-OLD",), {"产地": "云南"})
    now = await changed(shop, "CAT-1", 1, packs=({"unit": "件", "factor": 10},))
    assert ([pack.unit for pack in now.packs], now.substitutes, now.version) == (["件"], (), 2)


async def test_the_change_of_a_price_is_in_the_audit_trail(shop: Shop):
    await added(shop, "CAT-2")
    await changed(shop, "CAT-2", 1, list_price="90.00")
    entry = await shop.scalar(
        "SELECT before || after FROM (SELECT CAST(before AS text) AS before,"
        " CAST(after AS text) AS after FROM audit_log WHERE action = 'product.update'"
        " AND entity_id = 'CAT-2') e"
    )
    assert "100.00" in entry
    assert "90.00" in entry
    assert "name_zh" not in entry


async def test_of_two_who_change_a_product_the_second_sees_that_it_changed(shop: Shop):
    await added(shop, "CAT-3")
    answers = await asyncio.gather(
        *(changed(shop, "CAT-3", 1, list_price=price) for price in ("80", "70")),
        return_exceptions=True,
    )
    (refused,) = [answer for answer in answers if isinstance(answer, Conflict)]
    assert refused.fields["version"] in (1, 2)
    assert (await shop.trade.catalogue.get(SYSTEM, "CAT-3")).version == 2


async def test_what_cannot_be_is_refused_with_the_field_to_mend(shop: Shop):
    await added(shop, "CAT-4", barcode="6909999")
    for sku, content, kind, field in (
        ("CAT-4", {}, Conflict, "sku"),
        ("CAT-5", {"barcode": "6909999"}, Conflict, "barcode"),
        ("CAT-5", {"category_code": "nowhere"}, Invalid, "category_code"),
        ("CAT-5", {"substitutes": ("NOWHERE",)}, Invalid, "substitutes"),
        ("CAT-5", {"substitutes": ("CAT-5",)}, Invalid, "substitutes"),
    ):
        with pytest.raises(kind) as refused:
            await added(shop, sku, **content)
        assert field in refused.value.fields
    with pytest.raises(UnknownProduct):
        await shop.trade.catalogue.get(SYSTEM, "CAT-5")
    with pytest.raises(Conflict) as unit:
        await changed(shop, "CAT-4", 1, unit="箱")
    assert unit.value.fields == {"unit": "条"}


@pytest.mark.parametrize(
    "content",
    [
        {"packs": ({"unit": "条", "factor": 10},)},
        {"packs": ({"unit": "箱", "factor": 1},)},
        {"packs": ({"unit": "箱", "factor": 5}, {"unit": "箱", "factor": 6})},
        {"floor_price": "100.01"},
        {"list_price": "-1"},
        {"list_price": "1.001"},
        {"tax_rate": "1"},
        {"order_step": 0},
        {"substitutes": ("X", "X")},
    ],
)
def test_an_impossible_product_is_refused_before_it_travels(content):
    with pytest.raises(ValidationError):
        NewProduct(sku="X-1", **GOODS | content)


async def test_products_are_listed_by_category_words_and_page(shop: Shop):
    await category(shop, "paper")
    await category(shop, "tissue", "paper")
    for number in range(5):
        await added(shop, f"LST-{number}", category_code="tissue", active=number != 3)
    catalogue = shop.trade.catalogue

    async def found(**query: object):
        each = await catalogue.search(SYSTEM, ProductQuery(category_code="paper", **query))
        return [product.sku[-1] for product in each]

    assert await found() == list("01234")
    assert await found(active=True) == list("0124")
    assert await found(after="LST-1", limit=2) == list("23")
    assert await found(q="lst-4") == ["4"]


async def test_a_category_takes_those_below_it_along(shop: Shop):
    for code, parent in (("north", None), ("top", None), ("mid", "top"), ("low", "mid")):
        await category(shop, code, parent)
    moved = await move_below(shop, "mid", "north", 1)
    assert moved.path == ("north", "mid")
    paths = {each.code: each.path for each in await shop.trade.catalogue.categories(SYSTEM)}
    assert paths["low"] == ("north", "mid", "low")
    for parent in ("low", "mid"):
        with pytest.raises(Invalid) as circle:
            await move_below(shop, "mid", parent, 2)
        assert circle.value.fields == {"parent_code": "circle"}
    with pytest.raises(Conflict):
        await move_below(shop, "mid", None, 1)
    with pytest.raises(NotFound):
        await move_below(shop, "nowhere", None, 1)
    with pytest.raises(Conflict):
        await category(shop, "mid")


async def test_two_who_hang_categories_below_each_other_make_no_circle(shop: Shop):
    for code in ("left", "right"):
        await category(shop, code)
    answers = await asyncio.gather(
        move_below(shop, "left", "right", 1),
        move_below(shop, "right", "left", 1),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers].count(Invalid) == 1


async def test_the_catalogue_is_kept_by_those_who_have_the_right(shop: Shop):
    catalogue, agent = shop.trade.catalogue, person("agent")
    with pytest.raises(Forbidden):
        await catalogue.search(agent, ProductQuery())
    with pytest.raises(Forbidden):
        await catalogue.add(agent, NewProduct(sku="CAT-9", **GOODS))
    with pytest.raises(Forbidden):
        await catalogue.add_category(agent, NewCategory(code="x", name_zh="x", name_en="x"))
    assert await catalogue.search(person("operations"), ProductQuery()) is not None
    assert await catalogue.categories(agent) is not None


async def test_the_database_itself_refuses_a_product_that_must_not_be(shop: Shop):
    await added(shop, "CAT-8")
    for change in ("list_price = -1", "tax_rate = 1", "order_step = 0", "floor_price = -1"):
        with pytest.raises(Exception, match="ck_products"):
            async with shop.database.begin() as session:
                await session.execute(text(f"UPDATE products SET {change} WHERE sku = 'CAT-8'"))
