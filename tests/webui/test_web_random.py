"""Ten thousand requests made from the API's own description: answered or refused, never an error of ours.

Every other one is asked by an agent who sees his own customers only, the rest by an administrator.
"""

import itertools
import json
import secrets
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM
from tests.webui.web_house import PASSWORD, Browser, House
from webui.errors import codes
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
CODES = codes()
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


class People:
    """Who asks: somebody of a role, again and again; a request may have ended the last one's account."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._browsers: dict[str, Browser] = {}

    async def of(self, role: str) -> Browser:
        """A browser that is logged in at this moment."""
        browser = self._browsers.get(role)
        if browser is not None:
            _, body = await browser.ask("GET", "/api/session")
            if body.get("hold", "ended") is None and body["user"]["role"] == role:
                return browser
            await browser.http.close()
        login = f"{role}_{secrets.token_hex(4)}"
        new = NewUser(login=login, name=login, role=role)
        await self._house.services.crm.accounts.create_user(SYSTEM, new, PASSWORD)
        self._browsers[role] = browser = Browser(self._house.server.address)
        await browser.log_in(login)
        return browser

    async def close(self) -> None:
        for browser in self._browsers.values():
            await browser.http.close()


@pytest.fixture(scope="module")
async def people(house: House):
    """The role agent sees its own customers only, and the first customer is a colleague's."""
    async with house.services.database.begin() as session:
        await session.execute(text("UPDATE roles SET scope = 'own' WHERE code = 'agent'"))
        await session.execute(
            text("UPDATE customers SET salesperson_id = :other WHERE id = :id"),
            {"other": house.ids["agent2"], "id": house.customer_id},
        )
    found = People(house)
    yield found
    await found.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
async def test_no_request_is_an_error_of_ours(people: People, operation: Any):
    both = [await people.of("admin"), await people.of("agent")]
    for case, who in zip(generated(operation), itertools.cycle(both), strict=False):
        status, body = await ask(who, case)
        assert status < 500, (operation.label, case.query, case.body, body)
        if status >= 400:
            assert body["error"]["code"] in CODES[status], body


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
