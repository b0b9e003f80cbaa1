"""Lists of insight, and the rules people edit."""

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.insight.commands import (
    By,
    ContributionQuery,
    PageQuery,
    RulesEdit,
    VersionQuery,
)
from crm_core.insight.rules import InsightRules
from crm_core.rights import SYSTEM, Access, Principal, Right, Scope
from tests.insight.insight_firm import Firm, days
from tests.insight.insight_rules import condition

LONG = {"since": date(2026, 1, 1), "until": date(2026, 12, 31)}


@pytest.fixture
async def chain(firm: Firm) -> list[int]:
    """Five customers of three levels; the first brought 10 yuan, the last 50."""
    made = []
    for number in range(1, 6):
        level = ("retailer", "city", "provincial")[number % 3]
        values = {"level_code": level, "province": None if number == 5 else f"省{number % 2}"}
        customer = await firm.taken_on(f"链{number}", **values)
        await firm.sell(customer, number)
        made.append(customer)
    await firm.settle()
    return made


@pytest.fixture(autouse=True)
async def alone(firm: Firm):
    """Without what other tests left."""
    yield
    async with firm.database.begin() as session:
        await session.execute(text("UPDATE orders SET status = 'cancelled', credit_held = 0"))
        await session.execute(text("UPDATE customers SET salesperson_id = NULL"))
        await session.execute(
            text("INSERT INTO insight_queue (customer_id) SELECT id FROM customers")
        )


def rules_with(rules: InsightRules, **more: object) -> InsightRules:
    return InsightRules.model_validate(rules.model_dump() | more)


async def edit(firm: Firm, actor: Principal, **more: object) -> int:
    found = await firm.insight.rules(SYSTEM)
    changed = rules_with(found.book.rules, **more)
    done = await firm.insight.change_rules(
        actor, RulesEdit(version=found.book.version, rules=changed)
    )
    return done.book.version


async def test_contribution_ranks_by_what_was_brought_in_the_time_asked_for(firm: Firm, chain):
    found = await firm.insight.contribution(SYSTEM, ContributionQuery(**LONG, limit=2))
    assert [(item.rank, item.code, item.revenue) for item in found.items] == [
        (1, str(chain[4]), 50),
        (2, str(chain[3]), 40),
    ]
    assert (found.orders, found.revenue) == (5, 150)
    assert found.items[0].share_percent == Decimal("33.33")
    assert found.items[0].name_zh == "链5"
    yesterday = firm.shop.clock().date() - days(2)
    none = ContributionQuery(since=date(2026, 1, 1), until=yesterday)
    assert (await firm.insight.contribution(SYSTEM, none)).items == ()


async def test_one_customers_contribution_has_its_rank_and_share_among_all(firm: Firm, chain):
    query = ContributionQuery(**LONG, customer_id=chain[1])
    found = await firm.insight.contribution(SYSTEM, query)
    (item,) = found.items
    assert (item.rank, item.revenue, item.share_percent) == (4, 20, Decimal("13.33"))
    assert (found.orders, found.revenue) == (5, 150)
    nothing = await firm.taken_on("没买过")
    none = ContributionQuery(**LONG, customer_id=nothing)
    found = await firm.insight.contribution(SYSTEM, none)
    assert (found.items, found.revenue) == ((), 150)
    gone = ContributionQuery(**LONG, customer_id=987_654)
    with pytest.raises(NotFound):
        await firm.insight.contribution(SYSTEM, gone)
    with pytest.raises(ValueError, match="by customer"):
        ContributionQuery(**LONG, customer_id=1, by=By.LEVEL)


async def test_contribution_is_read_page_by_page(firm: Firm, chain):
    seen, after = [], None
    while True:
        query = ContributionQuery(**LONG, limit=2, after=after)
        found = await firm.insight.contribution(SYSTEM, query)
        if not found.items:
            break
        seen += [each.code for each in found.items]
        after = found.items[-1].place
    assert seen == [str(each) for each in reversed(chain)]


