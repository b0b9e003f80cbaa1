"""Opinions of entries, and their review."""

import asyncio

import pytest
from sqlalchemy import select

from crm_core.audit.tables import AuditEntry
from crm_core.errors import Conflict, Invalid
from crm_core.knowledge.commands import EntryEdit, Opinion, OpinionQuery, Review
from crm_core.rights import SYSTEM

OUTDATED = Opinion(verdict="outdated", note="价格已变")
HELPFUL = Opinion(verdict="helpful")


async def waiting(desk, office, **more):
    return await desk.service.to_review(office.zhao, OpinionQuery(**more))


async def test_what_is_found_outdated_waits_for_review_and_helpful_is_counted(desk, office):
    made = await desk.write("价格表")
    await desk.service.give_opinion(office.wang, made.id, HELPFUL)
    await desk.service.give_opinion(office.li, made.id, OUTDATED)
    shown = await desk.service.get(office.wang, made.id)
    assert (shown.helpful, shown.to_review) == (1, 1)
    await desk.service.edit(office.zhao, made.id, EntryEdit(version=1, body="新价"))
    (mark,) = await waiting(desk, office)
    assert (mark.entry_title, mark.user_name, mark.verdict, mark.note) == (
        "价格表",
        "Li",
        "outdated",
        "价格已变",
    )
    assert (mark.entry_version, mark.current_version, mark.at) == (1, 2, desk.clock())
    assert await desk.service.review(office.zhao, Review(opinion_ids=(mark.id,), note="已改")) == 1
    assert await waiting(desk, office) == ()
    assert (await desk.service.get(office.wang, made.id)).to_review == 0
    with pytest.raises(Conflict):
        await desk.service.review(office.qian, Review(opinion_ids=(mark.id,)))


async def test_a_new_opinion_takes_the_place_of_the_one_before(desk, office):
    made = await desk.write("价格表")
    await desk.service.give_opinion(office.wang, made.id, OUTDATED)
    (first,) = await waiting(desk, office)
    await desk.service.give_opinion(
        office.wang, made.id, Opinion(verdict="not_helpful", note="看不懂")
    )
    (second,) = await waiting(desk, office)
    assert (second.verdict, second.note) == ("not_helpful", "看不懂")
    with pytest.raises(Conflict):  # these words were not what the reviewer had seen
        await desk.service.review(office.zhao, Review(opinion_ids=(first.id,)))
    await desk.service.give_opinion(office.wang, made.id, HELPFUL)
    assert await waiting(desk, office) == ()
    assert (await desk.service.get(office.wang, made.id)).helpful == 1


async def test_after_a_review_the_same_person_may_find_it_wanting_again(desk, office):
    made = await desk.write("价格表")
    for note in ("一", "二"):
        await desk.service.give_opinion(
            office.wang, made.id, Opinion(verdict="outdated", note=note)
        )
        (mark,) = await waiting(desk, office)
        assert mark.note == note
        await desk.service.review(office.zhao, Review(opinion_ids=(mark.id,)))


async def test_opinions_and_reviews_at_once_lose_nothing(desk, office, database):
    made = await desk.write("价格表")
    people = (office.wang, office.li, office.zhao, office.qian, office.sun)
    await asyncio.gather(
        *(desk.service.give_opinion(who, made.id, OUTDATED) for who in people for _ in range(4))
    )
    marks = await waiting(desk, office)
    assert {each.user_id for each in marks} == {who.user_id for who in people}
    assert len(marks) == 5
    ids = tuple(each.id for each in marks)
    ended = await asyncio.gather(
        *(desk.service.review(office.zhao, Review(opinion_ids=ids)) for _ in range(4)),
        return_exceptions=True,
    )
    assert sorted(map(str, (each for each in ended if isinstance(each, int)))) == ["5"]
    assert sum(isinstance(each, Conflict) for each in ended) == 3
    async with database.begin() as session:
        reviews = await session.scalars(
            select(AuditEntry.after).where(
                AuditEntry.action == "knowledge_entry.review",
                AuditEntry.entity_id == str(made.id),
            )
        )
        assert [each["opinion_ids"] for each in reviews] == [sorted(ids)]


async def test_what_waits_comes_in_pages_and_by_entry(desk, office):
    entries = [await desk.write(f"题{number}") for number in range(5)]
    for entry in entries:
        await desk.service.give_opinion(office.wang, entry.id, OUTDATED)
    first = await waiting(desk, office, limit=3)
    rest = await waiting(desk, office, limit=3, after=first[-1].id)
    assert [each.entry_id for each in (*first, *rest)] == [each.id for each in entries]
    (one,) = await waiting(desk, office, entry_id=entries[2].id)
    assert one.entry_title == "题2"


async def test_only_a_person_has_an_opinion(desk):
    made = await desk.write("价格表")
    with pytest.raises(Invalid):
        await desk.service.give_opinion(SYSTEM, made.id, HELPFUL)
