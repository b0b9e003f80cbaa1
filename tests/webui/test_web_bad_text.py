"""Texts that harm programs, in every text of every request about customers: kept as they are or refused, never an error.

The requests are made from the routes' own models: what they require, and the text in one place after the other.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from tests.webui.test_web_rights import path_of
from tests.webui.web_house import House
from webui.routes import ROUTES
from webui.routing import Route

HARMLESS = (
    "😀👨‍👩‍👧",
    "'; DROP TABLE customers; --",
    "%_\\",
    "<script>alert(1)</script>",
    "\u202eabc",
)
REFUSED = ("a\0b", "\ud800", "长" * 350_000)
ABOUT_CUSTOMERS = (
    "/api/customers", "/api/merges", "/api/saved-searches", "/api/custom-fields", "/api/levels",
    "/api/price-policies", "/api/payment-terms", "/api/exports", "/api/imports", "/api/callbacks",
)  # fmt: skip
ASKED = [
    route
    for route in ROUTES
    if route.path.startswith(ABOUT_CUSTOMERS) and route.body.model_fields and not route.raw
]
Place = tuple[str, ...]
Schema = dict[str, Any]


class Writer:
    """Bodies of a model."""

    def __init__(self, route: Route) -> None:
        self._schema = route.body.model_json_schema()
        self._known: Schema = self._schema.get("$defs", {})

    def texts(self) -> list[Place]:
        """Where texts may stand."""
        return list(dict.fromkeys(self._texts(self._schema, ())))

    def body(self, place: Place, value: str) -> Any:
        """What is required, and the value in its place."""
        return self._made(self._schema, place, value)

    def _choices(self, schema: Schema) -> Iterator[Schema]:
        if "$ref" in schema:
            yield from self._choices(self._known[schema["$ref"].rpartition("/")[2]])
        elif "anyOf" in schema:
            for each in schema["anyOf"]:
                yield from self._choices(each)
        else:
            yield schema

    def _texts(self, schema: Schema, place: Place) -> Iterator[Place]:
        for each in self._choices(schema):
            if each.get("type") == "object":
                for name, inner in each.get("properties", {}).items():
                    yield from self._texts(inner, (*place, name))
                if isinstance(more := each.get("additionalProperties"), dict):
                    yield from self._texts(more, (*place, "any"))
            elif each.get("type") == "array":
                yield from self._texts(each["items"], (*place, "0"))
            elif each.get("type") == "string":
                yield place

    def _made(self, schema: Schema, place: Place | None, value: str) -> Any:
        if place == ():
            return value
        options = list(self._choices(schema))
        way = next((each for each in options if place and self._leads(each, place[0])), options[0])
        if way.get("type") == "object":
            inner = way.get("properties", {})
            names = {*way.get("required", ()), *((place[0],) if place else ())}
            more = way.get("additionalProperties", {})
            return {
                name: self._made(
                    inner.get(name, more), place[1:] if place and name == place[0] else None, value
                )
                for name in names
            }
        if way.get("type") == "array":
            return [self._made(way["items"], place[1:], value)] if place else []
        samples = {"integer": 1, "number": 1, "boolean": True}
        return way.get("enum", [samples.get(way.get("type", ""), "1")])[0]

    @staticmethod
    def _leads(schema: Schema, name: str) -> bool:
        if schema.get("type") == "array":
            return name == "0"
        return name in schema.get("properties", {}) or (
            name == "any" and isinstance(schema.get("additionalProperties"), dict)
        )


@pytest.fixture(scope="module")
async def admin(house: House):
    async with house.browser("admin") as browser:
        yield browser


def test_there_are_many_places():
    assert sum(len(Writer(route).texts()) for route in ASKED) > 60


@pytest.mark.parametrize("route", ASKED, ids=lambda route: f"{route.method} {route.path}")
async def test_no_text_does_harm(house: House, admin, route: Route):
    writer = Writer(route)
    path = path_of(route).replace("987654321", str(house.customer_id))
    for place in writer.texts():
        for value in HARMLESS:
            status, body = await admin.ask(route.method, path, writer.body(place, value))
            assert status < 500, (place, value, body)
        for value in REFUSED:
            status, body = await admin.ask(route.method, path, writer.body(place, value))
            assert 400 <= status < 500, (place, value[:9], status)
            assert len(str(body)) < 10_000, place
    async with house.services.database.reading() as connection:
        name = await connection.scalar(
            text("SELECT name FROM customers WHERE id = :id"), {"id": house.customer_id}
        )
    assert name


async def test_a_name_is_kept_as_it_was_written(house: House, admin):
    for number, name in enumerate(HARMLESS):
        body = {"name": name, "phones": [f"1371111700{number}"]}
        status, answer = await admin.ask("POST", "/api/customers", body)
        assert (status, answer["customer"]["name"]) == (201, name)
