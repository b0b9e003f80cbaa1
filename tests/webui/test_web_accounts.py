"""Passwords, second factors, sessions, people and service tokens over HTTP."""

import asyncio
import contextlib
import uuid
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import aiohttp
import pyotp
import pytest

from crm_core.people.tokens import NewToken
from crm_core.people.users import NewUser
from crm_core.rights import ROLES as SEEDS
from crm_core.rights import SYSTEM, Right
from tests.webui.test_web_rights import SAMPLES
from tests.webui.web_house import PASSWORD, ROLES, House
from webui.routes import ROUTES
from webui.routing import Route

FRESH = "a quiet harbour 12"
GUARDED = [route for route in ROUTES if route.needs.any_of]
BROWSERS_ONLY = [route for route in ROUTES if not route.needs.by_token and not route.needs.signed]
PROGRAMS = [route for route in ROUTES if route.needs.session and route.needs.by_token]


def name(route: object) -> str:
    return f"{route.method} {route.path}" if isinstance(route, Route) else str(route)


def path_of(route: Route) -> str:
    path = route.path
    for pattern, sample in SAMPLES.items():
        path = path.replace(pattern, sample)
    return path


async def someone(house: House, login: str, role: str = "agent", *, must_change: bool = False):
    new = NewUser(login=login, name=login, role=role)
    accounts = house.services.crm.accounts
    return await accounts.create_user(SYSTEM, new, PASSWORD, must_change=must_change)


def code_of(secret: str, steps: int = 0) -> str:
    """The code `steps` half minutes from now; each can be used once."""
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


async def enrol(browser) -> tuple[str, list[str]]:
    status, offered = await browser.ask("POST", "/api/session/totp", {})
    assert status == 201, offered
    status, body = await browser.ask(
        "PUT", "/api/session/totp", {"code": code_of(offered["secret"])}
    )
    assert status == 200, body
    return offered["secret"], body["codes"]


async def test_a_given_password_must_be_changed_before_any_other_route(house: House):
    async with house.browser("admin") as admin, house.browser() as browser:
        wanted = {"login": "fresh", "name": "新人", "role": "agent", "password": PASSWORD}
        status, made = await admin.ask("POST", "/api/users", wanted)
        assert (status, made["user"]["must_change_password"]) == (201, True)
        login = {"login": "fresh", "password": PASSWORD}
        status, body = await browser.ask("POST", "/api/session", login)
        assert (status, body["hold"], body["user"]["rights"]) == (
            200,
            "password_change_required",
            [],
        )
        for route in ROUTES:
            if not route.needs.session or route.needs.lifts:
                continue
            status, body = await browser.ask(route.method, path_of(route))
            assert (status, body["error"]["code"]) == (403, "password_change_required"), route
        assert (await browser.ask("GET", "/api/session"))[0] == 200
        change = {"present": PASSWORD, "password": FRESH}
        wrong = [
            ({**change, "present": "not this one"}, "wrong_password"),
            ({**change, "password": "short"}, "invalid"),
            ({**change, "password": "woaini1314"}, "invalid"),
            ({**change, "password": PASSWORD}, "invalid"),
        ]
        for body, code in wrong:
            status, answer = await browser.ask("POST", "/api/session/password", body)
            assert (status, answer["error"]["code"]) == (422, code)
        status, body = await browser.ask("POST", "/api/session/password", change)
        assert (status, body["hold"]) == (200, None)
        assert "order.place" in body["user"]["rights"]
        assert (await browser.ask("GET", "/api/todos"))[0] == 200


async def test_a_changed_password_closes_the_old_session_and_its_pages(house: House):
    await someone(house, "closing")
    async with house.browser("closing") as one, house.browser("closing") as other:
        page = await other.open()
        status, _ = await one.ask(
            "POST", "/api/session/password", {"present": PASSWORD, "password": FRESH}
        )
        assert status == 200
        assert await page.closed() == 4401
        assert (await other.ask("GET", "/api/session"))[0] == 401
        assert (await one.ask("GET", "/api/session"))[0] == 200


