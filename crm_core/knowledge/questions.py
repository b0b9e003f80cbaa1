"""Questions of agents to their supervisors, whose answers may become entries.

Rule: a question is answered once; the entry made of an answer comes in the same transaction; the asker
is told after the commit. One that concerns a customer is seen by those who may see the customer.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Select, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.customers.visibility import beyond_scope, concerns_seen, must_see
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.knowledge import entries
from crm_core.knowledge.commands import Answer, NewEntry, NewQuestion, QuestionQuery
from crm_core.knowledge.events import QuestionAnswered, QuestionAsked
from crm_core.knowledge.question_views import LiveQuestion, QuestionView, questions
from crm_core.knowledge.tables import KnowledgeQuestion
from crm_core.people.holders import holders
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)

_LATELY = timedelta(hours=12)
_ENTITY = "knowledge_question"


class AlreadyAnswered(Conflict):
    code = "already_answered"


class KnowledgeQuestions:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, bus: Bus, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock

    async def ask(self, actor: Actor, new: NewQuestion) -> QuestionView:
        """Raises NotFound (customer), Invalid (nobody asks)."""
        actor.require(Right.KNOWLEDGE_VIEW)
        if actor.user_id is None:
            raise Invalid("Only a person asks.", fields={"asker_id": "missing"})
        async with self._database.begin() as session:
            made = await _add(session, actor, new, self._clock())
        self._bus.publish(
            QuestionAsked(
                made.id, made.text, made.customer_id, made.call_id, made.asker_id, made.asked_at
            )
        )
        log.info("knowledge_question_asked", question=made.id, by=actor.user_id)
        return made

    async def answer(self, actor: Actor, question_id: int, given: Answer) -> QuestionView:
        """Raises NotFound, AlreadyAnswered, Invalid (the entry's category)."""
        actor.require(Right.KNOWLEDGE_EDIT)
        now = self._clock()
        async with self._database.begin() as session:
            await _must_read(session, actor, question_id)
            await _close(session, actor, question_id, given, now)
            answered = await _must_read(session, actor, question_id)
        self._bus.publish(
            QuestionAnswered(
                answered.id,
                answered.text,
                answered.customer_id,
                answered.call_id,
                answered.asker_id,
                actor.user_id,
                answered.entry_id,
                now,
            )
        )
        log.info("knowledge_question_answered", question=question_id, by=actor.user_id)
        return answered

    async def get(self, actor: Actor, question_id: int) -> QuestionView:
        """One's own, or any for those who edit. Raises NotFound."""
        actor.require(Right.KNOWLEDGE_VIEW)
        async with self._database.reading() as connection:
            question = await _must_read(connection, actor, question_id)
        if question.asker_id != actor.user_id and not actor.may(Right.KNOWLEDGE_EDIT):
            raise _not_found(question_id)
        return question

    async def listed(self, actor: Actor, wanted: QuestionQuery) -> tuple[QuestionView, ...]:
        """One's own, or everybody's for those who edit."""
        actor.require(Right.KNOWLEDGE_VIEW)
        query = questions().where(concerns_seen(KnowledgeQuestion.customer_id, actor))
        if wanted.mine or not actor.may(Right.KNOWLEDGE_EDIT):
            query = query.where(KnowledgeQuestion.asker_id == actor.user_id)
        async with self._database.reading() as connection:
            rows = await connection.execute(_page(query, wanted))
            return tuple(QuestionView(*row) for row in rows)

    async def live(self, each: int) -> tuple[LiveQuestion, ...]:
        """For the pages of everybody: the latest that wait and those answered lately, so many for each
        asker.
        """
        async with self._database.reading() as connection:
            lately = self._clock() - _LATELY
            rows = await connection.execute(
                questions()
                .where(KnowledgeQuestion.id.in_(_latest(each, lately)))
                .order_by(KnowledgeQuestion.id)
            )
            found = [QuestionView(*row) for row in rows]
            return await _with_readers(connection, found)


def _latest(each: int, lately: datetime) -> Select[int]:
    table = KnowledgeQuestion
    waits = table.answered_at.is_(None)
    place = func.row_number().over(partition_by=(table.asker_id, waits), order_by=table.id.desc())
    ranked = (
        select(table.id, place.label("place"))
        .where(or_(waits, table.answered_at >= lately))
        .subquery()
    )
    return select(ranked.c.id).where(ranked.c.place <= each)


async def _with_readers(
    connection: AsyncConnection, found: Sequence[QuestionView]
) -> tuple[LiveQuestion, ...]:
    editors = [row.id for row in await connection.execute(holders(Right.KNOWLEDGE_EDIT))]
    customers = {each.customer_id for each in found if each.customer_id is not None}
    beyond = await beyond_scope(connection, editors, customers)
    return tuple(
        LiveQuestion(
            each,
            tuple(
                reader
                for reader in editors
                if each.customer_id not in beyond.get(reader, frozenset())
            ),
        )
        for each in found
    )


async def _add(
    session: AsyncSession, actor: Actor, new: NewQuestion, now: datetime
) -> QuestionView:
    customer_id = new.customer_id
    if customer_id is not None:
        customer_id = await must_see(session, actor, customer_id)
    values = new.model_dump() | {"customer_id": customer_id}
    question_id = (
        await session.execute(
            insert(KnowledgeQuestion)
            .values(**values, asker_id=actor.user_id, asked_at=now)
            .returning(KnowledgeQuestion.id)
        )
    ).scalar_one()
    await trail.record(session, actor.user_id, f"{_ENTITY}.ask", _ENTITY, question_id, after=values)
    return await _read(session, question_id)


async def _close(
    session: AsyncSession, actor: Actor, question_id: int, given: Answer, now: datetime
) -> None:
    """Of several answers at once the first is kept; only that one makes an entry."""
    table = KnowledgeQuestion
    closed = await session.scalar(
        update(table)
        .where(table.id == question_id, table.answered_at.is_(None))
        .values(answer=given.text, answered_by_id=actor.user_id, answered_at=now)
        .returning(table.id)
    )
    if closed is None:
        question = await _read(session, question_id)
        raise AlreadyAnswered(
            f"{question.answered_by_name or 'Zongji'} has answered this question already: "
            "read the answer, and write an entry if more is to be said.",
            fields={"answered_by_id": question.answered_by_id},
        )
    entry_id = None
    if given.entry is not None:
        body = given.entry.body or given.text
        new = NewEntry(**given.entry.model_dump(exclude={"body"}), body=body)
        entry_id = (await entries.add(session, actor, new, now)).id
        await session.execute(
            update(table).where(table.id == question_id).values(entry_id=entry_id)
        )
    await trail.record(
        session,
        actor.user_id,
        f"{_ENTITY}.answer",
        _ENTITY,
        question_id,
        after={"answer": given.text, "entry_id": entry_id},
    )


async def _must_read(
    holder: AsyncSession | AsyncConnection, actor: Actor, question_id: int
) -> QuestionView:
    """Raises NotFound, also for a customer whom the actor may not see."""
    question = await _read(holder, question_id)
    if question.customer_id is not None:
        try:
            await must_see(holder, actor, question.customer_id)
        except NotFound as error:
            raise _not_found(question_id) from error
    return question


async def _read(holder: AsyncSession | AsyncConnection, question_id: int) -> QuestionView:
    query = questions().where(KnowledgeQuestion.id == question_id)
    row = (await holder.execute(query)).one_or_none()
    if row is None:
        raise _not_found(question_id)
    return QuestionView(*row)


def _page(query: Select[*tuple[Any, ...]], wanted: QuestionQuery) -> Select[*tuple[Any, ...]]:
    table = KnowledgeQuestion
    if not wanted.answered:
        query = query.where(table.answered_at.is_(None)).order_by(table.id)
        beyond = table.id > (wanted.after or 0)
        return query.where(beyond).limit(wanted.limit)
    query = query.where(table.answered_at.is_not(None))
    if wanted.after is not None:
        query = query.where(table.id < wanted.after)
    return query.order_by(table.id.desc()).limit(wanted.limit)


def _not_found(question_id: int) -> NotFound:
    return NotFound(f"There is no question {question_id}.")
