"""A call that nobody makes goes the way that a real one would go, for the same reasons."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from acd.rows import CallRow, encode, split
from acd.store import AcdStore
from acd.why import Told
from crm_core.blacklist.commands import NewEntry
from crm_core.blacklist.policy import BlacklistRules
from crm_core.blacklist.service import BlacklistService
from crm_core.errors import Forbidden, Invalid
from crm_core.rights import SYSTEM, Access, Principal, Right, Scope
from ivr.line.commands import TrialCall
from ivr.line.live import Line
from ivr.line.trial import Callers, Heard, LineTrial, Tried
from ivr.line_file import read_line
from tests.ivr.ivr_line import DID, KNOWN, NOON, Channel, OrderLine
from tests.ivr.test_ivr_why import OWN, people, told

LINE = """\
queues:
  north: {label_zh: 华北, label_en: North}
  service: {label_zh: 售后, label_en: Service}
dids:
  "4006001001": {medium: 电视广告, menu: main}
  "4006001002": {medium: 贵宾, queue: north, agent: "8077"}
  "4006001003": {medium: 传真, fax: true}
routes:
  - {name: regulars, own_salesperson: true, deputies: true, last_agent: true}
  - {name: city, when: {level: city}, queue: service}
  - {name: default, queue: north}
menus:
  main:
    say: {zh: 请按一。, en: Press one.}
    extensions: true
    keys:
      "1": {route: true}
      "2": {voicemail: service}
      "3": {callback: true}
      "4": {service: products}
    otherwise: "1"