async def test_a_second_factor_from_enrolment_to_its_end(house: House):
    await someone(house, "totp")
    async with house.browser("totp") as browser, house.browser() as stranger:
        secret, codes = await enrol(browser)
        assert len(codes) == 10
        assert (await browser.ask("GET", "/api/session"))[1]["user"]["second_factor"]
        login = {"login": "totp", "password": PASSWORD}
        status, body = await stranger.ask("POST", "/api/session", login)
        assert (status, body["error"]["code"]) == (401, "second_factor_required")
        status, body = await stranger.ask("POST", "/api/session", login | {"code": "12345x"})
        assert (status, body["error"]["code"]) == (401, "second_factor_refused")
        assert (await stranger.ask("GET", "/api/session"))[0] == 401
        code = code_of(secret, 1)
        both = await asyncio.gather(
            *(stranger.ask("POST", "/api/session", login | {"code": code}) for _ in range(2))
        )
        assert sorted(status for status, _ in both) == [200, 401]
        assert (await stranger.ask("GET", "/api/session"))[0] == 200
        off = {"password": PASSWORD, "code": codes[0]}
        for wrong, code in (
            ({**off, "password": "not this one"}, "wrong_password"),
            ({**off, "code": "x"}, "invalid"),
        ):
            status, body = await stranger.ask("POST", "/api/session/totp/disable", wrong)
            assert (status, body["error"]["code"]) == (422, code)
        assert (await stranger.ask("POST", "/api/session/totp/disable", off))[0] == 204
        await stranger.log_in("totp")


async def test_one_recovery_code_sent_twice_at_once_opens_one_session(house: House):
    await someone(house, "recover")
    async with house.browser("recover") as browser, house.browser() as stranger:
        _, codes = await enrol(browser)
        login = {"login": "recover", "password": PASSWORD, "code": codes[7]}
        both = await asyncio.gather(
            *(stranger.ask("POST", "/api/session", login) for _ in range(3))
        )
        assert sorted(status for status, _ in both) == [200, 401, 401]


async def test_a_role_may_ask_for_a_second_factor(house: House):
    role = {
        "code": "strict_role",
        "name_zh": "严格",
        "name_en": "Strict",
        "rights": ["order.view", "agent.work"],
    }
    async with house.browser("admin") as admin, house.browser() as browser:
        assert (await admin.ask("POST", "/api/roles", role))[0] == 201
        await someone(house, "strict", "strict_role")
        await browser.log_in("strict")
        page = await browser.open()
        del role["code"]
        status, body = await admin.ask(
            "PUT", "/api/roles/strict_role", role | {"version": 1, "second_factor_required": True}
        )
        assert (status, body["role"]["second_factor_required"]) == (200, True)
        assert await page.closed() == 4401
        body = (await browser.ask("GET", "/api/session"))[1]
        assert body["hold"] == "second_factor_enrolment_required"
        for route in ROUTES:
            if not route.needs.session or route.needs.lifts:
                continue
            status, body = await browser.ask(route.method, path_of(route))
            assert (status, body["error"]["code"]) == (
                403,
                "second_factor_enrolment_required",
            ), route
        await enrol(browser)
        assert (await browser.ask("GET", "/api/orders"))[0] == 200


async def test_sessions_are_seen_and_ended_with_their_pages(house: House):
    user = await someone(house, "seen")
    async with (
        house.browser("seen") as one,
        house.browser("seen") as two,
        house.browser("seen") as three,
        house.browser("agent") as stranger,
        house.browser("admin") as admin,
    ):
        pages = [await each.open() for each in (one, two, three)]
        _, body = await one.ask("GET", "/api/sessions")
        assert [each["current"] for each in body["items"]] == [False, False, True]
        ids = [each["id"] for each in body["items"]]
        assert (await stranger.ask("DELETE", f"/api/sessions/{ids[0]}"))[0] == 403
        assert (await stranger.ask("GET", f"/api/users/{user.id}/sessions"))[0] == 403
        assert (await one.ask("DELETE", "/api/sessions/987654321"))[0] == 404
        assert (await one.ask("DELETE", f"/api/sessions/{ids[0]}"))[0] == 204
        assert await pages[2].closed() == 4401
        assert (await three.ask("GET", "/api/session"))[0] == 401
        assert (await one.ask("DELETE", "/api/sessions"))[0] == 204
        assert await pages[1].closed() == 4401
        assert (await two.ask("GET", "/api/session"))[0] == 401
        _, body = await admin.ask("GET", f"/api/users/{user.id}/sessions?limit=5")
        assert [each["id"] for each in body["items"]] == [ids[2]]
        assert (await admin.ask("DELETE", f"/api/users/{user.id}/sessions"))[0] == 204
        assert await pages[0].closed() == 4401
        assert (await one.ask("GET", "/api/session"))[0] == 401


