"""Chinese and English, and no code or key where a word should be."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.browser.screens import VIP, VIP_NAME, Screens, pop_in_state, state_bar
from tests.integration.workplace import Workplace
from zongji.settings import ROOT

_LOCALE = ROOT / "webui" / "frontend" / "src" / "locales" / "en"
_TABLE = re.compile(r"^  (\w+): \{$", re.MULTILINE)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LABELS = "button, h1, h2:not([data-testid=pop-customer-name]), h3, dt, label, th"
_ALL_WORDS = """() => [document.body.innerText,
  ...[...document.querySelectorAll("[aria-label], [placeholder], [title]")].flatMap((each) =>
    ["aria-label", "placeholder", "title"].map((name) => each.getAttribute(name) ?? ""))].join("\\n")"""


@pytest.fixture(autouse=True)
def chinese_afterwards(work: Workplace) -> Iterator[None]:
    """The language is in a user's record, which other tests find."""
    yield
    work.stack.postgres.execute(
        "UPDATE users SET locale = 'zh-CN' WHERE login IN ('agent4', 'supervisor')"
    )


async def test_the_log_in_changes_its_language_before_anybody_is_known(screens: Screens) -> None:
    page = await screens.open()
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await page.get_by_role("button", name="切换到英文").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.get_by_label("Password")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert await _untranslated(page) == []


async def test_the_sidebar_changes_its_language_during_a_call_and_remembers_it(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent4")
    await work.call_by_area(VIP)
    await expect(pop_in_state(page, "talking")).to_contain_text(VIP_NAME)
    assert await _untranslated(page) == []
    await page.get_by_role("button", name="切换到英文").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(state_bar(page)).to_contain_text("Talking")
    await expect(page.get_by_test_id("pop")).to_contain_text("Available credit")
    assert await _untranslated(page) == []
    assert await _chinese_labels(page) == []
    await page.reload()
    await expect(state_bar(page)).to_contain_text("Talking")
    await page.get_by_role("button", name="Switch to Chinese").click()
    await expect(state_bar(page)).to_contain_text("通话中")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


async def test_the_board_changes_its_language(work: Workplace, screens: Screens) -> None:
    await (await work.agent("agent2")).command("break", "meal")
    await work.call_by_area(VIP)
    board = await screens.log_in("supervisor", path="/board")
    await expect(board.get_by_role("region", name="等待中的来电")).to_contain_text(VIP_NAME)
    assert await _untranslated(board) == []
    await board.get_by_role("button", name="切换到英文").click()
    await expect(board.get_by_role("region", name="Waiting calls")).to_contain_text(VIP_NAME)
    await expect(board.get_by_test_id("board-queue-north")).to_contain_text("Service level")
    assert await _untranslated(board) == []
    assert await _chinese_labels(board) == []
    await board.get_by_role("button", name="Switch to Chinese").click()
    await expect(board.get_by_role("region", name="等待中的来电")).to_be_visible()


@pytest.mark.parametrize("path", ["/keypad-log", "/blacklist", "/faxes"])
async def test_a_supervisors_page_has_no_word_that_is_not_translated(
    screens: Screens, path: str
) -> None:
    page = await screens.log_in("supervisor", path=path)
    await page.get_by_role("button", name="切换到英文").click()
    await expect(page.get_by_role("link", name="Back")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert await _chinese_labels(page) == []
    if path != "/keypad-log":  # which shows menus by their names
        assert await _untranslated(page) == []
    await page.get_by_role("button", name="Switch to Chinese").click()
    await expect(page.get_by_role("link", name="返回")).to_be_visible()


async def _untranslated(page: Page) -> list[str]:
    """Keys of the texts (`order.total`) and codes (`vip_level`) that a person would see."""
    tables = {
        name for path in _LOCALE.glob("*.ts") for name in _TABLE.findall(path.read_text("utf-8"))
    }
    assert {"login", "states"} <= tables
    key = re.compile(rf"\b(?:{'|'.join(tables)})\.\w+|\b[a-z]+_[a-z_]+\b")
    return key.findall(await page.evaluate(_ALL_WORDS))


async def _chinese_labels(page: Page) -> list[str]:
    """Labels still in Chinese; the switch names the other language."""
    texts = await page.locator(_LABELS).all_inner_texts()
    return [text for text in texts if _HAN.search(text) and text != "中文"]
