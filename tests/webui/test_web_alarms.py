"""Alarms of to-dos on the pages of those whom they concern."""

from datetime import timedelta

from sqlalchemy import text

from crm_core.todos.alarms import TodoAlarms
from tests.webui.web_house import Browser, House, Page


def titles(page: Page) -> list[tuple[str, bool, str | None]]:
    return [
        (each["title"], each["own"], each["customer_name"])
        for each in page.state.get("alarms", {}).values()
    ]


async def entered(browser: Browser, house: House, title: str, **ago: float) -> dict:
    due = (house.services.clock() - timedelta(**ago)).isoformat()
    wanted = {"title": title, "due_at": due, "customer_id": house.customer_id}
    status, body = await browser.ask("POST", "/api/todos", wanted)
    assert status == 201, body
    return body["todo"]


def alarms_of(house: House) -> TodoAlarms:
    services = house.services
    return TodoAlarms(services.database, services.bus, clock=services.clock)


async def test_an_alarm_stands_on_its_persons_page_until_it_is_answered(house: House):
    async with house.browser("agent") as agent, house.browser("supervisor") as supervisor:
        mine = await entered(agent, house, "回访张总", minutes=1)
        late = await entered(agent, house, "寄样品", hours=2)
        page, watch = await agent.open(), await supervisor.open()
        await alarms_of(house).run_once()
        await page.until(lambda state: len(state["alarms"]) == 2)
        assert sorted(titles(page)) == [
            ("回访张总", True, "滨海商贸"),
            ("寄样品", True, "滨海商贸"),
        ]
        await watch.until(lambda state: state["alarms"])
        assert titles(watch) == [("寄样品", False, None)]
        await agent.ask("POST", f"/api/todos/{late['id']}/complete", {"version": 1})
        await watch.until(lambda state: not state["alarms"])
        later = (house.services.clock() + timedelta(hours=1)).isoformat()
        snooze = {"version": mine["version"], "due_at": later}
        await agent.ask("POST", f"/api/todos/{mine['id']}/snooze", snooze)
        await page.until(lambda state: not state["alarms"])


async def test_an_alarm_of_before_the_daemon_began_is_shown_as_well(house: House):
    async with house.browser("agent") as agent:
        made = await entered(agent, house, "昨天的事", days=1)
        async with house.services.database.begin() as session:
            await session.execute(
                text("UPDATE todos SET alarmed_at = now() WHERE id = :id"), {"id": made["id"]}
            )
        house.server.door.live.mark_alarms()  # as every minute, and at the beginning
        page = await agent.open()
        await page.until(lambda state: str(made["id"]) in state["alarms"])
        await agent.ask("POST", f"/api/todos/{made['id']}/cancel", {"version": 1})
        await page.until(lambda state: str(made["id"]) not in state["alarms"])


async def test_who_has_to_dos_and_no_telephone_sees_the_own_alarms_and_no_calls(house: House):
    async with house.browser("operations") as operations:
        made = await entered(operations, house, "对一下运费", minutes=1)
        page = await operations.open()
        await alarms_of(house).run_once()
        await page.until(lambda state: str(made["id"]) in state["alarms"])
        assert (page.state["me"], page.state["pops"], page.state["callbacks"]) == ({}, {}, {})
        await operations.ask("POST", f"/api/todos/{made['id']}/complete", {"version": 1})
        await page.until(lambda state: str(made["id"]) not in state["alarms"])