async def test_people_are_managed_over_http(house: House):
    async with house.browser("admin") as admin:
        _, unit = await admin.ask("POST", "/api/units", {"name": "客服部"})
        wanted = {
            "login": "managed",
            "name": "被管",
            "role": "agent",
            "extension": "7999",
            "unit_id": unit["unit"]["id"],
            "skills": {"wine": 3},
            "password": PASSWORD,
        }
        _, made = await admin.ask("POST", "/api/users", wanted)
        user = made["user"]
        assert (user["unit_id"], user["version"], user["active"]) == (wanted["unit_id"], 1, True)
        assert "password" not in user
        path = f"/api/users/{user['id']}"
        status, body = await admin.ask("PATCH", path, {"version": 1, "name": "改名"})
        assert (status, body["user"]["name"], body["user"]["version"]) == (200, "改名", 2)
        assert body["user"]["skills"] == {"wine": 3}
        bad = (
            ("PATCH", path, {"version": 1, "name": "旧"}, 409),
            ("PATCH", path, {"name": "无版本"}, 422),
            ("PATCH", path, {"version": 2, "role": "king"}, 422),
            ("PATCH", path, {"version": 2, "name": "a\0b"}, 422),
            ("PATCH", path, {"version": 2, "unit_id": 99999}, 422),
            ("PATCH", path, {"version": 2, "login": "other"}, 422),
            ("PATCH", path, {"version": 2, "skills": {"wine": 6}}, 422),
            ("PATCH", path, {"version": 2, "deputies": [{"deputy_id": 987_654_321}]}, 422),
            ("PATCH", path, {"version": 2, "deputies": [{"deputy_id": user["id"]}]}, 422),
            ("PATCH", "/api/users/987654321", {"version": 1, "name": "x"}, 404),
            ("POST", "/api/users", wanted, 409),
            ("POST", "/api/users", wanted | {"login": "x y"}, 422),
            ("POST", "/api/users", wanted | {"login": "other", "locale": "fr"}, 422),
            ("POST", f"{path}/password", {"password": "short"}, 422),
            ("POST", f"{path}/password", {"password": PASSWORD}, 422),
            ("POST", "/api/users/987654321/password", {"password": FRESH}, 404),
            ("DELETE", f"{path}/totp", None, 409),
        )
        for method, address, sent, expected in bad:
            status, body = await admin.ask(method, address, sent)
            assert status == expected, (method, address, sent, body)
        assert (await admin.ask("POST", f"{path}/password", {"password": FRESH}))[0] == 204
        _, listed = await admin.ask("GET", f"/api/users?after={user['id'] - 1}&limit=1")
        assert [each["login"] for each in listed["items"]] == ["managed"]
        mine = f"/api/users/{house.ids['admin']}"
        assert (await admin.ask("POST", f"{mine}/password", {"password": FRESH}))[0] == 403
        assert (await admin.ask("DELETE", f"{mine}/totp"))[0] == 403


