"""What is sent twice is done once: every route that makes something takes an `Idempotency-Key`, or says why not.

The routes come from the table: one that is added and neither takes a key nor is named here fails.
"""

from typing import Any

import pytest
from sqlalchemy import text

from crm_core.db import Base
from tests.webui.once_requests import HOOK, key, records, requests
from tests.webui.test_web_scope import name
from tests.webui.web_house import PASSWORD, Browser, House
from webui.once import KEY
from webui.routes import ROUTES
from webui.routing import CODE, NUMBER, Route

SECRETS = "its answer or body holds a secret, which is kept nowhere; its name is unique"
MOVES = "it moves what is there on: from where it has come to it is refused, or changes nothing"
UNIQUE = "the database knows it again by what it says (a number, a day, a person, a token)"
READS = "it changes nothing"
NEW_EACH_TIME = "what it makes takes the place of what it made before"
NO_KEY: dict[str, str] = dict.fromkeys(
    ("POST /api/users", "POST /api/tokens", "POST /api/webhooks", "POST /api/connections"), SECRETS
)
NO_KEY |= dict.fromkeys(
    (
        "POST /api/session",
        "POST /api/session/password",
        "POST /api/session/totp",
        "POST /api/session/totp/disable",
        "POST /api/ws-ticket",
        "POST /api/customers/{id}/pin",
        "POST /api/users/{id}/password",
        "POST /api/webhooks/{id}/secret",
        "POST /api/orders/{id}/link",
        "POST /api/insight/recompute",
    ),
    NEW_EACH_TIME,
)
NO_KEY |= dict.fromkeys(
    (
        "POST /api/audit/archives/check",
        "POST /api/audit/verify",
        "POST /api/coupons/check",
        "POST /api/courier-choice",
        "POST /api/customers/search",
        "POST /api/line/check",
        "POST /api/line/try",
        "POST /api/message-templates/preview",
        "POST /api/orders/quote",
        "POST /api/picking-lists",
        "POST /api/suggestions",
        "POST /api/waybills/papers",
    ),
    READS,
)
NO_KEY |= dict.fromkeys(
    (
        "POST /api/audit/expiries",
        "POST /api/audit/exports",
        "POST /api/blacklist",
        "POST /api/blacklist/votes/{id}/confirm",
        "POST /api/calls/{id}/blacklist-vote",
        "POST /api/calls/{id}/do-not-call",
        "POST /api/debit-batches/{id}/answer",
        "POST /api/delivery/feedback",
        "POST /api/delivery/feedback-files",
        "POST /api/do-not-call",
        "POST /api/gateway/wechat",
        "POST /api/inbound/{id}",
        "POST /api/knowledge/entries/{id}/opinion",
        "POST /api/knowledge/entries/{id}/use",
        "POST /api/notices/{id}/told",
        "POST /api/payment-statements",
        "POST /api/payment-statements/fetch",
        "POST /api/quotes/{id}/accept",
        "POST /api/quotes/{id}/send",
        "POST /api/settlements/{id}/statement",
    ),
    UNIQUE,
)
NO_KEY |= dict.fromkeys(
    (
        "POST /api/agent/state",
        "POST /api/agents/{id}/state",
        "POST /api/blacklist/{id}/lift",
        "POST /api/callbacks/{id}/call",
        "POST /api/callbacks/{id}/close",
        "POST /api/calls/{id}/hang-up",
        "POST /api/calls/{id}/recording/pause",
        "POST /api/calls/{id}/recording/resume",
        "POST /api/complaints/{id}/take",
        "POST /api/connection-papers/{id}/drop",
        "POST /api/connection-papers/{id}/retry",
        "POST /api/coupon-runs/{id}/cancel",
        "POST /api/consents/{id}/withdraw",
        "POST /api/customers/{id}/link-call",
        "POST /api/debit-batches/{id}/cancel",
        "POST /api/do-not-call/imports/{id}/cancel",
        "POST /api/do-not-call/{id}/lift",
        "POST /api/exports/{id}/cancel",
        "POST /api/imports/{id}/cancel",
        "POST /api/places/imports/{id}/cancel",
        "POST /api/imports/{id}/start",
        "POST /api/invoices/{id}/issued",
        "POST /api/invoices/{id}/void",
        "POST /api/knowledge/opinions/review",
        "POST /api/knowledge/questions/{id}/answer",
        "POST /api/merges/{id}/undo",
        "POST /api/messages/send-again",
        "POST /api/messages/{id}/give-up",
        "POST /api/messages/{id}/send-again",
        "POST /api/orders/{id}/move",
        "POST /api/payment-differences/{id}/resolve",
        "POST /api/payments/{id}/check",
        "POST /api/privacy-requests/{id}/data",
        "POST /api/privacy-requests/{id}/erase",
        "POST /api/privacy-requests/{id}/refuse",
        "POST /api/quotes/{id}/reject",
        "POST /api/settlement-differences/{id}",
        "POST /api/settlements/{id}/differences",
        "POST /api/stock/documents/{id}/arrival",
        "POST /api/stock/documents/{id}/cancellation",
        "POST /api/stock/documents/{id}/posting",
        "POST /api/stock/documents/{id}/return",
        "POST /api/waybill-conflicts/{id}/resolve",
        "POST /api/waybills/hand-over",
        "POST /api/waybills/{id}/void",
        "POST /api/webhook-deliveries/{id}/again",
        "POST /api/webhooks/{id}/resume",
    ),
    MOVES,
)
NO_KEY["POST /api/do-not-call/imports"] = (
    "a file of up to 64 MB: taken in twice, it changes nothing"
)
NO_KEY["POST /api/places/imports"] = "a file of up to 64 MB: taken in twice, it changes nothing"
NO_KEY["POST /api/imports"] = "a file of up to 64 MB: nothing is taken in before one is started"
NEED_A_GATEWAY = {
    "POST /api/orders/{id}/payments": "tests/webui/test_web_payments.py",
    "POST /api/orders/{id}/refunds": "tests/payments/test_gateway_payments.py",
    "POST /api/progress/{id:[A-Za-z0-9_-]{1,64}}/payments": "tests/webui/test_web_progress.py",
}
"""Their own keys; there is no gateway in this house. Where they are tried."""
KEYED = [
    route for route in ROUTES if route.method == "POST" and (route.once or KEY in route.headers)
]
TRIED = [route for route in KEYED if name(route) not in NEED_A_GATEWAY]
UNSTEADY = {"request_keys", "sessions"}


