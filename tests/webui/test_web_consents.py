"""Consents to be called over the API."""

from tests.webui.web_house import House

GIVEN = {"number": "13711118003", "proof": "门店登记表 17", "given_at": "2026-03-01T02:00:00Z"}


async def test_an_agent_notes_and_withdraws_a_consent(house: House) -> None:
    async with house.browser("agent") as agent, house.browser("supervisor") as boss:
        status, made = await agent.ask("POST", "/api/consents", GIVEN)
        assert (status, made["consent"]["holds"]) == (201, True)
        found = (await boss.ask("GET", "/api/consents?number=13711118003"))[1]["items"]
        assert [each["proof"] for each in found] == ["门店登记表 17"]
        path = f"/api/consents/{made['consent']['id']}/withdraw"
        status, over = await agent.ask("POST", path, {"reason": "来电要求"})
        assert (status, over["consent"]["holds"]) == (200, False)
        assert (await agent.ask("POST", path, {"reason": "x"}))[0] == 409
        assert (await boss.ask("GET", "/api/consents?number=13711118003"))[1]["items"] == []


async def test_a_consent_without_proof_or_of_nobody_is_refused(house: House) -> None:
    async with house.browser("agent") as agent:
        for wrong in ({"proof": None}, {"number": None}, {"expires_at": "2026-02-01T00:00:00Z"}):
            assert (await agent.ask("POST", "/api/consents", GIVEN | wrong))[0] == 422
