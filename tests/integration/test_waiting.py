"""What callers who wait are told, taken from the sound that arrives at their end."""

from typing import Any

from acd.tickets import Announcement
from ivr import told
from tests.integration.hearing import Hearing
from tests.integration.site import TOLD
from tests.integration.workplace import Workplace, finish_wrap_up, pop_of, until
from zongji.demo.callers import CallerReport

NUMBER = "022333300{:02d}"


async def test_callers_hear_their_place_and_the_wait_that_is_foreseen(work: Workplace) -> None:
    agent = await work.agent("agent1")
    talk = await work.call(NUMBER.format(1), did=TOLD)
    await pop_of(agent, "talking")
    first = await work.call(NUMBER.format(2), did=TOLD)
    of_first = await _listen(work, first)
    await work.queued(first.number)
    second = await work.call(NUMBER.format(3), did=TOLD)
    of_second = await _listen(work, second)
    shorter = await _hears_its_place(work, first, 1, of_first)
    longer = await _hears_its_place(work, second, 2, of_second)
    assert shorter["estimate_s"] < longer["estimate_s"]
    other = [await work.prompt("position_1")]
    assert not await of_second.has(other)

    await work.hang_up(talk)
    await finish_wrap_up(agent)
    pop = await pop_of(agent, "talking")
    await work.hang_up(first)
    record = await work.ended(first.number)
    assert record["call"]["id"] == pop["call_id"]
    (kept,) = [step["detail"] for step in record["steps"] if step["kind"] == "wait_told"]
    assert kept["told_s"] == shorter["estimate_s"]


async def _listen(work: Workplace, caller: CallerReport) -> Hearing:
    await caller.answered.wait()
    return await work.listen(caller)


async def _hears_its_place(
    work: Workplace, caller: CallerReport, position: int, heard: Hearing
) -> dict[str, Any]:
    """What the caller heard is what the record says of it; the first time."""

    async def look() -> dict[str, Any] | None:
        record = await work.record(caller.number)
        said = [step["detail"] for step in record["steps"] if step["kind"] == "announced"]
        for each in said:
            assert each["position"] == position
            minutes = int(each["told"].removeprefix("about_"))
            names = told.prompts(Announcement(position, 60 * minutes), "zh", callback=True)
            prompts = [await work.prompt(name) for name in names]
            if await heard.has(prompts):
                return said[0]
        return None

    return await until(look)
