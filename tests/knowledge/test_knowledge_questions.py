"""Questions to supervisors, answered once and made into entries."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from crm_core.audit.tables import AuditEntry
from crm_core.customers.tables import Customer
from crm_core.errors import Forbidden, Invalid, NotFound
from crm_core.knowledge.commands import Answer, EntryQuery, NewQuestion, QuestionQuery
from crm_core.knowledge.events import QuestionAnswered, QuestionAsked
from crm_core.knowledge.questions import AlreadyAnswered
from crm_core.knowledge.tables import KnowledgeEntry
from crm_core.rights import SYSTEM, Scope

CALL = "a" * 32


def with_entry(**more):
    entry = {"title": "清真认证", "category_code": "product"} | more
    return Answer.model_validate({"text": "有，证书可发邮件。", "entry": entry})


async def ask(desk, who, text="这款有清真认证吗？", **more):
    return await desk.service.questions.ask(who, NewQuestion(text=text, **more))


async def test_a_question_is_told_asked_answered_and_told_to_its_asker(desk, office, database):
    questions = desk.service.questions
    asked = await ask(desk, office.wang, customer_id=office.customer_id, call_id=CALL)
    assert (asked.asker_name, asked.customer_name, asked.answer) == ("Wang", "天津一号店", None)
    wang, customer = office.wang.user_id, office.customer_id
    assert desk.heard == [
        QuestionAsked(asked.id, asked.text, customer, CALL, wang, desk.clock()),
    ]
    desk.heard.clear()
    desk.clock.pass_by(minutes=4)
    (waiting,) = await questions.listed(office.zhao, QuestionQuery())
    assert (waiting.id, waiting.asked_at) == (asked.id, desk.later(minutes=-4))
    done = await questions.answer(office.zhao, asked.id, Answer(text="有。"))
    assert (done.answer, done.answered_by_name, done.answered_at, done.entry_id) == (
        "有。",
        "Zhao",
        desk.clock(),
        None,
    )
    assert desk.heard == [
        QuestionAnswered(
            asked.id, asked.text, customer, CALL, wang, office.zhao.user_id, None, desk.clock()
        )
    ]
    assert await questions.listed(office.zhao, QuestionQuery()) == ()
    assert await questions.listed(office.wang, QuestionQuery(mine=True, answered=True)) == (done,)
    assert await questions.get(office.wang, asked.id) == done
    async with database.begin() as session:
        noted = await session.scalars(
            select(AuditEntry.action)
            .where(AuditEntry.entity == "knowledge_question", AuditEntry.entity_id == str(asked.id))
            .order_by(AuditEntry.id)
        )
        assert list(noted) == ["knowledge_question.ask", "knowledge_question.answer"]


async def test_an_answer_becomes_an_entry_that_is_found_at_once(desk, office):
    asked = await ask(desk, office.wang)
    done = await desk.service.questions.answer(
        office.zhao, asked.id, with_entry(keywords=("halal",))
    )
    (hit,) = await desk.service.search(office.wang, EntryQuery(q="halal"))
    assert (hit.id, hit.title, hit.state) == (done.entry_id, "清真认证", "published")
    entry = await desk.service.get(office.wang, hit.id)
    assert (entry.body, entry.author_name, entry.version) == ("有，证书可发邮件。", "Zhao", 1)
    (event,) = [each for each in desk.heard if isinstance(each, QuestionAnswered)]
    assert event.entry_id == entry.id
    other = await ask(desk, office.wang, "还有呢？")
    done = await desk.service.questions.answer(
        office.zhao, other.id, with_entry(body="# 写得更细", state="draft")
    )
    assert (await desk.service.get(office.zhao, done.entry_id)).body == "# 写得更细"
    with pytest.raises(NotFound):
        await desk.service.get(office.wang, done.entry_id)


async def test_of_several_answers_at_once_one_is_kept_with_one_entry(desk, office, database):
    asked = await ask(desk, office.wang)
    ended = await asyncio.gather(
        *(
            desk.service.questions.answer(who, asked.id, with_entry(title=f"认证{number}"))
            for number, who in enumerate((office.zhao, office.qian, office.sun) * 3)
        ),
        return_exceptions=True,
    )
    (kept,) = [each for each in ended if not isinstance(each, Exception)]
    refused = [each for each in ended if isinstance(each, AlreadyAnswered)]
    assert len(refused) == 8
    assert refused[0].fields == {"answered_by_id": kept.answered_by_id}
    assert kept.answered_by_name in refused[0].message
    async with database.begin() as session:
        assert await session.scalar(select(func.count()).select_from(KnowledgeEntry)) == 1
    assert sum(isinstance(each, QuestionAnswered) for each in desk.heard) == 1


async def test_an_entry_that_cannot_be_made_leaves_the_question_open(desk, office):
    asked = await ask(desk, office.wang)
    with pytest.raises(Invalid):
        await desk.service.questions.answer(
            office.zhao, asked.id, with_entry(category_code="nowhere")
        )
    (waiting,) = await desk.service.questions.listed(office.zhao, QuestionQuery())
    assert (waiting.id, waiting.answer) == (asked.id, None)
    assert not any(isinstance(each, QuestionAnswered) for each in desk.heard)


async def test_an_agent_sees_the_own_questions_and_answers_none(desk, office):
    questions = desk.service.questions
    mine, other = await ask(desk, office.wang), await ask(desk, office.li)
    for wanted in (QuestionQuery(), QuestionQuery(mine=True)):
        assert [q.id for q in await questions.listed(office.wang, wanted)] == [mine.id]
    assert len(await questions.listed(office.zhao, QuestionQuery())) == 2
    assert await questions.listed(office.zhao, QuestionQuery(mine=True)) == ()
    for refused, error in (
        (questions.get(office.wang, other.id), NotFound),
        (questions.answer(office.wang, mine.id, Answer(text="我猜")), Forbidden),
        (questions.answer(office.zhao, 10**6, Answer(text="无")), NotFound),
        (questions.ask(SYSTEM, NewQuestion(text="谁？")), Invalid),
    ):
        with pytest.raises(error):
            await refused
    assert (await questions.get(office.zhao, other.id)).asker_name == "Li"


async def test_open_ones_come_by_age_and_answered_ones_latest_first_in_pages(desk, office):
    questions, made = desk.service.questions, []
    for number in range(7):
        desk.clock.pass_by(minutes=1)
        made.append((await ask(desk, office.wang, f"问{number}")).id)

    async def pages(**more):
        found, after = [], None
        while page := await questions.listed(
            office.zhao, QuestionQuery(limit=3, after=after, **more)
        ):
            assert len(page) <= 3
            found += [each.id for each in page]
            after = page[-1].id
        return found

    assert await pages() == made
    for question_id in made[:5]:
        await questions.answer(office.zhao, question_id, Answer(text="好"))
    assert await pages() == made[5:]
    assert await pages(answered=True) == made[4::-1]


async def test_who_may_not_see_the_customer_does_not_see_the_question(desk, office, database):
    questions = desk.service.questions
    async with database.begin() as session:
        await session.execute(
            update(Customer)
            .where(Customer.id == office.other_customer_id)
            .values(salesperson_id=office.li.user_id)
        )
    own = replace(office.qian, scope=Scope.OWN)
    hidden = await ask(desk, office.li, customer_id=office.other_customer_id)
    shown = await ask(desk, office.li, customer_id=office.customer_id)
    without = await ask(desk, office.li)
    assert [q.id for q in await questions.listed(own, QuestionQuery())] == [shown.id, without.id]
    for refused in (
        questions.get(own, hidden.id),
        questions.answer(own, hidden.id, Answer(text="好")),
        questions.ask(own, NewQuestion(text="?", customer_id=office.other_customer_id)),
        questions.ask(own, NewQuestion(text="?", customer_id=10**6)),
    ):
        with pytest.raises(NotFound):
            await refused
    done = await questions.answer(office.zhao, hidden.id, Answer(text="好"))
    assert done.answer == "好"
