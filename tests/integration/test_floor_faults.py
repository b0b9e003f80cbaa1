"""Agents go while callers are with them or wait for them; who needs a skill finds it, or somebody after a while."""

from tests.integration.site import ABSENT, OUTWARD
from tests.integration.test_page_faults import vanish
from tests.integration.workplace import Record, Workplace, finish_wrap_up, kinds, pop_of, state_of

NORTH = "022777700{:02d}"
TANGSHAN = "031577770{:03d}"


async def test_a_page_that_vanishes_while_the_telephone_rings_leaves_the_call_to_the_telephone(
    work: Workplace,
) -> None:
    agent = await work.agent("agent2", ring_s=3)
    await work.call_by_area(NORTH.format(1))
    pop = await pop_of(agent, "ringing")
    vanish(agent)
    again = await work.reopen("agent2")
    assert (await pop_of(again, "talking"))["call_id"] == pop["call_id"]
    record = await work.record(NORTH.format(1), has=lambda found: "answered" in kinds(found))
    assert kinds(record).count("offered") == 1


async def test_a_page_that_vanishes_beside_a_telephone_nobody_answers_passes_the_caller_on(
    work: Workplace,
) -> None:
    gone = await work.agent("agent2", phone="noanswer")
    await work.call_by_area(NORTH.format(2))
    pop = await pop_of(gone, "ringing")
    vanish(gone)
    taking = await work.agent("agent3")
    assert (await pop_of(taking, "talking"))["call_id"] == pop["call_id"]
    assert (await state_of(await work.reopen("agent2"), "unavailable"))["reason"] == "no_answer"


async def test_when_all_agents_leave_those_who_wait_keep_their_places_for_whoever_comes(
    work: Workplace,
) -> None:
    last = await work.agent("agent2")
    talk = await work.call_by_area(NORTH.format(3))
    await pop_of(last, "talking")
    for number in (4, 5):
        await work.call_by_area(NORTH.format(number))
        await work.in_line(number - 3)
    waiting = [each["call_id"] for each in await work.in_line(2)]
    await last.command("log_out")
    await work.hang_up(talk)
    await finish_wrap_up(last)
    await state_of(last, "offline")
    assert [each["call_id"] for each in await work.in_line(2)] == waiting

    first = await work.agent("agent3")
    assert (await pop_of(first, "talking"))["call_id"] == waiting[0]
    second = await work.agent("agent1")
    assert (await pop_of(second, "talking"))["call_id"] == waiting[1]


async def test_when_the_last_agent_leaves_those_who_wait_go_where_nobody_is_needed(
    work: Workplace,
) -> None:
    last = await work.agent("agent2")
    talk = await work.call(NORTH.format(6), did=OUTWARD)
    await pop_of(last, "talking")
    outward = await work.call(NORTH.format(7), did=OUTWARD)
    absent = await work.call(NORTH.format(8), did=ABSENT)
    for caller in (outward, absent):
        await work.queued(caller.number)
    await last.command("log_out")
    await work.hang_up(talk)
    await finish_wrap_up(last)
    await state_of(last, "offline")
    await work.record(outward.number, has=lambda found: "outside_answered" in kinds(found))
    left = await work.record(absent.number, has=lambda found: "voicemail" in _ways(found))
    assert _ways(left) == ["announce", "voicemail"]
    assert [each["call_id"] for each in await work.in_line(1)] == [left["call"]["id"]]
    for caller in (outward, absent):
        assert not caller.over.is_set()


def _ways(record: Record) -> list[str]:
    """The ways that the line sent the caller, in order."""
    return [step["detail"]["way"] for step in record["steps"] if step["kind"] == "diverted"]


async def test_who_asks_for_a_skill_reaches_the_skilled_agent_and_after_a_while_another(
    work: Workplace,
) -> None:
    board = await work.board.request("GET", "/api/skills")
    expert = next(each for each in board["items"] if each["extension"] == "1003")
    path = f"/api/skills/{expert['user_id']}"
    wanted = {"skills": {"wine": 4}, "version": expert["version"]}
    await work.board.request("PUT", path, wanted)
    try:
        idle, skilled = await work.agent("agent2"), await work.agent("agent3")
        await work.call_by_area(TANGSHAN.format(1))
        pop = await pop_of(skilled, "talking")
        assert "skills" in {why["code"] for why in pop["why"]}
        assert idle.pops == {}
        await work.call_by_area(TANGSHAN.format(2))
        await work.in_line(1)
        relaxed = await pop_of(idle, "talking")
        assert relaxed["call_id"] != pop["call_id"]
    finally:
        nothing = {"skills": {}, "version": expert["version"] + 1}
        await work.board.request("PUT", path, nothing)
