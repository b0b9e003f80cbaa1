"""Texts that harm programs, in every text of every request: kept as they are or refused, never an error.

The requests are made from the routes' own models: what they require, and the text in one place after the other.
"""

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from tests.webui.bodies import Bodies
from tests.webui.scope_records import records_of_a_colleague
from tests.webui.test_web_rights import path_of
from tests.webui.web_house import Browser, House
from webui.routes import ROUTES
from webui.routing import CALL, NUMBER, Route

HARMLESS = (
    "\u202e😀👨‍👩‍👧'; DROP TABLE customers; --%_\\<script>alert(1)</script>",
    "\u202e😀';--%\\<b>",
)
REFUSED = ("a\0b", "\ud800", "长" * 20_001, "长" * 350_000)
KEEPS_NOTHING = {
    "POST /api/agent/state",
    "POST /api/courier-choice",
    "POST /api/customers/search",
    "POST /api/delivery/feedback",
    "POST /api/do-not-call",
    "POST /api/line/check",
    "POST /api/line/try",
    "POST /api/orders/quote",
    "POST /api/settlements/{id}/differences",
    "POST /api/suggestions",
    "POST /api/users/{id}/password",
    "POST /api/waybills",
}
"""They work something out, keep what cannot be read, say in the answer for which records it was refused, or answer with
the entry that is there already.
"""
TAKEN: dict[str, set[str]] = defaultdict(set)
"""What was taken, by route; the texts are those that the answer did not tell as they are."""
ASKED = [route for route in ROUTES if route.body.model_fields and not route.raw]
_numbers = itertools.count(1)


def name(route: Route) -> str:
    return f"{route.method} {re.sub(r':[^/]*}', '}', route.path)}"


class Asker:
    """Asks for changes of the records that there are, in the version that they have."""

    def __init__(self, browser: Browser, ids: dict[str, Any]) -> None:
        self._browser = browser
        self.ids = ids

    def path(self, route: Route) -> str:
        """To a record that there is, of the kinds that are known."""
        record = route.path.removeprefix("/api/").partition("/{")[0]
        path = route.path
        for pattern in (NUMBER, CALL):
            if pattern in path and record in self.ids:
                path = path.replace(pattern, str(self.ids[record]))
        return path_of(route) if path == route.path else path

    async def ask(self, route: Route, body: Any) -> tuple[int, Any]:
        """Status and answer; once more when somebody was faster, who was this test."""
        path = self.path(route)
        headers = dict.fromkeys(route.headers, f"a-key-{next(_numbers):08}")
        status, answer = await self._browser.ask(route.method, path, body, headers=headers)
        newer = status == 409 and (answer["error"].get("fields") or {}).get("version")
        if newer and "version" in body:
            body = body | {"version": newer}
            status, answer = await self._browser.ask(route.method, path, body, headers=headers)
        if status == 201:
            self._learn(route, answer)
        return status, answer

    def _learn(self, route: Route, answer: Any) -> None:
        """The record that was made, for the routes that come after in the table."""
        made = [each for each in answer.values() if isinstance(each, dict) and "id" in each]
        if made:
            self.ids.setdefault(route.path.removeprefix("/api/"), made[0]["id"])


@pytest.fixture(scope="module")
async def asker(house: House):
    ids = await records_of_a_colleague(house)
    ids |= {"customers": house.customer_id, "users": house.ids["agent2"]}
    async with house.browser("admin") as browser:
        yield Asker(browser, ids)


def test_there_are_many_places():
    assert len(ASKED) > 200
    assert sum(len(Bodies(route.body, {}).texts()) for route in ASKED) > 700


@pytest.mark.parametrize("route", ASKED, ids=name)
async def test_no_text_does_harm(asker: Asker, route: Route):
    bodies = Bodies(route.body, asker.ids)
    for place in bodies.texts():
        for value in HARMLESS:
            marked, mark = with_mark(value)
            status, answer = await asker.ask(route, bodies.body(place, marked))
            assert status < 500, (place, value, answer)
            if status < 300:
                told = set(texts(answer))
                assert all(marked in each for each in told if mark in each), answer
                TAKEN[name(route)] |= {marked} - told
        for value in REFUSED[:2] if name(route) == "POST /api/line/check" else REFUSED:
            status, answer = await asker.ask(route, bodies.body(place, value))
            assert 400 <= status < 500, (place, value[:9], status)
            assert len(str(answer)) < 10_000, place


def with_mark(value: str) -> tuple[str, str]:
    """The text and something in it that no other has."""
    mark = f"#{next(_numbers):x}#"
    return value + mark, mark


async def test_what_was_taken_is_kept_as_it_was_written(house: House, asker: Asker):
    kept = await texts_in(house)
    lost = {
        route: sorted(taken - kept)
        for route, taken in TAKEN.items()
        if route not in KEEPS_NOTHING and not taken <= kept
    }
    assert not lost
    assert len(TAKEN) > 75


async def texts_in(house: House) -> set[str]:
    """Every text in every table, those in lists and in JSON too."""
    found: set[str] = set()
    async with house.services.database.reading() as connection:
        columns = await connection.execute(
            text(
                "SELECT c.table_name, c.column_name FROM information_schema.columns c"
                " JOIN information_schema.tables t USING (table_schema, table_name)"
                " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
                " AND c.data_type IN ('character varying', 'text', 'jsonb', 'ARRAY')"
            )
        )
        for table, column in columns.all():
            rows = await connection.scalars(
                text(
                    f'SELECT to_jsonb("{column}")::text FROM "{table}" WHERE "{column}" IS NOT NULL'
                )
            )
            for row in rows:
                found.update(texts(json.loads(row)))
    return found


def texts(value: Any) -> Iterator[str]:
    """In whatever JSON holds, the names of its fields too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from (each for inner in value.values() for each in texts(inner))
    elif isinstance(value, list):
        yield from (each for inner in value for each in texts(inner))


async def test_a_name_is_kept_as_it_was_written(house: House, asker: Asker):
    async with house.browser("admin") as admin:
        for number, name in enumerate(HARMLESS):
            body = {"name": name, "phones": [f"1371111700{number}"]}
            status, answer = await admin.ask("POST", "/api/customers", body)
            assert (status, answer["customer"]["name"]) == (201, name)
