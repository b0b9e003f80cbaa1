import asyncio
from dataclasses import replace

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select

from crm_core.audit.tables import AuditEntry
from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer
from crm_core.dealers.applications import AppliedAlready, Decided
from crm_core.dealers.commands import (
    DealerApplicationEdit,
    DealerApplicationQuery,
    DealerApproval,
    DealerRefusal,
    NewDealerApplication,
)
from crm_core.dealers.service import DealerService
from crm_core.dealers.tables import DealerApplication
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound, NumberTaken
from crm_core.rights import SYSTEM, Access, Scope
from tests.crm_core.crm_office import empty, required_field

_phones = iter(range(13900000000, 13999999999))


@pytest.fixture
async def dealers(database, office, clock):
    await empty(database, DealerApplication)
    return DealerService(database, clock=clock)


def wish(**more):
    return NewDealerApplication(
        **{"name": "唐山老陈", "phone": str(next(_phones)), "level_code": "city"} | more
    )


async def test_an_approved_application_becomes_a_customer_below_a_dealer(
    dealers, office, database, clock
):
    wanted = wish(province="河北", city="唐山", note="有门店")
    made = await dealers.apply(office.sun, wanted)
    assert (made.state, made.version, made.customer_id) == ("new", 1, None)
    parent = await CustomerService(database).create(
        SYSTEM, NewCustomer(name="河北总代", level_code="provincial")
    )
    given = DealerApproval(
        version=1, parent_id=parent.id, level_code="county", salesperson_id=office.wang.user_id
    )
    approved = await dealers.approve(office.sun, made.id, given)
    assert (approved.state, approved.version) == ("approved", 2)
    assert (approved.decided_by_id, approved.decided_at) == (office.sun.user_id, clock())
    card = await CustomerService(database).get(SYSTEM, approved.customer_id)
    assert (card.name, card.level.code, card.parent_id) == ("唐山老陈", "county", parent.id)
    assert card.salesperson.id == office.wang.user_id
    assert [each.number for each in card.phones] == [wanted.phone]
    assert (card.territories[0].province, card.territories[0].city) == ("河北", "唐山")
    async with database.reading() as connection:
        actions = set(
            await connection.scalars(
                select(AuditEntry.action).where(
                    AuditEntry.entity_id.in_((str(made.id), str(card.id))),
                    AuditEntry.actor_id == office.sun.user_id,
                )
            )
        )
    assert {"dealer_application.create", "dealer_application.approve", "customer.create"} <= actions


async def test_a_dealer_is_approved_with_what_the_business_asks_of_every_customer(
    dealers, office, database
):
    async with required_field(database) as code:
        made = await dealers.apply(office.sun, wish(name="要证的"))
        with pytest.raises(Invalid) as refused:
            await dealers.approve(office.sun, made.id, DealerApproval(version=1))
        assert refused.value.fields == {f"custom.{code}": "this field must be filled in"}
        given = DealerApproval(version=1, custom={code: "冀A1"})
        limited = replace(office.sun, fields={f"customer.custom.{code}": Access.READ})
        with pytest.raises(Forbidden, match=code):
            await dealers.approve(limited, made.id, given)
        approved = await dealers.approve(office.sun, made.id, given)
        card = await CustomerService(database).get(SYSTEM, approved.customer_id)
        assert [(each.code, each.value) for each in card.custom] == [(code, "冀A1")]


async def test_of_many_who_decide_at_once_one_decides(dealers, office, database):
    made = await dealers.apply(office.sun, wish(name="抢着办的"))
    ended = await asyncio.gather(
        *(dealers.approve(office.sun, made.id, DealerApproval(version=1)) for _ in range(4)),
        *(dealers.refuse(office.sun, made.id, DealerRefusal(version=1, reason="远")) for _ in "ab"),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Decided) for each in ended) == 5
    found = await dealers.application(office.sun, made.id)
    async with database.reading() as connection:
        entered = await connection.scalar(
            select(func.count()).select_from(Customer).where(Customer.name == made.name)
        )
    assert entered == (1 if found.state == "approved" else 0)
    assert (found.customer_id is not None) == (found.state == "approved")


async def test_an_approval_that_fails_leaves_nothing_behind(dealers, office, database):
    taken = str(next(_phones))
    await CustomerService(database).create(SYSTEM, NewCustomer(name="老客户", phones=(taken,)))
    made = await dealers.apply(office.sun, wish(name="新来的", phone=taken))
    with pytest.raises(NumberTaken):
        await dealers.approve(office.sun, made.id, DealerApproval(version=1))
    for wrong, error in (
        ({"parent_id": 999_999}, NotFound),
        ({"level_code": "consumer"}, Invalid),
        ({"level_code": "no_such"}, Invalid),
        ({"salesperson_id": 999_999}, Invalid),
    ):
        other = await dealers.apply(office.sun, wish(name="新来的"))
        with pytest.raises(error):
            await dealers.approve(office.sun, other.id, DealerApproval(version=1, **wrong))
    assert (await dealers.application(office.sun, made.id)).state == "new"
    async with database.reading() as connection:
        names = select(func.count()).select_from(Customer).where(Customer.name == "新来的")
        assert await connection.scalar(names) == 0


async def test_a_refusal_has_a_reason_and_ends_it(dealers, office):
    made = await dealers.apply(office.sun, wish())
    refused = await dealers.refuse(office.sun, made.id, DealerRefusal(version=1, reason="区域已满"))
    assert (refused.state, refused.reason) == ("refused", "区域已满")
    for asked in (
        dealers.approve(office.sun, made.id, DealerApproval(version=2)),
        dealers.edit_application(office.sun, made.id, DealerApplicationEdit(version=2, name="x")),
    ):
        with pytest.raises(Decided) as late:
            await asked
        assert late.value.fields == {"state": "refused"}
    with pytest.raises(ValidationError):
        DealerRefusal(version=1, reason=" ")


