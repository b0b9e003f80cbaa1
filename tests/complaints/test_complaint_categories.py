import asyncio

import pytest
from sqlalchemy import select, update

from crm_core.audit.tables import AuditEntry
from crm_core.complaints.categories import seed_complaints
from crm_core.complaints.commands import CategoryEdit, NewCategory
from crm_core.complaints.service import ComplaintService
from crm_core.complaints.tables import ComplaintCategory
from crm_core.errors import Conflict, Invalid, NotFound


@pytest.fixture
def categories(database, office, clock):
    return ComplaintService(database, clock=clock).categories


def category(code, parent=None, **more):
    given = {"name_zh": code, "name_en": code, "handling_hours": 24} | more
    return NewCategory(code=code, parent_code=parent, **given)


async def test_the_usual_classes_are_there_in_a_tree(categories, office):
    found = {each.code: each for each in await categories.all(office.wang)}
    names = {each.name_zh for each in found.values() if each.parent_code is None}
    assert {"产品质量", "物流配送", "服务态度", "价格差异", "发票", "退换货", "其他"} <= names
    assert found["delivery_late"].parent_code == "delivery"
    assert all(each.handling_hours > 0 and each.active for each in found.values())


async def test_seeding_again_adds_what_is_missing_and_changes_nothing(categories, office, database):
    async with database.begin() as session:
        await session.execute(
            update(ComplaintCategory)
            .where(ComplaintCategory.code == "invoice")
            .values(handling_hours=5, active=False)
        )
        await session.delete(await session.get(ComplaintCategory, "delivery_lost"))
    async with database.begin() as session:
        await seed_complaints(session)
    found = {each.code: each for each in await categories.all(office.wang)}
    assert (found["invoice"].handling_hours, found["invoice"].active) == (5, False)
    assert "delivery_lost" in found


async def test_a_category_is_entered_once_and_below_a_known_one(categories, office):
    made = await categories.add(office.zhao, category("quality_taste", "quality"))
    assert (made.parent_code, made.handling_hours, made.version) == ("quality", 24, 1)
    with pytest.raises(Conflict) as refused:
        await categories.add(office.zhao, category("quality_taste"))
    assert refused.value.fields == {"code": "taken"}
    with pytest.raises(Invalid) as refused:
        await categories.add(office.zhao, category("orphan", "no_such"))
    assert refused.value.fields == {"parent_code": "unknown"}


async def test_of_several_who_enter_one_code_one_does(categories, office):
    ended = await asyncio.gather(
        *(categories.add(office.zhao, category("same_code")) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 4


async def test_an_edit_changes_what_it_names_and_leaves_its_trail(categories, office, database):
    await categories.add(office.zhao, category("to_edit", "price"))
    changed = await categories.edit(
        office.zhao, CategoryEdit(version=1, code="to_edit", handling_hours=8, active=False)
    )
    assert (changed.handling_hours, changed.active, changed.parent_code, changed.version) == (
        8,
        False,
        "price",
        2,
    )
    async with database.reading() as connection:
        entry = (
            await connection.execute(
                select(AuditEntry.before, AuditEntry.after).where(
                    AuditEntry.action == "complaint_category.update",
                    AuditEntry.entity_id == "to_edit",
                )
            )
        ).one()
    assert entry.before == {"handling_hours": 24, "active": True}
    assert entry.after == {"handling_hours": 8, "active": False}
    top = await categories.edit(
        office.zhao, CategoryEdit(version=2, code="to_edit", parent_code=None)
    )
    assert top.parent_code is None
    with pytest.raises(NotFound):
        await categories.edit(office.zhao, CategoryEdit(version=1, code="no_such"))


async def test_of_several_edits_from_one_version_one_is_kept(categories, office):
    await categories.add(office.zhao, category("contested"))
    edits = [CategoryEdit(version=1, code="contested", handling_hours=n) for n in range(1, 6)]
    ended = await asyncio.gather(
        *(categories.edit(office.zhao, each) for each in edits), return_exceptions=True
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 4


async def test_the_tree_never_becomes_a_circle_also_when_two_people_bend_it(categories, office):
    await categories.add(office.zhao, category("ring_a"))
    await categories.add(office.zhao, category("ring_b", "ring_a"))
    await categories.add(office.zhao, category("ring_c", "ring_b"))
    for below in ("ring_a", "ring_b", "ring_c"):
        with pytest.raises(Invalid) as refused:
            await categories.edit(
                office.zhao, CategoryEdit(version=1, code="ring_a", parent_code=below)
            )
        assert refused.value.fields == {"parent_code": "circle"}
    await categories.add(office.zhao, category("left"))
    await categories.add(office.zhao, category("right"))
    ended = await asyncio.gather(
        categories.edit(office.zhao, CategoryEdit(version=1, code="left", parent_code="right")),
        categories.edit(office.zhao, CategoryEdit(version=1, code="right", parent_code="left")),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Invalid) for each in ended) == 1
