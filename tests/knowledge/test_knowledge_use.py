"""Use counts once for each person and call, and for ninety days."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.knowledge.commands import EntryEdit, EntryQuery, Use
from crm_core.knowledge.tables import KnowledgeUse, KnowledgeUseCount
from crm_core.knowledge.use import WINDOW_DAYS, first_day
from crm_core.rights import SYSTEM
from tests.knowledge.conftest import Desk

CALLS = [f"{number:032x}" for number in range(40)]


async def uses(desk, office, entry):
    return (await desk.service.get(office.wang, entry.id)).uses


async def rows_and_counts(database):
    async with database.begin() as session:
        rows = await session.scalar(select(func.count()).select_from(KnowledgeUse))
        recent = await session.scalar(select(func.sum(KnowledgeUseCount.recent)))
    return rows, recent


async def test_twenty_marks_at_once_count_once_for_a_person_and_call(desk, office, database):
    made = await desk.write("退货政策")
    marks = [desk.service.mark_used(office.wang, made.id, Use(call_id=CALLS[0])) for _ in range(20)]
    ended = await asyncio.gather(*marks)
    assert sum(each.counted for each in ended) == 1
    assert await uses(desk, office, made) == 1
    assert await rows_and_counts(database) == (1, 1)


async def test_other_calls_and_other_people_count_by_themselves(desk, office, database):
    made, other = await desk.write("退货政策"), await desk.write("运费")
    people = (office.wang, office.li, office.zhao)
    marks = [
        desk.service.mark_used(who, entry.id, Use(call_id=call))
        for _ in range(2)
        for who in people
        for call in CALLS[:4]
        for entry in (made, other)
    ]
    ended = await asyncio.gather(*marks)
    assert sum(each.counted for each in ended) == 24
    assert (await uses(desk, office, made), await uses(desk, office, other)) == (12, 12)
    assert await rows_and_counts(database) == (24, 24)


async def test_without_a_call_a_day_counts_once(desk, office):
    made = await desk.write("退货政策")
    for expected in (True, False):
        assert (await desk.service.mark_used(office.wang, made.id, Use())).counted is expected
    assert (await desk.service.mark_used(office.li, made.id, Use())).uses == 2
    desk.clock.pass_by(days=1)
    assert (await desk.service.mark_used(office.wang, made.id, Use())).uses == 3


async def test_a_use_counts_for_ninety_days_and_then_no_more(desk, office, database):
    old, new = await desk.write("旧"), await desk.write("新")
    for call in CALLS[:3]:
        await desk.service.mark_used(office.wang, old.id, Use(call_id=call))
    desk.clock.pass_by(days=30)
    await desk.service.mark_used(office.wang, old.id, Use(call_id=CALLS[5]))
    for call in CALLS[6:8]:
        await desk.service.mark_used(office.wang, new.id, Use(call_id=call))

    async def ranked():
        found = await desk.service.search(office.wang, EntryQuery())
        return [(each.title, each.uses) for each in found]

    assert await ranked() == [("旧", 4), ("新", 2)]
    desk.clock.pass_by(days=WINDOW_DAYS - 30 - 1)
    assert await ranked() == [("旧", 4), ("新", 2)]
    desk.clock.pass_by(days=1)
    assert await ranked() == [("新", 2), ("旧", 1)]
    desk.clock.pass_by(days=400)
    assert await ranked() == [("新", 0), ("旧", 0)]
    assert (await desk.service.get(office.wang, old.id)).uses_ever == 4
    assert await rows_and_counts(database) == (0, 0)


async def test_a_page_that_only_looks_sees_the_new_day_too(desk, office):
    made = await desk.write("旧")
    await desk.service.mark_used(office.wang, made.id, Use())
    desk.clock.pass_by(days=WINDOW_DAYS)
    assert await uses(desk, office, made) == 0


async def test_several_daemons_take_what_is_old_away_once(desk, office, database):
    entries = [await desk.write(f"题{number}") for number in range(4)]
    for entry in entries:
        for call in CALLS[:6]:
            await desk.service.mark_used(office.wang, entry.id, Use(call_id=call))
    desk.clock.pass_by(days=50)
    for entry in entries:
        await desk.service.mark_used(office.wang, entry.id, Use(call_id=CALLS[9]))
    desk.clock.pass_by(days=WINDOW_DAYS - 50)
    daemons = [Desk(database, desk.clock) for _ in range(5)]
    await asyncio.gather(
        *(each.service.search(office.wang, EntryQuery()) for each in daemons),
        *(
            each.service.mark_used(office.li, entry.id, Use(call_id=CALLS[10]))
            for each in daemons
            for entry in entries
        ),
    )
    assert [await uses(desk, office, entry) for entry in entries] == [2, 2, 2, 2]
    assert await rows_and_counts(database) == (8, 8)


async def test_an_edit_keeps_the_count_and_a_retired_entry_is_not_used(desk, office):
    made = await desk.write("退货政策")
    await desk.service.mark_used(office.wang, made.id, Use())
    edited = await desk.service.edit(office.zhao, made.id, EntryEdit(version=1, title="新"))
    assert edited.uses == 1
    await desk.service.edit(office.zhao, made.id, EntryEdit(version=2, state="retired"))
    for who in (office.wang, office.zhao):
        with pytest.raises(NotFound):
            await desk.service.mark_used(who, made.id, Use(call_id=CALLS[1]))


async def test_only_a_person_who_may_read_marks_a_use(desk, office):
    made = await desk.write("退货政策")
    stranger = replace(office.wang, rights=frozenset())
    with pytest.raises(Forbidden):
        await desk.service.mark_used(stranger, made.id, Use())
    with pytest.raises(Invalid):
        await desk.service.mark_used(SYSTEM, made.id, Use())
    with pytest.raises(NotFound):
        await desk.service.mark_used(office.wang, 10**6, Use())


def test_the_window_is_of_days_in_utc():
    assert str(first_day(datetime(2026, 3, 31, 23, 59, tzinfo=UTC))) == "2026-01-01"
