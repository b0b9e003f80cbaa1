"""Hanging up on the page: the own talk alone; and the pop says whether a survey follows."""

from ami_bridge.commands import Hangup
from tests.webui.web_house import House, offer_in, until


async def test_an_agent_ends_the_own_call_and_nobody_elses(house: House) -> None:
    async with (
        house.browser("agent") as agent,
        house.browser("agent2") as other,
        house.at_work("agent"),
    ):
        page = await agent.open()
        record = house.call()
        ticket = house.queue(record)
        offer = offer_in(ticket)
        path = f"/api/calls/{record.call_id}/hang-up"
        assert (await agent.ask("POST", path, {"part": "call"}))[0] == 404
        ticket.answered(offer)
        state = await page.until(lambda state: record.call_id in state["pops"])
        assert state["pops"][record.call_id]["survey"] is house.acd.has_survey("north")
        assert (await other.ask("POST", path, {"part": "call"}))[0] == 404
        assert (await agent.ask("POST", path, {"part": "call"}))[0] == 204
        assert house.asked[-1] == Hangup(channel=record.row.linkedid)
        status, body = await agent.ask("POST", path, {"part": "talk"})
        assert (status, body["error"]["code"]) == (409, "not_talking")

        async def is_told() -> bool:
            _, found = await agent.ask("GET", f"/api/calls/{record.call_id}")
            steps = [(step["kind"], step["detail"].get("by")) for step in found.get("steps", ())]
            return ("call_hung_up", house.ids["agent"]) in steps

        await until(is_told)
        ticket.finished(offer, "ANSWER", 5.0)
        record.end("answered")
