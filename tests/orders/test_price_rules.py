"""Price rules, as those who set prices keep them."""

from datetime import date

import pytest
from pydantic import ValidationError

from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM
from orders.pricing.commands import ChangedRule, NewRule, RuleQuery
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop


async def test_a_rule_is_stored_listed_and_changed_by_version(shop: Shop):
    sku = await shop.product(on_hand=0)
    rules = shop.trade.price_rules
    made = await shop.rule("price", sku=sku, value="9.50", valid_from=date(2026, 3, 1))
    assert await rules.get(SYSTEM, made.id) == made
    assert await rules.search(SYSTEM, RuleQuery(sku=sku, on=date(2026, 3, 1))) == (made,)
    assert await rules.search(SYSTEM, RuleQuery(sku=sku, on=date(2026, 2, 28))) == ()
    content = {"kind": "price", "sku": sku, "value": "9.00", "active": False}
    now = await rules.change(SYSTEM, made.id, ChangedRule(version=1, **content))
    assert (now.value, now.active, now.valid_from, now.version) == (9, False, None, 2)
    assert await rules.search(SYSTEM, RuleQuery(sku=sku, on=date(2026, 3, 1))) == ()
    with pytest.raises(Conflict) as refused:
        await rules.change(SYSTEM, made.id, ChangedRule(version=1, **content))
    assert refused.value.fields == {"version": 2}


async def test_the_newest_rules_come_first_and_on_pages(shop: Shop):
    sku = await shop.product(on_hand=0)
    made = [(await shop.rule("amount_off", sku=sku, value="1")).id for _ in range(3)]
    rules = shop.trade.price_rules
    first = await rules.search(SYSTEM, RuleQuery(sku=sku, limit=2))
    assert [rule.id for rule in first] == made[:0:-1]
    rest = await rules.search(SYSTEM, RuleQuery(sku=sku, limit=2, before=first[-1].id))
    assert [rule.id for rule in rest] == made[:1]


async def test_what_a_rule_names_must_exist(shop: Shop):
    sku = await shop.product(on_hand=0)
    for content, field in (
        ({"sku": "NOWHERE"}, "sku"),
        ({"category_code": "nowhere"}, "category_code"),
        ({"sku": sku, "level_code": "nowhere"}, "level_code"),
        ({"sku": sku, "unit": "吨"}, "unit"),
    ):
        with pytest.raises(Invalid) as refused:
            await shop.rule("amount_off", value="1", **content)
        assert field in refused.value.fields
    with pytest.raises(Invalid) as free:
        await shop.rule("free_goods", sku=sku, free_sku="NOWHERE", free_quantity=1)
    assert "free_sku" in free.value.fields
    with pytest.raises(NotFound):
        await shop.rule("price", sku=sku, customer_id=999_999, value="1")
    with pytest.raises(NotFound):
        await shop.trade.price_rules.get(SYSTEM, 999_999)


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "price"},
        {"kind": "price", "sku": "A", "category_code": "b"},
        {"kind": "price", "sku": "A", "customer_id": 1, "level_code": "agent"},
        {"kind": "amount_off", "unit": "箱"},
        {"kind": "free_goods", "sku": "A"},
        {"kind": "free_goods", "free_quantity": 1},
        {"kind": "free_goods", "sku": "A", "free_quantity": 1, "value": "1"},
        {"kind": "percent_off", "value": "101"},
        {"kind": "percent_off", "value": "0"},
        {"kind": "amount_off", "value": "1", "min_total": "5"},
        {"kind": "order_amount_off", "value": "1", "sku": "A"},
        {"kind": "order_percent_off", "value": "1", "min_quantity": 2},
        {"kind": "amount_off", "value": "1", "free_quantity": 2},
        {"kind": "amount_off", "valid_from": "2026-03-02", "valid_until": "2026-03-01"},
        {"kind": "wish", "value": "1"},
    ],
)
def test_a_rule_that_says_nothing_or_two_things_is_refused(content):
    with pytest.raises(ValidationError):
        NewRule.model_validate(content)


async def test_prices_are_set_by_those_who_have_the_right(shop: Shop):
    rules, agent = shop.trade.price_rules, person("agent")
    sku = await shop.product(on_hand=0)
    with pytest.raises(Forbidden):
        await rules.search(agent, RuleQuery())
    with pytest.raises(Forbidden):
        await rules.add(agent, NewRule(kind="price", sku=sku, value="1"))
    assert (await rules.search(person("operations"), RuleQuery(sku=sku))) == ()
