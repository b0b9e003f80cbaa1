"""Exceptions in three levels: who decides, within which limit, and what follows."""

import asyncio
from datetime import UTC
from decimal import Decimal

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from crm_core.benefits.commands import CouponKindContent, PackageItemContent, PackageKindContent
from crm_core.benefits.service import BenefitService
from crm_core.errors import Forbidden, Invalid
from crm_core.rights import ROLES, SYSTEM
from orders.aftersales.errors import (
    BeyondLevel,
    ExceptionClosed,
    NoHigherLevel,
    OrderStillOpen,
    SameKeyOther,
)
from orders.aftersales.exceptions import flow
from orders.aftersales.exceptions.commands import (
    ChangedRule,
    Closing,
    Decision,
    Escalation,
    LevelContent,
    NewException,
    NewRule,
    ReportQuery,
    Withdrawal,
)
from orders.aftersales.exceptions.flow import RIGHT_OF_LEVEL, Action, Kind, State
from orders.aftersales.exceptions.service import ExceptionEscalation
from orders.aftersales.wording import AFTERSALES_WORDS
from orders.errors import ChangedMeanwhile, MoveNotAllowed
from orders.payments.errors import MoreThanRefundable
from tests.aftersales.counter import Counter
from tests.crm_core.crm_core_support import person


@pytest.fixture(scope="module", autouse=True)
async def _kinds(counter: Counter):
    """What can be given as compensation."""
    shop = counter.shop
    service = BenefitService(shop.database, clock=shop.clock, zone=UTC)
    for code, value in (("sorry20", 20), ("sorry100", 100)):
        content = CouponKindContent(
            name_zh="致歉券", name_en="Sorry", what="amount", value=Decimal(value)
        )
        await service.put_coupon_kind(SYSTEM, code, 0, content)
    package = PackageKindContent(
        purpose="compensation",
        name_zh="补偿包",
        name_en="Compensation",
        months=3,
        items=(PackageItemContent(name_zh="券", name_en="C", many=2, coupon_kind_code="sorry20"),),
    )
    await service.put_package_kind(SYSTEM, "amends", 0, package)


async def test_who_decides_holds_the_right_of_the_level(counter: Counter):
    order = await counter.order()
    agent, supervisor, admin = (counter.people[r] for r in ("agent", "supervisor", "admin"))
    made = await counter.raised(order.id, actor=agent)
    assert (made.summary.level, made.summary.state) == (1, "open")
    made = await _escalate(counter, made)
    with pytest.raises(Forbidden):
        await counter.decide(made, "apologise", actor=agent)
    made = await _escalate(counter, made)
    with pytest.raises(Forbidden):
        await counter.decide(made, "apologise", actor=supervisor)
    with pytest.raises(NoHigherLevel):
        await _escalate(counter, made)
    decided = await counter.decide(made, "apologise", actor=admin)
    assert (decided.summary.state, decided.summary.decided_by) == ("decided", admin.user_id)
    assert [step.action for step in decided.steps] == ["raise", "escalate", "escalate", "decide"]


def test_the_higher_the_level_the_fewer_may_decide():
    holders = [{role for role, seed in ROLES.items() if right in seed.rights}
               for right in RIGHT_OF_LEVEL.values()]  # fmt: skip
    assert holders[0] > holders[1] > holders[2]
    assert flow.allowed(person("agent"), State.OPEN, 1) == ("escalate", "decide", "withdraw")
    assert flow.allowed(person("agent"), State.OPEN, 3) == ("withdraw",)
    assert flow.allowed(person("operations"), State.OPEN, 1) == ()