def _from_a_version(route: Route) -> bool:
    """The second one is refused, because the first one made a new version."""
    return "version" in route.body.model_fields and route.status == 200


def test_every_route_that_makes_something_takes_a_key_or_says_why_it_needs_none():
    without = {
        name(route)
        for route in ROUTES
        if route.method == "POST" and route not in KEYED and not _from_a_version(route)
    }
    assert without == set(NO_KEY)
    makes = {
        name(route)
        for route in ROUTES
        if route.method == "POST" and route.status in (201, 202) and route not in KEYED
    }
    assert not {each: NO_KEY[each] for each in makes if NO_KEY[each] in (MOVES, READS)}


@pytest.fixture(scope="module")
async def desk(house: House):
    async with house.browser("admin") as browser:
        yield browser


@pytest.fixture(scope="module")
async def made(house: House, desk: Browser) -> dict[str, Any]:
    return await records(house, desk)


async def contents(house: House) -> dict[str, tuple[int, int]]:
    """Of every table how many rows it has, and a sum over what is in them."""
    asked = " UNION ALL ".join(
        f"SELECT '{table.name}', count(*), coalesce(sum(hashtext(t::text)), 0) FROM {table.name} t"
        for table in Base.metadata.sorted_tables
        if table.name not in UNSTEADY
    )
    async with house.services.database.begin() as session:
        rows = await session.execute(text(asked))
        return {table: (many, total) for table, many, total in rows}


def grown(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> set[str]:
    return {table for table, (many, _) in after.items() if many > before[table][0]}


@pytest.mark.parametrize("route", TRIED, ids=name)
async def test_a_request_that_is_repeated_with_its_key_is_done_once(
    house: House, desk: Browser, made: dict[str, Any], route: Route
):
    record, body = requests(made)[name(route)]
    path = route.path.replace(NUMBER, str(record)).replace(CODE, str(record))
    before, headers = await contents(house), key()
    status, answer = await desk.ask("POST", path, body, headers=headers)
    assert status < 300, answer
    after = await contents(house)
    assert grown(before, after) - {"audit_log"}
    status, again = await desk.ask("POST", path, body, headers=headers)
    assert (status < 300, again) == (True, answer)
    assert await contents(house) == after


RIGHTS = {"name": "once", "rights": ["order.view"]}
QIMEN = {"settings": {}, "secrets": {"app_key": "k", "app_secret": "eight or more"}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/users", {"login": "once", "name": "一", "role": "agent", "password": PASSWORD}),
        ("/api/tokens", RIGHTS),
        ("/api/webhooks", HOOK | {"name": "once more"}),
        ("/api/connections", {"code": "once", "kind": "qimen", "name": "一"} | QIMEN),
    ],
)
async def test_what_tells_a_secret_and_takes_no_key_is_unique_by_its_name(
    house: House, desk: Browser, path: str, body: dict[str, Any]
):
    assert (await desk.ask("POST", path, body))[0] == 201
    after = await contents(house)
    assert (await desk.ask("POST", path, body))[0] == 409
    assert await contents(house) == after
