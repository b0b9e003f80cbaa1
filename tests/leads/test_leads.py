"""Leads become customers with opportunities, once; opportunities go through stages to one end."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

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
    LeadScope,
    Lose,
    MoveOpportunity,
    NewLead,
    NewOpportunity,
    OpportunityEdit,
    OpportunityQuery,
    StageContent,
)
from crm_core.leads.leads import LeadClosed
from crm_core.leads.opportunities import OpportunityClosed
from crm_core.leads.service import LeadService
from crm_core.leads.timeline import entries
from crm_core.leads.views import OpportunityView
from crm_core.people.tables import Role, RoleRight, User
from crm_core.rights import SYSTEM, Access, Principal
from crm_core.timeline import Place
from crm_core.todos.commands import TodoQuery
from crm_core.todos.service import TodoService
from crm_core.todos.views import TodoView
from tests.crm_core.crm_core_support import Clock
from tests.crm_core.crm_office import Office, furnish, required_field

STAGES = ("contact", "needs", "quoted", "negotiation", "won", "lost")


class Sales:
    def __init__(self, database: Database, office: Office) -> None:
        self.database = database
        self.office = office
        self.clock = Clock()
        self.leads = LeadService(database, clock=self.clock)
        self.customers = CustomerService(database)

    async def lead(self, **more: object) -> int:
        new = NewLead.model_validate({"name": "意向店"} | more)
        return (await self.leads.create(self.office.wang, new)).lead.id

    async def dealer(self, **more: object) -> int:
        new = NewCustomer.model_validate({"name": "经销商", "level_code": "city"} | more)
        return (await self.customers.create(SYSTEM, new)).id

    async def opportunity(self, **more: object) -> OpportunityView:
        wanted = {"customer_id": self.office.customer_id, "title": "年货"} | more
        return await self.leads.create_opportunity(
            self.office.wang, NewOpportunity.model_validate(wanted)
        )


@pytest.fixture
async def sales(database: Database) -> Sales:
    return Sales(database, await furnish(database))


async def test_a_lead_says_who_might_have_it_and_who_has_its_number(sales: Sales):
    salesperson = sales.office.li.user_id
    near = await sales.dealer(
        territories=[{"province": "河北", "city": "唐山"}], salesperson_id=salesperson
    )
    wide = await sales.dealer(territories=[{"province": "河北"}])
    known = await sales.dealer(phones=["13512340001"])
    first = await sales.lead(phone="13512340001")
    made = await sales.leads.create(
        sales.office.wang,
        NewLead(name="唐山店", phone="135 1234 0001", province="河北", city="唐山"),
    )
    assert [each.dealer_customer_id for each in made.suggestions] == [near, wide]
    assert made.suggestions[0].salesperson_id == salesperson
    assert (made.same_number, made.known_as) == ((first,), known)
    assert made.lead.phone == "13512340001"


async def test_a_lead_is_handed_on_and_its_way_is_kept(sales: Sales):
    office, dealer = sales.office, await sales.dealer()
    lead = await sales.lead()
    mine = await sales.leads.hand_over(
        office.wang, lead, HandOver(version=1, owner_id=office.wang.user_id)
    )
    assert mine is not None
    assert mine.owner_name == "Wang"
    gone = await sales.leads.hand_over(
        office.wang, lead, HandOver(version=2, owner_id=office.li.user_id, note="他熟")
    )
    assert gone is None
    with pytest.raises(NotFound):
        await sales.leads.detail(office.wang, lead)
    given = HandOver(version=3, dealer_customer_id=dealer)
    boss = await sales.leads.hand_over(office.zhao, lead, given)
    assert boss is not None
    assert (boss.owner_id, boss.dealer_customer_id) == (None, dealer)
    detail = await sales.leads.detail(office.zhao, lead)
    assert [each.owner_id for each in detail.handovers] == [
        office.wang.user_id,
        office.li.user_id,
        None,
    ]
    with pytest.raises(Invalid):
        await sales.leads.hand_over(office.zhao, lead, HandOver(version=4, owner_id=999_999))
    with pytest.raises(Invalid):
        await sales.leads.hand_over(
            office.zhao, lead, HandOver(version=4, owner_id=office.gone.user_id)
        )
    with pytest.raises(ValueError, match="not to both"):
        HandOver(version=4, owner_id=1, dealer_customer_id=dealer)


async def todos_of(sales: Sales, who: Principal) -> dict[str, TodoView]:
    """The open to-dos of hand-overs, by what they are of."""
    todos = TodoService(sales.database, clock=sales.clock)
    found = await todos.listed(who, TodoQuery(limit=200))
    return {
        f"{each.source_kind}:{(each.source_reference or '').split(':')[0]}": each for each in found
    }


async def test_the_salesperson_of_a_dealer_works_on_its_lead(sales: Sales):
    office = sales.office
    dealer = await sales.dealer(salesperson_id=office.li.user_id)
    lead = await sales.lead(name="静海新店")
    given = HandOver(version=1, dealer_customer_id=dealer)
    assert await sales.leads.hand_over(office.wang, lead, given) is None
    assert lead in {each.id for each in await sales.leads.listed(office.li, LeadQuery(limit=200))}
    todo = (await todos_of(sales, office.li))[f"lead:{lead}"]
    assert "静海" not in todo.title
    edit = LeadEdit.model_validate({"version": 2, "contacted": True})
    await sales.leads.edit(office.li, lead, edit)
    assert f"lead:{lead}" not in await todos_of(sales, office.li)
    made = await sales.leads.convert(office.li, lead, Convert(version=3, title="首单"))
    card = await sales.customers.get(SYSTEM, made.customer_id)
    assert (card.parent_id, made.dealer_customer_id) == (dealer, dealer)
    assert card.salesperson is not None
    assert card.salesperson.id == office.li.user_id


async def test_a_lead_of_a_dealer_that_was_merged_is_with_the_kept_dealer(sales: Sales):
    office = sales.office
    dealer = await sales.dealer()
    kept = await sales.dealer(salesperson_id=office.li.user_id)
    lead = await sales.lead()
    given = HandOver(version=1, dealer_customer_id=dealer)
    await sales.leads.hand_over(office.wang, lead, given)
    await MergeService(sales.database).merge(SYSTEM, (kept, 1), (dealer, 1))
    with pytest.raises(NotFound):
        await sales.leads.detail(office.wang, lead)
    made = await sales.leads.convert(office.li, lead, Convert(version=2, title="单"))
    assert (await sales.customers.get(SYSTEM, made.customer_id)).parent_id == kept


async def test_leads_go_to_dealers_and_to_people_who_work_with_leads_only(sales: Sales):
    office, lead = sales.office, await sales.lead()
    consumer = await sales.dealer(level_code="consumer")
    for wrong in ({"dealer_customer_id": consumer}, {"owner_id": office.sun.user_id}):
        given = HandOver.model_validate({"version": 1} | wrong)
        with pytest.raises(Invalid):
            await sales.leads.hand_over(office.wang, lead, given)


async def test_who_converts_a_lead_writes_only_what_the_role_may_write(sales: Sales):
    office, lead = sales.office, await sales.lead()
    await sales.leads.hand_over(office.wang, lead, HandOver(version=1, owner_id=office.li.user_id))
    limited = replace(office.li, fields={"customer.name": Access.READ})
    given = Convert(version=2, title="单")
    with pytest.raises(Forbidden):
        await sales.leads.convert(limited, lead, given)
    made = await sales.leads.convert(office.li, lead, given)
    card = await sales.customers.get(SYSTEM, made.customer_id)
    assert card.salesperson is not None
    assert card.salesperson.id == office.li.user_id


async def test_an_opportunity_is_handed_on_and_its_way_is_kept(sales: Sales):
    office, made = sales.office, await sales.opportunity()
    given = HandOver(version=1, owner_id=office.li.user_id, note="他熟")
    assert await sales.leads.hand_over_opportunity(office.wang, made.id, given) is None
    todo = (await todos_of(sales, office.li))[f"opportunity:{made.id}"]
    assert todo.customer_id == made.customer_id
    won = MoveOpportunity(version=2, stage_code="won")
    await sales.leads.move_opportunity(office.li, made.id, won)
    assert f"opportunity:{made.id}" not in await todos_of(sales, office.li)
    history = await sales.leads.opportunity_history(office.li, made.id)
    assert [each.to_stage for each in history.moves] == ["contact", "won"]
    assert [(each.owner_id, each.note) for each in history.handovers] == [
        (office.li.user_id, "他熟")
    ]
    with pytest.raises(NotFound):
        await sales.leads.opportunity_history(office.wang, made.id)


async def test_an_opportunity_goes_to_nobody_who_may_not_see_its_customer(sales: Sales):
    office = sales.office
    async with sales.database.begin() as session:
        own = {"code": "own_seller", "name_zh": "自有", "name_en": "Own", "scope": "own"}
        await session.execute(insert(Role).values(own))
        rights = [{"role_code": "own_seller", "right_code": "lead.work"}]
        await session.execute(insert(RoleRight).values(rights))
        user = {"login": "narrow", "name": "窄", "role_code": "own_seller", "password_hash": "-"}
        narrow = await session.scalar(insert(User).values(user).returning(User.id))
    hers = await sales.dealer(salesperson_id=office.li.user_id)
    made = await sales.opportunity(customer_id=hers)
    given = HandOver(version=1, owner_id=narrow)
    with pytest.raises(Invalid):
        await sales.leads.hand_over_opportunity(office.wang, made.id, given)
    free = await sales.opportunity(customer_id=await sales.dealer())
    await sales.leads.hand_over_opportunity(office.wang, free.id, given)


async def test_people_see_their_own_leads_and_those_that_nobody_has(sales: Sales):
    office = sales.office
    free, his = await sales.lead(), await sales.lead()
    await sales.leads.hand_over(office.wang, his, HandOver(version=1, owner_id=office.li.user_id))
    for who, mine, unassigned in ((office.wang, False, True), (office.li, True, True)):
        found = await sales.leads.listed(who, LeadQuery(limit=200))
        assert (his in {each.id for each in found}) == mine
        found = await sales.leads.listed(who, LeadQuery(scope=LeadScope.UNASSIGNED, limit=200))
        assert (free in {each.id for each in found}) == unassigned
        with pytest.raises(Forbidden):
            await sales.leads.listed(who, LeadQuery(scope=LeadScope.ALL))
    every = await sales.leads.listed(office.zhao, LeadQuery(scope=LeadScope.ALL, limit=2))
    assert [each.id for each in every] == [his, free]
    older = LeadQuery(scope=LeadScope.ALL, before=his, limit=1)
    assert [each.id for each in await sales.leads.listed(office.zhao, older)] == [free]
    with pytest.raises(Forbidden):
        await sales.leads.create(office.sun, NewLead(name="没有权利"))


async def test_of_many_who_convert_a_lead_one_does(sales: Sales):
    lead = await sales.lead(phone="13512340002", province="河北")
    given = Convert(version=1, title="首单", amount=Decimal("1200.50"))
    results = await asyncio.gather(
        *(sales.leads.convert(sales.office.wang, lead, given) for _ in range(5)),
        return_exceptions=True,
    )
    (made,) = [each for each in results if isinstance(each, OpportunityView)]
    assert sum(isinstance(each, Conflict) for each in results) == 4
    assert (made.stage_code, made.amount, made.lead_id) == ("contact", Decimal("1200.50"), lead)
    card = await sales.customers.get(SYSTEM, made.customer_id)
    assert (card.name, card.phones[0].number, card.province) == ("意向店", "13512340002", "河北")
    done = (await sales.leads.detail(sales.office.wang, lead)).lead
    assert (done.state, done.customer_id) == ("converted", made.customer_id)
    with pytest.raises(LeadClosed):
        await sales.leads.lose(sales.office.wang, lead, Lose(version=2, reason="晚了"))


async def test_a_lead_of_a_known_number_becomes_that_customers_opportunity(sales: Sales):
    known = await sales.dealer(phones=["13512340003"])
    lead = await sales.lead(phone="13512340003")
    made = await sales.leads.convert(sales.office.wang, lead, Convert(version=1, title="再来"))
    assert (made.customer_id, made.owner_id) == (known, sales.office.wang.user_id)


async def test_a_lead_becomes_a_customer_with_what_the_business_asks_of_every_one(sales: Sales):
    async with required_field(sales.database) as code:
        for phone in (None, "13512340199"):
            lead = await sales.lead(phone=phone)
            with pytest.raises(Invalid) as refused:
                await sales.leads.convert(sales.office.wang, lead, Convert(version=1, title="x"))
            assert refused.value.fields == {f"custom.{code}": "this field must be filled in"}
            wanted = Convert(version=1, title="x", custom={code: "冀A1"})
            reader = replace(sales.office.wang, fields={f"customer.custom.{code}": Access.READ})
            with pytest.raises(Forbidden, match=code):
                await sales.leads.convert(reader, lead, wanted)
            made = await sales.leads.convert(sales.office.wang, lead, wanted)
            card = await sales.customers.get(SYSTEM, made.customer_id)
            assert [(each.code, each.value) for each in card.custom] == [(code, "冀A1")]
        again = await sales.lead(phone="13512340199")
        wanted = Convert(version=1, title="x", custom={code: "别的"})
        known = await sales.leads.convert(sales.office.wang, again, wanted)
        assert known.customer_id == made.customer_id
        card = await sales.customers.get(SYSTEM, made.customer_id)
        assert [each.value for each in card.custom] == ["冀A1"]


async def test_a_lead_is_edited_and_lost_with_a_reason(sales: Sales):
    lead = await sales.lead()
    edit = LeadEdit.model_validate({"version": 1, "interest": "白酒", "contacted": True})
    changed = await sales.leads.edit(sales.office.wang, lead, edit)
    assert (changed.interest, changed.state, changed.name) == ("白酒", "contacted", "意向店")
    with pytest.raises(Conflict):
        await sales.leads.edit(sales.office.wang, lead, edit)
    lost = await sales.leads.lose(sales.office.wang, lead, Lose(version=2, reason="价格高"))
    assert (lost.state, lost.lost_reason) == ("lost", "价格高")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(way=st.lists(st.sampled_from(STAGES), max_size=8))
async def test_an_opportunity_comes_to_one_end_and_stays_there(sales: Sales, way: list[str]):
    now = await sales.opportunity()
    for stage in way:
        reason = "没预算" if stage == "lost" else None
        given = MoveOpportunity(version=now.version, stage_code=stage, lost_reason=reason)
        if now.outcome is not None:
            with pytest.raises(OpportunityClosed):
                await sales.leads.move_opportunity(sales.office.wang, now.id, given)
            continue
        now = await sales.leads.move_opportunity(sales.office.wang, now.id, given)
        assert now.stage_code == stage
        assert (now.closed_at is None) == (now.outcome is None)
    ended = [stage for stage in way if stage in ("won", "lost")]
    assert now.outcome == (ended[0] if ended else None)


async def test_a_loss_has_a_reason_and_nothing_else_has(sales: Sales):
    made = await sales.opportunity()
    wang = sales.office.wang
    for stage, reason in (("lost", None), ("won", "好"), ("nowhere", None)):
        given = MoveOpportunity(version=1, stage_code=stage, lost_reason=reason)
        with pytest.raises(Invalid):
            await sales.leads.move_opportunity(wang, made.id, given)
    edit = OpportunityEdit.model_validate({"version": 1, "amount": "99.90"})
    assert (await sales.leads.edit_opportunity(wang, made.id, edit)).amount == Decimal("99.90")
    with pytest.raises(Conflict):
        await sales.leads.edit_opportunity(wang, made.id, edit)
    with pytest.raises(NotFound):
        await sales.leads.opportunity(sales.office.li, made.id)


async def test_the_pipeline_adds_up_by_stage(sales: Sales):
    customer = await sales.dealer()
    qian = sales.office.qian
    for amount in ("100", "50.55"):
        new = NewOpportunity(customer_id=customer, title="单", amount=Decimal(amount))
        made = await sales.leads.create_opportunity(qian, new)
        given = MoveOpportunity(version=1, stage_code="needs")
        await sales.leads.move_opportunity(qian, made.id, given)
    (stage,) = await sales.leads.pipeline(sales.office.zhao, qian.user_id)
    assert (stage.stage_code, stage.opportunities, stage.amount) == (
        "needs",
        2,
        Decimal("150.55"),
    )
    assert stage.weighted == Decimal("45.17")
    query = OpportunityQuery(customer_id=customer, stage_code="needs", limit=1)
    newest = await sales.leads.opportunities(qian, query)
    assert [each.id for each in newest] == [made.id]
    async with sales.database.reading() as connection:
        history = await entries(connection, (customer,), Place(sales.clock().replace(year=2027)), 9)
    assert sorted(each.params["to"] for each in history) == ["contact", "contact", "needs", "needs"]


async def test_stages_are_kept_as_data(sales: Sales):
    zhao = sales.office.zhao
    new = StageContent(name_zh="样品", name_en="Sample", percent=40, place=25)
    stages = await sales.leads.put_stage(zhao, "sample", new)
    assert [each.code for each in stages if each.active][:4] == [
        "contact",
        "needs",
        "sample",
        "quoted",
    ]
    with pytest.raises(Conflict):
        await sales.leads.put_stage(zhao, "sample", new)
    change = StageContent(
        version=1, name_zh="样品", name_en="Sample", percent=45, place=25, active=False
    )
    await sales.leads.put_stage(zhao, "sample", change)
    end = StageContent(version=1, name_zh="赢", name_en="Won", percent=100, place=90, active=False)
    with pytest.raises(Invalid):
        await sales.leads.put_stage(zhao, "won", end)
    with pytest.raises(Forbidden):
        await sales.leads.put_stage(sales.office.wang, "sample", change)
