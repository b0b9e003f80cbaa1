"""What stands on the agent's page besides the call: insight, notices to tell, alarms of to-dos."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

from tests.browser.screens import VIP, VIP_NAME, Screens, pop_in_state
from tests.integration.workplace import Workplace, until


async def test_a_notice_is_told_to_the_caller_and_goes(work: Workplace, screens: Screens) -> None:
    page = await screens.ready("agent1")
    wanted = {
        "title": "中秋放假通知",
        "body": "九月十七日停止发货一天。",
        "conditions": [{"field": "name", "op": "contains", "value": VIP_NAME}],
    }
    notice = (await work.board.request("POST", "/api/notices", wanted))["notice"]
    await work.board.request("POST", f"/api/notices/{notice['id']}/send", {"version": 1})
    path = f"/api/notices/{notice['id']}"
    await until(lambda: _is_sent(work, path))
    await work.call_by_area(VIP)
    pop = pop_in_state(page, "talking")
    await expect(pop.get_by_test_id("pop-notices")).to_contain_text("九月十七日停止发货一天。")
    await expect(pop.get_by_test_id("pop-insight")).to_be_visible()
    await pop.get_by_role("button", name="已告知：中秋放假通知").click()
    await expect(pop.get_by_test_id("pop-notices")).to_have_count(0)
    assert (await work.board.request("GET", f"{path}/counts"))["told"] == 1


async def _is_sent(work: Workplace, path: str) -> bool | None:
    return (await work.board.request("GET", path))["notice"]["state"] == "sent" or None


async def test_an_alarm_rises_on_the_page_and_is_put_off_or_done(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent1")
    agent = await work.reopen("agent1")
    due = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    for title in ("回访李总", "寄样品"):
        await agent.request("POST", "/api/todos", {"title": title, "due_at": due})
    alarms = page.get_by_test_id("alarms")
    await expect(alarms.get_by_role("listitem")).to_have_count(2)
    await alarms.get_by_role("button", name="完成：寄样品").click()
    await expect(alarms.get_by_role("listitem")).to_have_count(1)
    await alarms.get_by_role("button", name="15分钟后再提醒：回访李总").click()
    await expect(alarms).to_have_count(0)
