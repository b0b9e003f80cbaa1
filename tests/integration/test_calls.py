"""Calls from the carrier to the agent's desk, with every part real."""

import email
import email.policy
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.line_file import load_line
from ivr.prompts import PromptLibrary
from tests.integration.sounds import loudest
from tests.integration.workplace import Pop, Workplace, kinds, pop_of, state_of, until
from zongji.cli.options import line_file
from zongji.demo.callers import CallerReport

VIP = "02223456789"
PIN = "270418"
TANGGU = "02225871234"
"""A customer of agent1's, no VIP."""
STRANGER = "022888800{:02d}"
SHENZHEN = "075588880001"
TIANJIN_MOBILE = "13602000177"
BUSINESS_LOUD = 1000


async def test_a_customer_reaches_a_ready_agent_and_the_pop_comes_before_the_answer(
    work: Workplace,
) -> None:
    agent = await work.agent("agent1")
    first: list[tuple[Pop, datetime]] = []
    agent.on_message = lambda at: first.extend(
        (pop, datetime.fromtimestamp(at, UTC)) for pop in agent.pops.values()
    )
    await work.call(VIP, "1", "1")
    pop = await pop_of(agent, "talking")
    seen, seen_at = first[0]
    assert seen["state"] in ("offered", "ringing")
    assert seen["customer"]["name"] == pop["customer"]["name"] == "华北食品总代理有限公司"
    assert pop["menu_path"] == ["1", "1"]
    assert pop["queue"]["name"] == "north"
    assert {"vip_level", "menu_choice", "salesperson"} <= {why["code"] for why in seen["why"]}
    assert seen_at < datetime.fromisoformat(pop["answered_at"])


async def test_a_customer_orders_by_keypad(work: Workplace) -> None:
    await work.give_pin(VIP, PIN)
    caller = await work.call(VIP, *"42")
    await work.record(VIP, has=lambda found: "service" in kinds(found))
    await work.press(caller, f"{PIN}#", pause_s=0.2)
    await work.record(VIP, has=lambda found: "digits" in kinds(found))
    await work.press(caller, "*2001#2#21", pause_s=0.2)
    record = await work.record(VIP, has=lambda found: "service_done" in kinds(found))
    asked = [step["detail"] for step in record["steps"] if step["kind"] == "digits"]
    assert [(each["asked"], each["keys"]) for each in asked] == [
        ("pin", "****"),
        ("pin", "****"),
        ("product_code", "2001#"),
        ("quantity", "2#"),
    ]
    found = await work.board.request("GET", f"/api/orders?call_id={record['call']['id']}")
    (order,) = found["items"]
    (line,) = order["lines"]
    assert (line["sku"], line["quantity"]) == ("PJ-001", 2)
    assert order["customer_id"] == record["call"]["customer_id"]


async def test_a_prompt_whose_file_is_deleted_is_spoken_again_and_the_call_goes_on(
    work: Workplace,
) -> None:
    _, menus = load_line(line_file())
    library = PromptLibrary(work.stack.installation.prompts)
    file = Path(f"{library.of_line(menus, 'menu_wholesale', 'zh')}.wav")
    file.unlink()
    agent = await work.agent("agent2")
    caller = await work.call(STRANGER.format(31), "1", "1")
    pop = await pop_of(agent, "talking")
    assert pop["menu_path"] == ["1", "1"]
    assert file.exists()
    await work.hang_up(caller)


async def test_every_step_of_a_call_is_in_its_record(work: Workplace) -> None:
    agent = await work.agent("agent2")
    caller = await work.call(STRANGER.format(1), "1", "1")
    await pop_of(agent, "talking")
    await work.hang_up(caller)
    record = await work.ended(STRANGER.format(1))
    assert record["call"]["outcome"] == "answered"
    assert record["call"]["agent_id"] == agent.agent["agent_id"]
    happened = kinds(record)
    expected = ["started", "identified", "menu_answered", "key", "key", "routed", "queued"]
    expected += ["offered", "dialled", "ringing", "answered", "ended"]
    assert [kind for kind in happened if kind in expected] == expected
    assert [step["detail"]["key"] for step in record["steps"] if step["kind"] == "key"] == [
        "1",
        "1",
    ]


async def test_both_sides_of_a_talk_are_recorded_on_channels_of_their_own(work: Workplace) -> None:
    agent = await work.agent("agent2")
    caller = await work.call_by_area(STRANGER.format(2))
    pop = await pop_of(agent, "talking")
    (raw,) = await until(lambda: _files(work, f"*{pop['call_id']}.raw"))
    await until(lambda: _longer_than(raw, 32_000))
    await work.hang_up(caller)
    record = await work.record(STRANGER.format(2), has=lambda found: found["recording"] is not None)
    assert record["recording"]["channels"] == 2
    (sound,) = await _files(work, f"{record['call']['id']}.wav")
    assert all(level > BUSINESS_LOUD for level in loudest(sound))


async def _files(work: Workplace, pattern: str) -> list[Path]:
    return list((work.stack.installation.var / "recordings").rglob(pattern))


async def _longer_than(path: Path, size: int) -> bool:
    return path.stat().st_size > size