async def test_every_version_of_the_rules_can_be_looked_at(firm: Firm):
    before = await firm.insight.rules(SYSTEM)
    version = await edit(firm, firm.office.sun, health=())
    newest = await firm.insight.versions(firm.office.sun, VersionQuery(limit=1))
    assert (newest[0].version, newest[0].actor_name) == (version, "Sun")
    older = await firm.insight.versions(firm.office.sun, VersionQuery(before=version, limit=1))
    assert older[0].version == before.book.version
    was = await firm.insight.version(firm.office.sun, before.book.version)
    assert was.rules == before.book.rules
    assert (await firm.insight.version(firm.office.sun, version)).rules.health == ()
    with pytest.raises(NotFound):
        await firm.insight.version(firm.office.sun, version + 1)
    with pytest.raises(Forbidden):
        await firm.insight.versions(firm.office.wang, VersionQuery())
    await edit(firm, firm.office.sun, health=before.book.rules.health)


async def test_contribution_is_summed_up_by_level_province_and_salesperson(firm: Firm, chain):
    async with firm.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET salesperson_id = :wang WHERE id = ANY (:ids)"),
            {"wang": firm.office.wang.user_id, "ids": chain[:2]},
        )

    async def by(what: By) -> list[tuple[object, ...]]:
        query = ContributionQuery(**LONG, by=what)
        found = await firm.insight.contribution(SYSTEM, query)
        return [(each.code, each.customers, each.revenue) for each in found.items]

    assert await by(By.LEVEL) == [("provincial", 2, 70), ("city", 2, 50), ("retailer", 1, 30)]
    assert await by(By.PROVINCE) == [("省0", 2, 60), (None, 1, 50), ("省1", 2, 40)]
    assert await by(By.SALESPERSON) == [(None, 3, 120), (str(firm.office.wang.user_id), 2, 30)]


async def test_those_who_brought_the_same_share_a_rank(firm: Firm):
    for name in ("甲", "乙", "丙"):
        await firm.sell(await firm.taken_on(name), 3 if name == "丙" else 4)
    found = await firm.insight.contribution(SYSTEM, ContributionQuery(**LONG))
    assert [item.rank for item in found.items] == [1, 1, 3]


async def test_contribution_counts_no_order_that_was_taken_back(firm: Firm):
    customer = await firm.taken_on()
    for way in (
        ("cancelled",),
        ("reviewed", "picking", "shipped", "refused"),
        ("reviewed", "picking", "shipped", "in_transit", "delivered", "returned"),
        ("reviewed", "picking", "shipped", "in_transit", "delivered", "settled"),
    ):
        order_id = await firm.sell(customer)
        if "settled" in way:
            await firm.shop.pay(order_id, Decimal(10))
        await firm.shop.move(order_id, *way)
    found = await firm.insight.contribution(SYSTEM, ContributionQuery(**LONG))
    assert (found.orders, found.revenue) == (1, 10)


async def test_segments_are_counted_and_their_customers_come_in_pages(firm: Firm, chain):
    found = {each.code: each for each in await firm.insight.segments(SYSTEM)}
    assert next(iter(found)) == "none"
    assert (found["new"].customers, found["new"].revenue_12m) == (5, 150)
    seen, after = [], None
    while page := await firm.insight.in_segment(SYSTEM, "new", PageQuery(limit=2, after=after)):
        seen += [item.customer_id for item in page]
        after = page[-1].customer_id
    assert seen == chain[::-1]
    with pytest.raises(NotFound):
        await firm.insight.in_segment(SYSTEM, "no_such", PageQuery())


async def test_warnings_are_counted_and_their_customers_come_in_pages(firm: Firm, chain):
    firm.shop.clock.pass_by(days(31))
    await firm.call(chain[0])
    await firm.settle()
    counts = {each.code: each.customers for each in await firm.insight.health(SYSTEM)}
    page = await firm.insight.warned(SYSTEM, "no_contact", PageQuery(limit=200))
    assert counts["no_contact"] == len(page)
    listed = {item.customer_id for item in page}
    assert listed >= set(chain[1:])
    assert chain[0] not in listed
    assert counts["falling"] == 0


async def test_who_was_erased_is_counted_nowhere(firm: Firm, chain):
    firm.shop.clock.pass_by(days(31))
    await firm.settle()
    before = {each.code: each.customers for each in await firm.insight.segments(SYSTEM)}
    warned = {each.code: each.customers for each in await firm.insight.health(SYSTEM)}
    everybody = (await firm.insight.progress()).customers
    async with firm.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET erased_at = now() WHERE id = :id"), {"id": chain[0]}
        )
    found = {each.code: each.customers for each in await firm.insight.segments(SYSTEM)}
    assert found["new"] == before["new"] - 1
    told = {each.code: each.customers for each in await firm.insight.health(SYSTEM)}
    assert told["no_contact"] == warned["no_contact"] - 1
    page = await firm.insight.in_segment(SYSTEM, "new", PageQuery())
    assert chain[0] not in {item.customer_id for item in page}
    assert (await firm.insight.progress()).customers == everybody - 1


