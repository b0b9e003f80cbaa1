"""Where a request comes from: proxies are believed, everybody else only for themselves."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.db import Database
from tests.webui.web_house import PASSWORD, QUICK, Browser, House, open_house
from webui.client_address import Proxies
from webui.services import WebOptions

OURS = Proxies((ip_network("10.0.0.0/8"), ip_network("fd00::/8")))
RFC = replace(OURS, header="Forwarded")
CLIENT = "203.0.113.9"
_logins = itertools.count()


@pytest.mark.parametrize(
    ("peer", "lines", "said"),
    [
        ("198.51.100.7", (CLIENT,), "198.51.100.7"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", (CLIENT,), CLIENT),
        ("10.0.0.1", (f"192.0.2.1, {CLIENT}",), CLIENT),
        ("10.0.0.1", (f"192.0.2.1, {CLIENT}, 10.0.0.2",), CLIENT),
        ("10.0.0.1", (f"192.0.2.1, {CLIENT}", "10.0.0.2"), CLIENT),
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", (f"{CLIENT}, nonsense, 10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", (f"{CLIENT}:4711",), CLIENT),
        ("fd00::1", ("[2001:db8::9]:4711",), "2001:db8::9"),
        ("::ffff:10.0.0.1", (f"::ffff:{CLIENT}",), CLIENT),
        ("10.0.0.1", ("unknown",), "10.0.0.1"),
        ("", (CLIENT,), ""),
    ],
)
def test_the_right_most_address_that_is_no_proxy_of_ours_counts(peer, lines, said):
    assert OURS.first_unknown(peer, lines) == said


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((f"for={CLIENT};proto=https;by=10.0.0.1",), CLIENT),
        ((f'proto=https;For="{CLIENT}:4711"',), CLIENT),
        (('for="[2001:db8::9]:4711"',), "2001:db8::9"),
        ((f"for=192.0.2.1, for={CLIENT}, for=10.0.0.2",), CLIENT),
        ((f"for={CLIENT}, for=_hidden",), "10.0.0.1"),
        (("by=10.0.0.1",), "10.0.0.1"),
    ],
)
def test_the_header_of_the_standard_is_read_when_the_proxies_write_that(lines, said):
    assert RFC.first_unknown("10.0.0.1", lines) == said


@given(st.lists(st.text(max_size=60), max_size=5), st.sampled_from([OURS, RFC]))
def test_nothing_that_a_client_writes_changes_what_the_proxy_says_of_it(lines, proxies):
    own = CLIENT if proxies is OURS else f"for={CLIENT}"
    assert proxies.first_unknown("10.0.0.1", (*lines, own)) == CLIENT
    assert proxies.first_unknown(CLIENT, lines) == CLIENT


@pytest.fixture(scope="module")
async def behind(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """A house behind a proxy on the same machine."""
    options = WebOptions(rhythm=QUICK, proxies=Proxies((ip_network("127.0.0.0/8"),)))
    async with open_house(database, tmp_path_factory.mktemp("behind"), options) as opened:
        yield opened


async def refused(browser: Browser, client: str) -> str:
    _, body = await browser.ask(
        "POST",
        "/api/session",
        {"login": f"nobody{next(_logins)}", "password": "x"},
        headers={"X-Forwarded-For": f"192.0.2.1, {client}"},
    )
    return body["error"]["code"]


async def used_up(browser: Browser, clients: list[str]) -> bool:
    """Whether the attempts of these addresses count together."""
    return "too_many_attempts" in [await refused(browser, client) for client in clients]


async def test_behind_a_proxy_each_client_has_attempts_of_its_own(behind: House):
    many = [f"203.0.113.{n}" for n in range(60)]
    async with behind.browser() as browser:
        assert not await used_up(browser, many)
        assert await used_up(browser, [CLIENT] * 60)
        assert await refused(browser, "203.0.113.200") == "login_refused"


async def test_without_a_proxy_a_forged_header_gives_nobody_more_attempts(house: House):
    async with house.browser() as browser:
        assert await used_up(browser, [f"203.0.113.{n}" for n in range(60)])


async def test_metrics_are_not_given_to_who_comes_through_the_proxy(behind: House):
    async with behind.browser() as browser:
        for headers, status in (({}, 200), ({"X-Forwarded-For": CLIENT}, 403)):
            assert (await browser.ask("GET", "/metrics", headers=headers))[0] == status


async def test_a_session_names_the_address_of_its_client(behind: House):
    async with behind.browser() as browser:
        login = {"login": "operations", "password": PASSWORD}
        via = {"X-Forwarded-For": "198.51.100.77"}
        assert (await browser.ask("POST", "/api/session", login, headers=via))[0] == 200
        _, body = await browser.ask("GET", "/api/sessions")
        assert {each["address"] for each in body["items"]} == {"198.51.100.77"}
