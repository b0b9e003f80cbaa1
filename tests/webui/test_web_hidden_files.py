"""Files hold nothing of a field that is hidden."""

import csv
import io

import pytest

from tests.webui.hidden_customer import Marked, hide
from tests.webui.hidden_marks import HIDEABLE, MARKS
from tests.webui.web_house import Browser, House


@pytest.mark.parametrize("field", HIDEABLE)
async def test_a_hidden_value_stands_in_no_file(
    house: House, reader: Browser, marked: Marked, field: str
):
    name = field.partition(".")[2]
    plain = {"level": "level", "price_policy": "price_policy"}.get(name, name)
    column = {"addresses": "address", "contacts": "contact", "custom": "custom.secret_no"}.get(
        name, plain
    )
    await hide(house)
    exported = await export(house, reader)
    await hide(house, field)
    if column not in exported:
        return
    hidden = await export(house, reader)
    assert any(mark in exported[column] for mark in MARKS[name]), exported[column]
    assert not any(mark in each for each in hidden.values() for mark in MARKS[name]), hidden
    wanted = {"format": "csv", "columns": [column]}
    assert (await reader.ask("POST", "/api/exports", wanted))[0] == 403


async def test_a_carrier_s_paper_needs_the_sight_of_what_stands_on_it(
    house: House, reader: Browser, marked: Marked
):
    papers = ("POST", "/api/waybills/papers", {"waybill_ids": [marked.ids["waybills"]]})
    loaded = ("GET", f"/api/delivery/runs/{marked.ids['delivery/runs']}/paper", None)
    for field in ("addresses", "phones", "province", "city"):
        for wanted in (papers, loaded):
            await hide(house)
            assert (await reader.ask(*wanted))[0] == 200
            await hide(house, f"customer.{field}")
            status, body = await reader.ask(*wanted)
            assert (status, body["error"]["fields"]) == (403, {field: "forbidden"})


async def test_a_file_that_was_made_before_is_not_given_out_when_something_of_it_is_hidden(
    house: House, reader: Browser, marked: Marked
):
    await hide(house)
    status, body = await reader.ask("POST", "/api/exports", {"format": "csv", "columns": []})
    assert status == 201
    job = body["job"]["id"]
    await house.services.crm.exports.run(job)
    for fields, status in (((), 200), (("customer.note",), 403)):
        await hide(house, *fields)
        assert (await reader.ask("GET", f"/api/exports/{job}/file"))[0] == status


async def export(house: House, reader: Browser) -> dict[str, str]:
    """The marked customer's row, by the column's code."""
    wanted = {
        "format": "csv",
        "locale": "en",
        "conditions": [{"field": "name", "op": "contains", "value": "目标"}],
    }
    status, body = await reader.ask("POST", "/api/exports", wanted)
    assert status == 201, body
    await house.services.crm.exports.run(body["job"]["id"])
    async with reader.http.get(f"/api/exports/{body['job']['id']}/file") as answer:
        rows = list(csv.reader(io.StringIO((await answer.read()).decode("utf-8-sig"))))
    assert len(rows) == 2, rows
    return {CODES.get(title, title): each for title, each in zip(*rows, strict=True)}


CODES = {"Secret": "custom.secret_no"}
