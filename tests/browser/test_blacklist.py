"""The blacklist: kept by a supervisor on a page, voted for and enforced by an agent at the pop."""

from playwright.async_api import Page, expect

from tests.browser.screens import STATE, Screens, pop_in_state, scrolling_sideways, state_bar
from tests.integration.workplace import Workplace, kinds

NUISANCE, LISTED = "02266662911", "02266662912"


async def test_a_supervisor_lists_a_number_by_keyboard_is_told_that_it_is_there_and_lifts_it(
    screens: Screens,
) -> None:
    page = await screens.log_in("supervisor", path="/blacklist")
    await _list(page, LISTED)
    row = page.locator(f'[data-testid="blacklist-row"][data-number="{LISTED}"]')
    await expect(row).to_contain_text("拒接")
    await _list(page, LISTED)
    await expect(page.get_by_text("这个号码已在名单上，请先解除原来的记录")).to_be_visible()
    await page.keyboard.press("Escape")
    assert await scrolling_sideways(page) == []
    await row.get_by_role("button", name=f"解除：{LISTED}").press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="解除").press("Enter")
    await expect(row).to_have_count(0)
    await page.get_by_test_id("blacklist-over").check()
    await expect(row.first).to_contain_text("已失效")


async def _list(page: Page, number: str) -> None:
    await page.get_by_test_id("blacklist-add").press("Enter")
    form = page.get_by_test_id("listing-form")
    await form.get_by_test_id("listing-number").fill(number)
    await page.keyboard.press("Enter")
    await expect(form.get_by_role("alert")).to_have_text("请填写理由")
    await form.get_by_test_id("listing-reason").fill("骚扰电话")
    await page.keyboard.press("Enter")


async def test_a_caller_who_is_warned_of_is_hung_up_on_with_a_vote_that_the_supervisor_sees(
    work: Workplace, screens: Screens
) -> None:
    warned = {"number": NUISANCE, "policy": "warn", "reason": "反复退货"}
    await work.board.request("POST", "/api/blacklist", warned)
    page = await screens.ready("agent3")
    await work.call_by_area(NUISANCE)
    pop = pop_in_state(page, "talking")
    await expect(pop.get_by_test_id("pop-blacklisted")).to_contain_text("黑名单来电： 反复退货")
    await pop.get_by_test_id("pop-reject").click()
    await page.get_by_role("dialog").get_by_role("textbox").fill("又来骂人")
    await page.keyboard.press("Enter")
    await expect(state_bar(page)).to_have_attribute(STATE, "wrap_up")
    record = await work.ended(NUISANCE)
    assert "call_hung_up" in kinds(record)

    boss = await screens.log_in("supervisor", path="/blacklist")
    row = boss.locator(f'[data-testid="blacklist-row"][data-number="{NUISANCE}"]')
    await row.get_by_text("1 票").click()
    await expect(row).to_contain_text("又来骂人")
    await row.get_by_role("link").click()
    await expect(boss.get_by_test_id("call-steps")).to_contain_text("结束来电")


async def test_votes_are_seen_with_who_and_why_and_one_is_enough_for_a_supervisor(
    work: Workplace, screens: Screens
) -> None:
    number = "02266662913"
    page = await screens.ready("agent3")
    await work.call_by_area(number)
    await pop_in_state(page, "talking").get_by_test_id("pop-blacklist-vote").click()
    await page.get_by_role("dialog").get_by_role("textbox").fill("推销")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("已投票：1 / 3")).to_be_visible()

    boss = await screens.log_in("supervisor", path="/blacklist")
    row = boss.locator(f'[data-testid="voted-row"][data-number="{number}"]')
    await expect(row).to_contain_text("推销")
    await expect(row).to_contain_text("1 / 3")
    await row.get_by_role("button", name=f"列入黑名单：{number}").press("Enter")
    form = boss.get_by_test_id("listing-form")
    await form.get_by_test_id("listing-warn").check()
    await form.get_by_test_id("listing-reason").fill("核实过")
    await boss.keyboard.press("Enter")
    await expect(row).to_have_count(0)
    listed = boss.locator(f'[data-testid="blacklist-row"][data-number="{number}"]')
    await expect(listed).to_contain_text("提醒")
    await boss.get_by_test_id("locale-switch").click()
    await expect(listed).to_contain_text("Warned of")
    await boss.get_by_test_id("locale-switch").click()


async def test_a_supervisor_lists_the_number_of_a_call_from_its_card(
    work: Workplace, screens: Screens
) -> None:
    number = "02266662918"
    caller = await work.call(number)
    await work.record(number, has=lambda found: "menu_answered" in kinds(found))
    await work.hang_up(caller)
    record = await work.ended(number)
    page = await screens.log_in("supervisor", path=f"/calls/{record['call']['id']}")
    await page.get_by_test_id("call-blacklist").press("Enter")
    form = page.get_by_test_id("listing-form")
    await expect(form).to_contain_text(number)
    await expect(form.get_by_test_id("listing-reason")).to_be_focused()
    await page.keyboard.type("只打不说话")
    await page.keyboard.press("Enter")
    await expect(form).to_be_hidden()
    listed = (await work.board.request("GET", "/api/blacklist"))["items"]
    assert [each["reason"] for each in listed if each["number"] == number] == ["只打不说话"]


async def test_an_agent_does_not_reach_the_page(screens: Screens) -> None:
    page = await screens.log_in("agent1", path="/blacklist")
    await expect(state_bar(page)).to_be_visible()
