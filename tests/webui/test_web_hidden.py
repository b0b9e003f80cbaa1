"""Every field that a role can be kept from, hidden: its value stands in no answer of any route and not in the audit
trail.

What a route shows of a marked customer is read once with nothing hidden; each field is then hidden, and the
answers that had its mark are asked for again. There is a record in every table that refers to a customer, and
every file is read back.
"""

import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from tests.webui.customer_records import without_a_row
from tests.webui.hidden_customer import Marked, blinded, hide
from tests.webui.hidden_marks import HIDEABLE, has_mark
from tests.webui.hidden_questions import (
    CALL_BOUND,
    FILES_OF_NOBODY,
    Question,
    answered,
    name_of,
    questions,
)
from tests.webui.web_house import ROLES, Browser, House, on_screen
from webui.routes import ROUTES

_NUMBERED = re.compile(r"/[0-9]+(?=/|$)")


@pytest.fixture(scope="module")
async def shown(
    house: House, reader: Browser, marked: Marked
) -> AsyncIterator[dict[Question, str]]:
    """What is answered when nothing is hidden; the customer's call stays on the reader's screen."""
    await hide(house)
    found: dict[Question, str] = {}
    customer_id = marked.customer_id
    async with on_screen(house, "supervisor", "13711223344", customer_id) as call_id:
        for asked in questions(house, {**marked.ids, "on_screen": call_id}):
            status, body = await answered(reader, asked)
            assert status in (200, 404, 409, 422), (asked, body)
            if status == 200:
                found[asked] = body
        yield found


async def test_the_records_are_there_and_every_field_is_shown_somewhere(
    marked: Marked, shown: dict[Question, str]
):
    places = {asked.place for asked in shown}
    assert len(places) > 120
    assert places >= set(CALL_BOUND)
    for field in HIDEABLE:
        name = field.partition(".")[2]
        where = [asked.path for asked, body in shown.items() if has_mark(name, asked, body)]
        assert f"/api/customers/{marked.customer_id}" in where, field


async def test_every_table_that_refers_to_a_customer_has_a_row(house: House, marked: Marked):
    async with house.services.database.reading() as connection:
        missing = [
            name
            for name, condition in without_a_row(marked.customer_id)
            if await connection.scalar(select(condition))
        ]
    assert missing == []


async def test_every_file_is_read(shown: dict[Question, str]):
    files = {name_of(route) for route in ROUTES if route.answers_file} - FILES_OF_NOBODY
    asked = {f"{each.method} {_NUMBERED.sub('/{id}', each.place)}" for each in shown}
    assert files - asked == set()


@pytest.mark.parametrize("field", HIDEABLE)
async def test_a_hidden_value_stands_in_no_answer(
    house: House, reader: Browser, shown: dict[Question, str], field: str
):
    name = field.partition(".")[2]
    await hide(house, field)
    for asked, body in shown.items():
        if has_mark(name, asked, body):
            status, now = await answered(reader, asked)
            assert status in (200, 403, 404), now
            assert not has_mark(name, asked, now), (asked, now)


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_sees_anywhere_what_it_is_kept_from(
    house: House, shown: dict[Question, str], role: str
):
    """The trail is asked for customers and orders only: what levels and people are called stands there by itself."""
    names = [field.partition(".")[2] for field in HIDEABLE]
    asked_for = 0
    async with blinded(house, role, HIDEABLE) as browser:
        for asked, body in shown.items():
            of_everything = asked.place == "/api/audit" and "entity=" not in asked.path
            if of_everything or not any(has_mark(name, asked, body) for name in names):
                continue
            status, now = await answered(browser, asked)
            asked_for += status == 200
            assert status in (200, 403, 404, 409, 422), (asked, now)
            assert [name for name in names if has_mark(name, asked, now)] == [], (asked, now)
    assert asked_for > 0
