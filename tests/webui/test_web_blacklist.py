"""The blacklist over the API, and the warning at the pop."""

import uuid
from dataclasses import replace

import pytest

from crm_core.blacklist.policy import Policy
from tests.webui.web_house import House

REASON = {"reason": "骚扰电话"}
STRANGER = "02288889999"


@pytest.fixture
async def call_id(house: House) -> str:
    """A stranger's call that agent and agent2 had."""
    return uuid.uuid4().hex


async def test_a_supervisor_lists_and_lifts_over_the_api(house: House) -> None:
    async with house.browser("supervisor") as boss, house.browser("agent") as agent:
        body = {"number": STRANGER, "policy": "warn"} | REASON
        status, made = await boss.ask("POST", "/api/blacklist", body)
        assert (status, made["entry"]["number"], made["entry"]["holds"]) == (201, STRANGER, True)
        found = house.services.listed(STRANGER, None)
        assert found is not None
        assert found.policy is Policy.WARN
        assert (await boss.ask("POST", "/api/blacklist", body))[0] == 409
        assert (await agent.ask("GET", "/api/blacklist"))[0] == 403
        _, shown = await boss.ask("GET", "/api/blacklist")
        assert [each["id"] for each in shown["items"]] == [made["entry"]["id"]]
        path = f"/api/blacklist/{made['entry']['id']}/lift"
        assert (await boss.ask("POST", path))[0] == 200
        assert (await boss.ask("GET", "/api/blacklist"))[1]["items"] == []
        assert house.services.listed(STRANGER, None) is None


async def test_a_hidden_number_cannot_be_listed(house: House) -> None:
    async with house.browser("supervisor") as boss:
        status, body = await boss.ask("POST", "/api/blacklist", {"number": "anonymous"} | REASON)
        assert status == 422
        assert "no telephone number" in str(body)


async def test_a_vote_is_for_the_own_calls_only(house: House, call_id: str) -> None:
    async with house.browser("agent") as agent:
        status, _ = await agent.ask("POST", f"/api/calls/{call_id}/blacklist-vote", REASON)
        assert status == 404


async def test_the_pop_warns_and_votes_put_the_number_on_the_list(house: House) -> None:
    """The agent sees why, not the number; the third of different people lists it."""
    house.services.blacklist._rules = replace(house.services.blacklist._rules, votes=2)
    async with (
        house.browser("supervisor") as boss,
        house.browser("agent") as agent,
        house.at_work("agent"),
    ):
        warned = {"number": STRANGER, "policy": "warn"} | REASON
        _, made = await boss.ask("POST", "/api/blacklist", warned)
        page = await agent.open()
        record = house.call(STRANGER, known=False)
        ticket = house.queue(record)
        state = await page.until(lambda state: record.call_id in state["pops"])
        pop = state["pops"][record.call_id]
        assert pop["blacklisted"] == {"reason": "骚扰电话", "until": None}
        await boss.ask("POST", f"/api/blacklist/{made['entry']['id']}/lift")
        path = f"/api/calls/{record.call_id}/blacklist-vote"
        assert (await agent.ask("POST", path, REASON))[1] == {
            "votes": 1,
            "needed": 2,
            "listed": False,
        }
        assert (await agent.ask("POST", path, REASON))[1]["votes"] == 1
        _, voted = await boss.ask("GET", "/api/blacklist/votes")
        assert [(each["number"], each["votes"]) for each in voted["items"]] == [(STRANGER, 1)]
        ticket.leave("abandoned")
        record.end("abandoned")
        confirmed = f"/api/blacklist/votes/{voted['items'][0]['id']}/confirm"
        assert (await boss.ask("POST", confirmed, REASON))[0] == 201
        found = house.services.listed(STRANGER, None)
        assert found is not None
        assert found.policy is Policy.REJECT
