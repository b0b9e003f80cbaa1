"""Where callers come by the clock and the calendar, by the operator's key, by an extension and by their language."""

import tomllib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.menu import LANGUAGES, Language, prompt_of
from ivr.prompts import Prompt
from tests.integration.line_edits import Document, change, line_as_it_was
from tests.integration.workplace import Record, Workplace, kinds, pop_of
from zongji.demo.callers import CallerReport

NUMBER = "0228888044{:02d}"
BY_TIME, DESK = "4006001021", "4006001022"
SAID = {
    "feast": ("今天放假。", "It is a holiday."),
    "day": ("现在营业。", "We are open."),
    "night": ("现在打烊。", "We are closed."),
    "desk": ("请拨分机号。", "Please dial the extension."),
}
ALL_DAY = "00:00-24:00"


async def test_a_number_leads_where_the_hours_of_the_house_say(work: Workplace) -> None:
    async with line_as_it_was(work):
        for number, opens_in, menu in ((1, -1, "day"), (2, 1, "night")):
            await _led_by_time(work, _two_hours(work, opens_in))
            await _comes_to(work, NUMBER.format(number), menu)


async def test_on_a_holiday_callers_come_to_what_is_said_for_it(work: Workplace) -> None:
    async with line_as_it_was(work):
        await _led_by_time(work, _two_hours(work, -1), feast={"days": _today(work)})
        await _comes_to(work, NUMBER.format(3), "feast")


async def test_a_day_that_is_worked_like_another_is_open_as_that_is(work: Workplace) -> None:
    worked = f"{_now(work) + timedelta(days=3):%a}".lower()
    hours = {"week": {worked: ALL_DAY}}
    async with line_as_it_was(work):
        await _led_by_time(work, hours)
        await _comes_to(work, NUMBER.format(4), "night")
        await _led_by_time(work, hours, moved={"days": _today(work), "works_as": worked})
        await _comes_to(work, NUMBER.format(5), "day")


@pytest.fixture
async def desk(work: Workplace) -> AsyncIterator[None]:
    """A number whose callers may dial an extension or the operator, and choose the language."""

    def edit(line: Document) -> None:
        for menu in line["menus"].values():
            menu["operator"] = "0" not in menu["keys"]
        line["operator"] = {"key": "0", "choice": "3"}
        languages = {"8": {"language": "zh"}, "9": {"language": "en"}}
        line["menus"]["desk"] = _menu("desk", languages) | {"extensions": True}
        line["dids"][DESK] = {"medium": "直线", "menu": "desk"}

    async with line_as_it_was(work):
        await change(work, edit)
        yield


@pytest.mark.usefixtures("desk")
async def test_the_operators_key_connects_with_the_operators_agents(work: Workplace) -> None:
    agent = await work.agent("agent1")
    caller = await _in_menu(work, NUMBER.format(6), DESK)
    await work.press(caller, "0", pause_s=0)
    pop = await pop_of(agent, "talking")
    await work.phone_talks("agent1")
    call = (await work.record(caller.number))["call"]
    assert (call["id"], call["queue"], call["menu_path"]) == (pop["call_id"], "service", ["0"])


@pytest.mark.usefixtures("desk")
async def test_who_dials_an_extension_talks_with_its_agent_and_is_told_of_one_that_is_not_there(
    work: Workplace,
) -> None:
    longest_idle, dialled = await work.agent("agent1"), await work.agent("agent2")
    caller = await _in_menu(work, NUMBER.format(7), DESK)
    heard = await work.listen(caller)
    await work.press(caller, "1999", pause_s=0.2)
    away = await work.prompt("extension_away")
    await work.hears(heard, away, await _said_in(work, "desk"))

    await work.press(caller, "1002", pause_s=0.2)
    pop = await pop_of(dialled, "talking")
    await work.phone_talks("agent2")
    assert longest_idle.agent["state"] == "ready"
    record = await work.record(caller.number, has=lambda found: "answered" in kinds(found))
    assert record["call"]["id"] == pop["call_id"]
    assert record["call"]["agent_id"] == dialled.agent["agent_id"]
    assert [each["keys"] for each in _details(record, "digits")] == ["1999", "1002"]
    assert not any(_details(record, "wrong_key"))


