"""Entries written, edited, restored; their categories."""

import asyncio

import pytest
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from crm_core.audit.tables import AuditEntry
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.knowledge.categories import seed_knowledge
from crm_core.knowledge.commands import (
    CategoryEdit,
    EntryEdit,
    EntryQuery,
    EntryState,
    NewCategory,
    NewEntry,
    Opinion,
    OpinionQuery,
    Restore,
    Review,
    Use,
    VersionQuery,
)


def new(**more):
    values = {"title": "退货政策", "category_code": "returns", "body": "七天无理由退货。"}
    return NewEntry.model_validate(values | more)


def edit(version, **values):
    return EntryEdit.model_validate({"version": version} | values)


async def actions(database, entity, entity_id):
    async with database.begin() as session:
        rows = await session.scalars(
            select(AuditEntry)
            .where(AuditEntry.entity == entity, AuditEntry.entity_id == str(entity_id))
            .order_by(AuditEntry.id)
        )
        return list(rows)


async def test_an_entry_is_written_published_edited_and_every_text_is_kept(desk, office, database):
    knowledge, zhao = desk.service, office.zhao
    made = await knowledge.create(zhao, new(keywords=("退款", "运费"), sku="A1"))
    assert (made.state, made.version, made.author_name) == ("draft", 1, "Zhao")
    assert (made.keywords, made.sku, made.created_at) == (("退款", "运费"), "A1", desk.clock())
    desk.clock.pass_by(hours=1)
    shown = await knowledge.edit(zhao, made.id, edit(1, state="published"))
    changed = await knowledge.edit(office.sun, made.id, edit(2, body="十五天。", keywords=["退款"]))
    assert (shown.state, changed.state, changed.version) == ("published", "published", 3)
    assert (changed.author_name, changed.editor_name) == ("Zhao", "Sun")
    assert (changed.title, changed.body, changed.keywords) == ("退货政策", "十五天。", ("退款",))
    assert changed.updated_at == desk.clock() > changed.created_at
    history = await knowledge.history(zhao, made.id, VersionQuery())
    assert [(each.version, each.state, each.editor_name) for each in history] == [
        (3, "published", "Sun"),
        (2, "published", "Zhao"),
        (1, "draft", "Zhao"),
    ]
    first = await knowledge.version(zhao, made.id, 1)
    assert (first.body, first.keywords, first.state) == (
        "七天无理由退货。",
        ("退款", "运费"),
        "draft",
    )
    noted = await actions(database, "knowledge_entry", made.id)
    assert [each.action.partition(".")[2] for each in noted] == ["create", "update", "update"]
    assert noted[2].after == {"keywords": ["退款"], "version": 3}
    assert noted[2].actor_id == office.sun.user_id


async def test_an_earlier_text_comes_back_as_a_new_version(desk, office):
    knowledge, zhao = desk.service, office.zhao
    made = await knowledge.create(zhao, new(keywords=("旧",)))
    await knowledge.edit(
        zhao, made.id, edit(1, title="新政策", body="新", keywords=[], sku="B2", state="published")
    )
    back = await knowledge.restore(zhao, made.id, Restore(version=2, from_version=1))
    assert (back.title, back.body, back.keywords, back.sku) == (
        "退货政策",
        "七天无理由退货。",
        ("旧",),
        None,
    )
    assert (back.version, back.state) == (3, "published")
    (latest, *_) = await knowledge.history(zhao, made.id, VersionQuery(limit=1))
    assert (latest.version, latest.restored_from) == (3, 1)
    found = await knowledge.search(office.wang, EntryQuery(q="七天"))
    assert [each.id for each in found] == [made.id]
    assert not await knowledge.search(office.wang, EntryQuery(q="新政策"))
    with pytest.raises(Conflict):
        await knowledge.restore(zhao, made.id, Restore(version=2, from_version=1))
    with pytest.raises(NotFound):
        await knowledge.restore(zhao, made.id, Restore(version=3, from_version=9))
    assert (await knowledge.get(zhao, made.id)).version == 3