async def test_an_order_during_the_call_reserves_stock_and_the_customer_gets_a_mail(
    work: Workplace,
) -> None:
    agent = await work.agent("agent1")
    before = await _available(work, "BJ-003")
    mails = len(work.stack.mailbox.messages())
    await work.call_by_area(VIP)
    pop = await pop_of(agent, "talking")
    order = await agent.place_order(pop["customer"]["id"], [("BJ-003", 2)], call_id=pop["call_id"])
    assert await _available(work, "BJ-003") == before - 2
    (mail,) = await until(lambda: _mails_after(work, mails))
    assert mail["To"] == "caigou@huabei.example"
    body = mail.get_body(("plain",))
    assert body is not None
    assert order["number"] in body.get_content()


async def _available(work: Workplace, sku: str) -> int:
    found = await work.board.request("GET", f"/api/products?q={sku}")
    return next(int(item["available"]) for item in found["items"] if item["sku"] == sku)


async def _mails_after(work: Workplace, known: int) -> list[email.message.EmailMessage]:
    return [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in work.stack.mailbox.messages()[known:]
    ]


async def test_an_unknown_caller_from_elsewhere_takes_the_default_way(work: Workplace) -> None:
    agent = await work.agent("agent3")
    await work.call_by_area(SHENZHEN)
    pop = await pop_of(agent, "talking")
    assert pop["customer"] is None
    assert pop["place"]["city"] == "深圳"
    assert pop["queue"]["name"] == "retail"
    assert "default_route" in {why["code"] for why in pop["why"]}


async def test_a_hidden_number_takes_the_default_way(work: Workplace) -> None:
    agent = await work.agent("agent3")
    caller = await work.call_by_area("anonymous")
    pop = await pop_of(agent, "talking")
    assert (pop["caller"], pop["customer"]) == (None, None)
    assert pop["queue"]["name"] == "retail"
    await work.hang_up(caller)
    assert (await work.ended(None))["call"]["outcome"] == "answered"


async def test_a_vip_goes_ahead_of_those_who_came_first(work: Workplace) -> None:
    await work.call_by_area(STRANGER.format(3))
    await work.in_line(1)
    await work.call_by_area(VIP)
    first, second = await work.in_line(2)
    assert first["customer_name"] == "华北食品总代理有限公司"
    agent = await work.agent("agent2")
    pop = await pop_of(agent, "talking")
    assert pop["call_id"] == first["call_id"]
    assert (await work.in_line(1))[0]["call_id"] == second["call_id"]


async def test_a_customer_gets_the_own_salesperson_though_another_is_idle_longer(
    work: Workplace,
) -> None:
    other = await work.agent("agent2")
    own = await work.agent("agent1")
    await work.call_by_area(TANGGU)
    pop = await pop_of(own, "talking")
    assert "salesperson" in {why["code"] for why in pop["why"]}
    assert other.pops == {}


async def test_for_a_salesperson_on_a_break_somebody_else_takes_the_customer_at_once(
    work: Workplace,
) -> None:
    own = await work.agent("agent1")
    await own.command("break", "rest")
    other = await work.agent("agent2")
    await work.call_by_area(TANGGU)
    pop = await pop_of(other, "talking")
    assert "longest_idle" in {why["code"] for why in pop["why"]}
    assert own.pops == {}


async def test_a_mobile_is_served_where_it_is_at_home(work: Workplace) -> None:
    agent = await work.agent("agent2")
    await work.call_by_area(TIANJIN_MOBILE)
    pop = await pop_of(agent, "talking")
    assert (pop["place"]["city"], pop["queue"]["name"]) == ("天津", "north")
    assert "area" in {why["code"] for why in pop["why"]}


async def test_after_no_answer_the_caller_is_first_again_and_goes_to_the_next_agent(
    work: Workplace,
) -> None:
    deaf = await work.agent("agent2", phone="noanswer")
    await work.call_by_area(STRANGER.format(4))
    pop = await pop_of(deaf, "ringing")
    await work.call_by_area(STRANGER.format(5))
    assert (await state_of(deaf, "unavailable"))["reason"] == "no_answer"
    assert deaf.pops == {}
    first, _ = await work.in_line(2)
    assert first["call_id"] == pop["call_id"]
    agent = await work.agent("agent3")
    assert (await pop_of(agent, "talking"))["call_id"] == pop["call_id"]


@pytest.mark.parametrize("phone", ["busy", "reject"])
async def test_a_telephone_that_refuses_sends_the_caller_to_the_next_agent(
    work: Workplace, phone: str
) -> None:
    number = STRANGER.format(6 if phone == "busy" else 7)
    refusing = await work.agent("agent2", phone=phone)
    taking = await work.agent("agent3")
    await work.call_by_area(number)
    pop = await pop_of(taking, "talking")
    agent = await state_of(refusing, "unavailable")
    assert agent["reason"] in ("busy", "phone_unreachable")
    record = await work.record(number)
    failed = next(step for step in record["steps"] if step["kind"] == "offer_failed")
    assert failed["detail"]["agent_id"] == agent["agent_id"]
    assert pop["call_id"] == record["call"]["id"]


