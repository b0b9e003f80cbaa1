"""Every route of the table, without a log-in and with each role; and requests that are not ours."""

from collections.abc import Iterator

import aiohttp
import pytest

from crm_core.rights import ROLES as SEEDS
from tests.webui.web_house import ROLES, Browser, House
from webui.api.progress import LINK
from webui.routes import ROUTES
from webui.routing import CALL, CODE, NUMBER, SKU, Route

CLOSED = [route for route in ROUTES if route.needs.session]
GUARDED = [route for route in ROUTES if route.needs.any_of]
CHANGING = [route for route in ROUTES if route.method != "GET" and not route.needs.signed]
READ_AS_JSON = [route for route in CHANGING if not route.raw]


def name(route: object) -> str:
    return f"{route.method} {route.path}" if isinstance(route, Route) else str(route)


SAMPLES = {
    LINK: "A" * 35,
    CALL: "f" * 32,
    NUMBER: "987654321",
    CODE: "no_such_code",
    SKU: "NO-SUCH-SKU",
}


def path_of(route: Route) -> str:
    """The path with an id that does not exist."""
    path = route.path
    for pattern, sample in SAMPLES.items():
        path = path.replace(pattern, sample)
    return path


def test_only_these_routes_are_open_to_anyone():
    assert {name(route) for route in ROUTES if not route.needs.session} == {
        "POST /api/gateway/wechat",
        "POST /api/session",
        "GET /api/health",
        "GET /metrics",
        f"GET /api/progress/{LINK}",
        f"POST /api/progress/{LINK}/changes",
        f"POST /api/progress/{LINK}/payments",
        "POST /api/inbound/{id:[a-z][a-z0-9_]{0,29}}",
    }


@pytest.fixture(scope="module")
async def stranger(house: House):
    """Somebody who never logs in."""
    async with house.browser() as browser:
        yield browser
        assert not browser.http.cookie_jar


@pytest.mark.parametrize("route", CLOSED, ids=name)
async def test_without_a_session_a_route_says_401(stranger: Browser, route: Route):
    for cookie in (None, "", "a" * 43, "'; DROP TABLE sessions; --", "\udcff"):
        headers = {} if cookie is None else {"Cookie": f"__Host-zongji={cookie}"}
        status, body = await stranger.ask(route.method, path_of(route), {}, headers=headers)
        assert (status, body["error"]["code"]) == (401, "unauthenticated"), cookie


@pytest.fixture(scope="module")
async def browsers(house: House):
    opened = {role: Browser(house.server.address) for role in ROLES}
    for role, browser in opened.items():
        await browser.log_in(role)
    yield opened
    for browser in opened.values():
        await browser.http.close()


@pytest.mark.parametrize("route", GUARDED, ids=name)
async def test_a_route_lets_in_exactly_the_roles_that_hold_its_right(
    browsers: dict[str, Browser], route: Route
):
    for role in ROLES:
        status, body = await browsers[role].ask(
            route.method, path_of(route), {} if route.method != "GET" else None
        )
        allowed = bool(SEEDS[role].rights & route.needs.any_of)
        assert status != 401, role
        assert (status == 403) == (not allowed), (role, body)
        assert status < 500, role
        if not allowed:
            assert body["error"]["code"] == "forbidden"


@pytest.fixture(scope="module")
async def bare(browsers: dict[str, Browser]):
    """What another site's page can do in the browser of somebody logged in: it has the cookie only."""
    admin = browsers["admin"]
    jar = admin.http.cookie_jar
    async with aiohttp.ClientSession(base_url=admin.address, cookie_jar=jar) as session:
        yield session


@pytest.mark.parametrize("route", CHANGING, ids=name)
async def test_a_change_needs_our_origin_and_our_header(
    house: House, bare: aiohttp.ClientSession, route: Route
):
    address = house.server.address
    port = house.server.port
    forged = (
        ({"X-Zongji": "1"}, "origin_refused"),
        ({"X-Zongji": "1", "Origin": "https://evil.example"}, "origin_refused"),
        ({"X-Zongji": "1", "Origin": "null"}, "origin_refused"),
        ({"X-Zongji": "1", "Origin": f"http://evil.example:{port}"}, "origin_refused"),
        (
            {
                "X-Zongji": "1",
                "Origin": f"http://evil.example:{port}",
                "Host": f"evil.example:{port}",
                "X-Forwarded-Host": f"evil.example:{port}",
            },
            "origin_refused",
        ),
        ({"Origin": address}, "not_our_page"),
        ({"Origin": address, "X-Zongji": "0"}, "not_our_page"),
    )
    for headers, code in forged:
        async with bare.request(route.method, path_of(route), json={}, headers=headers) as answer:
            body = await answer.json()
            assert (answer.status, body["error"]["code"]) == (403, code)


