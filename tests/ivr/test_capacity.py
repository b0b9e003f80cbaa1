"""Where too many callers hear something: who comes next rings on, waits in silence, and loses nothing by it."""

import asyncio
from dataclasses import replace

import pytest

from ivr import place
from ivr.capacity import Capacity, Room, place_in
from ivr.place import Place
from tests.ivr.ivr_line import NOON, Channel, OrderLine, until
from tests.ivr.test_ivr_overflow import details, overflows

GREETING = "please_wait"
ON, OFF = "SET MUSIC", "off"


@pytest.fixture
async def narrow(line: OrderLine) -> OrderLine:
    """One caller hears words, one music."""
    line.house = replace(line.house, capacity=Capacity(words=1, music=1))
    await line.reopen()
    return line


def in_line(caller: str, **more: object) -> Channel:
    """Somebody whose place in the line is kept, and who is greeted there."""
    kept = Place("north", 0, NOON, (), None, (), "zh")
    return Channel(place=place.write(kept), caller=caller, **more)  # type: ignore[arg-type]


def is_answered(channel: Channel) -> bool:
    return "ANSWER" in channel.commands


def hears_music(channel: Channel) -> bool:
    said = [command for command in channel.commands if command.startswith(ON)]
    return bool(said) and OFF not in said[-1]


def words(line: OrderLine) -> Room:
    return line.house.capacity.at("pbx1").words


def free(line: OrderLine) -> tuple[bool, bool]:
    """Whether there is room for words, and for music."""
    rooms = line.house.capacity.at("pbx1")
    return not rooms.words.is_full, not rooms.music.is_full


async def test_who_cannot_be_greeted_yet_rings_on_with_a_place_in_the_line(
    narrow: OrderLine,
) -> None:
    first = in_line("02211110001", endless=[GREETING])
    await narrow.begin(first)
    await until(lambda: GREETING in first.played)
    second = in_line("02211110002")
    await narrow.begin(second)
    await until(lambda: len(narrow.acd.waiting_views()) == 2)
    assert not is_answered(second)
    first.hang_up()
    await until(lambda: GREETING in second.played)
    assert is_answered(second)
    second.hang_up()
    await narrow.over()
    assert free(narrow) == (True, True)


async def test_who_hangs_up_while_it_rings_on_is_abandoned_and_takes_no_room(
    narrow: OrderLine,
) -> None:
    first, second = in_line("02211110003", endless=[GREETING]), in_line("02211110004")
    await narrow.begin(first)
    await until(lambda: GREETING in first.played)
    await narrow.begin(second)
    await until(lambda: len(narrow.acd.waiting_views()) == 2)
    second.hang_up()
    await until(lambda: len(narrow.acd.waiting_views()) == 1)
    first.hang_up()
    await narrow.over()
    assert narrow.row(second).outcome == "abandoned"
    assert free(narrow) == (True, True)


async def test_an_agent_who_comes_free_is_rung_for_a_caller_who_rings_on(narrow: OrderLine) -> None:
    first = in_line("02211110005", endless=[GREETING])
    await narrow.begin(first)
    await until(lambda: GREETING in first.played)
    second = in_line("02211110006", dials=[("ANSWER", 5)])
    await narrow.begin(second)
    await until(lambda: len(narrow.acd.waiting_views()) == 2)
    first.hang_up()
    first.press("D")
    await narrow.acd.log_in(7, "Li", "1001", ["north"])
    await until(lambda: narrow.row(second).answered_at)
    assert GREETING not in second.played[:-1]
    await narrow.over()


async def test_news_that_is_only_told_costs_nobody_the_turn_to_be_greeted(
    narrow: OrderLine,
) -> None:
    overflows(narrow, announce_first_s=10)
    first = in_line("02211110013", endless=[GREETING])
    second, third = in_line("02211110014", endless=[GREETING]), in_line("02211110015")
    await narrow.begin(first)
    await until(lambda: GREETING in first.played)
    await narrow.begin(second)
    await until(lambda: words(narrow).wanted == 1)
    narrow.pass_time(5)
    await narrow.begin(third)
    await until(lambda: words(narrow).wanted == 2)
    narrow.pass_time(6)
    first.hang_up()
    await until(lambda: second.played or third.played)
    assert (second.played, third.played) == ([GREETING], [])
    second.hang_up()
    await until(lambda: GREETING in third.played)
    third.hang_up()
    await narrow.over()
    assert not details(narrow, second, "announced")


async def test_whoever_comes_to_a_menu_rings_on_while_another_one_is_told_something(
    narrow: OrderLine,
) -> None:
    first = in_line("02211110007", endless=[GREETING])
    await narrow.begin(first)
    await until(lambda: GREETING in first.played)
    second = Channel(keys=["1", "1"], caller="02211110008")
    await narrow.begin(second)
    await until(lambda: narrow.acd.record(second.call_id))
    assert not is_answered(second)
    first.hang_up()
    await until(lambda: GREETING in second.played)
    second.hang_up()
    await narrow.over()


async def test_who_waits_without_music_still_asks_to_be_called_back(narrow: OrderLine) -> None:
    first, second = in_line("02211110009"), in_line("02211110010")
    await narrow.begin(first)
    await until(lambda: hears_music(first))
    await narrow.begin(second)
    await until(lambda: second.commands and "WAIT FOR DIGIT" in second.commands[-1])
    assert not hears_music(second)
    second.press("2")
    await until(lambda: narrow.row(second).ended_at)
    assert narrow.row(second).outcome == "callback_requested"
    first.hang_up()
    await narrow.over()
    assert free(narrow) == (True, True)


async def test_comfort_is_left_out_where_there_is_no_room_and_comes_the_next_time(
    narrow: OrderLine,
) -> None:
    overflows(narrow, announce_first_s=500, comfort_every_s=30)
    first = in_line("02211110011")
    await narrow.begin(first)
    await until(lambda: hears_music(first))
    second = in_line("02211110012", endless=[GREETING])
    await narrow.begin(second)
    await until(lambda: GREETING in second.played)
    before = len(first.commands)
    narrow.pass_time(30)
    await until(lambda: len(first.commands) > before and "WAIT" in first.commands[-1])
    assert "comfort" not in first.played
    second.hang_up()
    await until(lambda: len(narrow.acd.waiting_views()) == 1)
    narrow.pass_time(30)
    await until(lambda: "comfort" in first.played)
    first.hang_up()
    await narrow.over()


async def test_room_that_nobody_waits_for_any_more_is_lost_to_nobody() -> None:
    room = Room(1)
    told = asyncio.Event()

    async def asked() -> None:
        await told.wait()

    async def come() -> bool:
        async with place_in(room, until=asked) as there:
            return there

    async with place_in(room):
        news, cancelled = asyncio.create_task(come()), asyncio.create_task(come())
        await asyncio.sleep(0)
        cancelled.cancel()
        told.set()
        assert await news is False
    await asyncio.gather(cancelled, return_exceptions=True)
    assert (room.taken, room.wanted) == (0, 0)
    assert await come() is True
    assert (room.taken, room.wanted) == (0, 0)