async def test_whoever_sees_only_the_own_customers_counts_only_those(firm: Firm, chain):
    li = replace(firm.office.li, scope=Scope.OWN, rights=frozenset(Right))
    async with firm.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET salesperson_id = :wang WHERE id <> :mine"),
            {"wang": firm.office.wang.user_id, "mine": chain[1]},
        )
    found = await firm.insight.contribution(li, ContributionQuery(**LONG))
    assert [(each.code, each.share_percent) for each in found.items] == [(str(chain[1]), 100)]
    assert sum(each.customers for each in await firm.insight.segments(li)) == 1
    page = await firm.insight.in_segment(li, "new", PageQuery())
    assert [item.customer_id for item in page] == [chain[1]]
    with pytest.raises(NotFound):
        await firm.insight.customer(li, chain[0])


async def test_a_figure_of_hidden_fields_is_shown_nowhere(firm: Firm):
    owing = await firm.taken_on("欠款", overdue_entered=7)
    await firm.settle()
    zhao = firm.office.zhao
    blind = replace(zhao, fields={"customer.credit_overdue": Access.HIDDEN})
    for actor, shown in ((zhao, True), (blind, False)):
        found = await firm.insight.customer(actor, owing)
        assert ("credit_overdue" in {each.code for each in found.warnings}) is shown
        assert ("credit_overdue" in {each.metric for each in found.figures}) is shown
        assert ("credit_overdue" in {each.code for each in found.rules}) is shown
        assert ("credit_overdue" in {e.code for e in await firm.insight.health(actor)}) is shown
        page = await firm.insight.in_segment(actor, "none", PageQuery(limit=200))
        listed = {item.customer_id: item.warnings for item in page}[owing]
        assert ("credit_overdue" in listed) is shown
    with pytest.raises(NotFound):
        await firm.insight.warned(blind, "credit_overdue", PageQuery())


async def test_one_customer_is_told_as_of_now_with_what_waits(firm: Firm, chain):
    await firm.sell(chain[0], 4)
    found = await firm.insight.customer(firm.office.wang, chain[0])
    figures = {figure.metric.value: figure.value for figure in found.figures}
    assert (figures["revenue_12m"], figures["orders_total"], found.pending) == (50, 2, True)
    assert (await firm.row(chain[0])).revenue_12m == 10
    await firm.settle()
    found = await firm.insight.customer(firm.office.wang, chain[0])
    assert found.pending is False
    assert found.computed_at == firm.shop.clock()
    assert [each.code for each in found.rules if each.chosen][:2] == ["new", "D"]


async def test_new_rules_work_everybody_out_anew_and_the_progress_can_be_read(firm: Firm, chain):
    await firm.settle()
    grades = [
        {"code": "S", "name_zh": "特级", "name_en": "Special", "revenue_at_least": 30},
        {"code": "D", "name_zh": "D级", "name_en": "Grade D", "revenue_at_least": 0},
    ]
    version = await edit(firm, firm.office.zhao, grades=grades)
    found = await firm.insight.rules(firm.office.sun)
    assert found.book.version == version
    assert found.book.actor_id == firm.office.zhao.user_id
    assert (found.progress.current, found.progress.customers > 5) == (0, True)
    worker = firm.worker(batch=3)
    assert await worker.run_once() == 3
    assert (await firm.insight.progress()).current == 3
    await firm.settle()
    done = await firm.insight.progress()
    assert done.current == done.customers
    assert [(await firm.row(each)).grade_code for each in chain] == ["D", "D", "S", "S", "S"]
    await firm.assert_as_if_worked_out_now()


async def test_a_change_of_rules_is_audited_with_what_changed(firm: Firm):
    version = await edit(firm, firm.office.zhao, health=[])
    async with firm.database.begin() as session:
        entry = (
            await session.execute(
                text("SELECT * FROM audit_log WHERE action = 'insight.rules' ORDER BY id DESC")
            )
        ).first()
    assert (entry.actor_id, entry.entity_id) == (firm.office.zhao.user_id, str(version))
    assert list(entry.after) == ["health"]
    assert len(entry.before["health"]) == 5
    rules = (await firm.insight.rules(SYSTEM)).book.rules
    usual = InsightRules.model_validate(rules.model_dump() | entry.before)
    await edit(firm, firm.office.zhao, health=usual.health)