async def test_the_machine_s_own_addresses_are_allowed_origins(house: House):
    async with house.browser() as browser:
        for host in ("127.0.0.1", "localhost", "[::1]"):
            status, body = await browser.ask(
                "POST",
                "/api/session",
                {"login": "nobody", "password": "x"},
                headers={"Origin": f"http://{host}:{house.server.port}"},
            )
            assert (status, body["error"]["code"]) == (401, "login_refused")


JUNK = {
    "empty object": b"{}",
    "array": b"[]",
    "number": b"1",
    "nothing but space": b" ",
    "half": b'{"a":',
    "not utf-8": b'{"a": "\xff\xfe"}',
    "NUL in text": b'{"name": "a\\u0000b", "login": "a\\u0000b", "password": "\\u0000", "note": "\\u0000"}',
    "raw NUL": b"\0",
    "lone surrogate": b'{"name": "\\ud800", "login": "\\ud800", "password": "\\ud800"}',
    "deep": b"[" * 20_000,
    "deep object": b'{"lines":' * 5_000,
    "unknown field": b'{"no_such_field": 1}',
    "huge number": b'{"customer_id": 1e999, "lines": []}',
    "long integer": b'{"customer_id": ' + b"9" * 5_000 + b', "lines": []}',
    "wrong types": b'{"customer_id": {}, "lines": "x", "login": [], "password": {}, "name": 3}',
    "not a number": b'{"customer_id": NaN, "lines": [{"sku": "A1", "quantity": Infinity}]}',
    "SQL": b'{"login": "admin\' OR 1=1 --", "password": "\' OR 1=1 --"}',
}


def junk(turn: int) -> Iterator[tuple[bytes, str]]:
    """Every body as JSON; as what is no JSON, which no body is read from, some, others for each route."""
    bodies = tuple(JUNK.values())
    for body in bodies:
        yield body, "application/json"
    for step in range(4):
        body = bodies[(4 * turn + step) % len(bodies)]
        yield body, "text/plain"
        yield body, "application/x-www-form-urlencoded"


@pytest.mark.parametrize("route", READ_AS_JSON, ids=name)
async def test_junk_is_refused_and_never_an_error_of_ours(
    stranger: Browser, browsers: dict[str, Browser], route: Route
):
    who = stranger if route.path == "/api/session" else browsers["admin"]
    for body, kind in junk(READ_AS_JSON.index(route)):
        async with who.http.request(
            route.method,
            path_of(route),
            data=body,
            headers={"Content-Type": kind, "Idempotency-Key": "junk-key-1"},
        ) as answer:
            assert answer.status < 500
            assert answer.status >= 400 or body == b"{}"


@pytest.mark.parametrize("route", READ_AS_JSON, ids=name)
async def test_a_body_of_a_megabyte_is_refused(
    stranger: Browser, browsers: dict[str, Browser], route: Route
):
    who = stranger if not route.needs.session else browsers["admin"]
    status, body = await who.ask(route.method, path_of(route), {"note": "x" * 1_000_000})
    assert (status, body["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=1e3",
        "limit=99999999999999999999",
        "limit=%00",
        "sort=password_hash",
        "q=%00",
        "q=%ff%fe",
        "q=%ED%A0%80",
        "q=" + "x" * 5_000,
        "customer_id=1%20OR%201=1",
        "ticket=%00&page=admin",
    ],
)
async def test_a_junk_query_is_refused_and_never_an_error_of_ours(
    browsers: dict[str, Browser], query: str
):
    for route in ROUTES:
        if route.method == "GET" and route.query.model_fields:
            async with browsers["admin"].http.get(f"{path_of(route)}?{query}") as answer:
                assert answer.status < 500
                if not query.startswith("q="):
                    assert answer.status >= 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/orders/0",
        "/api/orders/-1",
        "/api/orders/99999999999999999999",
        "/api/orders/1%00",
        "/api/calls/..%2f..%2fetc%2fpasswd/recording",
        "/api/calls/" + "F" * 32,
        "/api/nothing",
        "/assets/..%2f..%2fapp.py",
        "/assets/../../app.py",
        "/..%2fapp.py",
    ],
)
async def test_a_path_that_is_none_is_not_found(browsers: dict[str, Browser], path: str):
    from yarl import URL

    address = URL(browsers["admin"].address + path, encoded=True)
    jar = browsers["admin"].http.cookie_jar
    async with aiohttp.ClientSession(cookie_jar=jar) as bare, bare.get(address) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "not_found"


async def test_a_method_that_a_route_does_not_have_is_refused(browsers: dict[str, Browser]):
    status, body = await browsers["admin"].ask("DELETE", "/api/orders")
    assert (status, body["error"]["code"]) == (405, "method_not_allowed")
