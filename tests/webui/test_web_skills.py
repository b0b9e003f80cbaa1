"""Supervisors see to what agents are good at, without the right to manage accounts."""

from tests.webui.web_house import House


async def test_a_supervisor_sets_levels_and_the_next_log_in_has_them(house: House):
    async with house.browser("supervisor") as supervisor:
        _, board = await supervisor.ask("GET", "/api/skills")
        mine = next(each for each in board["items"] if each["user_id"] == house.ids["agent"])
        path = f"/api/skills/{mine['user_id']}"
        wanted = {"skills": {"wine": 3, "export": 5}, "version": mine["version"]}
        status, answer = await supervisor.ask("PUT", path, wanted)
        assert (status, answer["agent"]["skills"]) == (200, wanted["skills"])
        _, board = await supervisor.ask("GET", "/api/skills")
        assert {"wine", "export"} <= set(board["skills"])
        status, refused = await supervisor.ask("PUT", path, wanted)
        assert (status, refused["error"]["code"]) == (409, "conflict")
        for level in (0, 6):
            wrong = {"skills": {"wine": level}, "version": mine["version"] + 1}
            assert (await supervisor.ask("PUT", path, wrong))[0] == 422
        admin = f"/api/skills/{house.ids['admin']}"
        status, _ = await supervisor.ask("PUT", admin, {"skills": {"wine": 1}, "version": 1})
        assert status == 403
    async with house.browser("agent") as agent:
        assert (await agent.ask("GET", "/api/skills"))[0] == 403
        await agent.ask("POST", "/api/agent/state", {"command": "log_in"})
    now = next(a for a in house.services.acd._desk.core.agents() if a.agent_id == mine["user_id"])
    assert now.login.skills == {"wine": 3, "export": 5}