async def test_a_manager_of_people_cannot_reach_above_himself(house: House):
    role = {
        "code": "personnel",
        "name_zh": "人事",
        "name_en": "Personnel",
        "rights": ["user.manage", *sorted(SEEDS["agent"].rights)],
    }
    async with house.browser("admin") as admin, house.browser() as clerk:
        assert (await admin.ask("POST", "/api/roles", role))[0] == 201
        await someone(house, "clerk", "personnel")
        await clerk.log_in("clerk")
        boss = f"/api/users/{house.ids['admin']}"
        below = f"/api/users/{(await someone(house, 'under')).id}"
        new = {"login": "climber", "name": "攀", "role": "admin", "password": PASSWORD}
        for method, path, sent in (
            ("POST", "/api/users", new),
            ("PATCH", boss, {"version": 1, "name": "x"}),
            ("PATCH", below, {"version": 1, "role": "supervisor"}),
            ("POST", f"{boss}/password", {"password": FRESH}),
            ("DELETE", f"{boss}/totp", None),
        ):
            status, body = await clerk.ask(method, path, sent)
            assert (status, body["error"]["code"]) == (403, "beyond_own_rights"), path
        assert (await clerk.ask("PATCH", below, {"version": 1, "name": "好"}))[0] == 200


@pytest.fixture(scope="module")
async def tokens(house: House) -> dict[str, str]:
    """A token of the administrator's with the rights of each role."""
    made = {}
    for role in ROLES:
        wanted = NewToken(name=f"as {role}", rights=SEEDS[role].rights)
        service = house.services.crm.tokens
        _, made[role] = await service.create(SYSTEM, wanted, maker_id=house.ids["admin"])
    return made


@contextlib.asynccontextmanager
async def programs(house: House, token: str, **more: str):
    """Requests of a program: no cookie, no origin, no header of our pages."""
    headers = {"Authorization": f"Bearer {token}"} | more
    async with aiohttp.ClientSession(base_url=house.server.address, headers=headers) as http:

        async def ask(method: str, path: str, body=None):
            async with http.request(method, path, json=body) as answer:
                is_json = answer.content_type == "application/json"
                return answer.status, await answer.json() if is_json else await answer.read()

        yield ask


async def program(house: House, token: str, method: str, path: str, body=None, **more):
    """One request of a program."""
    async with programs(house, token, **more) as ask:
        return await ask(method, path, body)


@pytest.mark.parametrize("role", ROLES)
async def test_a_token_opens_exactly_the_routes_of_its_scopes(
    house: House, tokens: dict[str, str], role: str
):
    async with programs(house, tokens[role]) as ask:
        for route in (route for route in GUARDED if route.needs.by_token):
            body = None if route.method == "GET" else {}
            status, answer = await ask(route.method, path_of(route), body)
            allowed = bool(SEEDS[role].rights & route.needs.any_of)
            assert status not in (401, 500), (name(route), answer)
            assert (status == 403) == (not allowed), (name(route), answer)
            if not allowed:
                assert answer["error"]["code"] == "forbidden"


