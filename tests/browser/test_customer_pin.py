"""A customer's PIN on the card of the call, by right."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.browser.screens import VIP, Screens, pop_in_state
from tests.integration.workplace import Workplace


@pytest.fixture
async def agents_set_terms(work: Workplace) -> AsyncIterator[None]:
    """Agents have the right, and afterwards they have not."""
    change = "role_code = 'agent' AND right_code = 'customer.terms'"
    work.stack.postgres.execute(
        "INSERT INTO role_rights (role_code, right_code) VALUES ('agent', 'customer.terms')"
    )
    yield
    work.stack.postgres.execute(f"DELETE FROM role_rights WHERE {change}")


@pytest.mark.usefixtures("agents_set_terms")
async def test_a_pin_is_given_refused_with_the_reason_unlocked_and_taken_away(
    work: Workplace, screens: Screens
) -> None:
    (customer,) = (await work.board.request("GET", f"/api/customers?q={VIP}"))["items"]
    path = f"/api/customers/{customer['id']}/pin"
    await work.board.request("POST", path, {"pin": "270419"})
    work.stack.postgres.execute(
        "UPDATE customer_pins SET failures = 5, locked_until = now() + interval '1 hour'"
        f" WHERE customer_id = {customer['id']}"
    )
    page = await screens.ready("agent1")
    await work.call_by_area(VIP)
    pop = pop_in_state(page, "talking")
    await pop.get_by_role("tab", name="联系").click()
    pin = pop.get_by_test_id("customer-pin")
    await expect(pin).to_contain_text("已锁定至")
    await pin.get_by_test_id("pin-give").press("Enter")
    await expect(pin.get_by_test_id("pin-digits")).to_be_focused()
    await page.keyboard.type("123456")
    await page.keyboard.press("Enter")
    await expect(pin.get_by_role("status")).to_have_text("不能是连续的数字")
    await pin.get_by_test_id("pin-digits").fill("270422")
    await page.keyboard.press("Enter")
    await expect(pin).to_contain_text("临时密码，")
    await expect(pin).not_to_contain_text("已锁定")
    assert "270422" not in await page.content()
    await pin.get_by_test_id("pin-remove").press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="取消密码").press("Enter")
    await expect(pin).to_contain_text("未设置")
    assert not (await work.board.request("GET", path))["is_set"]


async def test_without_the_right_nothing_is_told_of_a_pin(
    work: Workplace, screens: Screens
) -> None:
    page = await screens.ready("agent1")
    await work.call_by_area(VIP)
    pop = pop_in_state(page, "talking")
    await pop.get_by_role("tab", name="联系").click()
    await expect(pop).to_contain_text("被叫号码")
    await expect(pop.get_by_test_id("customer-pin")).to_have_count(0)
