"""Real calls, told afterwards: the record says why each went where it went."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import text

from acd.why import Told, explain
from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.people.accounts import AccountService
from crm_core.people.users import NewUser, UserChange
from crm_core.rights import SYSTEM
from tests.crm_core.crm_core_support import quick_passwords
from tests.ivr.ivr_line import Channel, OrderLine, until

OWN = "13900139001"


def told(
    line: OrderLine, channel: Channel, names: Mapping[int, str] = MappingProxyType({})
) -> tuple[Told, ...]:
    steps = [step for step in line.rows()[1] if step.call_id == channel.call_id]
    return explain(line.row(channel), steps, names)


def codes(line: OrderLine, channel: Channel) -> list[str]:
    return [each.code for each in told(line, channel)]


async def people(line: OrderLine) -> tuple[int, int]:
    """A salesperson with a customer, and the deputy."""
    database = line.house.familiar._database
    accounts = AccountService(database, passwords=quick_passwords())
    made = []
    for login in ("seller", "standin"):
        async with database.reading() as connection:
            found = await connection.scalar(
                text("SELECT id FROM users WHERE login = :login"), {"login": login}
            )
        if found is None:
            new = NewUser(login=login, name=login, role="agent")
            found = (await accounts.create_user(SYSTEM, new, "long enough 9!")).id
        made.append(found)
    seller, standin = made
    deputies = UserChange.model_validate({"deputies": [{"deputy_id": standin}]})
    await accounts.update_user(SYSTEM, seller, deputies)
    if await line.house.customers.identify(OWN) is None:
        own = NewCustomer(
            name="有主客户", phones=(OWN,), level_code="national", salesperson_id=seller
        )
        await CustomerService(database).create(SYSTEM, own)
    return seller, standin


async def test_the_deputy_of_a_salesperson_who_is_away_takes_the_call(line: OrderLine) -> None:
    seller, standin = await people(line)
    await line.agent(standin, "retail")
    await line.agent(77, "north")
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 5)], caller=OWN)
    await line.ring(caller)
    assert line.row(caller).agent_id == standin
    assert line.row(caller).line_version == line.house.line.now.number
    said = told(line, caller)
    by_code = {each.code: each for each in said}
    assert by_code["prefers_salesperson"].params == {"agents": f"#{seller}"}
    assert by_code["prefers_deputy"].params == {"agents": f"#{standin}"}
    assert [each.code for each in by_code["offered"].why] == ["deputy"]
    assert by_code["passed_away"].params == {"agent": f"#{seller}"}
    assert by_code["passed_later"].params == {"agent": "#77"}
    rules = [each.params["rule"] for each in said if each.code.startswith("rule_")]
    assert rules == [each.name for each in line.house.line.now.plan.routes]
    assert by_code["routed"].params["by"] == by_code["rule_decided"].params["rule"]


async def test_a_restart_is_told_and_the_order_of_who_is_asked_outlives_it(line: OrderLine) -> None:
    seller, standin = await people(line)
    caller = Channel(keys=["1", "1"], caller=OWN)
    await line.begin(caller)
    await until(line.acd.waiting_views)
    await line.close()
    await line.over()
    await line.open()
    await line.agent(standin, "retail")
    again = Channel(
        dials=[("ANSWER", 5)],
        call_id=caller.call_id,
        place=caller.variables["ZJ_PLACE"],
        caller=OWN,
    )
    await line.ring(again)
    said = codes(line, again)
    assert said.index("resumed") > said.index("routed")
    assert line.row(again).agent_id == standin
    assert seller != standin


async def test_who_spoke_with_a_caller_last_is_asked_first_when_a_rule_says_so(
    line: OrderLine,
) -> None:
    now = line.house.line.now
    rule = now.plan.routes[0].model_validate({"name": "again", "last_agent": True})
    plan = now.plan.model_copy(update={"routes": (rule, *now.plan.routes)})
    line.house.line.now = dataclasses.replace(now, plan=plan)
    await line.agent(5, "north")
    first = Channel(keys=["1", "1"], dials=[("ANSWER", 5)], caller="13900139777")
    await line.ring(first)
    await line.acd._writer.flush()
    await line.acd.finish_wrap_up(5)
    await line.agent(6, "north")
    line.pass_time(30)
    second = Channel(keys=["1", "1"], dials=[("ANSWER", 5)], caller="13900139777")
    await line.ring(second)
    assert line.row(second).agent_id == 5
    assert [each.code for each in told(line, second) if each.code == "prefers_spoke_last"]


async def test_a_hidden_number_takes_the_default_and_the_record_says_why(line: OrderLine) -> None:
    await line.agent(1, "retail")
    caller = Channel(keys=["7", "7", "7"], dials=[("ANSWER", 1)], caller="anonymous")
    await line.ring(caller)
    said = codes(line, caller)
    assert said[:4] == ["started", "line_version", "hidden_number", "home_unknown"]
    unmet = [each for each in told(line, caller) if each.code == "rule_unmet"]
    assert {each.params["rule"] for each in unmet} >= {"area_north", "area_east"}
