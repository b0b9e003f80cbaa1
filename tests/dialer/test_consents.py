"""Campaigns that need a consent call nobody without one that is proved and holds at that moment."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from crm_core.audit.tables import AuditEntry
from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM
from dialer.consents.commands import ConsentQuery, NewConsent, Withdrawal
from dialer.consents.service import ConsentService
from dialer.tables import Attempt
from tests.dialer.conftest import Hall, number
from tests.dialer.lists import forbid

DAY = timedelta(days=1)


@pytest.fixture
def service(hall: Hall) -> ConsentService:
    return ConsentService(hall.database, clock=hall.clock)


def consent(hall: Hall, wanted: str | None = None, **more) -> NewConsent:
    given = {"number": wanted, "proof": "门店登记", "given_at": hall.now - DAY} | more
    return NewConsent.model_validate(given)


async def test_without_a_consent_nobody_is_called_and_with_one_the_ledger_names_it(hall, service):
    asked, silent = number(), number()
    campaign = await hall.campaign(asked, silent, needs_consent=True)
    made = await service.give(hall.agent, consent(hall, asked, call_id="ab" * 16))
    assert (made.holds, made.recorded_by, made.call_id) == (True, "agent", "ab" * 16)
    _, refused = await hall.dial(campaign, silent)
    assert (refused.allowed, refused.reason, refused.retry_at) == (False, "no_consent", None)
    call_id, verdict = await hall.dial(campaign, asked)
    assert verdict.allowed
    async with hall.database.reading() as connection:
        words = await connection.scalar(select(Attempt.rules).where(Attempt.call_id == call_id))
        trail = select(AuditEntry.after).where(
            AuditEntry.action == "consent.give", AuditEntry.entity_id == str(made.id)
        )
        noted = await connection.scalar(trail)
    assert words.endswith(f"consent {made.id}")
    assert (noted["proof"], asked in str(noted)) == ("门店登记", False)


async def test_a_consent_ends_by_its_time_and_by_being_withdrawn(hall, service):
    short, taken_back = number(), number()
    campaign = await hall.campaign(short, taken_back, needs_consent=True)
    await service.give(hall.agent, consent(hall, short, expires_at=hall.now + DAY))
    given = await service.give(hall.agent, consent(hall, taken_back))
    withdrawn = await service.withdraw(hall.agent, given.id, Withdrawal(reason="来电要求"))
    assert (withdrawn.holds, withdrawn.withdrawn_by) == (False, "agent")
    with pytest.raises(Conflict):
        await service.withdraw(hall.agent, given.id, Withdrawal(reason="again"))
    assert (await hall.dial(campaign, taken_back))[1].reason == "no_consent"
    hall.now += DAY
    assert (await hall.dial(campaign, short))[1].reason == "no_consent"
    hall.now -= timedelta(seconds=1)
    assert (await hall.dial(campaign, short))[1].allowed
    query = ConsentQuery(number=taken_back)
    assert await service.listed(hall.agent, query) == ()
    kept = await service.listed(hall.agent, ConsentQuery(number=taken_back, over=True))
    assert [each.withdrawn_why for each in kept] == ["来电要求"]


async def test_a_consent_for_one_campaign_is_none_for_another(hall, service):
    wanted = number()
    one = await hall.campaign(wanted, needs_consent=True)
    other = await hall.campaign(wanted, needs_consent=True)
    await service.give(hall.agent, consent(hall, wanted, campaign_id=one))
    assert (await hall.dial(other, wanted))[1].reason == "no_consent"
    assert (await hall.dial(one, wanted))[1].allowed
    with pytest.raises(Invalid):
        await service.give(hall.agent, consent(hall, wanted, campaign_id=999_999))


async def test_a_customers_consent_holds_for_all_numbers_and_a_numbers_for_itself(hall, service):
    first, second, third = number(), number(), number()
    customers = CustomerService(hall.database)
    card = await customers.create(SYSTEM, NewCustomer(name="甲", phones=[first, second]))
    campaign = await hall.campaign(first, second, third, needs_consent=True)
    of_one = await service.give(hall.agent, consent(hall, first))
    assert of_one.customer_id == card.id
    assert (await hall.dial(campaign, second))[1].reason == "no_consent"
    every = await service.give(hall.agent, consent(hall, customer_id=card.id))
    assert (await hall.dial(campaign, second))[1].allowed
    await service.withdraw(hall.agent, every.id, Withdrawal(reason="x"))
    assert (await hall.dial(campaign, first))[1].allowed
    assert (await hall.dial(campaign, third))[1].reason == "no_consent"
    with pytest.raises(NotFound):
        await service.give(hall.agent, consent(hall, customer_id=999_999))


async def test_who_is_on_a_list_is_not_called_whatever_was_agreed(hall, service):
    wanted = number()
    campaign = await hall.campaign(wanted, needs_consent=True)
    await service.give(hall.agent, consent(hall, wanted))
    await forbid(hall.database, wanted)
    assert (await hall.dial(campaign, wanted))[1].reason == "do_not_call"


async def test_what_is_no_consent_is_refused(hall, service):
    for wrong in (
        {"number": None},
        {"proof": None},
        {"expires_at": hall.now - DAY},
        {"number": "anonymous"},
    ):
        with pytest.raises(ValidationError):
            consent(hall, **{"number": number()} | wrong)
    with pytest.raises(Invalid):
        await service.give(hall.agent, consent(hall, number(), given_at=hall.now + DAY))
    nobody = type(hall.agent)(9, "x", "x", "x", frozenset(), "zh-CN", None, 1)
    with pytest.raises(Forbidden):
        await service.give(nobody, consent(hall, number()))
