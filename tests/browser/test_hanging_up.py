"""The agent hangs up on the page, so that the caller is asked for an opinion."""

from playwright.async_api import expect

from tests.browser.screens import STATE, VIP, Screens, pop_in_state, state_bar
from tests.integration.workplace import Workplace, kinds

STRANGER = "02266662921"


async def test_the_agents_part_ends_by_a_key_and_the_caller_answers_the_survey(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent1")
    caller = await work.call(STRANGER, "2")
    pop = pop_in_state(page, "talking")
    await expect(pop.get_by_test_id("pop-to-survey")).to_have_text("转满意度")
    await page.keyboard.press("Alt+S")
    await expect(state_bar(page)).to_have_attribute(STATE, "wrap_up")
    assert caller.hung_up_at is None
    await work.press(caller, "2")
    record = await work.record(STRANGER, has=lambda found: "surveyed" in kinds(found))
    (answer,) = (step["detail"] for step in record["steps"] if step["kind"] == "surveyed")
    assert answer["key"] == "2"
    assert "talk_hung_up" in kinds(record)
    assert record["call"]["agent_id"] is not None


async def test_where_no_survey_follows_there_is_no_such_button(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent1")
    await work.call_by_area(VIP)
    pop = pop_in_state(page, "talking")
    await expect(pop.get_by_test_id("pop-blacklist-vote")).to_be_visible()
    await expect(pop.get_by_test_id("pop-to-survey")).to_have_count(0)
