"""What is hidden is neither given on by a link nor written over."""

from tests.webui.hidden_customer import Marked, hide
from tests.webui.web_house import Browser, House


async def test_a_link_shows_the_customer_no_more_to_whom_the_address_is_hidden(
    house: House, reader: Browser, marked: Marked
):
    link = f"/api/orders/{marked.ids['orders']}/link"
    await hide(house)
    assert (await reader.ask("POST", link, {}))[0] == 200
    for field in ("addresses", "phones"):
        await hide(house, f"customer.{field}")
        assert (await reader.ask("POST", link, {}))[0] == 403


async def test_what_one_does_not_see_is_not_written_over(
    house: House, reader: Browser, marked: Marked
):
    order = f"/api/orders/{marked.ids['orders']}"
    content = {"recipient": "别人", "street": "别处", "version": 1}
    await hide(house, "customer.addresses")
    assert (await reader.ask("PUT", f"{order}/consignee", content))[0] == 403
    await hide(house, "customer.phones")
    status, body = await reader.ask("PUT", f"{order}/consignee", content)
    assert (status, body["consignee"]["phone"]) == (200, None)
    masked = {**content, "phone": "137****3344", "version": 2}
    assert (await reader.ask("PUT", f"{order}/consignee", masked))[0] == 422
    await hide(house)
    _, body = await reader.ask("GET", f"{order}/consignee")
    assert body["consignee"]["phone"] == "13711223344"


async def test_an_edit_of_an_order_leaves_an_address_that_was_not_shown(
    house: House, reader: Browser, marked: Marked
):
    await hide(house, "customer.addresses")
    (asked,) = (await reader.ask("GET", "/api/orders?number=秘密单"))[1]["items"]
    known = (await reader.ask("GET", f"/api/orders/{asked['id']}"))[1]["order"]
    edit = {
        "version": known["version"],
        "lines": [{"sku": "A1", "quantity": 2}],
        "note": "快",
    }
    status, body = await reader.ask("PUT", f"/api/orders/{asked['id']}", edit)
    assert status == 200, body
    assert (body["order"]["address"], body["order"]["note"]) == (None, "快")
    await hide(house)
    assert (await reader.ask("GET", f"/api/orders/{asked['id']}"))[1]["order"][
        "address"
    ] == "秘密路"