@pytest.mark.usefixtures("desk")
async def test_a_language_chosen_by_key_is_that_of_the_menu_and_of_the_line(
    work: Workplace,
) -> None:
    caller = await _in_menu(work, NUMBER.format(8), DESK)
    heard = await work.listen(caller)
    parts = []
    chosen: tuple[tuple[str, Language], ...] = (("8", "zh"), ("9", "en"))
    for key, language in chosen:
        await work.press(caller, key, pause_s=0)
        parts.append(await _said_in(work, "desk", language))
        await work.hears(heard, *parts)
    await work.press(caller, "0", pause_s=0)
    await work.hears(heard, *parts, await work.prompt("please_wait", "en"))


async def _led_by_time(work: Workplace, shop: dict[str, Any], **days: dict[str, Any]) -> None:
    """A number that leads by the hours `shop` and by a holiday, if one of `days` is the feast."""

    def edit(line: Document) -> None:
        line["hours"]["shop"], line["holidays"] = shop, days
        by_hours = [{"hours": "shop", "menu": "day"}, {"menu": "night"}]
        if "feast" in days:
            by_hours.insert(0, {"holiday": "feast", "menu": "feast"})
        line["dids"][BY_TIME] = {"medium": "直线", "by_hours": by_hours}
        for branch in by_hours:
            line["menus"][branch["menu"]] = _menu(branch["menu"], {"#": {"repeat": True}})

    await change(work, edit)


def _menu(name: str, keys: dict[str, Any]) -> dict[str, Any]:
    said = dict(zip(LANGUAGES, SAID[name], strict=True))
    return {"say": said, "keys": keys | {"*": {"hang_up": True}}}


async def _comes_to(work: Workplace, number: str, menu: str) -> None:
    """A caller is led to this menu and hears what it says."""
    caller = await _in_menu(work, number, BY_TIME)
    heard = await work.listen(caller)
    await work.press(caller, "#", pause_s=0)
    await work.hears(heard, await _said_in(work, menu))
    record = await work.record(number)
    assert [each["menu"] for each in _details(record, "menu_answered")] == [menu]


async def _in_menu(work: Workplace, number: str, did: str) -> CallerReport:
    caller = await work.call(number, did=did)
    await work.record(number, has=lambda found: "menu_answered" in kinds(found))
    return caller


async def _said_in(work: Workplace, menu: str, language: Language = "zh") -> bytes:
    text = SAID[menu][LANGUAGES.index(language)]
    return await work.spoken(Prompt(prompt_of(menu), language, text, of_line=True).place)


def _details(record: Record, kind: str) -> list[dict[str, Any]]:
    return [step["detail"] for step in record["steps"] if step["kind"] == kind]


def _two_hours(work: Workplace, opens_in: int) -> dict[str, Any]:
    """Hours of every day, holiday or not, that open so many hours from now."""
    opens = _now(work) + timedelta(hours=opens_in)
    span = f"{opens:%H:%M}-{opens + timedelta(hours=2):%H:%M}"
    return {"week": {"mon-sun": span}, "holidays": False}


def _now(work: Workplace) -> datetime:
    """The time of the house."""
    settings = tomllib.loads(work.stack.installation.settings_file.read_text(encoding="utf-8"))
    return datetime.now(ZoneInfo(settings["timezone"]))


def _today(work: Workplace) -> str:
    """And tomorrow, should it become midnight meanwhile."""
    now = _now(work)
    return f"{now:%Y-%m-%d}..{now + timedelta(days=1):%Y-%m-%d}"
