"""Dealers on other telephones and fax machines, with every part real."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from PIL import Image

from crm_core.outbox.fax import DOTS, WIDTH
from ivr.spoken.speaker import Speaker
from tests.integration.hearing import Hearing
from tests.integration.workplace import Workplace, kinds, until

DEALER, SHOP = "02223456789", "02225871234"
STRANGER = "02277660077"
CODE, PIN = "880077", "270418"
A_FAX_TAKES_S = 90.0


async def test_a_dealer_on_another_telephone_orders_by_code_and_pin(work: Workplace) -> None:
    dealer = await work.give_pin(DEALER, PIN)
    path = f"/api/customers/{dealer['id']}"
    version = (await work.board.request("GET", path))["customer"]["version"]
    await work.board.request("PATCH", path, {"version": version, "code": f"D-{CODE}"})

    caller = await work.call(STRANGER)
    for step, keys in (("menu_answered", "42"), ("service", f"{CODE}#"), ("digits", f"{PIN}#")):
        await work.record(STRANGER, has=lambda found, step=step: step in kinds(found))
        await work.press(caller, keys, pause_s=0.2)
    await work.record(STRANGER, has=lambda found: found["call"]["customer_id"] == dealer["id"])
    await work.press(caller, "*2001#2#21", pause_s=0.2)
    record = await work.record(STRANGER, has=lambda found: "service_done" in kinds(found))

    found = await work.board.request("GET", f"/api/orders?call_id={record['call']['id']}")
    (order,) = found["items"]
    assert order["customer_id"] == record["call"]["customer_id"] == dealer["id"]
    pressed = [step["detail"].get("keys", "") for step in record["steps"]]
    assert f"{CODE}#" in pressed
    assert not any(PIN in each for each in pressed)


async def test_an_english_caller_hears_the_own_price_and_stock_and_how_the_order_stands(
    work: Workplace,
) -> None:
    caller = await work.call(SHOP, "9", "4", "1")
    await work.record(SHOP, has=lambda found: "service" in kinds(found))
    customer_id = (await work.record(SHOP))["call"]["customer_id"]
    query = urlencode({"q": "PJ-001", "customer_id": customer_id})
    (product, *_) = (await work.board.request("GET", f"/api/products?{query}"))["items"]
    price, stock = Decimal(product["own_price"]), product["available"]
    order = await work.board.place_order(customer_id, [("PJ-001", 1)])
    heard = await work.listen(caller)

    await work.press(caller, "2001#", pause_s=0.2)
    english = Speaker("en")
    await _hears(work, heard, "price_is", *english.money(price))
    await _hears(work, heard, "stock_is", *english.quantity(stock - 1, product["unit"]))

    await work.press(caller, "*3", pause_s=0.2)
    await _hears(work, heard, "status_order", *english.code(order["number"]))
    await work.hang_up(caller)
    record = await work.ended(SHOP)
    services = [step["detail"]["service"] for step in record["steps"] if step["kind"] == "service"]
    assert services == ["products", "order_status"]


async def _hears(work: Workplace, heard: Hearing, *names: str) -> None:
    """Wait until these English prompts, one after the other, are among what was heard."""
    await work.hears(heard, *[await work.prompt(name, "en") for name in names])


async def test_a_fax_on_a_number_for_people_is_kept_and_becomes_a_task(
    work: Workplace, tmp_path: Path
) -> None:
    Image.new("1", (WIDTH, 300), 1).save(tmp_path / "in.tif", compression="group4", dpi=DOTS)

    await work.fax(DEALER, tmp_path / "in.tif")

    call = (await work.record(DEALER, has=lambda found: "fax" in kinds(found)))["call"]

    async def look() -> dict[str, Any] | None:
        items = (await work.board.request("GET", "/api/faxes?direction=in"))["items"]
        return next((each for each in items if each["call_id"] == call["id"]), None)

    fax = await until(look, patience_s=A_FAX_TAKES_S)
    assert (fax["status"], fax["mode"], fax["pages"], fax["has_sheets"]) == (
        "received",
        "T38",
        1,
        True,
    )
    todos = await work.board.request(
        "GET", f"/api/todos?scope=customer&customer_id={fax['customer_id']}"
    )
    assert fax["call_id"] in {each["call_id"] for each in todos["items"]}
    await work.record(DEALER, has=lambda found: found["call"]["outcome"] == "fax")