async def test_beyond_the_limit_of_its_level_it_is_escalated(counter: Counter):
    order = await counter.order(("100.00", 3))
    made = await counter.raised(order.id)
    with pytest.raises(BeyondLevel) as refused:
        await counter.decide(made, "compensate", coupon_kind="sorry20", refund="30.01")
    assert refused.value.fields == {"level": 1, "most": "50", "cost": "50.01"}
    for given in ({"coupon_kind": "sorry100"}, {"refund": "50.01"}):
        with pytest.raises(BeyondLevel):
            await counter.decide(made, "compensate", **given)
    assert (await counter.trade.exceptions.get(SYSTEM, made.summary.id)).summary.state == "open"
    decided = await counter.decide(made, "compensate", coupon_kind="sorry20", refund="30.00")
    assert decided.summary.cost == Decimal("50.00")
    await counter.assert_all_agrees()


async def test_a_coupon_and_a_package_are_given_once_with_the_decision(counter: Counter):
    order = await counter.order()
    made = await counter.raised(order.id)
    ended = await asyncio.gather(
        *(
            counter.decide(made, "compensate", package_kind="amends", words="请收下补偿")
            for _ in range(4)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, ChangedMeanwhile) for each in ended) == 3
    decided = next(each for each in ended if not isinstance(each, Exception))
    assert decided.summary.cost == Decimal("40.00")
    assert decided.summary.package_id is not None
    coupons = "SELECT count(*) FROM coupons WHERE customer_id = :id"
    assert await counter.shop.scalar(coupons, id=order.customer_id) == 2
    other = await counter.raised(order.id)
    decided = await counter.decide(other, "apologise", coupon_kind="sorry20")
    source = "SELECT source FROM coupons WHERE id = :id"
    assert await counter.shop.scalar(source, id=decided.summary.coupon_id) == (
        f"exception:{other.summary.id}"
    )
    with pytest.raises(Invalid):
        await counter.decide(await counter.raised(order.id), "compensate", coupon_kind="none_such")


async def test_the_customer_is_told_the_apology_of_kind_and_level_once(counter: Counter):
    order = await counter.order(customer=counter.shop.dealer)
    before = await counter.told(order.id)
    made = await _escalate(counter, await counter.raised(order.id, "defect"))
    await counter.decide(made, "apologise", words="换新并赠送小礼品")
    told = (await counter.told(order.id))[len(before) :]
    assert told == ["exception_defect_2"] * 2
    refused = await counter.raised(order.id, "dispute")
    await counter.decide(refused, "refuse", words="查无此事")
    assert (await counter.told(order.id))[-1] == "exception_refused"


def test_every_kind_and_level_has_words_in_both_languages():
    wanted = {f"exception_{kind}_{level}" for kind in Kind for level in RIGHT_OF_LEVEL}
    assert wanted <= set(AFTERSALES_WORDS.zh) == set(AFTERSALES_WORDS.en)
    bodies = [AFTERSALES_WORDS.zh[each].body for each in wanted]
    assert len(set(bodies)) == len(wanted)
    for each in wanted:
        assert {"number", "exception", "reason"} <= AFTERSALES_WORDS.placeholders(each)


async def test_a_cancellation_cancels_the_order_and_sends_back_what_was_paid(counter: Counter):
    order = await counter.order(("50.00", 1), status="reviewed", payment="prepaid")
    await counter.till.pay(order.id)
    made = await counter.raised(order.id, "cancellation")
    await counter.decide(made, "cancel", words="已为您取消")
    assert (await counter.get(order.id)).status == "cancelled"
    counter.pass_by(minutes=1)
    await counter.till.watch.run_once()
    assert await counter.till.paid(order.id) == 0
    late = await counter.order(status="shipped")
    made = await counter.raised(late.id, "cancellation")
    with pytest.raises(MoveNotAllowed):
        await counter.decide(made, "cancel")
    assert (await counter.trade.exceptions.get(SYSTEM, made.summary.id)).summary.state == "open"


async def test_a_defect_opens_an_exchange_with_the_decision_also_after_its_time(counter: Counter):
    order = await counter.order()
    counter.pass_by(days=30)
    made = await counter.raised(order.id, "defect", actor=counter.people["agent"])
    decided = await counter.decide(
        made,
        "exchange",
        actor=counter.people["agent"],
        goods=({"line_no": 1, "quantity": 1},),
    )
    found = await counter.trade.returns.get(SYSTEM, decided.summary.return_id)
    assert (found.summary.kind, found.summary.reason_code) == ("exchange", "quality")
    assert found.summary.late_reason == made.summary.number
    assert [line.quantity for line in found.lines] == [1]