async def _in_the_first_prompt(work: Workplace, number: str) -> CallerReport:
    caller = await work.call(number)
    await caller.answered.wait()
    await work.record(number, has=lambda record: "menu_answered" in kinds(record))
    return caller


async def _after_the_first_key(work: Workplace, number: str) -> CallerReport:
    caller = await work.call(number, "1")
    await work.record(number, has=lambda record: "key" in kinds(record))
    return caller


async def _waiting(work: Workplace, number: str) -> CallerReport:
    caller = await work.call_by_area(number)
    await work.in_line(1)
    await caller.answered.wait()
    return caller


async def _while_ringing(work: Workplace, number: str) -> CallerReport:
    agent = await work.agent("agent2", phone="noanswer")
    caller = await work.call_by_area(number)
    await pop_of(agent, "ringing")
    return caller


@pytest.mark.parametrize(
    ("come_to", "number", "outcome", "called_back"),
    [
        (_in_the_first_prompt, STRANGER.format(11), "left_in_menu", False),
        (_after_the_first_key, STRANGER.format(12), "left_in_menu", False),
        (_waiting, STRANGER.format(13), "abandoned", True),
        (_while_ringing, STRANGER.format(14), "abandoned", True),
    ],
    ids=["first_prompt", "after_first_key", "waiting", "ringing"],
)
async def test_wherever_the_caller_hangs_up_the_record_is_closed(
    work: Workplace,
    come_to: Callable[[Workplace, str], Awaitable[CallerReport]],
    number: str,
    outcome: str,
    *,
    called_back: bool,
) -> None:
    caller = await come_to(work, number)
    await work.hang_up(caller)
    record = await work.ended(number)
    assert record["call"]["outcome"] == outcome
    assert await work.in_line(0) == []
    await work.board.until(
        lambda now: all(agent["state"] in ("ready", "reserved") for agent in now["agents"].values())
    )
    if called_back:
        (promise,) = await until(lambda: work.callbacks(number))
        assert promise["source"] == "abandoned"
    else:
        assert await work.callbacks(number) == []


async def test_the_third_agents_vote_ends_the_next_call_before_the_menu(work: Workplace) -> None:
    pest = STRANGER.format(77)
    for login in ("agent1", "agent2", "agent3"):
        agent = await work.agent(login)
        caller = await work.call_by_area(pest)
        pop = await pop_of(agent, "talking")
        path = f"/api/calls/{pop['call_id']}/blacklist-vote"
        said = await agent.request("POST", path, {"reason": "骚扰"})
        await work.hang_up(caller)
        await state_of(agent, "wrap_up", "ready")
        await agent.command("log_out")
    assert said == {"votes": 3, "needed": 3, "listed": True}
    await work.call_by_area(pest)
    record = await work.record(pest, has=lambda found: found["call"]["outcome"] == "rejected")
    assert "menu_answered" not in kinds(record)


async def test_a_caller_who_is_passed_on_stays_a_call_and_is_asked_after_the_last_talk(
    work: Workplace,
) -> None:
    stranger = STRANGER.format(78)
    before = await _answers_by_agent(work)
    first = await work.agent("agent1", phone="transfer")
    await work.call(stranger, "2", *"11111111111111111111")
    pop = await pop_of(first, "talking")
    second = await work.agent("agent2")
    await work.set_phone("agent2", "answer", talk_s=1)
    await work.set_phone("agent1", "transfer", to="1002")
    again = await pop_of(second, "talking")
    assert again["call_id"] == pop["call_id"]
    assert "passed_on" in {why["code"] for why in again["why"]}
    await state_of(first, "wrap_up", "ready")
    record = await work.record(stranger, has=lambda found: "surveyed" in kinds(found))
    asked = [step["detail"] for step in record["steps"] if step["kind"] == "surveyed"]
    assert asked == [{"question": "service", "key": "1"}]
    whole = await work.record(stranger, has=lambda found: found["recording"] is not None)
    assert whole["call"]["outcome"] == "answered"
    assert whole["call"]["agent_id"] == second.agent["agent_id"]
    credited = await _answers_by_agent(work) - before
    assert credited == Counter({str(second.agent["agent_id"]): 1})


async def _answers_by_agent(work: Workplace) -> Counter[str]:
    """How many callers gave an opinion of each, so far."""
    report = await work.board.request("GET", "/api/surveys/report?by=agent")
    return Counter({line["group"]: line["answered"] for line in report["lines"]})


async def test_a_consulted_colleague_has_the_call_with_its_pop(work: Workplace) -> None:
    stranger = STRANGER.format(79)
    first = await work.agent("agent1", phone="consult")
    caller = await work.call_by_area(stranger)
    pop = await pop_of(first, "talking")
    second = await work.agent("agent2")
    await work.consult("agent1", "agent2")
    again = await pop_of(second, "talking")
    assert again["call_id"] == pop["call_id"]
    await state_of(first, "wrap_up", "ready")
    await work.hang_up(caller)
    record = await work.ended(stranger)
    assert record["call"]["outcome"] == "answered"
    assert record["call"]["agent_id"] == second.agent["agent_id"]