async def test_a_token_without_the_right_of_a_route_is_refused(house: House):
    service = house.services.crm.tokens
    without: dict[Right, list[Route]] = defaultdict(list)
    for route in GUARDED:
        other = next(right for right in sorted(Right) if right not in route.needs.any_of)
        without[other].append(route)
    for right, routes in without.items():
        wanted = NewToken(name=uuid.uuid4().hex, rights=frozenset({right}))
        made, token = await service.create(SYSTEM, wanted, maker_id=house.ids["admin"])
        async with programs(house, token) as ask:
            for route in routes:
                assert (await ask(route.method, path_of(route), {}))[0] == 403, name(route)
            await service.revoke(SYSTEM, made.id)
            status, answer = await ask("GET", "/api/openapi.json")
        assert (status, answer["error"]["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("route", BROWSERS_ONLY, ids=name)
async def test_a_token_opens_neither_pages_nor_what_belongs_to_a_session(
    house: House, tokens: dict[str, str], route: Route
):
    status, body = await program(house, tokens["admin"], route.method, path_of(route), {})
    assert (status, body["error"]["code"]) == (403, "token_not_accepted")


def test_these_routes_are_for_browsers_only():
    assert {name(route) for route in BROWSERS_ONLY} == {
        "POST /api/session",
        "GET /api/session",
        "DELETE /api/session",
        "POST /api/session/password",
        "PUT /api/session/locale",
        "POST /api/session/totp",
        "PUT /api/session/totp",
        "POST /api/session/totp/disable",
        "POST /api/ws-ticket",
        "GET /ws",
        "GET /api/sessions",
        "DELETE /api/sessions",
        "DELETE /api/sessions/{id:[1-9][0-9]{0,8}}",
        "POST /api/tokens",
    }


@pytest.mark.parametrize("token", ["", "zj_", "zj_" + "a" * 43, "nonsense", "'; DROP TABLE x; --"])
async def test_a_token_that_is_none_is_refused_also_beside_a_good_cookie(
    house: House, administrator, token: str
):
    headers = {"Authorization": f"bearer {token}"}
    for route in PROGRAMS:
        body = None if route.method == "GET" else {}
        status, answer = await administrator.ask(
            route.method, path_of(route), body, headers=headers
        )
        assert (status, answer["error"]["code"]) == (401, "unauthenticated"), name(route)


@pytest.fixture(scope="module")
async def administrator(house: House):
    async with house.browser("admin") as browser:
        yield browser


async def test_beside_a_cookie_the_token_counts(house: House, administrator, tokens):
    headers = {"Authorization": f"Bearer {tokens['agent']}"}
    status, _ = await administrator.ask("GET", "/api/users", headers=headers)
    assert status == 403
    assert (await administrator.ask("GET", "/api/users"))[0] == 200
    headers["Authorization"] = "Basic YTpi"
    assert (await administrator.ask("GET", "/api/users", headers=headers))[0] == 200


async def test_a_cookie_cannot_borrow_the_token_s_way_past_the_origin(house: House, administrator):
    """Another site's page cannot send the header; if it could, the cookie would not count."""
    headers = {"Authorization": "Bearer zj_x", "Origin": "https://evil.example"}
    for method, path in (("POST", "/api/users"), ("DELETE", "/api/session")):
        status, _ = await administrator.ask(method, path, {}, headers=headers)
        assert status in {401, 403}
    assert (await administrator.ask("GET", "/api/session"))[0] == 200


async def test_a_token_is_made_shown_once_used_and_revoked(house: House, administrator):
    wanted = {"name": "warehouse", "rights": ["order.view", "customer.view"]}
    status, made = await administrator.ask("POST", "/api/tokens", wanted)
    assert status == 201
    token, item = made["token"], made["item"]
    assert (await program(house, token, "GET", "/api/orders"))[0] == 200
    assert (await program(house, token, "GET", "/api/users"))[0] == 403
    _, listed = await administrator.ask("GET", "/api/tokens?limit=200")
    shown = next(each for each in listed["items"] if each["id"] == item["id"])
    assert token not in str(listed)
    assert shown["last_used_at"] is not None
    assert set(listed["known_rights"]) == set(Right)
    assert (await administrator.ask("POST", "/api/tokens", wanted))[0] == 409
    for wrong in ({"rights": []}, {"rights": ["no.right"]}, {"name": ""}, {"expires_at": "x"}):
        assert (await administrator.ask("POST", "/api/tokens", wanted | wrong))[0] == 422
    past = {**wanted, "name": "past", "expires_at": "2001-01-01T00:00:00Z"}
    assert (await administrator.ask("POST", "/api/tokens", past))[0] == 422
    path = f"/api/tokens/{item['id']}"
    assert (await administrator.ask("DELETE", path))[0] == 204
    assert (await administrator.ask("DELETE", path))[0] == 409
    assert (await administrator.ask("DELETE", "/api/tokens/987654321"))[0] == 404
    status, body = await program(house, token, "GET", "/api/orders")
    assert (status, body["error"]["code"]) == (401, "unauthenticated")


async def test_with_a_token_somebody_works_on_behalf_of_its_maker(house: House, tokens):
    wanted = {"title": "每日对账", "due_at": "2030-01-01T00:00:00Z"}
    status, made = await program(house, tokens["agent"], "POST", "/api/todos", wanted)
    assert status == 201, made
    async with house.browser("admin") as admin:
        _, listed = await admin.ask("GET", "/api/todos")
        assert "每日对账" in {each["title"] for each in listed["items"]}
