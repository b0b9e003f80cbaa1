"""Leads are found by what one remembers of them, by those who may; a report says what became of them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import delete, select

from crm_core.customers.fields import NewCustomer
from crm_core.customers.merging import MergeService
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.leads.commands import (
    Convert,
    HandOver,
    LeadEdit,
    LeadQuery,
    LeadReport,
    LeadReportBy,
    LeadScope,
    Lose,
    MoveOpportunity,
    NewLead,
    NewOpportunity,
    Reopen,
)
from crm_core.leads.leads import LeadClosed, LeadNotLost
from crm_core.leads.service import LeadService
from crm_core.leads.tables import (
    Lead,
    LeadHandover,
    Opportunity,
    OpportunityHandover,
    OpportunityMove,
)
from crm_core.outbox.tables import OutboxMessage
from crm_core.people.tables import Unit, User
from crm_core.rights import SYSTEM, Access, Principal, Right
from crm_core.todos.commands import TodoQuery
from crm_core.todos.service import TodoService
from tests.crm_core.crm_core_support import Clock
from tests.crm_core.crm_office import Office, empty, furnish


class Desk:
    def __init__(self, database: Database, office: Office) -> None:
        self.database = database
        self.office = office
        self.clock = Clock()
        self.leads = LeadService(database, clock=self.clock, channels=("email", "sms"))
        self.customers = CustomerService(database)

    async def lead(self, name: str = "意向店", **more: object) -> int:
        new = NewLead.model_validate({"name": name} | more)
        return (await self.leads.create(self.office.wang, new)).lead.id

    async def dealer(self, **more: object) -> int:
        new = NewCustomer.model_validate({"name": "经销商", "level_code": "city"} | more)
        return (await self.customers.create(SYSTEM, new)).id

    async def found(self, who: Principal, **wanted: object) -> list[int]:
        query = LeadQuery.model_validate({"scope": "all"} | wanted)
        return [each.id for each in await self.leads.listed(who, query)]

    async def told(self, lead: int) -> list[OutboxMessage]:
        async with self.database.reading_entities() as session:
            rows = await session.scalars(
                select(OutboxMessage)
                .where(OutboxMessage.subject == "lead", OutboxMessage.subject_id == lead)
                .order_by(OutboxMessage.id)
            )
            return list(rows)

    async def todos(self, who: Principal) -> dict[str, str]:
        service = TodoService(self.database, clock=self.clock)
        found = await service.listed(who, TodoQuery(limit=200))
        return {(each.source_reference or "").split(":")[0]: each.title for each in found}


@pytest.fixture
async def desk(database: Database) -> Desk:
    tables = (OpportunityMove, OpportunityHandover, Opportunity, LeadHandover, Lead, OutboxMessage)
    await empty(database, *tables)
    return Desk(database, await furnish(database))


async def test_a_lead_is_found_by_word_pinyin_and_initials(desk: Desk):
    wanted, _ = await desk.lead("唐山新华超市"), await desk.lead("北京烟酒店")
    for typed in ("新华", "xinhua", "tsxh", "唐山 超市"):
        assert await desk.found(desk.office.zhao, name=typed) == [wanted], typed
    assert await desk.found(desk.office.zhao, name="华新") == []
    edit = LeadEdit.model_validate({"version": 1, "name": "保定百货"})
    await desk.leads.edit(desk.office.wang, wanted, edit)
    assert await desk.found(desk.office.zhao, name="bdbh") == [wanted]
    assert await desk.found(desk.office.zhao, name="新华") == []
    with pytest.raises(Invalid, match="two letters"):
        await desk.found(desk.office.zhao, name="x")


async def test_who_sees_masked_numbers_finds_a_lead_by_the_digits_that_are_seen(desk: Desk):
    lead = await desk.lead(phone="13512340077")
    await desk.lead(phone="13912345678")
    whole = replace(desk.office.zhao, rights=desk.office.zhao.rights | {Right.NUMBER_UNMASK})
    masked = replace(desk.office.zhao, rights=whole.rights - {Right.NUMBER_UNMASK})
    for typed in ("1234007", "135 1234 0077", "+86 13512340077", "0077"):
        assert await desk.found(whole, number=typed) == [lead], typed
    for typed in ("0077", "13512340077"):
        assert await desk.found(masked, number=typed) == [lead], typed
    assert await desk.found(masked, number="12340077") == []
    for who, few in ((whole, "77"), (masked, "077")):
        with pytest.raises(Invalid):
            await desk.found(who, number=few)


async def test_nobody_searches_by_what_his_role_does_not_see(desk: Desk):
    await desk.lead(phone="13512340077", province="河北", city="唐山")
    asked = {
        "number": (("customer.phones", "lead.phone"), "0077"),
        "province": (("customer.province", "lead.province"), "河北"),
        "city": (("customer.city", "lead.city"), "唐山"),
    }
    for name, (fields, typed) in asked.items():
        assert len(await desk.found(desk.office.zhao, **{name: typed})) == 1
        for field in fields:
            kept_from = replace(desk.office.zhao, fields={field: Access.HIDDEN})
            with pytest.raises(Forbidden, match=name):
                await desk.found(kept_from, **{name: typed})


async def test_leads_are_narrowed_by_source_place_and_who_has_them(desk: Desk):
    office, dealer, kept = desk.office, await desk.dealer(), await desk.dealer()
    fair = await desk.lead(source="fair", province="河北", city="唐山")
    web = await desk.lead(source="web", province="河北", city="保定")
    given = HandOver(version=1, owner_id=office.li.user_id)
    await desk.leads.hand_over(office.wang, web, given)
    await desk.leads.hand_over(office.wang, fair, HandOver(version=1, dealer_customer_id=dealer))
    await MergeService(desk.database).merge(SYSTEM, (kept, 1), (dealer, 1))
    for wanted, expected in (
        ({"source": "fair"}, [fair]),
        ({"province": "河北"}, [web, fair]),
        ({"province": "河北", "city": "保定"}, [web]),
        ({"owner_id": office.li.user_id}, [web]),
        ({"dealer_customer_id": kept}, [fair]),
        ({"province": "河北", "before": web, "limit": 1}, [fair]),
    ):
        assert await desk.found(office.zhao, **wanted) == expected, wanted
    mine = {"scope": LeadScope.MINE, "owner_id": office.li.user_id}
    assert await desk.found(office.wang, **mine) == []
    assert await desk.found(office.li, **mine) == [web]


async def test_days_are_those_of_the_company_and_both_belong_to_the_search(desk: Desk):
    desk.clock.now = datetime(2026, 3, 1, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    first = await desk.lead()
    desk.clock.pass_by(minutes=1)
    second = await desk.lead()
    one, two = date(2026, 3, 1), date(2026, 3, 2)
    for since, until, expected in (
        (one, one, [first]), (two, two, [second]), (one, two, [second, first]),
        (None, one, [first]), (two, None, [second]),
    ):  # fmt: skip
        assert await desk.found(desk.office.zhao, since=since, until=until) == expected


async def test_a_dealer_without_a_salesperson_is_told_and_a_supervisor_sees_to_it(desk: Desk):
    office = desk.office
    dealer = await desk.dealer(email="dealer@example.com", phones=["13512340088"])
    lead = await desk.lead("张三的店", province="河北", city="唐山")
    async with desk.database.begin() as session:
        unit = Unit(name="华北", path=[])
        session.add(unit)
        await session.flush()
        for who in (office.wang, office.qian):
            user = await session.get(User, who.user_id)
            assert user is not None
            user.unit_id = unit.id
    given = HandOver(version=1, dealer_customer_id=dealer)
    await desk.leads.hand_over(office.wang, lead, given)
    told = await desk.told(lead)
    assert [(each.channel, each.customer_id, each.kind) for each in told] == [
        ("email", dealer, "lead_handed"),
        ("sms", dealer, "lead_handed"),
    ]
    assert told[0].params == {"number": f"#{lead}", "place": "河北 唐山"}
    todos = await desk.todos(office.qian)
    assert "没有业务员" in todos[str(lead)]
    assert "张三" not in todos[str(lead)]
    assert str(lead) not in await desk.todos(office.zhao)
    edit = LeadEdit.model_validate({"version": 2, "contacted": True})
    await desk.leads.edit(office.qian, lead, edit)
    assert str(lead) not in await desk.todos(office.qian)
    async with desk.database.begin() as session:
        for who in (office.wang, office.qian):
            user = await session.get(User, who.user_id)
            assert user is not None
            user.unit_id = None
        await session.execute(delete(Unit).where(Unit.id == unit.id))


@pytest.mark.parametrize(
    ("wishes", "channels"),
    [
        ({"opt_outs": ["email", "sms"]}, []),
        ({"opt_outs": ["email"]}, ["sms"]),
        ({"told_by": ["email"]}, ["email"]),
    ],
)
async def test_a_dealer_is_told_only_as_he_wishes(
    desk: Desk, wishes: dict[str, list[str]], channels: list[str]
):
    number = f"1351234{len(wishes) + len(channels):02d}{len(str(wishes)):02d}"
    dealer = await desk.dealer(email="dealer@example.com", phones=[number], **wishes)
    lead = await desk.lead()
    await desk.leads.hand_over(
        desk.office.wang, lead, HandOver(version=1, dealer_customer_id=dealer)
    )
    assert [each.channel for each in await desk.told(lead)] == channels


async def test_a_dealer_whose_salesperson_has_the_lead_is_not_written_to(desk: Desk):
    office = desk.office
    dealer = await desk.dealer(email="dealer@example.com", salesperson_id=office.li.user_id)
    lead = await desk.lead()
    await desk.leads.hand_over(office.wang, lead, HandOver(version=1, dealer_customer_id=dealer))
    assert await desk.told(lead) == []
    assert str(lead) in await desk.todos(office.li)


async def test_a_supervisor_sees_to_an_opportunity_that_no_salesperson_has(desk: Desk):
    office, dealer = desk.office, await desk.dealer(email="dealer@example.com")
    new = NewOpportunity(customer_id=office.customer_id, title="年货")
    made = await desk.leads.create_opportunity(office.wang, new)
    given = HandOver(version=1, dealer_customer_id=dealer)
    await desk.leads.hand_over_opportunity(office.wang, made.id, given)
    titles = {**await desk.todos(office.zhao), **await desk.todos(office.qian)}
    assert titles[str(made.id)] == f"商机 #{made.id} 已交给没有业务员的经销商：请安排跟进"
    assert await desk.told(made.id) == []


async def test_a_lost_lead_goes_on_with_whoever_had_it(desk: Desk):
    office, lead = desk.office, await desk.lead()
    with pytest.raises(LeadNotLost):
        await desk.leads.reopen(office.wang, lead, Reopen(version=1, reason="早了"))
    given = HandOver(version=1, owner_id=office.li.user_id)
    await desk.leads.hand_over(office.wang, lead, given)
    await desk.leads.lose(office.li, lead, Lose(version=2, reason="价格高"))
    assert str(lead) not in await desk.todos(office.li)
    with pytest.raises(NotFound):
        await desk.leads.reopen(office.wang, lead, Reopen(version=3, reason="不是我的"))
    with pytest.raises(Conflict):
        await desk.leads.reopen(office.zhao, lead, Reopen(version=2, reason="看旧了"))
    again = await desk.leads.reopen(office.zhao, lead, Reopen(version=3, reason="又来询价"))
    assert (again.state, again.lost_reason, again.closed_at) == ("new", None, None)
    assert again.owner_id == office.li.user_id
    assert str(lead) in await desk.todos(office.li)
    last = (await desk.leads.detail(office.zhao, lead)).handovers[-1]
    assert (last.note, last.actor_id) == ("又来询价", office.zhao.user_id)
    await desk.leads.convert(office.li, lead, Convert(version=4, title="单"))


async def test_a_report_says_what_became_of_the_leads_of_a_period(desk: Desk):
    office = desk.office
    lost, won, open_one = [await desk.lead(source="fair") for _ in range(3)]
    web = await desk.lead(source="web")
    await desk.leads.lose(office.wang, lost, Lose(version=1, reason="贵"))
    made = await desk.leads.convert(office.wang, won, Convert(version=1, title="单"))
    await desk.leads.move_opportunity(
        office.wang, made.id, MoveOpportunity(version=1, stage_code="won")
    )
    for each in (open_one, web):
        given = HandOver(version=1, owner_id=office.li.user_id)
        await desk.leads.hand_over(office.wang, each, given)
    await desk.leads.convert(office.li, web, Convert(version=2, title="单"))
    today = date(2026, 3, 2)
    wanted = LeadReport(since=today, until=today)
    found = await desk.leads.report(office.zhao, wanted)
    assert [
        (each.source, each.leads, each.converted, each.won, each.lost, each.conversion)
        for each in found
    ] == [
        ("fair", 3, 1, 1, 1, Decimal("33.3")),
        ("web", 1, 1, 0, 0, Decimal("100.0")),
    ]
    by_owner = wanted.model_copy(update={"by": LeadReportBy.OWNER})
    rows = await desk.leads.report(office.zhao, by_owner)
    assert [(each.owner_name, each.leads, each.won, each.lost) for each in rows] == [
        ("Li", 2, 0, 0),
        ("Wang", 1, 1, 0),
        (None, 1, 0, 1),
    ]
    own = await desk.leads.report(office.li, by_owner)
    assert [(each.owner_name, each.leads) for each in own] == [("Li", 2)]
    other = LeadReport(since=date(2026, 3, 3), until=date(2026, 3, 4))
    assert await desk.leads.report(office.zhao, other) == ()
    with pytest.raises(Forbidden):
        await desk.leads.report(office.sun, wanted)
    with pytest.raises(ValueError, match="before the first"):
        LeadReport(since=today, until=date(2026, 3, 1))


async def test_a_caller_with_an_open_lead_becomes_its_customer_in_one_step(desk: Desk):
    office, number = desk.office, "13512340066"
    lead = await desk.lead(
        "老张", phone=number, province="河北", city="唐山", interest="白酒", source="fair"
    )
    given = HandOver(version=1, owner_id=office.li.user_id)
    await desk.leads.hand_over(office.wang, lead, given)
    (shown,) = await desk.leads.of_caller(office.wang, number)
    assert (shown.id, shown.name, shown.source, shown.owner_name) == (lead, "老张", "fair", "Li")
    new = NewCustomer(name="张记烟酒", phones=(number,))
    with pytest.raises(NotFound):
        await desk.leads.become(office.wang, lead, new, caller="13512340067")
    card = await desk.leads.become(office.wang, lead, new, caller=number)
    assert (card.name, card.province, card.city) == ("张记烟酒", "河北", "唐山")
    assert card.salesperson is not None
    assert card.salesperson.id == office.li.user_id
    done = (await desk.leads.detail(office.zhao, lead)).lead
    assert (done.state, done.customer_id) == ("converted", card.id)
    async with desk.database.reading_entities() as session:
        made = (await session.scalars(select(Opportunity))).one()
    assert (made.lead_id, made.title, made.owner_id) == (lead, "白酒", office.li.user_id)
    assert await desk.leads.of_caller(office.wang, number) == ()
    again = NewCustomer(name="再来", phones=("13512340068",))
    with pytest.raises(LeadClosed):
        await desk.leads.become(office.wang, lead, again, caller=number)
    assert await desk.customers.identify("13512340068") is None


async def test_what_a_lead_wants_names_no_opportunity_of_who_may_not_see_it(desk: Desk):
    office, number = desk.office, "13512340069"
    lead = await desk.lead("老李", phone=number, interest="白酒")
    blind = replace(office.wang, fields={"lead.interest": Access.HIDDEN})
    await desk.leads.become(blind, lead, NewCustomer(name="李记"), caller=number)
    async with desk.database.reading_entities() as session:
        made = (await session.scalars(select(Opportunity))).one()
    assert made.title == "老李"
