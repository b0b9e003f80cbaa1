"""Calls that were under way before, and the version of the line that they began with."""

import pytest
import yaml
from sqlalchemy import text

from crm_core.db import Database
from ivr.line.live import Line
from ivr.line.service import seed
from ivr.line_file import read_line
from tests.ivr.ivr_line import LINE_FILE, NOON, Channel, OrderLine, until
from tests.ivr.test_passed_on import pass_on, talking

STRANGER = "02223456789"


def with_survey() -> str:
    """The shipped line, in which the north is asked for its opinion and the menu greets otherwise."""
    found = yaml.safe_load(LINE_FILE.read_text(encoding="utf-8"))
    found["queues"]["north"]["survey"] = "satisfaction"
    found["surveys"]["satisfaction"] |= {"min_talk_s": 0}
    found["menus"]["main"]["keys"]["6"] = {"route": True}
    return str(yaml.safe_dump(found, allow_unicode=True))


def without_north() -> str:
    """The shipped line without the queue north: whoever asked for it is for the service."""
    found = yaml.safe_load(LINE_FILE.read_text(encoding="utf-8"))
    del found["queues"]["north"]
    for queue in found["queues"].values():
        steps = queue.get("overflow", [])
        queue["overflow"] = [step for step in steps if step.get("to") != "north"]
    for rule in found["routes"]:
        if rule.get("queue") == "north":
            rule["queue"] = "service"
    return str(yaml.safe_dump(found, allow_unicode=True))


SHIPPED = LINE_FILE.read_text(encoding="utf-8")


@pytest.fixture
async def began_with(line: OrderLine, database: Database) -> str:
    """The line in its first version, which asks for opinions."""
    async with database.begin() as session:
        await session.execute(text("DELETE FROM line_versions"))
    await seed(database, with_survey(), NOON)
    go_live(line, 1, with_survey())
    return with_survey()


def go_live(line: OrderLine, number: int, content: str) -> None:
    line.house.line.now = Line(number, *read_line(content))
    line.acd.adopt(line.house.line.now.plan)


@pytest.mark.usefixtures("began_with")
async def test_who_is_passed_on_hears_the_survey_that_there_was_at_the_beginning(
    line: OrderLine,
) -> None:
    caller, _ = await talking(line)
    go_live(line, 2, SHIPPED)

    again = await pass_on(line, caller, "1009", dials=[("ANSWER", 9)], keys=["1"])
    await line.over()

    assert again.played == ["survey_satisfaction_service", "thank_you"]
    assert line.row(caller).line_version == 1


@pytest.mark.usefixtures("began_with")
async def test_who_comes_back_into_the_menus_finds_the_keys_that_there_were(
    line: OrderLine,
) -> None:
    caller = Channel(keys=[], endless=["menu_main"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: caller.played)
    await line.close()
    caller.hang_up()
    await line.over()
    go_live(line, 2, SHIPPED)
    await line.open()
    await line.agent(1, "north")

    again = Channel(call_id=caller.call_id, caller=STRANGER, keys=["6"], dials=[("ANSWER", 1)])
    fresh = Channel(caller="02223456780", keys=["6", "1", "1"], dials=[("ANSWER", 1)])
    await line.ring(again)
    await line.acd.finish_wrap_up(1)
    await line.ring(fresh)

    assert line.row(again).menu_path == ("6",)
    assert "wrong_key" in line.steps(fresh)


@pytest.mark.usefixtures("began_with")
async def test_who_is_passed_on_and_whose_queue_is_gone_waits_where_the_line_leads_the_number(
    line: OrderLine,
) -> None:
    caller, _ = await talking(line)
    go_live(line, 2, without_north())

    again = await pass_on(line, caller, "1009", dials=[("NOANSWER", 0)])
    await until(line.acd.waiting_views)
    (waiting,) = line.acd.waiting_views()
    again.hang_up()
    await line.over()

    assert waiting.queue == "service"


async def test_a_version_that_cannot_be_read_is_the_one_now(
    line: OrderLine, began_with: str, database: Database
) -> None:
    live = line.house.line
    go_live(line, 5, SHIPPED)
    assert (await live.version(1)).number == 1
    assert (await live.version(1)) is (await live.version(1))
    assert (await live.version(None)).number == 5
    assert (await live.version(4)).number == 5

    async with database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO line_versions (number, text, note, made_at) VALUES (3, :t, '', now())"
            ),
            {"t": began_with.replace("menu: wholesale", "menu: holesale")},
        )
    assert (await live.version(3)).number == 5
    live._database = Database("postgresql://nobody@127.0.0.1:1/none")
    assert (await live.version(2)).number == 5


@pytest.mark.usefixtures("began_with")
async def test_a_version_with_a_queue_that_is_gone_is_gone_by_no_more(line: OrderLine) -> None:
    go_live(line, 2, without_north())
    assert (await line.house.line.version(1)).number == 2
