"""What an agent's sidebar shows: the own state, pops, call-backs, notices.

Rule: pure reading; every method gives views for one viewer, and `whole` is the sum of the others.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from pydantic import BaseModel

from acd.service import AcdService
from crm_core.blacklist.policy import Listed
from crm_core.knowledge.question_views import LiveQuestion
from crm_core.rights import Right
from crm_core.todos.views import RaisedAlarm
from dialer.events import CallbackView
from webui.cards import Cards
from webui.feed import Viewer
from webui.health import Health
from webui.pops import Pop, PopBook
from webui.present import (
    alarm_view,
    callback_item,
    logged_out,
    own_state,
    pop_view,
    question_view,
)
from webui.state import Objects
from webui.views import AgentStateView, QueueNameView

OPEN = frozenset({"waiting", "dialling", "unknown"})


class Sidebar:
    """Reads the ACD, the pops, the cards and the open call-backs."""

    def __init__(
        self,
        acd: AcdService,
        book: PopBook,
        cards: Cards,
        health: Health,
        listed: Callable[[str | None, str | None], Listed | None],
        *,
        since: datetime,
    ) -> None:
        self._acd = acd
        self._book = book
        self._cards = cards
        self._health = health
        self._listed = listed
        self._since = since
        self._callbacks: dict[int, CallbackView] = {}
        self._alarms: tuple[RaisedAlarm, ...] = ()
        self._questions: tuple[LiveQuestion, ...] = ()
        self._queues = {
            queue.name: QueueNameView(
                name=queue.name, label_zh=queue.label_zh, label_en=queue.label_en
            )
            for queue in acd.queue_views()
        }

    def whole(self, viewer: Viewer) -> Objects:
        me = self.me(viewer.agent_id, viewer.name, viewer.extension)
        return {
            "me": {"agent": me} if Right.AGENT_WORK in viewer.rights else {},
            "pops": self.pops(viewer, self._book.pops(viewer.agent_id)),
            "callbacks": self.callbacks(viewer, self._callbacks),
            "alarms": self.alarms(viewer),
            "questions": self.questions(viewer),
            "notices": self._health.notices(),
        }

    def me(self, agent_id: int, name: str, extension: str | None) -> AgentStateView:
        """The agent's own state and buttons."""
        agent = self._acd.agent_view(agent_id)
        if agent is not None:
            return own_state(agent, self._acd.break_reasons(), extension)
        return logged_out(
            agent_id,
            name,
            extension,
            since=self._since,
            breaks=self._acd.break_reasons(),
        )

    def pops(self, viewer: Viewer, call_ids: Iterable[str]) -> dict[str, BaseModel]:
        """Those of the calls that stand on the viewer's screen."""
        pops = self._book.pops(viewer.agent_id)
        return {
            call_id: self._pop(pops[call_id], viewer) for call_id in call_ids if call_id in pops
        }

    def _pop(self, pop: Pop, viewer: Viewer) -> BaseModel:
        call = pop.call
        listed = self._listed(call.caller, call.level) if call.direction == "inbound" else None
        shown = pop_view(pop, self._cards.get(call.call_id), viewer, self._queues, listed)
        return shown.model_copy(update={"survey": self._leads_to_survey(pop)})

    def _leads_to_survey(self, pop: Pop) -> bool:
        """Not in a talk that outlived the daemon in which it began: nobody asks its caller."""
        record = self._acd.record(pop.call.call_id)
        return record is not None and record.attended and self._acd.has_survey(pop.queue)

    def callbacks(self, viewer: Viewer, ids: Iterable[int]) -> dict[str, BaseModel]:
        """Those of the call-backs that the viewer may take: the own ones and anybody's."""
        if Right.CALLBACK_WORK not in viewer.rights:
            return {}
        views = [self._callbacks[each] for each in ids if each in self._callbacks]
        return {
            str(view.id): callback_item(view, viewer, agent_id=viewer.agent_id, scope=viewer.scope)
            for view in views
            if view.agent_id in (None, viewer.agent_id)
        }

    def alarms(self, viewer: Viewer) -> dict[str, BaseModel]:
        """The viewer's own ones, and for supervisors those that came to them."""
        supervises = Right.TODO_SUPERVISE in viewer.rights
        return {
            str(each.todo_id): alarm_view(each, viewer.agent_id)
            for each in self._alarms
            if each.assignee_id == viewer.agent_id
            or (supervises and viewer.agent_id in each.supervisors)
        }

    def questions(self, viewer: Viewer) -> dict[str, BaseModel]:
        """The viewer's own ones with their answers, and those that wait for the viewer's answer."""
        answers = Right.KNOWLEDGE_EDIT in viewer.rights
        return {
            str(each.question.id): question_view(each.question, viewer.agent_id)
            for each in self._questions
            if each.question.asker_id == viewer.agent_id
            or (answers and each.question.answer is None and viewer.agent_id in each.readers)
        }

    def keep_questions(self, questions: Iterable[LiveQuestion]) -> bool:
        """Take in what is so now; whether it differs from before."""
        before, self._questions = self._questions, tuple(questions)
        return before != self._questions

    def keep_alarms(self, alarms: Iterable[RaisedAlarm]) -> bool:
        """Take in what is so now; whether it differs from before."""
        before, self._alarms = self._alarms, tuple(alarms)
        return before != self._alarms

    def keep(self, callback: CallbackView) -> None:
        """Take in what the dialler tells; closed ones go."""
        if callback.status in OPEN:
            self._callbacks[callback.id] = callback
        else:
            self._callbacks.pop(callback.id, None)
