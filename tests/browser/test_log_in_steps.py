"""What stands between a right password and the work: a code, a new password, an authenticator.

Without a mouse; on the pages as built, before a house of its own.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from playwright.async_api import Browser, Page, expect

from crm_core.db import Database
from crm_core.people.roles import RoleContent
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM, Right
from tests.webui.web_house import PASSWORD, House, open_house

FRESH = "a quiet harbour 12"


@pytest.fixture(scope="module")
async def house(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    async with open_house(database, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture
async def page(house: House, browser: Browser) -> AsyncIterator[Page]:
    """The log-in page of somebody new here."""
    profile = await browser.new_context(base_url=house.server.address, locale="zh-CN")
    opened = await profile.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    await opened.goto("/")
    yield opened
    await profile.close()
    assert errors == []


async def someone(
    house: House, login: str, role: str = "agent", *, must_change: bool = False
) -> None:
    new = NewUser(login=login, name=f"{login}先生", role=role)
    await house.services.crm.accounts.create_user(SYSTEM, new, PASSWORD, must_change=must_change)


async def enrolled(house: House, login: str) -> tuple[str, tuple[str, ...]]:
    accounts = house.services.crm.accounts
    who = (await accounts.log_in(login, PASSWORD, "127.0.0.1")).principal
    offered = await accounts.second_factor.begin(who)
    codes = await accounts.second_factor.confirm(who, code_of(offered.secret))
    return offered.secret, codes


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


async def type_password(page: Page, login: str) -> None:
    await expect(page.get_by_label("工号")).to_be_focused()
    await page.keyboard.type(login)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")


async def test_the_second_step_asks_for_the_code(house: House, page: Page):
    await someone(house, "stepper")
    secret, _ = await enrolled(house, "stepper")
    await type_password(page, "stepper")
    field = page.get_by_label("验证码")
    await expect(field).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("请输入验证码", exact=True)).to_be_visible()
    await page.keyboard.type("000000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("code-error")).to_contain_text("验证码不正确或已用过")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("")
    await page.keyboard.type(code_of(secret, 1))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("stepper先生")).to_be_visible()


async def test_a_recovery_code_does_and_back_leads_to_another_log_in(house: House, page: Page):
    await someone(house, "phoneless")
    _, codes = await enrolled(house, "phoneless")
    await type_password(page, "phoneless")
    await expect(page.get_by_label("验证码")).to_be_focused()
    await page.get_by_role("button", name="返回").press("Enter")
    await expect(page.get_by_label("工号")).to_have_value("phoneless")
    await page.get_by_label("密码").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("验证码")).to_be_focused()
    await page.keyboard.type(codes[0])
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("phoneless先生")).to_be_visible()


async def test_a_given_password_is_changed_before_the_work_begins(house: House, page: Page):
    await someone(house, "given", must_change=True)
    await type_password(page, "given")
    fresh = page.get_by_label("新密码", exact=True)
    await expect(fresh).to_be_focused()
    for password, repeat, said in (
        ("woaini1314", "woaini1314", "这个密码太常见"),
        ("short", "short", "密码太短"),
        (PASSWORD, PASSWORD, "最近用过这个密码"),
        (FRESH, "another one", "两次输入的密码不一致"),
    ):
        await fresh.fill(password)
        await page.get_by_label("再次输入新密码").fill(repeat)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text(re.compile(said))).to_be_visible()
    await page.goto("/board")
    await expect(page.get_by_label("当前密码")).to_be_focused()
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Tab")
    await page.keyboard.type(FRESH)
    await page.keyboard.press("Tab")
    await page.keyboard.type(FRESH)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("given先生")).to_be_visible()


async def test_a_role_that_asks_for_an_authenticator_shows_secret_link_and_codes(
    house: House, page: Page
):
    content = RoleContent(
        name_zh="严",
        name_en="S",
        rights=frozenset({Right.AGENT_WORK}),
        second_factor_required=True,
    )
    await house.services.crm.roles.create(SYSTEM, "strict", content)
    await someone(house, "enrolling", "strict")
    await type_password(page, "enrolling")
    field = page.get_by_label("验证码")
    await expect(field).to_be_focused()
    secret = (await page.get_by_test_id("secret").inner_text()).replace(" ", "")
    link = page.get_by_role("link", name="在验证器中打开")
    await expect(link).to_have_attribute("href", re.compile(f"^otpauth://totp/.*secret={secret}"))
    size = await page.get_by_test_id("qr").evaluate("image => image.naturalWidth")
    assert size > 100
    await page.keyboard.type("12")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(field).to_be_focused()
    await page.keyboard.type(code_of(secret))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="恢复码")).to_be_focused()
    await expect(page.get_by_test_id("recovery-codes").get_by_role("listitem")).to_have_count(10)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("enrolling先生")).to_be_visible()