async def test_of_many_who_edit_the_same_version_one_wins(firm: Firm):
    book = (await firm.insight.rules(SYSTEM)).book
    edits = [
        RulesEdit(
            version=book.version,
            rules=rules_with(
                book.rules, rfm=book.rules.rfm.model_dump() | {"r_days": (n, 60, 120, 240)}
            ),
        )
        for n in range(1, 9)
    ]
    done = await asyncio.gather(
        *(firm.insight.change_rules(firm.office.zhao, each) for each in edits),
        return_exceptions=True,
    )
    assert [type(each) for each in done].count(Conflict) == 7
    after = (await firm.insight.rules(SYSTEM)).book
    assert after.version == book.version + 1
    with pytest.raises(Conflict) as refused:
        await firm.insight.change_rules(firm.office.zhao, edits[0])
    assert refused.value.fields == {"version": after.version}
    ahead = RulesEdit(version=after.version + 5, rules=book.rules)
    with pytest.raises(Conflict):
        await firm.insight.change_rules(firm.office.zhao, ahead)


async def test_a_level_that_does_not_exist_is_refused_by_name(firm: Firm):
    grades = [
        {
            "code": "D",
            "name_zh": "D",
            "name_en": "D",
            "revenue_at_least": 0,
            "levels": [{"level_code": "galactic", "revenue_at_least": 0}],
        }
    ]
    with pytest.raises(Invalid, match="galactic"):
        await edit(firm, firm.office.zhao, grades=grades)


async def test_a_warning_that_is_switched_off_goes_with_the_next_look(firm: Firm):
    customer = await firm.taken_on(overdue_entered=1)
    await firm.settle()
    rules = (await firm.insight.rules(SYSTEM)).book.rules
    off = [each.model_dump() | {"active": each.code != "credit_overdue"} for each in rules.health]
    await edit(firm, firm.office.zhao, health=off)
    await firm.settle()
    codes = {each["code"] for each in (await firm.row(customer)).warnings}
    assert codes == {"no_contact"}
    assert "credit_overdue" not in {each.code for each in await firm.insight.health(SYSTEM)}
    await edit(firm, firm.office.zhao, health=rules.health)


async def test_rules_with_every_figure_and_operator_can_be_worked_with(firm: Firm, chain):
    rules = (await firm.insight.rules(SYSTEM)).book.rules
    odd = [
        {
            "code": f"h{number}",
            "name_zh": "x",
            "name_en": "x",
            "when": [condition(metric, operator, "3.5")],
        }
        for number, (metric, operator) in enumerate(
            (("order_interval_days", ">"), ("intervals_waited", "<"), ("credit_use_percent", "="))
        )
    ]
    await edit(firm, firm.office.zhao, health=odd)
    await firm.settle()
    await firm.assert_as_if_worked_out_now()
    await edit(firm, firm.office.zhao, health=rules.health)


async def test_everybody_may_be_worked_out_again(firm: Firm, chain):
    await firm.settle()
    firm.shop.clock.pass_by(days(0.1))
    asked = await firm.insight.recompute_all(firm.office.zhao)
    assert await firm.settle() == asked
    assert (await firm.row(chain[0])).computed_at == firm.shop.clock()


async def test_every_question_needs_its_right(firm: Firm, chain):
    nobody = replace(firm.office.wang, rights=frozenset())
    agent, book = firm.office.wang, (await firm.insight.rules(SYSTEM)).book
    for actor, question in (
        (nobody, firm.insight.customer(nobody, chain[0])),
        (agent, firm.insight.contribution(agent, ContributionQuery(**LONG))),
        (agent, firm.insight.segments(agent)),
        (agent, firm.insight.in_segment(agent, "new", PageQuery())),
        (agent, firm.insight.health(agent)),
        (agent, firm.insight.warned(agent, "falling", PageQuery())),
        (agent, firm.insight.rules(agent)),
        (agent, firm.insight.change_rules(agent, RulesEdit(version=1, rules=book.rules))),
        (agent, firm.insight.recompute_all(agent)),
    ):
        del actor
        with pytest.raises(Forbidden):
            await question
