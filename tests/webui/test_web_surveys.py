"""The report on surveys over the API."""

import pytest
from sqlalchemy import insert

from acd.tables import SurveyAnswer
from tests.webui.web_house import House


@pytest.fixture
async def asked(house: House) -> None:
    """One good answer about the agent, one bad one about somebody else, both of today."""
    now = house.services.clock()
    rows = [
        {
            "call_id": f"{place:032x}",
            "agent_id": agent,
            "pressed": key,
            "score": score,
            "label_zh": zh,
            "label_en": en,
        }
        for place, (agent, key, score, zh, en) in enumerate(
            [(house.ids["agent"], "1", 5, "好", "Good"), (999, "2", 1, "差", "Bad")]
        )
    ]
    same = {"question": "manner", "survey": "after", "queue": "north", "asked_at": now}
    async with house.services.database.begin() as session:
        await session.execute(insert(SurveyAnswer), [row | same for row in rows])


async def test_a_supervisor_sees_everybodys_and_an_agent_the_own_answers(
    house: House, asked: None
) -> None:
    async with house.browser("supervisor") as boss, house.browser("agent") as agent:
        _, all_of = await boss.ask("GET", "/api/surveys/report?by=queue")
        (line,) = all_of["lines"]
        assert (line["group"], line["asked"], line["mean"], line["response_rate"]) == (
            "north",
            2,
            3.0,
            1.0,
        )
        assert [each["label_zh"] for each in line["keys"]] == ["好", "差"]
        _, own = await agent.ask("GET", "/api/surveys/report?by=agent")
        (line,) = own["lines"]
        assert (line["group"], line["mean"]) == (str(house.ids["agent"]), 5.0)
        _, others = await agent.ask("GET", "/api/surveys/report?by=agent&agent_id=999")
        assert others == own


async def test_a_report_that_ends_before_it_begins_is_refused(house: House) -> None:
    async with house.browser("supervisor") as boss:
        path = "/api/surveys/report?first=2026-03-02&last=2026-03-01"
        status, body = await boss.ask("GET", path)
        assert status == 422
        assert "last must not be before first" in str(body)