extensions: {begin_with: "8", digits: 4}
"""


def callers(line: OrderLine) -> Callers:
    house = line.house
    return Callers(
        database=house.familiar._database,
        customers=house.customers,
        places=house.places,
        familiar=house.familiar,
        listed=house.blacklist.find,
        at_extension=house.acd.at_extension,
    )


def trial(line: OrderLine, found: Callers | None) -> LineTrial:
    house = line.house
    return LineTrial(clock=house.clock, zone=house.zone, language="zh", callers=found)


async def walked(
    line: OrderLine,
    keys: Iterable[str],
    caller: str | None = None,
    *,
    did: str = DID,
    text: str = LINE,
) -> Tried:
    pressed = iter(keys)
    call = TrialCall(did=did, caller=caller)
    version = Line(0, *read_line(text))
    return await trial(line, callers(line)).run(SYSTEM, version, call, lambda: next(pressed, None))


def reasons(found: Iterable[Told]) -> list[tuple[object, ...]]:
    """Without times, and without what only a real call has."""
    return [
        (each.code, dict(each.params), each.why)
        for each in found
        if each.code.startswith(("identified", "level", "home", "rule_", "prefers_", "routed"))
    ]


@pytest.mark.parametrize("caller", [OWN, KNOWN, "02223456789", "13100000000"])
async def test_whoever_calls_goes_where_a_real_call_goes_and_for_the_same_reasons(
    line: OrderLine, caller: str
) -> None:
    names = {each: ("seller", "standin")[at] for at, each in enumerate(await people(line))}
    await line.agent(77, "north")
    call = Channel(keys=["1", "1"], dials=[("ANSWER", 5)], caller=caller)
    await line.ring(call)
    keys = iter(("1", "1"))

    tried = await trial(line, callers(line)).run(
        SYSTEM, line.house.line.now, TrialCall(did=DID, caller=caller), lambda: next(keys, None)
    )

    row = line.row(call)
    assert (tried.end.kind, tried.end.queue, tried.end.priority) == (
        "queue",
        row.queue,
        row.priority,
    )
    assert reasons(tried.told) == reasons(told(line, call, names))


async def test_the_customer_hears_the_own_language_unless_another_is_asked_for(
    line: OrderLine,
) -> None:
    tried = await walked(line, "1", KNOWN)
    assert (tried.language, tried.heard[0].text) == ("en", "Press one.")
    assert (tried.end.queue, tried.told[0].code) == ("service", "identified")
    call = TrialCall(did=DID, caller=KNOWN, language="zh")
    again = await trial(line, callers(line)).run(
        SYSTEM, Line(0, *read_line(LINE)), call, lambda: "1"
    )
    assert again.heard[0].text == "请按一。"


async def test_without_a_caller_nobody_is_recognised(line: OrderLine) -> None:
    tried = await walked(line, "1")
    assert (tried.end.queue, tried.language) == ("north", "zh")
    assert {each.code for each in tried.told} & {"identified", "unknown_number"} == set()


@pytest.mark.parametrize(
    ("keys", "kind", "queue"),
    [("2", "voicemail", "service"), ("3", "callback", "north"), ("41", "queue", "north")],
)
async def test_a_message_and_a_call_back_are_for_the_people_they_would_be_for(
    line: OrderLine, keys: str, kind: str, queue: str
) -> None:
    tried = await walked(line, keys)
    assert (tried.end.kind, tried.end.queue) == (kind, queue)
    assert [each.text for each in tried.heard if each.code == "key"] == list(keys)


async def test_an_extension_leads_to_whoever_is_logged_in_there(line: OrderLine) -> None:
    nobody = await walked(line, "8077")
    assert Heard("said", "对不起，这个分机现在没有人接听。") in nobody.heard
    await line.house.acd.log_in(77, "agent 77", "8077", ("service",))

    tried = await walked(line, "8077")

    assert (nobody.end.queue, tried.end.queue) == ("north", "service")
    asked_first = ("prefers_dialled", {"agents": "#77"})
    assert asked_first in [(each.code, each.params) for each in tried.told]
    own = await walked(line, "", did="4006001002")
    assert asked_first in [(each.code, each.params) for each in own.told]


async def test_without_anybody_who_knows_an_extension_is_told_as_it_was_dialled(
    line: OrderLine,
) -> None:
    keys = iter("8077")
    tried = await trial(line, None).run(
        SYSTEM, Line(0, *read_line(LINE)), TrialCall(did=DID), lambda: next(keys, None)
    )
    assert (tried.end.kind, tried.end.extension) == ("extension", "8077")


async def test_whoever_spoke_with_the_caller_last_is_asked_first(line: OrderLine) -> None:
    database = line.house.familiar._database
    row = CallRow(
        id="a" * 32,
        node="a",
        linkedid="a",
        direction="inbound",
        caller="13100000000",
        did=DID,
        started_at=NOON - timedelta(days=2),
        answered_at=NOON - timedelta(days=2),
        agent_id=77,
    )
    await AcdStore(database).write([split(encode(row))])

    tried = await walked(line, "1", "13100000000")

    assert ("prefers_spoke_last", {"agents": "#77"}) in [
        (each.code, each.params) for each in tried.told
    ]


async def test_a_fax_number_and_a_rejected_caller_meet_no_menu(line: OrderLine) -> None:
    assert (await walked(line, "", did="4006001003")).end.kind == "fax"
    database = line.house.familiar._database
    blacklist = BlacklistService(
        database, BlacklistRules(), clock=line.clock, changed=line.house.blacklist.run_once
    )
    await blacklist.add(SYSTEM, NewEntry(number="13100000000", reason="骚扰"))
    tried = await walked(line, "1", "13100000000")
    assert (tried.end.kind, tried.heard) == ("rejected", ())


async def test_the_time_decides_and_none_of_it_is_kept(line: OrderLine) -> None:
    rows = line.rows()
    call = TrialCall(did=DID, at=datetime(2026, 3, 2, 2, tzinfo=UTC))
    tried = await trial(line, None).run(SYSTEM, line.house.line.now, call, lambda: None)
    assert tried.at.hour == 10
    assert "office" in tried.open
    assert line.rows() == rows


async def test_a_number_of_nobody_s_line_and_a_narrow_role_are_refused(line: OrderLine) -> None:
    with pytest.raises(Invalid, match="none of our numbers: 4006001001"):
        await walked(line, "", did="4009999999")
    who = Principal(
        user_id=1,
        login="own",
        name="own",
        role="own",
        rights=frozenset({Right.LINE_MANAGE, Right.CUSTOMER_VIEW}),
        locale="zh",
        extension=None,
        session_id=1,
        scope=Scope.OWN,
    )
    call, version = TrialCall(did=DID, caller=KNOWN), Line(0, *read_line(LINE))
    run = trial(line, callers(line)).run
    with pytest.raises(Forbidden, match="sees some customers only"):
        await run(who, version, call, lambda: "1")
    assert (await run(who, version, TrialCall(did=DID), lambda: "1")).end.queue == "north"
    numberless = replace(who, scope=Scope.ALL, fields={"customer.phones": Access.HIDDEN})
    with pytest.raises(Forbidden, match="phones"):
        await run(numberless, version, call, lambda: "1")
    without = replace(who, scope=Scope.ALL, rights=frozenset({Right.LINE_MANAGE}))
    with pytest.raises(Forbidden, match=r"customer\.view"):
        await run(without, version, call, lambda: "1")