async def test_of_several_who_edit_at_once_one_is_kept_and_the_others_hear_it(desk, office):
    made = await desk.write("退货政策")
    ended = await asyncio.gather(
        *(
            desk.service.edit(office.zhao, made.id, edit(1, body=f"第{number}稿"))
            for number in range(8)
        ),
        return_exceptions=True,
    )
    kept = [each for each in ended if not isinstance(each, Exception)]
    refused = [each for each in ended if isinstance(each, Conflict)]
    assert (len(kept), len(refused)) == (1, 7)
    assert refused[0].fields == {"version": 2}
    assert (await desk.service.get(office.zhao, made.id)).body == kept[0].body
    assert len(await desk.service.history(office.zhao, made.id, VersionQuery())) == 2


async def test_an_edit_that_changes_nothing_makes_no_version(desk, office):
    made = await desk.write("退货政策", "正文", keywords=("甲",))
    same = await desk.service.edit(
        office.zhao, made.id, edit(1, title="退货政策", body="正文", keywords=["甲"])
    )
    assert same == made
    assert len(await desk.service.history(office.zhao, made.id, VersionQuery())) == 1


async def test_history_comes_in_pages(desk, office):
    made = await desk.write("一")
    for number in range(1, 6):
        await desk.service.edit(office.zhao, made.id, edit(number, title=f"题{number}"))
    first = await desk.service.history(office.zhao, made.id, VersionQuery(limit=4))
    rest = await desk.service.history(office.zhao, made.id, VersionQuery(limit=4, before=3))
    assert [each.version for each in (*first, *rest)] == [6, 5, 4, 3, 2, 1]


async def test_who_only_reads_meets_nothing_but_published_entries(desk, office):
    knowledge, wang = desk.service, office.wang
    draft = await desk.write("草稿", state="draft")
    retired = await desk.write("旧文", state="retired")
    shown = await desk.write("公开")
    for hidden in (draft, retired):
        with pytest.raises(NotFound):
            await knowledge.get(wang, hidden.id)
        with pytest.raises(NotFound):
            await knowledge.mark_used(wang, hidden.id, Use())
        with pytest.raises(NotFound):
            await knowledge.give_opinion(wang, hidden.id, Opinion(verdict="helpful"))
        assert (await knowledge.get(office.zhao, hidden.id)).id == hidden.id
    assert [each.id for each in await knowledge.search(wang, EntryQuery())] == [shown.id]
    with pytest.raises(Forbidden):
        await knowledge.search(wang, EntryQuery(state=EntryState.DRAFT))
    drafts = await knowledge.search(office.zhao, EntryQuery(state=EntryState.DRAFT))
    assert [each.id for each in drafts] == [draft.id]


async def test_an_agent_changes_nothing(desk, office):
    knowledge, wang = desk.service, office.wang
    made = await desk.write("公开")
    for refused in (
        knowledge.create(wang, new()),
        knowledge.edit(wang, made.id, edit(1, title="改")),
        knowledge.restore(wang, made.id, Restore(version=1, from_version=1)),
        knowledge.history(wang, made.id, VersionQuery()),
        knowledge.version(wang, made.id, 1),
        knowledge.to_review(wang, OpinionQuery()),
        knowledge.review(wang, Review(opinion_ids=(1,))),
        knowledge.categories.add(wang, NewCategory(code="x", name_zh="x", name_en="x")),
        knowledge.categories.edit(wang, CategoryEdit(code="other", version=1, name_zh="x")),
    ):
        with pytest.raises(Forbidden):
            await refused
    assert (await knowledge.get(wang, made.id)).version == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "长" * 101},
        {"body": " "},
        {"body": "长" * 20_001},
        {"body": "a\x00b"},
        {"keywords": ["词"] * 21},
        {"keywords": ["长" * 31]},
        {"keywords": [""]},
        {"sku": "s" * 41},
        {"state": "secret"},
        {"category_code": "Not A Code"},
        {"version": 3},
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    with pytest.raises(ValidationError):
        new(**wrong)


