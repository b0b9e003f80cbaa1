"""Ten thousand requests made from the API's own description: answered as it says or refused, never an error of ours.

They are asked in turn by an administrator, by an agent who sees his own customers only, and by somebody with an
administrator's rights to whom every field is hidden that can be.
"""

import itertools
import json
import secrets
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import text

from crm_core.people.roles import RoleContent
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM, Access, Right
from tests.webui.described import Described
from tests.webui.scope_records import records_of_a_colleague
from tests.webui.web_house import PASSWORD, Browser, House
from webui.errors import codes
from webui.openapi import describe
from webui.routes import ROUTES
from webui.sight import hideable_fields

REQUESTS = 10_000
ENDS_THE_SESSION = {
    "DELETE /api/session",
    "GET /ws",
    "DELETE /api/sessions",
    "DELETE /api/sessions/{id}",
    "DELETE /api/users/{id}/sessions",
}
ROLES = ("admin", "agent", "blinkered")
DOCUMENT = describe(ROUTES)
DESCRIBED = Described(DOCUMENT)
OPERATIONS = [
    operation
    for result in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if (operation := result.ok()).label not in ENDS_THE_SESSION
]
CODES = codes()
EACH = -(-REQUESTS // len(OPERATIONS))
SENT: Counter[str] = Counter()
"""Requests by operation. Those that have few inputs are asked less often, and the others make up for it."""


def generated(operation: Any, many: int, known: int, turn: int = 0) -> list[Any]:
    """At most so many requests of this kind, the same in every run; half of them name a record that exists, or may."""
    cases: list[Any] = []

    @seed(turn)
    @settings(
        max_examples=many,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(), st.none() | st.integers(1, 9) | st.just(known))
    def collect(case: Any, number: int | None) -> None:
        if number is not None and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = str(number)
        cases.append(case)

    collect()
    return cases


class People:
    """Who asks: somebody of a role, again and again; a request may have ended the last one's account."""

    def __init__(self, house: House, ids: dict[str, Any]) -> None:
        self._house = house
        self._ids = ids
        self._browsers: dict[str, Browser] = {}

    def record_of(self, path: str) -> Any:
        """One that there is, where the path has an `{id}`."""
        return self._ids.get(path.removeprefix("/api/").partition("/{")[0], 1)

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
    role = RoleContent(
        name_zh="蒙眼",
        name_en="Blinkered",
        rights=frozenset(Right),
        fields=dict.fromkeys(hideable_fields(), Access.HIDDEN),
    )
    await house.services.crm.roles.create(SYSTEM, "blinkered", role)
    async with house.services.database.begin() as session:
        await session.execute(text("UPDATE roles SET scope = 'own' WHERE code = 'agent'"))
        await session.execute(
            text("UPDATE customers SET salesperson_id = :other WHERE id = :id"),
            {"other": house.ids["agent2"], "id": house.customer_id},
        )
    found = People(house, await records_of_a_colleague(house))
    yield found
    await found.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
async def test_every_answer_is_as_it_is_described(people: People, operation: Any):
    await ask_all(people, operation, EACH)


@pytest.mark.timeout(600)
async def test_ten_thousand_requests_were_sent(people: People):
    for turn in itertools.count(1):
        missing = REQUESTS - SENT.total()
        if missing <= 0:
            break
        able = [each for each in OPERATIONS if not 0 < SENT[each.label] < EACH] or OPERATIONS
        for operation in able:
            await ask_all(people, operation, -(-missing // len(able)), turn)
    assert SENT.total() >= REQUESTS
    assert len(SENT) == len(OPERATIONS)


async def ask_all(people: People, operation: Any, many: int, turn: int = 0) -> None:
    everybody = [await people.of(role) for role in ROLES]
    cases = generated(operation, many, people.record_of(operation.path), turn)
    in_turn = zip(cases, itertools.cycle(everybody), strict=False)
    for case, who in in_turn if len(cases) == many else itertools.product(cases, everybody):
        status, kind, body = await ask(who, case)
        SENT[operation.label] += 1
        told = (operation.label, case.path_parameters, case.query, case.body, status, body)
        assert status < 500, told
        if status >= 400:
            assert body["error"]["code"] in CODES[status], told
        fault = DESCRIBED.fault(case.method, operation.path, status, kind, body)
        assert fault is None, (fault, *told)


async def ask(browser: Browser, case: Any) -> tuple[int, str | None, Any]:
    """Status, kind of content and JSON; no kind without content."""
    headers = {k: v for k, v in (case.headers or {}).items() if k == "Idempotency-Key"}
    body = case.body if not isinstance(case.body, schemathesis.core.NotSet) else None
    sent: dict[str, Any] = {"data": body} if isinstance(body, bytes | str) else {"json": body}
    if isinstance(body, bytes | str):
        headers["Content-Type"] = "application/octet-stream"
    async with browser.http.request(
        case.method, case.formatted_path, params=query_of(case), headers=headers, **sent
    ) as answer:
        raw = await answer.read()
        is_json = answer.content_type == "application/json"
        kind = answer.content_type if raw else None
        return answer.status, kind, json.loads(raw) if raw and is_json else None


def query_of(case: Any) -> list[tuple[str, str]]:
    """As it stands in an address; an entry of a list that is not in one text stands by itself."""
    given: list[tuple[str, str]] = []
    for name, value in (case.query or {}).items():
        entries = value if isinstance(value, list | tuple) else [value]
        given += [(name, each if isinstance(each, str) else json.dumps(each)) for each in entries]
    return given
