"""What callers said after the talk. Rule: agents see what was said of their own talks."""

from acd.surveys import Grouping, SurveyQuery
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import Route, needs
from webui.views import View


class SurveyReportSearch(SurveyQuery, Model):
    """Days are those of the company's zone, both included; without them the last 30."""


class SurveyKeyItem(View):
    key: str
    label_zh: str
    label_en: str
    count: int
    share: float


class SurveyReportItem(View):
    group: str
    name: str | None
    survey: str
    question: str
    asked: int
    answered: int
    response_rate: float
    mean: float | None
    keys: tuple[SurveyKeyItem, ...]


class SurveyReportAnswer(View):
    by: Grouping
    lines: tuple[SurveyReportItem, ...]


async def report(asked: Asked[Nothing, SurveyReportSearch]) -> SurveyReportAnswer:
    """Questions asked and answered, their mean and each key's share, by agent, queue, question or day."""
    services = asked.services
    lines = await services.surveys.report(asked.principal, asked.query, services.clock())
    items = tuple(map(SurveyReportItem.model_validate, lines))
    return SurveyReportAnswer(by=asked.query.by, lines=items)


ROUTES = (
    Route(
        "GET",
        "/api/surveys/report",
        report,
        needs(Right.BOARD_VIEW, Right.CALL_VIEW, Right.AGENT_WORK),
        query=SurveyReportSearch,
        answer=SurveyReportAnswer,
    ),
)