def test_a_keyword_counts_once_however_it_is_written():
    assert new(keywords=("Tea", "茶", "tea", "ＴＥＡ", "茶")).keywords == ("Tea", "茶")


@pytest.mark.parametrize(
    "body", ["天" * 20_000, "ﷺ" * 20_000, "\n".join(["a b"] * 5000), "𠀋" * 20_000]
)
async def test_the_longest_body_is_kept_and_found(desk, office, body):
    made = await desk.write("长文", body)
    assert (await desk.service.get(office.wang, made.id)).body == body.strip()
    found = await desk.service.search(office.wang, EntryQuery(q="长文"))
    assert [each.id for each in found] == [made.id]


async def test_an_unknown_or_inactive_category_takes_no_entry(desk, office):
    knowledge, zhao = desk.service, office.zhao
    with pytest.raises(Invalid):
        await knowledge.create(zhao, new(category_code="nowhere"))
    added = await knowledge.categories.add(
        zhao, NewCategory(code="season", name_zh="节日", name_en="Season", position=5)
    )
    made = await knowledge.create(zhao, new(category_code="season"))
    closed = await knowledge.categories.edit(
        zhao, CategoryEdit(code="season", version=added.version, active=False)
    )
    assert (closed.active, closed.name_zh, closed.version) == (False, "节日", 2)
    with pytest.raises(Invalid):
        await knowledge.create(zhao, new(category_code="season"))
    other = await desk.write("别的")
    with pytest.raises(Invalid):
        await knowledge.edit(zhao, other.id, edit(1, category_code="season"))
    assert (await knowledge.edit(zhao, made.id, edit(1, title="改"))).category_code == "season"
    moved = await knowledge.edit(zhao, made.id, edit(2, category_code="other"))
    back = await knowledge.restore(zhao, made.id, Restore(version=3, from_version=1))
    assert (moved.category_code, back.category_code) == ("other", "season")
    with pytest.raises(Conflict):
        await knowledge.categories.edit(zhao, CategoryEdit(code="season", version=1, name_zh="x"))
    with pytest.raises(NotFound):
        await knowledge.categories.edit(zhao, CategoryEdit(code="none", version=1, name_zh="x"))


async def test_of_several_who_add_one_category_one_does(desk, office):
    wanted = NewCategory(code="storm", name_zh="台风", name_en="Storm")
    ended = await asyncio.gather(
        *(desk.service.categories.add(office.zhao, wanted) for _ in range(5)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in ended) == ["CategoryView", *["Conflict"] * 4]


async def test_a_seed_undoes_no_decision(desk, office, database):
    before = await desk.service.categories.all(office.wang)
    assert [each.position for each in before] == sorted(each.position for each in before)
    (script,) = [each for each in before if each.code == "script"]
    await desk.service.categories.edit(
        office.zhao, CategoryEdit(code="script", version=script.version, name_zh="改名")
    )
    async with database.begin() as session:
        await seed_knowledge(session)
    after = await desk.service.categories.all(office.wang)
    assert [each.code for each in after] == [each.code for each in before]
    assert [each.name_zh for each in after if each.code == "script"] == ["改名"]


async def test_the_tables_refuse_what_no_rule_would_write(desk, database):
    made = await desk.write("一")
    for wrong in (
        f"UPDATE knowledge_entries SET state = 'x' WHERE id = {made.id}",
        f"UPDATE knowledge_use_counts SET recent = -1 WHERE entry_id = {made.id}",
        f"UPDATE knowledge_use_counts SET recent = 5 WHERE entry_id = {made.id}",
        f"INSERT INTO knowledge_versions SELECT * FROM knowledge_versions WHERE entry_id = {made.id}",
    ):
        with pytest.raises(IntegrityError):
            async with database.begin() as session:
                await session.execute(text(wrong))
