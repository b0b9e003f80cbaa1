"""Satisfaction surveys as operations write them: the `surveys` section of the line file.

Rule: a survey that loads can be asked: every question has its text in both languages and keys that a telephone has.
Whether a call is asked is decided by the call's id, so that it is the same however often it is asked for.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from acd.lineplan import LinePlan
from acd.located import Document
from ivr.said import KEYS, LinePart, Say, Text

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Score = Annotated[int, Field(ge=0, le=100)]
_WHOLE = 16**8


class KeyPlan(LinePart):
    """What a key means; `score` is what counts in the mean (None: nothing, such as “not applicable”)."""

    zh: Annotated[Text, StringConstraints(max_length=50)]
    en: Annotated[Text, StringConstraints(max_length=50)]
    score: Score | None = None


class QuestionPlan(LinePart):
    """One question. `tries`: wrong keys and silences together, after which it stays without an answer."""

    name: Name
    say: Say
    keys: dict[str, KeyPlan]
    timeout_s: Annotated[float, Field(ge=1, le=30)] = 5
    tries: Annotated[int, Field(ge=1, le=9)] = 2


class SurveyPlan(LinePart):
    """One survey: of `share` percent of the calls that lasted `min_talk_s` seconds or more, but no caller twice within
    `not_again_days`.
    """

    name: Name
    questions: tuple[QuestionPlan, ...]
    share: Annotated[float, Field(gt=0, le=100)] = 100
    min_talk_s: Annotated[float, Field(ge=0, le=86_400)] = 10
    not_again_days: Annotated[float, Field(ge=0, le=366)] = 0

    def wants(self, call_id: str, talked_s: float) -> bool:
        """Whether this call is one that is asked; `call_id` is 32 random hexadecimal digits."""
        return talked_s >= self.min_talk_s and int(call_id[:8], 16) * 100 < self.share * _WHOLE


def read_surveys(document: Document, plan: LinePlan) -> Mapping[str, SurveyPlan]:
    """The surveys of a line file, of which there may be none; faults are noted in the document."""
    section = document.section("surveys")
    if section is None:
        section = {}
    if not isinstance(section, dict):
        document.fault("here belong the surveys, by name", "surveys")
        return {}
    read = {name: _survey(document, name) for name in section}
    for queue in plan.queues:
        if queue.survey is not None and queue.survey not in read:
            reason = f"there is no survey “{queue.survey}”; there are: {', '.join(read) or 'none'}"
            document.fault(reason, "queues", queue.name, "survey")
    return {name: survey for name, survey in read.items() if survey is not None}


def _survey(document: Document, name: str) -> SurveyPlan | None:
    here = ("surveys", name, "questions")
    asked = document.section(*here)
    if not isinstance(asked, dict) or not asked:
        document.fault("a survey needs at least one question, by name", *here)
        return None
    read = [document.read(QuestionPlan, *here, each, name=each) for each in asked]
    questions = tuple(each for each in read if each is not None)
    for question in questions:
        _check_keys(document, question, *here, question.name, "keys")
    given = {"name": name, "questions": questions}
    return (
        document.read(SurveyPlan, "surveys", name, **given) if len(questions) == len(read) else None
    )


def _check_keys(document: Document, question: QuestionPlan, *place: str) -> None:
    if not question.keys:
        document.fault("a question needs at least one key", *place)
    for key in question.keys:
        if key not in KEYS or len(key) != 1:
            document.fault(f"“{key}” is not a key: use one of {KEYS}", *place, key)
