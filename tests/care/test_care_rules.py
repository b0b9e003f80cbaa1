import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from crm_core.audit.tables import AuditEntry
from crm_core.care.commands import (
    CareHistoryQuery,
    CareRuleEdit,
    NewCareRule,
    UpcomingQuery,
)
from crm_core.care.rules import seed_care
from crm_core.care.service import CareService
from crm_core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from crm_core.rights import Access, Scope
from tests.care.care_desk import OCCASIONS, SOURCES, Desk, at, born

TODAY = date(2026, 3, 2)


@pytest.fixture
async def desk(database, office, clock):
    made = Desk(database, clock)
    await made.begin_anew()
    return made


@pytest.fixture
def care(desk):
    return CareService(desk.database, SOURCES, clock=desk.clock)


def rule(code="vip_birthday", **more):
    return NewCareRule(
        **{
            "code": code,
            "name_zh": "大客户生日",
            "name_en": "Birthday of key accounts",
            "occasion": "birthday",
            "title_zh": "{customer}生日",
            "title_en": "Birthday of {customer}",
        }
        | more
    )


async def test_the_usual_rules_are_seeded_and_never_changed_back(desk, care, office):
    seeded = {each.code: each for each in await care.rules(office.sun)}
    assert set(seeded) == set(OCCASIONS)
    assert (seeded["birthday"].days_before, seeded["birthday"].local_hour) == (3, 10)
    after = seeded["after_delivery"]
    assert (after.hours_after, after.lead_hours, after.days_before) == (72, 24, None)
    await care.edit_rule(office.sun, "birthday", CareRuleEdit(version=1, active=False))
    async with desk.database.begin() as session:
        await seed_care(session)
    assert not (await care.rule(office.sun, "birthday")).active


async def test_a_rule_is_entered_with_the_usual_terms_of_its_occasion(care, office, desk):
    made = await care.add_rule(office.sun, rule(level_codes=("national", "city", "city")))
    assert (made.days_before, made.local_hour, made.hours_after) == (0, 10, None)
    assert made.level_codes == ["city", "national"]
    assert (made.active, made.version, made.active_since) == (True, 1, desk.clock())
    after = await care.add_rule(office.sun, rule("delivered", occasion="after_delivery"))
    assert (after.hours_after, after.lead_hours, after.local_hour) == (72, 0, None)
    with pytest.raises(Conflict):
        await care.add_rule(office.sun, rule("delivered"))
    async with desk.database.reading_entities() as session:
        entry = await session.scalar(
            select(AuditEntry)
            .where(AuditEntry.action == "care_rule.create")
            .where(AuditEntry.entity_id == "vip_birthday")
            .order_by(AuditEntry.id.desc())
        )
    assert entry.actor_id == office.sun.user_id
    assert entry.after["level_codes"] == ["city", "national"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hours_after": 5}, "hours_after"),
        ({"occasion": "after_delivery", "days_before": 0}, "days_before"),
        ({"occasion": "after_delivery", "hours_after": 24, "lead_hours": 24}, "lead_hours"),
        ({"level_codes": ("city", "no_such")}, "level_codes"),
        ({"assign_to": "user"}, "assignee_id"),
        ({"assign_to": "user", "assignee_id": 999_999}, "assignee_id"),
        ({"assign_to": "supervisor", "assignee_id": 1}, "assignee_id"),
    ],
)
async def test_terms_that_do_not_fit_are_refused_by_name(care, office, wrong, field):
    with pytest.raises(Invalid) as refused:
        await care.add_rule(office.sun, rule(**wrong))
    assert field in refused.value.fields


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "Bad Code"},
        {"title_zh": "{customer.name}"},
        {"title_en": ""},
        {"days_before": 61},
        {"local_hour": 24},
        {"occasion": "dormant"},
        {"name_zh": "\x00"},
        {"unknown": 1},
    ],
)
def test_what_is_no_rule_is_refused(wrong):
    with pytest.raises(ValidationError):
        rule(**wrong)


async def test_who_has_left_cannot_be_named(care, office):
    with pytest.raises(Invalid):
        await care.add_rule(office.sun, rule(assign_to="user", assignee_id=office.gone.user_id))


async def test_an_edit_changes_only_what_is_given_and_names_its_version(care, office, desk):
    named = {"assign_to": "user", "assignee_id": office.li.user_id}
    await care.edit_rule(office.sun, "birthday", CareRuleEdit(version=1, **named))
    edited = await care.edit_rule(
        office.sun, "birthday", CareRuleEdit(version=2, days_before=7, assign_to="salesperson")
    )
    assert (edited.days_before, edited.local_hour, edited.assignee_id) == (7, 10, None)
    assert (edited.version, edited.title_en[:8]) == (3, "Birthday")
    with pytest.raises(Conflict) as refused:
        await care.edit_rule(office.sun, "birthday", CareRuleEdit(version=2, days_before=1))
    assert refused.value.fields == {"version": 3}
    with pytest.raises(Invalid):
        await care.edit_rule(office.sun, "birthday", CareRuleEdit(version=3, lead_hours=1))
    with pytest.raises(NotFound):
        await care.edit_rule(office.sun, "no_such", CareRuleEdit(version=1))
    async with desk.database.reading_entities() as session:
        entry = await session.scalar(
            select(AuditEntry)
            .where(AuditEntry.action == "care_rule.update")
            .order_by(AuditEntry.id.desc())
        )
    assert (entry.before["days_before"], entry.after["days_before"]) == (3, 7)


