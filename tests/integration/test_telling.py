"""Messages to customers that are said on the telephone or faxed, through the real Asterisk to the carrier."""

import itertools
import uuid
from typing import Any

import pytest
from PIL import Image

from crm_core.outbox.fax import WIDTH
from tests.integration.sounds import spoken_s
from tests.integration.workplace import Workplace, until

_A_FAX_TAKES_S = 90.0
_numbers = itertools.count(1)


@pytest.fixture
def desk(work: Workplace) -> "Desk":
    return Desk(work)


class Desk:
    """The supervisor writes a customer and an order; the outbox tells the customer."""

    def __init__(self, work: Workplace) -> None:
        self.work = work
        self._db = work.stack.postgres

    async def order_for(self, last_digits: str, *channels: str) -> int:
        """An order of a customer whose number ends so, who is told only by these channels."""
        customer = await self._customer(last_digits, told_by=channels)
        self._db.execute(f"UPDATE customers SET credit_limit = 100000 WHERE id = {customer}")
        placed = await self.work.board.place_order(customer, [("BJ-003", 1)])
        order_id: int = placed["id"]
        return order_id

    async def _customer(self, last_digits: str, **more: object) -> int:
        number = f"0227{next(_numbers):05d}{last_digits}"
        wanted = {"name": f"电话客户{number}", "phones": [number], "level_code": "retailer"}
        made = await self.work.board.request(
            "POST", "/api/customers", wanted | {"fax": number} | more
        )
        customer_id: int = made["customer"]["id"]
        return customer_id

    async def notice_to(self, *last_digits: str) -> int:
        """A notice that is said to new customers with such numbers, who have chosen no way of being told."""
        mark = uuid.uuid4().hex
        for each in last_digits:
            await self._customer(each, email=f"{mark}.{each}@example.com")
        new = {
            "title": "放假", "body": "国庆放假三天。", "channels": ["voice"],
            "conditions": [{"field": "email", "op": "contains", "value": mark}],
        }  # fmt: skip
        notice = (await self.work.board.request("POST", "/api/notices", new))["notice"]
        await self.work.board.request("POST", f"/api/notices/{notice['id']}/send", {"version": 1})
        notice_id: int = notice["id"]
        return notice_id

    async def counted(self, notice_id: int, **wanted: int) -> dict[str, Any]:
        """The counts of the channel, once they are these."""

        async def look() -> dict[str, Any] | None:
            found = await self.work.board.request("GET", f"/api/notices/{notice_id}/counts")
            of = next((each for each in found["channels"] if each["channel"] == "voice"), {})
            return of if of.items() >= wanted.items() else None

        return await until(look, patience_s=_A_FAX_TAKES_S)

    async def message(self, order_id: int) -> dict[str, Any]:
        query = f"/api/messages?subject=order&subject_id={order_id}"
        (found,) = (await self.work.board.request("GET", query))["items"]
        return found

    async def becomes(self, order_id: int, state: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            found = await self.message(order_id)
            return found if found["state"] == state else None

        return await until(look, patience_s=_A_FAX_TAKES_S)

    async def tried(self, order_id: int) -> dict[str, Any]:
        """The message after the first attempt."""

        async def look() -> dict[str, Any] | None:
            found = await self.message(order_id)
            return found if found["reason"] is not None else None

        return await until(look)

    def ledger(self, order_id: int) -> list[str]:
        """Results of the calls for this order's message."""
        rows = self._db.execute(
            "SELECT a.result FROM attempts a JOIN outbox o ON o.token = a.message_token"
            f" WHERE o.subject_id = {order_id} ORDER BY a.at"
        )
        return rows.split()


async def test_a_message_is_said_and_is_sent_when_somebody_has_confirmed_it(desk: Desk) -> None:
    order = await desk.order_for("20", "voice")
    message = await desk.becomes(order, "sent")
    assert message["reference"] == "confirmed"
    assert desk.ledger(order) == ["reached"]


async def test_with_an_answering_machine_a_message_is_left_after_its_beep(desk: Desk) -> None:
    order = await desk.order_for("12", "voice")
    message = await desk.becomes(order, "sent")
    assert message["reference"] == "left"
    assert desk.ledger(order) == ["machine"]
    kept = [*desk.work.stack.installation.var.rglob("left-*.alaw")]
    assert kept, "the machine kept nothing"
    assert all(spoken_s(each.read_bytes()) > 1 for each in kept)


async def test_a_busy_number_is_called_again_later(desk: Desk) -> None:
    order = await desk.order_for("10", "voice")
    message = await desk.tried(order)
    assert (message["state"], message["reason"]) == ("pending", "busy")
    assert desk.ledger(order) == ["busy"]


async def test_a_number_that_does_not_exist_is_not_called_again(desk: Desk) -> None:
    order = await desk.order_for("15", "voice")
    message = await desk.becomes(order, "failed")
    assert message["reason"] == "invalid_number"


async def test_who_hangs_up_before_the_end_has_not_been_told(desk: Desk) -> None:
    order = await desk.order_for("16", "voice")
    message = await desk.tried(order)
    assert (message["state"], message["reason"]) == ("pending", "hung_up")
    assert desk.ledger(order) == ["abandoned"]


async def test_a_notice_is_said_and_counted_by_who_has_heard_and_confirmed_it(desk: Desk) -> None:
    notice = await desk.notice_to("20", "15")
    counted = await desk.counted(notice, sent=1, failed=1)
    assert (counted["confirmed"], counted["waiting"], counted["unknown"]) == (1, 0, 0)


async def test_a_fax_machine_gets_the_message_as_a_sheet(desk: Desk) -> None:
    order = await desk.order_for("21", "fax")
    message = await desk.becomes(order, "sent")
    assert message["reference"] == "faxed"
    assert desk.ledger(order) == ["reached"]
    sheets = list(desk.work.stack.installation.var.rglob("fax-*.tif"))
    assert sheets, "the carrier kept no fax"
    with Image.open(sheets[0]) as sheet:
        assert sheet.size[0] == WIDTH
        assert sheet.convert("L").getextrema() == (0, 255)


async def test_a_person_who_answers_a_fax_has_not_been_told(desk: Desk) -> None:
    order = await desk.order_for("16", "fax")
    message = await desk.tried(order)
    assert message["state"] == "pending"
    assert desk.ledger(order) == ["abandoned"]
