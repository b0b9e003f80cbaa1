"""Coming in and going to work, without a mouse."""

from playwright.async_api import expect

from tests.browser.screens import STATE, Screens, state_bar
from tests.integration.workplace import Workplace


async def test_a_wrong_password_is_said_plainly_and_the_right_one_opens_the_sidebar(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.open()
    await expect(page.get_by_label("工号")).to_be_focused()
    await page.keyboard.type("agent2")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("密码")).to_be_focused()
    await page.keyboard.type("not this one")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("工号或密码不正确")
    await expect(page.get_by_label("密码")).to_be_focused()
    await page.keyboard.type(work.stack.password("agent2"))
    await page.keyboard.press("Enter")
    await expect(state_bar(page)).to_be_visible()
    await expect(page.get_by_text("李强", exact=True)).to_be_visible()


async def test_what_is_missing_is_said_at_its_field(screens: Screens) -> None:
    page = await screens.open()
    await expect(page.get_by_label("工号")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("请输入工号")).to_be_visible()
    await expect(page.get_by_text("请输入密码")).to_be_visible()


async def test_an_agent_becomes_ready_takes_a_break_and_comes_back_by_keyboard(
    screens: Screens,
) -> None:
    page = await screens.log_in("agent2")
    bar = state_bar(page)
    await expect(bar).to_have_attribute(STATE, "offline")
    await page.keyboard.press("F4")
    await expect(bar).to_have_attribute(STATE, "ready")
    await page.keyboard.press("F8")
    await expect(page.get_by_role("menu", name="小休")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(bar).to_have_attribute(STATE, "break")
    await page.keyboard.press("F4")
    await expect(bar).to_have_attribute(STATE, "ready")


async def test_every_key_is_in_the_help(screens: Screens) -> None:
    page = await screens.ready("agent2")
    await page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="键盘快捷键")
    for key in ("F2", "Enter", "F4", "F8", "F9"):
        await expect(help_.get_by_text(key, exact=True)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(help_).to_be_hidden()
