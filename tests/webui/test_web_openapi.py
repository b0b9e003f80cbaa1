"""The description of the API is one that any reader of OpenAPI 3.1 understands, and says what is answered."""

from typing import Any

import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.webui.web_house import House
from webui.openapi import describe
from webui.routes import ROUTES

DOCUMENT = describe(ROUTES)
OPERATIONS: list[dict[str, Any]] = [
    operation for methods in DOCUMENT["paths"].values() for operation in methods.values()
]


def test_the_document_is_valid_by_the_schema_of_openapi():
    assert not [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)]
    broken = DOCUMENT | {"paths": {"/x": {"get": {"responses": 1}}}}
    assert list(OPENAPI_31_VALIDATOR.iter_errors(broken))


def test_every_operation_has_a_name_of_its_own():
    names = [operation["operationId"] for operation in OPERATIONS]
    assert len(names) == len(ROUTES)
    assert len(set(names)) == len(names)


def test_every_answer_has_a_type_and_every_refusal_its_codes():
    for operation in OPERATIONS:
        for status, each in operation["responses"].items():
            name = each.get("$ref", "").rpartition("/")[2]
            answer = DOCUMENT["components"]["responses"][name] if name else each
            assert "content" in answer or status in ("101", "204"), operation["operationId"]
    (found,) = [each for each in OPERATIONS if each["operationId"] == "recordings.sound"]
    assert set(found["responses"]["200"]["content"]) == {"audio/wav"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/customers/987654321", None, 404),
        ("POST", "/api/customers", {"nothing": 1}, 422),
        ("PUT", "/api/customers", {}, 405),
        ("POST", "/api/customers", {"name": "x" * 100_000}, 413),
    ],
)
async def test_a_refusal_is_as_described(
    house: House, method: str, path: str, body: object, status: int
):
    async with house.browser("admin") as browser:
        answered, told = await browser.ask(method, path, body)
    assert answered == status
    described = DOCUMENT["components"]["responses"][f"refused_{status}"]
    schema = described["content"]["application/json"]["schema"]["allOf"][1]
    assert told["error"]["code"] in schema["properties"]["error"]["properties"]["code"]["enum"]
    assert told["error"]["message"]
