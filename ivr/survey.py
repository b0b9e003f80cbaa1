"""The survey after a talk: who is asked, and what the keys said.

Rule: each question becomes a row of its own when it is over, also when the caller hangs up in the middle of it. Who
might have been asked lately is not asked: where that cannot be found out in time, nobody is bothered.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from acd.records import CallRecord
from acd.rows import SurveyRow
from ami_bridge.agi import AgiSession
from crm_core.errors import DatabaseUnavailable
from ivr.menu import Language
from ivr.ports import AskedBefore
from ivr.prompts import PromptLibrary
from ivr.said import KEYS
from ivr.survey_plan import QuestionPlan, SurveyPlan

log = structlog.get_logger(__name__)

_PATIENCE_S = 1.0


class Survey:
    """One caller's survey, after the agent has hung up."""

    def __init__(
        self,
        plan: SurveyPlan,
        *,
        session: AgiSession,
        record: CallRecord,
        prompts: PromptLibrary,
        language: Language,
        clock: Callable[[], datetime],
    ) -> None:
        self._plan = plan
        self._session = session
        self._record = record
        self._prompts = prompts
        self._language = language
        self._clock = clock

    async def ask(self, before: AskedBefore) -> None:
        """Every question, if this caller is one who is asked."""
        if self._is_wanted() and not await self._was_asked(before):
            for question in self._plan.questions:
                await self._put(question)

    def _is_wanted(self) -> bool:
        row = self._record.row
        talked = self._clock() - (row.answered_at or self._clock())
        return self._plan.wants(row.id, talked.total_seconds())

    async def _was_asked(self, before: AskedBefore) -> bool:
        number, days = self._record.row.caller, self._plan.not_again_days
        if number is None or not days:
            return False
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await before.asked_since(number, self._clock() - timedelta(days=days))
        except (DatabaseUnavailable, TimeoutError):
            log.info("survey_left_out", call_id=self._record.call_id)
            return True

    async def _put(self, question: QuestionPlan) -> None:
        pressed: str | None = None
        try:
            pressed = await self._answer(question)
        finally:
            self._keep(question, pressed)

    async def _answer(self, question: QuestionPlan) -> str | None:
        path = self._prompts.question(self._plan, question, self._language)
        for left in reversed(range(question.tries)):
            key = await self._session.play([path], escape_digits=KEYS)
            key = key or await self._session.wait_for_digit(question.timeout_s)
            if key in question.keys:
                return key
            if key is None:
                self._record.step("no_key", asked=question.name)
            else:
                self._record.step("wrong_key", asked=question.name, key=key)
            if left:
                await self._say("no_key" if key is None else "wrong_key")
        return None

    async def _say(self, prompt: str) -> None:
        await self._session.play([self._prompts.path(prompt, self._language)])

    def _keep(self, question: QuestionPlan, pressed: str | None) -> None:
        row, meant = self._record.row, question.keys.get(pressed or "")
        self._record.surveyed(
            SurveyRow(
                call_id=row.id,
                question=question.name,
                survey=self._plan.name,
                agent_id=row.agent_id,
                queue=row.queue,
                customer_id=row.customer_id,
                pressed=pressed,
                score=meant.score if meant else None,
                label_zh=meant.zh if meant else None,
                label_en=meant.en if meant else None,
                asked_at=self._clock(),
            )
        )
