"""Ten thousand requests made from the API's own description: answered or refused, never an error of ours.

Every other one is asked by an agent who sees his own customers only, the rest by an administrator.
"""

import itertools
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.webui.web_house import Browser, House
from webui.openapi import describe
from webui.routes import ROUTES

REQUESTS = 10_000
ENDS_THE_SESSION = {
    "DELETE /api/session",
    "GET /ws",
    "DELETE /api/sessions",
    "DELETE /api/sessions/{id}",
    "DELETE /api/users/{id}/sessions",
}
# Hypothesis chooses the same requests in every run, so that a failure can be looked at.
OPERATIONS = [
    operation
    for result in schemathesis.openapi.from_dict(describe(ROUTES)).get_all_operations()
    if (operation := result.ok()).label not in ENDS_THE_SESSION
]
EACH = -(-REQUESTS // len(OPERATIONS))


def generated(operation: Any) -> list[Any]:
    """Requests of this kind; half of them name a record that may exist."""
    cases: list[Any] = []

    @settings(
        max_examples=EACH,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(), st.none() | st.integers(1, 9))
    def collect(case: Any, known: int | None) -> None:
        if known is not None and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = str(known)
        cases.append(case)

    collect()
    return cases


@pytest.fixture(scope="module")
async def admin(house: House):
    async with house.browser("admin") as browser:
        yield browser


@pytest.fixture(scope="module")
async def agent(house: House):
    """Somebody of the role agent, which sees its own customers only; the first one is a colleague's."""
    async with house.services.database.begin() as session:
        await session.execute(text("UPDATE roles SET scope = 'own' WHERE code = 'agent'"))
        await session.execute(
            text("UPDATE customers SET salesperson_id = :other WHERE id = :id"),
            {"other": house.ids["agent2"], "id": house.customer_id},
        )
    async with house.browser("agent") as browser:
        yield browser


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
async def test_no_request_is_an_error_of_ours(
    house: House, admin: Browser, agent: Browser, operation: Any
):
    for case, who in zip(generated(operation), itertools.cycle((admin, agent)), strict=False):
        status, body = await ask(who, case)
        assert status < 500, (operation.label, case.query, case.body, body)
        assert status != 401, operation.label
        if status >= 400:
            assert body["error"]["code"], body


async def ask(browser: Browser, case: Any) -> tuple[int, Any]:
    headers = {k: v for k, v in (case.headers or {}).items() if k == "Idempotency-Key"}
    body = case.body if not isinstance(case.body, schemathesis.core.NotSet) else None
    sent: dict[str, Any] = {"data": body} if isinstance(body, bytes | str) else {"json": body}
    if isinstance(body, bytes | str):
        headers["Content-Type"] = "application/octet-stream"
    query = {k: v for k, v in (case.query or {}).items() if isinstance(v, str | int | float)}
    query = {k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items()}
    async with browser.http.request(
        case.method, case.formatted_path, params=query, headers=headers, **sent
    ) as answer:
        raw = await answer.read()
        is_json = answer.content_type == "application/json"
        return answer.status, json.loads(raw) if raw and is_json else None


async def test_there_are_ten_thousand_of_them():
    assert EACH * len(OPERATIONS) >= REQUESTS
