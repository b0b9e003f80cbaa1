"""Orders held against the rules of review: what they say, who decides, and how much each role may approve."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.rights import SYSTEM, Principal
from crm_core.seeds import seed_roles
from orders.errors import BeyondLimit, NoReviewLimit, OverCredit, ReviewRejected
from orders.review.commands import ChangedReviewRule, NewReviewRule, ReviewLimit
from orders.review.rules import ReviewFacts, ReviewKind, ReviewRule, Says, Verdict, assess
from orders.review.seeds import seed_limits
from orders.sales.commands import SplitOrder
from orders.sales.rounds import BackorderFilling, OrderApproval
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop

MONEY = st.decimals(0, 1_000_000, places=2)
RULES = st.builds(
    ReviewRule,
    st.integers(1, 9),
    st.sampled_from(ReviewKind),
    st.sampled_from(Says),
    st.just("规则"),
    st.just("rule"),
    st.decimals(0, 100, places=2),
    st.just(("加急", "Custom")),
)
FACTS = st.builds(
    ReviewFacts,
    MONEY,
    MONEY,
    MONEY,
    st.booleans(),
    st.integers(0, 20),
    st.integers(0, 20),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "", "请加急", "CUSTOM made", "早上送"]),
)
GRAVE = {Says.NOTE: 0, Says.URGENT: 0, Says.HOLD: 1, Says.REJECT: 2}
ORDER = (Verdict.PASS, Verdict.HOLD, Verdict.REJECT)


@given(FACTS, st.lists(RULES, max_size=6, unique_by=lambda rule: rule.id))
def test_the_gravest_rule_that_applies_decides_whatever_their_order(facts, rules):
    said = assess(facts, rules)
    assert assess(facts, rules[::-1]) == said
    hit = [each for each in rules if assess(facts, [each]).why[int(facts.over_credit) :]]
    least = max((GRAVE[rule.says] for rule in hit), default=0)
    assert said.verdict == ORDER[max(least, int(facts.over_credit))]
    assert said.urgent == any(rule.says is Says.URGENT for rule in hit)
    assert len(said.why) == len(hit) + facts.over_credit


@given(FACTS, RULES)
def test_an_order_beyond_the_credit_never_passes(facts, rule):
    if facts.over_credit:
        assert assess(facts, [rule]).verdict is not Verdict.PASS


@pytest.mark.parametrize(
    ("kind", "value", "facts", "hits"),
    [
        ("total_over", 100, {"total": 101}, True),
        ("total_over", 100, {"total": 100}, False),
        ("first_order_over", 50, {"total": 51}, True),
        ("first_order_over", 50, {"total": 51, "orders_before": 1}, False),
        ("overdue_over", 0, {"overdue": 1}, True),
        ("bad_history", 30, {"orders_before": 10, "bad_before": 3}, False),
        ("bad_history", 30, {"orders_before": 10, "bad_before": 4}, True),
        ("bad_history", 30, {"orders_before": 2, "bad_before": 2}, False),
        ("discount_over", 40, {"total": 59, "list_total": 100}, True),
        ("discount_over", 40, {"total": 60, "list_total": 100}, False),
        ("not_prepaid", 0, {"terms_prepaid": True}, True),
        ("not_prepaid", 0, {"terms_prepaid": True, "prepaid": True}, False),
    ],
)
def test_each_kind_of_rule_looks_at_what_it_is_named_for(kind, value, facts, hits):
    whole = {"total": 10, "list_total": 10} | facts
    known = ReviewFacts(**{n: Decimal(v) if n in MONEYS else v for n, v in whole.items()})
    rule = ReviewRule(1, ReviewKind(kind), Says.HOLD, "规则", "rule", Decimal(value))
    assert (assess(known, [rule]).verdict is Verdict.HOLD) == hits


MONEYS = {"total", "list_total", "overdue"}


async def rule(shop: Shop, kind: str, says: str, **more):
    content = {"kind": kind, "says": says, "name_zh": "规则", "name_en": "rule"} | more
    made = await shop.trade.review_rules.add(SYSTEM, NewReviewRule.model_validate(content))

    async def end() -> None:
        changed = content | {"active": False, "version": made.version}
        await shop.trade.review_rules.change(
            SYSTEM, made.id, ChangedReviewRule.model_validate(changed)
        )

    return made, end


async def test_words_in_the_note_hold_the_order_or_make_it_urgent(shop: Shop):
    sku = await shop.product(on_hand=20)
    _, end_custom = await rule(shop, "note_words", "hold", words=["定制"])
    _, end_urgent = await rule(shop, "note_words", "urgent", words=["加急"])
    held = await shop.place((sku, 1), note="定制标签,加急", customer=shop.plain)
    assert (held.order.status, held.order.review, held.order.urgent) == ("review", "hold", True)
    assert [why.params["words"] for why in held.warnings] == ["定制", "加急"]
    assert await shop.credit_used(shop.plain) == held.order.total
    plain = await shop.place((sku, 1), note="照旧", customer=shop.plain)
    assert (plain.order.status, plain.order.urgent) == ("placed", False)
    report = await shop.trade.changes.report(SYSTEM, held.order.id)
    assert (report.verdict, report.can_be_fulfilled) == ("hold", True)
    assert report.standing.beyond == 0
    approved = await shop.move(held.order.id, "reviewed")
    assert approved.status == "reviewed"
    await end_custom()
    await end_urgent()
    await shop.assert_ledger_adds_up()


async def test_an_order_that_a_rule_rejects_leaves_nothing_behind(shop: Shop):
    sku = await shop.product(on_hand=5, price="700.00")
    _, end = await rule(shop, "total_over", "reject", value="1000")
    used = await shop.credit_used(shop.plain)
    with pytest.raises(ReviewRejected) as refused:
        await shop.place((sku, 2), customer=shop.plain)
    assert refused.value.fields == {"reasons": ["规则"]}
    assert await shop.balance(sku) == (5, 0)
    assert await shop.credit_used(shop.plain) == used
    assert (await shop.place((sku, 1), customer=shop.plain)).order.status == "placed"
    await end()
    assert (await shop.place((sku, 2), customer=shop.plain)).order.status == "placed"


async def reviewers(shop: Shop) -> tuple[Principal, Principal]:
    """A supervisor and somebody of operations, whose roles have no limit."""
    async with shop.database.begin() as session:
        await seed_roles(session)
        await session.execute(text("DELETE FROM order_review_limits"))
        for number, role in ((901, "supervisor"), (902, "operations")):
            await session.execute(
                text(
                    "INSERT INTO users (id, login, name, password_hash, role_code, locale)"
                    " VALUES (:id, :role, :role, 'x', :role, 'zh-CN') ON CONFLICT DO NOTHING"
                ),
                {"id": number, "role": role},
            )
    return person("supervisor", user_id=901), person("operations", user_id=902)


async def limited(shop: Shop, most: int) -> Principal:
    """Somebody who may approve up to `most`."""
    _, desk = await reviewers(shop)
    await shop.trade.review_rules.limit(SYSTEM, "operations", ReviewLimit(most_total=most))
    return desk


def split_of(version: int, *lines: tuple[int, int], backorder: bool = False) -> SplitOrder:
    taken = [{"line_no": number, "quantity": many} for number, many in lines]
    return SplitOrder.model_validate({"version": version, "lines": taken, "backorder": backorder})


async def test_an_order_in_parts_is_judged_as_a_whole(shop: Shop):
    desk = await limited(shop, 150)
    sku = await shop.product(on_hand=20, price="50.00")
    _, end = await rule(shop, "total_over", "hold", value="100")
    order = (await shop.place((sku, 4), customer=shop.plain)).order
    part = await shop.trade.changes.split(desk, order.id, split_of(1, (1, 2)))
    for each in (order.id, part.id):
        with pytest.raises(BeyondLimit) as refused:
            await shop.service.move(each, "reviewed", desk)
        assert refused.value.fields == {"what": "total", "most": "150.00"}
    await shop.move(part.id, "cancelled")
    assert (await shop.service.move(order.id, "reviewed", desk)).status == "reviewed"
    await end()


async def test_what_waits_for_goods_stays_held_when_it_is_split_off(shop: Shop):
    desk = await limited(shop, 150)
    sku = await shop.product(on_hand=20, price="50.00")
    by_rule = (await shop.place((sku, 4), note="定制", customer=shop.plain)).order
    await shop.move(by_rule.id, "review")  # by a person: no rule speaks against it
    waits = await shop.trade.changes.split(desk, by_rule.id, split_of(1, (1, 2), backorder=True))
    assert (waits.status, waits.review) == ("backordered", "hold")
    with pytest.raises(BeyondLimit):
        await shop.service.move(waits.id, "placed", desk)
    assert await BackorderFilling(shop.database, shop.service).run_once() == 1
    assert (await shop.service.get(SYSTEM, waits.id)).status == "review"
    with pytest.raises(BeyondLimit):
        await shop.service.move(waits.id, "reviewed", desk)
    await shop.assert_ledger_adds_up()


async def test_a_role_without_a_limit_approves_nothing_that_was_held(shop: Shop):
    boss, desk = await reviewers(shop)
    sku = await shop.product(on_hand=20)
    _, end = await rule(shop, "note_words", "hold", words=["定制"])
    held = (await shop.place((sku, 1), note="定制", customer=shop.plain)).order
    with pytest.raises(NoReviewLimit, match="order-review-limits/supervisor") as refused:
        await shop.service.move(held.id, "reviewed", boss)
    assert refused.value.fields == {"role": "supervisor"}
    passed = (await shop.place((sku, 1), customer=shop.plain)).order
    assert (await shop.service.move(passed.id, "reviewed", desk)).status == "reviewed"
    async with shop.database.begin() as session:
        await seed_limits(session)
        await seed_limits(session)
    limits = await shop.trade.review_rules.limits(SYSTEM)
    assert [(each.role_code, each.most_total) for each in limits] == [
        ("admin", None),
        ("operations", None),
        ("supervisor", None),
    ]
    assert (await shop.service.move(held.id, "reviewed", boss)).status == "reviewed"
    await end()


async def test_a_seed_leaves_a_limit_that_somebody_has_set(shop: Shop):
    await limited(shop, 150)
    async with shop.database.begin() as session:
        await seed_limits(session)
    limits = await shop.trade.review_rules.limits(SYSTEM)
    assert {each.role_code: each.most_total for each in limits}["operations"] == 150


async def test_a_role_approves_up_to_its_limit_and_beyond_the_credit_only_as_far_as_it_may(
    shop: Shop,
):
    boss, desk = await reviewers(shop)
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET credit_limit = 100, credit_used = 0 WHERE id = :id"),
            {"id": shop.poor},
        )
    rules = shop.trade.review_rules
    with pytest.raises(Forbidden):
        await rules.limit(boss, "supervisor", ReviewLimit(most_beyond_credit=Decimal(10)))
    given_ = await rules.limit(SYSTEM, "supervisor", ReviewLimit(most_beyond_credit=Decimal(90)))
    await rules.limit(SYSTEM, "operations", ReviewLimit(most_total=Decimal(150)))
    with pytest.raises(Conflict):
        await rules.limit(SYSTEM, "supervisor", ReviewLimit(most_beyond_credit=Decimal(1)))
    with pytest.raises(Invalid):
        await rules.limit(SYSTEM, "nobody", ReviewLimit())
    assert given_.version == 1
    sku = await shop.product(on_hand=20, price="60.00")
    small, large = [
        (await shop.place((sku, n), customer=shop.poor)).order for n in (3, 4)
    ]  # 180 and 240 where the credit is 100
    with pytest.raises(BeyondLimit):
        await shop.service.move(small.id, "reviewed", desk)
    with pytest.raises(OverCredit):
        await shop.service.move(small.id, "reviewed", SYSTEM)
    with pytest.raises(OverCredit):
        await shop.service.move(large.id, "reviewed", boss)
    done = await shop.service.move_and_read(small.id, "reviewed", boss, reason="老客户")
    assert (done.status, done.credit_held) == ("reviewed", Decimal("180.00"))
    assert done.history[-1].reason == "老客户"
    await shop.move(small.id, "cancelled")
    await shop.move(large.id, "cancelled")
    assert await shop.credit_used(shop.poor) == 0


async def test_what_the_rules_let_pass_is_approved_by_itself_and_nothing_else(shop: Shop):
    sku = await shop.product(on_hand=20)
    _, end = await rule(shop, "note_words", "hold", words=["定制"])
    passed = (await shop.place((sku, 1), customer=shop.plain)).order
    held = (await shop.place((sku, 1), note="定制", customer=shop.plain)).order
    approval = OrderApproval(
        shop.database, shop.service, clock=shop.clock, after=timedelta(minutes=10)
    )
    await approval.run_once()
    assert (await shop.service.get(SYSTEM, passed.id)).status == "placed"
    shop.clock.pass_by(timedelta(minutes=10))
    await approval.run_once()
    assert (await shop.service.get(SYSTEM, passed.id)).status == "reviewed"
    assert (await shop.service.get(SYSTEM, held.id)).status == "review"
    await end()


def test_a_rule_that_makes_no_sense_is_refused():
    content = {"says": "hold", "name_zh": "规则", "name_en": "rule"}
    for wrong in (
        {"kind": "note_words"},
        {"kind": "total_over", "words": ["x"]},
        {"kind": "bad_history", "value": "101"},
        {"kind": "total_over", "value": "-1"},
    ):
        with pytest.raises(ValueError, match=r"words|value"):
            NewReviewRule.model_validate(content | wrong)