async def test_of_many_who_edit_at_once_one_succeeds(care, office):
    edits = (CareRuleEdit(version=1, days_before=each) for each in range(6))
    ended = await asyncio.gather(
        *(care.edit_rule(office.sun, "birthday", each) for each in edits), return_exceptions=True
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 5
    assert (await care.rule(office.sun, "birthday")).version == 2


async def test_a_rule_that_is_switched_on_again_tells_nothing_of_the_meantime(care, office, desk):
    await desk.worker_round()
    await care.edit_rule(office.sun, "after_delivery", CareRuleEdit(version=1, active=False))
    desk.clock.pass_by(hours=5)
    await desk.order(office.customer_id, delivered_at=desk.clock())
    desk.clock.pass_by(hours=1)
    await care.edit_rule(office.sun, "after_delivery", CareRuleEdit(version=2, active=True))
    assert await desk.worker_round() == 0
    desk.clock.pass_by(hours=1)
    await desk.order(office.customer_id, delivered_at=desk.clock())
    assert await desk.worker_round() == 1


async def test_only_who_manages_rules_sees_and_changes_them(care, office):
    for asked in (
        care.rules(office.wang),
        care.rule(office.wang, "birthday"),
        care.add_rule(office.wang, rule("another")),
        care.edit_rule(office.wang, "birthday", CareRuleEdit(version=1)),
        care.preview(office.wang, "birthday"),
    ):
        with pytest.raises(Forbidden):
            await asked


async def test_a_preview_counts_today_and_seven_days(care, office, desk):
    for days in (2, 3, 9, 10):
        await desk.new_customers(1, birthday=born(TODAY + timedelta(days=days)))
    found = await care.preview(office.sun, "birthday")
    assert (found.today, found.seven_days) == (1, 2)
    await desk.rule("birthday", level_codes=["county"])
    assert (await care.preview(office.sun, "birthday")).seven_days == 0
    for days in (0, 0, 1, 6, 7):
        await desk.order(office.customer_id, delivered_at=desk.clock() - timedelta(days=days))
    found = await care.preview(office.sun, "after_delivery")
    assert (found.today, found.seven_days) == (2, 4)
    with pytest.raises(NotFound):
        await care.preview(office.sun, "no_such")


async def test_what_is_coming_is_listed_by_day_and_paged(care, office, desk):
    days = [TODAY + timedelta(days=each) for each in (0, 2, 2, 7, 8)]
    made = [(await desk.new_customers(1, birthday=born(day, 40)))[0] for day in days]
    await desk.customer(made[1], salesperson_id=office.wang.user_id)
    found = await care.upcoming(office.wang, UpcomingQuery(occasion="birthday", days=7))
    assert [each.customer_id for each in found] == made[:4]
    assert [each.day for each in found] == days[:4]
    assert (found[1].salesperson_name, found[1].years) == ("Wang", 40)
    paged, after = [], None
    while page := await care.upcoming(
        office.wang, UpcomingQuery(occasion="birthday", days=7, limit=1, after=after)
    ):
        paged += page
        after = page[-1].key
    assert paged == list(found)


async def test_contacts_anniversaries_and_first_orders_are_listed_too(care, office, desk):
    await desk.contact(office.customer_id, "张三", born(TODAY))
    await desk.customer(office.customer_id, anniversary=date(2020, 3, 3))
    await desk.order(office.customer_id, placed_at=at(date(2025, 3, 4), 0))
    for occasion, day, name in (
        ("contact_birthday", 2, "张三"),
        ("anniversary", 3, None),
        ("first_order", 4, None),
    ):
        (found,) = await care.upcoming(office.wang, UpcomingQuery(occasion=occasion))
        assert (found.day, found.contact_name) == (date(2026, 3, day), name)


async def test_nobody_sees_customers_or_fields_that_the_role_keeps_back(care, office, desk):
    await desk.customer(office.customer_id, birthday=born(TODAY), salesperson_id=office.li.user_id)
    wanted = UpcomingQuery(occasion="birthday")
    own = replace(office.wang, scope=Scope.OWN)
    assert await care.upcoming(own, wanted) == ()
    assert len(await care.upcoming(replace(office.li, scope=Scope.OWN), wanted)) == 1
    blind = replace(office.wang, fields={"customer.birthday": Access.HIDDEN})
    with pytest.raises(Forbidden):
        await care.upcoming(blind, wanted)
    no_orders = replace(office.wang, rights=office.wang.rights - {"order.view"})
    with pytest.raises(Forbidden):
        await care.upcoming(no_orders, UpcomingQuery(occasion="first_order"))
    with pytest.raises(Forbidden):
        await care.upcoming(replace(office.wang, rights=frozenset()), wanted)
    with pytest.raises(NotFound):
        await care.history(own, CareHistoryQuery(customer_id=office.customer_id))


async def test_a_page_that_begins_nowhere_is_refused(care, office):
    with pytest.raises(DomainError):
        await care.upcoming(office.wang, UpcomingQuery(occasion="birthday", after="2026-13-45:1:0"))


async def test_the_care_of_a_customer_is_its_to_dos_by_rule(care, office, desk):
    for number in range(3):
        desk.clock.pass_by(hours=1)
        await desk.order(office.customer_id, delivered_at=desk.clock())
        assert await desk.worker_round() == 1, number
    wanted = CareHistoryQuery(customer_id=office.customer_id, limit=2)
    first = await care.history(office.wang, wanted)
    rest = await care.history(office.wang, wanted.model_copy(update={"before": first[-1].id}))
    assert [each.id for each in (*first, *rest)] == [
        each.id for each in reversed(await desk.todos())
    ]
    other = CareHistoryQuery(customer_id=office.other_customer_id)
    assert await care.history(office.wang, other) == ()
