"""The supervisor's board changes by itself."""

import re

from playwright.async_api import expect

from tests.browser.screens import STATE, VIP, VIP_NAME, Screens
from tests.integration.workplace import Workplace

STRANGER = "022666611{:02d}"


async def test_a_waiting_caller_appears_and_disappears_by_itself(
    work: Workplace, screens: Screens
) -> None:
    board = await screens.log_in("supervisor", path="/board")
    waiting = board.get_by_role("region", name="等待中的来电")
    await expect(waiting).to_contain_text("没有人在等待")
    caller = await work.call_by_area(VIP)
    await expect(waiting.get_by_role("listitem")).to_contain_text(VIP_NAME)
    await expect(waiting.get_by_role("listitem")).to_contain_text("全国总代")
    count = board.get_by_test_id("board-queue-north").get_by_test_id("queue-waiting")
    await expect(count).to_have_text("1")
    await caller.answered.wait()
    await work.hang_up(caller)
    await expect(waiting).to_contain_text("没有人在等待")
    await expect(count).to_have_text("0")


async def test_an_answered_call_is_seen_at_its_agent_and_in_the_service_level(
    work: Workplace, screens: Screens
) -> None:
    board = await screens.log_in("supervisor", path="/board")
    agent = await work.agent("agent2")
    tile = board.get_by_test_id(f"board-agent-{agent.agent['agent_id']}")
    await expect(tile).to_have_attribute(STATE, "ready")
    await work.call_by_area(STRANGER.format(1))
    await expect(tile).to_have_attribute(STATE, "talking")
    north = board.get_by_test_id("board-queue-north")
    await expect(north).to_contain_text("服务水平")
    await expect(north.get_by_test_id("queue-service-level")).to_have_text(re.compile(r"^\d+%$"))


async def test_a_prompt_that_callers_would_not_hear_is_named_until_its_file_is_back(
    work: Workplace, screens: Screens
) -> None:
    board = await screens.log_in("supervisor", path="/board")
    part, notice = board.get_by_test_id("board-system-prompts"), board.get_by_role("status")
    await expect(part).to_contain_text("正常")
    prompt = work.stack.installation.prompts / "zh" / "position_many.wav"
    aside = prompt.rename(prompt.with_suffix(".aside"))
    try:
        await expect(part).to_contain_text("中断")
        await expect(notice).to_contain_text("zh/position_many")
        await expect(notice).to_contain_text("zongji prompts build")
    finally:
        aside.rename(prompt)
    await expect(part).to_contain_text("正常")
    await expect(notice).to_have_count(0)