async def test_money_is_forgiven_at_most_what_is_owed_and_not_again_with_the_goods(
    counter: Counter,
):
    order = await counter.order(("10.00", 3))
    await counter.pay(order.id, "30.00")
    made = await counter.raised(order.id)
    with pytest.raises(MoreThanRefundable):
        await counter.decide(made, "refund", refund="30.01")
    await counter.decide(made, "refund", refund="12.00")
    assert await counter.money(order.id) == (Decimal("18.00"), Decimal("30.00"), 0)
    back = await counter.back(order.id, {1: 2})
    assert back.summary.value == Decimal("18.00")
    assert (await counter.back(order.id)).summary.value == 0
    await counter.assert_all_agrees()
    early = await counter.order(status="placed")
    with pytest.raises(OrderStillOpen):
        await counter.decide(await counter.raised(early.id), "refund", refund="1.00")


async def test_what_nobody_decides_in_time_is_escalated_once_and_somebody_is_asked(
    counter: Counter,
):
    order = await counter.order()
    made = await counter.raised(order.id)
    worker = ExceptionEscalation(
        counter.shop.database, counter.trade.exceptions, clock=counter.shop.clock
    )
    counter.pass_by(hours=23)
    await worker.run_once()
    assert (await _now(counter, made)).level == 1
    counter.pass_by(hours=1)
    await asyncio.gather(worker.run_once(), worker.run_once())
    now = await _now(counter, made)
    assert (now.level, now.escalated_at) == (2, counter.shop.clock.now)
    assert await _todos(counter, made) == [(1, "done"), (2, "open")]
    counter.pass_by(hours=8)
    await worker.run_once()
    counter.pass_by(hours=100)
    await worker.run_once()
    found = await counter.trade.exceptions.get(SYSTEM, made.summary.id)
    assert (found.summary.level, found.summary.state) == (3, "open")
    assert await _todos(counter, made) == [(1, "done"), (2, "done"), (3, "open")]
    whose = "SELECT assignee_id FROM todos WHERE source_reference = :ref"
    assert (
        await counter.shop.scalar(whose, ref=f"{made.summary.id}:3")
        == counter.people["admin"].user_id
    )
    await counter.decide(found, "apologise")
    assert (await _todos(counter, made))[-1] == (3, "done")


async def test_the_rules_say_on_which_level_it_begins(counter: Counter):
    exceptions = counter.trade.exceptions
    rules = [
        await exceptions.add_rule(SYSTEM, NewRule(kind="dispute", level=2)),
        await exceptions.add_rule(SYSTEM, NewRule(least_total=Decimal(1000), level=2)),
        await exceptions.add_rule(SYSTEM, NewRule(vip=True, kind="defect", level=3)),
        await exceptions.add_rule(SYSTEM, NewRule(level_code="agent", kind="delay", level=2)),
    ]
    small = await counter.order()
    large = await counter.order(("500.00", 2))
    vip = await counter.order(customer=counter.shop.dealer)
    levels = [
        (await counter.raised(order.id, kind)).summary.level
        for order, kind in (
            (small, "delay"),
            (small, "dispute"),
            (large, "delay"),
            (small, "defect"),
            (vip, "defect"),
            (vip, "delay"),
        )
    ]
    assert levels == [1, 2, 2, 1, 3, 2]
    for rule in rules:
        ended = ChangedRule(level=rule.level, kind=rule.kind, active=False, version=1)
        await exceptions.change_rule(SYSTEM, rule.id, ended)
    assert (await counter.raised(small.id, "dispute")).summary.level == 1


async def test_the_hours_of_a_level_are_data(counter: Counter):
    content = LevelContent(name_zh="一般", name_en="Minor", hours=2, most=Decimal(50), version=0)
    await counter.trade.exceptions.put_level(SYSTEM, 1, content)
    made = await counter.raised((await counter.order()).id)
    assert (made.summary.due_at - made.summary.raised_at).total_seconds() == 2 * 3600