async def test_one_number_has_one_open_application(dealers, office):
    phone = str(next(_phones))
    ended = await asyncio.gather(
        *(dealers.apply(office.sun, wish(phone=phone)) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(each, AppliedAlready) for each in ended) == 2
    (made,) = [each for each in ended if not isinstance(each, Exception)]
    await dealers.refuse(office.sun, made.id, DealerRefusal(version=1, reason="以后再说"))
    again = await dealers.apply(office.sun, wish(phone=f"+86 {phone}"))
    assert again.phone == phone
    other = await dealers.apply(office.sun, wish())
    with pytest.raises(AppliedAlready):
        await dealers.edit_application(
            office.sun, other.id, DealerApplicationEdit(version=1, phone=phone)
        )


async def test_an_edit_names_its_version_and_changes_only_what_is_given(dealers, office):
    made = await dealers.apply(office.sun, wish(note="有门店"))
    edited = await dealers.edit_application(
        office.sun, made.id, DealerApplicationEdit(version=1, level_code="county")
    )
    assert (edited.level_code, edited.note, edited.version) == ("county", "有门店", 2)
    with pytest.raises(Conflict):
        await dealers.edit_application(
            office.sun, made.id, DealerApplicationEdit(version=1, name="另一个")
        )
    with pytest.raises(Conflict):
        await dealers.approve(office.sun, made.id, DealerApproval(version=1))
    with pytest.raises(Invalid):
        await dealers.edit_application(
            office.sun, made.id, DealerApplicationEdit(version=2, level_code="consumer")
        )


async def test_a_customer_already_becomes_a_dealer_at_a_place_and_in_a_territory(
    dealers, office, database
):
    customers = CustomerService(database)
    parent = await customers.create(SYSTEM, NewCustomer(name="省代", level_code="provincial"))
    known = await customers.create(
        SYSTEM,
        NewCustomer.model_validate(
            {"name": "老客户", "phones": ["13566660001"], "email": "lao@example.com",
             "territories": [{"province": "天津"}]}
        ),
    )  # fmt: skip
    made = await dealers.apply(office.sun, wish(phone="13566660001", province="河北", city="唐山"))
    with pytest.raises(NumberTaken):
        await dealers.approve(office.sun, made.id, DealerApproval(version=1))
    given = DealerApproval(version=1, customer_id=known.id, parent_id=parent.id)
    approved = await dealers.approve(office.sun, made.id, given)
    assert (approved.state, approved.customer_id) == ("approved", known.id)
    card = await customers.get(SYSTEM, known.id)
    assert (card.name, card.email, card.parent_id) == ("老客户", "lao@example.com", parent.id)
    assert card.level.code == made.level_code
    assert {(each.province, each.city) for each in card.territories} == {
        ("天津", None),
        ("河北", "唐山"),
    }


async def test_consumers_do_not_apply(dealers, office):
    for level in ("consumer", "no_such"):
        with pytest.raises(Invalid):
            await dealers.apply(office.sun, wish(level_code=level))


@pytest.mark.parametrize(
    "wrong", [{"phone": "not a number"}, {"name": ""}, {"name": "\x00"}, {"note": "x" * 1001}]
)
def test_what_is_no_application_is_refused(wrong):
    with pytest.raises(ValidationError):
        wish(**wrong)


async def test_applications_belong_to_who_manages_the_channel(dealers, office):
    made = await dealers.apply(office.sun, wish())
    for asked in (
        dealers.apply(office.wang, wish()),
        dealers.application(office.wang, made.id),
        dealers.applications(office.wang, DealerApplicationQuery()),
        dealers.edit_application(office.wang, made.id, DealerApplicationEdit(version=1)),
        dealers.approve(office.wang, made.id, DealerApproval(version=1)),
        dealers.refuse(office.wang, made.id, DealerRefusal(version=1, reason="不")),
    ):
        with pytest.raises(Forbidden):
            await asked
    with pytest.raises(NotFound):
        await dealers.application(office.sun, 999_999)


async def test_nobody_approves_under_a_dealer_or_into_a_field_that_is_kept_from_him(
    dealers, office, database
):
    parent = await CustomerService(database).create(
        SYSTEM,
        NewCustomer(name="别人的", level_code="provincial", salesperson_id=office.li.user_id),
    )
    made = await dealers.apply(office.sun, wish())
    given = DealerApproval(version=1, parent_id=parent.id)
    with pytest.raises(NotFound):
        await dealers.approve(replace(office.sun, scope=Scope.OWN), made.id, given)
    kept_out = replace(office.sun, fields={"customer.level": Access.READ})
    with pytest.raises(Forbidden):
        await dealers.approve(kept_out, made.id, given)
    assert (await dealers.approve(office.sun, made.id, given)).state == "approved"


async def test_applications_are_listed_newest_first_by_state_and_paged(dealers, office):
    made = [await dealers.apply(office.sun, wish()) for _ in range(4)]
    await dealers.refuse(office.sun, made[1].id, DealerRefusal(version=1, reason="不"))
    first = await dealers.applications(office.sun, DealerApplicationQuery(limit=3))
    rest = await dealers.applications(
        office.sun, DealerApplicationQuery(limit=3, before=first[-1].id)
    )
    ids = [each.id for each in (*first, *rest)]
    assert ids == [each.id for each in reversed(made)]
    found = await dealers.applications(office.sun, DealerApplicationQuery(state="refused"))
    assert [each.id for each in found] == [made[1].id]
