"""Questions to those who keep the knowledge base: asked, answered once, made into entries.

Rule: an agent sees the own questions; who edits the knowledge base sees those of everybody.
"""

from datetime import datetime

from crm_core.knowledge.commands import Answer, NewQuestion, QuestionQuery
from crm_core.knowledge.question_views import QuestionView
from crm_core.knowledge.questions import KnowledgeQuestions
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedKnowledgeQuestion(NewQuestion, Model):
    """What an agent does not know."""


class WantedKnowledgeAnswer(Answer, Model):
    """The answer, and the entry it is to become."""


class KnowledgeQuestionSearch(QuestionQuery, Model):
    """Which questions to list."""


class KnowledgeQuestionItem(View):
    id: int
    text: str
    customer_id: int | None
    customer_name: str | None
    call_id: str | None
    asker_id: int
    asker_name: str
    asked_at: datetime
    answer: str | None
    answered_by_id: int | None
    answered_by_name: str | None
    answered_at: datetime | None
    entry_id: int | None


class KnowledgeQuestionList(View):
    items: tuple[KnowledgeQuestionItem, ...]


class KnowledgeQuestionAnswer(View):
    question: KnowledgeQuestionItem


async def search(asked: Asked[Nothing, KnowledgeQuestionSearch]) -> KnowledgeQuestionList:
    """Open questions by age, or answered ones; everybody's (knowledge.edit) or one's own."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return KnowledgeQuestionList(items=tuple(map(KnowledgeQuestionItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> KnowledgeQuestionAnswer:
    """One question."""
    return _answer(await _service(asked).get(asked.principal, int(asked.id)))


async def ask(asked: Asked[WantedKnowledgeQuestion, Nothing]) -> KnowledgeQuestionAnswer:
    """Ask those who keep the knowledge base."""
    return _answer(await _service(asked).ask(asked.principal, asked.body))


async def answer(asked: Asked[WantedKnowledgeAnswer, Nothing]) -> KnowledgeQuestionAnswer:
    """Answer, and make an entry of it if wished; 409 when somebody else has answered."""
    return _answer(await _service(asked).answer(asked.principal, int(asked.id), asked.body))


def _service(asked: Asked[Model, Model]) -> KnowledgeQuestions:
    return asked.services.crm.knowledge.questions


def _answer(question: QuestionView) -> KnowledgeQuestionAnswer:
    return KnowledgeQuestionAnswer(question=KnowledgeQuestionItem.model_validate(question))


_VIEW, _EDIT = needs(Right.KNOWLEDGE_VIEW), needs(Right.KNOWLEDGE_EDIT)
_ALL = "/api/knowledge/questions"
_ONE = f"{_ALL}/{NUMBER}"

ROUTES = (
    Route("GET", _ALL, search, _VIEW, query=KnowledgeQuestionSearch, answer=KnowledgeQuestionList),
    Route(
        "POST",
        _ALL,
        ask,
        _VIEW,
        WantedKnowledgeQuestion,
        answer=KnowledgeQuestionAnswer,
        status=201,
        once=True,
    ),
    Route("GET", _ONE, show, _VIEW, answer=KnowledgeQuestionAnswer),
    Route(
        "POST",
        f"{_ONE}/answer",
        answer,
        _EDIT,
        WantedKnowledgeAnswer,
        answer=KnowledgeQuestionAnswer,
    ),
)