async def test_an_exception_is_withdrawn_or_closed_at_its_end_alone(counter: Counter):
    order = await counter.order()
    made = await counter.raised(order.id)
    given = Withdrawal(version=made.summary.version, reason="客户撤回")
    withdrawn = await counter.trade.exceptions.withdraw(SYSTEM, made.summary.id, given)
    with pytest.raises(ExceptionClosed):
        await counter.decide(withdrawn, "apologise")
    assert await _todos(counter, made) == [(1, "done")]
    other = await counter.raised(order.id)
    with pytest.raises(ExceptionClosed):
        await _close(counter, other)
    decided = await counter.decide(other, "apologise")
    assert (await _close(counter, decided)).summary.state == "closed"
    for state in State:
        for action in Action:
            if (state, action) not in flow.MOVES and action is not Action.RAISE:
                with pytest.raises(ExceptionClosed):
                    flow.decide(state, action)


async def test_the_same_exception_sent_again_is_raised_once(counter: Counter):
    order = await counter.order()
    new = NewException(kind="delay", description="晚了")
    enter = counter.trade.exceptions.enter
    first = await enter(SYSTEM, order.id, new, "same-exception")
    assert (await enter(SYSTEM, order.id, new, "same-exception")).summary.id == first.summary.id
    with pytest.raises(SameKeyOther):
        await enter(SYSTEM, (await counter.order()).id, new, "same-exception")


@pytest.mark.parametrize(
    "given",
    [
        {"resolution": "compensate"},
        {"resolution": "refund"},
        {"resolution": "refuse"},
        {"resolution": "refuse", "words": "不", "refund": "1"},
        {"resolution": "cancel", "refund": "1"},
        {"resolution": "apologise", "goods": [{"line_no": 1, "quantity": 1}]},
    ],
)
def test_a_decision_that_does_not_say_what_it_means_is_refused(given):
    with pytest.raises(ValidationError):
        Decision(version=1, **given)


async def test_exceptions_are_counted_by_kind_and_level(counter: Counter):
    counter.pass_by(days=400)
    since = counter.shop.clock.now
    order = await counter.order(("100.00", 1))
    for kind in ("delay", "delay", "defect"):
        made = await counter.raised(order.id, kind)
    await counter.decide(made, "refund", refund="20.00")
    counter.pass_by(days=2)
    wanted = ReportQuery(since=since, until=counter.shop.clock.now)
    lines = await counter.trade.exceptions.report(SYSTEM, wanted)
    assert [(each.kind, each.level, each.count, each.open, each.late) for each in lines] == [
        ("defect", 1, 1, 0, 0),
        ("delay", 1, 2, 2, 2),
    ]
    assert [each.cost for each in lines] == [Decimal("20.00"), 0]
    with pytest.raises(Invalid):
        await counter.trade.exceptions.report(SYSTEM, ReportQuery(since=since, until=since))


async def _escalate(counter: Counter, made):
    given = Escalation(version=made.summary.version, reason="超出权限")
    return await counter.trade.exceptions.escalate(SYSTEM, made.summary.id, given)


async def _close(counter: Counter, made):
    given = Closing(version=made.summary.version)
    return await counter.trade.exceptions.close(SYSTEM, made.summary.id, given)


async def _now(counter: Counter, made):
    return (await counter.trade.exceptions.get(SYSTEM, made.summary.id)).summary


async def _todos(counter: Counter, made) -> list[tuple[int, str]]:
    """By level, the state of each to-do."""
    async with counter.shop.database.begin() as session:
        rows = await session.execute(
            text(
                "SELECT CAST(split_part(source_reference, ':', 2) AS int), state FROM todos"
                " WHERE source_kind = 'order_exception' AND source_reference LIKE :these"
                " ORDER BY 1"
            ),
            {"these": f"{made.summary.id}:%"},
        )
        return [tuple(row) for row in rows]
