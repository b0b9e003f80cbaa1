"""The built pages, the headers of every answer, the API's description, metrics, and a missing database."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from ami_bridge.events import ChannelCreated
from crm_core.db import Database
from tests.webui.web_house import QUICK, House, open_house
from webui.routes import ROUTES
from webui.server import Tls
from webui.services import WebOptions


@pytest.fixture(scope="module")
async def site(database: Database, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("site")
    static = folder / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>总机</title>")
    (static / "assets" / "index-B1x2.js").write_text("export {}")
    (static / "favicon.svg").write_text("<svg/>")
    options = WebOptions(rhythm=QUICK, static=static, metrics_from=())
    async with open_house(database, folder, options) as house:
        yield house


@pytest.mark.parametrize("path", ["/", "/login", "/board", "/some/page"])
async def test_every_address_of_a_page_gives_the_document_anew(site: House, path: str):
    async with site.browser() as browser, browser.http.get(path) as answer:
        assert answer.status == 200
        assert "总机" in await answer.text()
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_files_named_by_their_content_are_kept_for_ever(site: House):
    async with site.browser() as browser:
        async with browser.http.get("/assets/index-B1x2.js") as answer:
            assert "immutable" in answer.headers["Cache-Control"]
            assert "javascript" in answer.headers["Content-Type"]
        async with browser.http.get("/favicon.svg") as answer:
            assert answer.content_type == "image/svg+xml"
        assert (await browser.ask("GET", "/assets/gone.js"))[0] == 404


async def test_without_built_pages_the_address_says_how_to_build_them(
    database: Database, tmp_path: Path
):
    options = WebOptions(static=tmp_path / "not-there")
    async with open_house(database, tmp_path, options) as house, house.browser() as browser:
        async with browser.http.get("/") as answer:
            assert answer.status == 503
            assert "zongji pages" in await answer.text()
        assert (await browser.ask("GET", "/api/health"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/nothing", "/api/orders", "/nothing.js"])
async def test_every_answer_carries_the_security_headers(site: House, path: str):
    async with site.browser() as browser, browser.http.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Strict-Transport-Security" not in answer.headers
        if path.startswith("/api"):
            assert answer.headers["Cache-Control"] == "no-store"


async def test_the_description_names_every_route_and_refers_to_nothing_missing(house: House):
    async with house.browser("agent") as browser:
        _, found = await browser.ask("GET", "/api/openapi.json")
    assert found["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, methods in found["paths"].items() for method in methods
    }
    assert len(described) == len(ROUTES)
    assert ("POST", "/api/callbacks/{id}/close") in described

    def references(node: object):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in set(references(found)):
        target = found
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert isinstance(target, dict)


async def test_metrics_say_how_many_hear_something_and_how_many_wait_for_that(house: House):
    rooms = house.services.capacity.at("pbx1")
    await rooms.words.take()
    waiting = asyncio.create_task(rooms.words.take())
    await asyncio.sleep(0)
    async with house.browser() as browser:
        figures = (await browser.ask("GET", "/metrics"))[1].decode()
    assert 'zongji_capacity_taken{kind="words",node="pbx1"} 1.0' in figures
    assert 'zongji_capacity_wanted{kind="words",node="pbx1"} 1.0' in figures
    rooms.words.give_back()
    await waiting
    rooms.words.give_back()


async def test_metrics_are_given_to_this_machine_and_name_nobody(house: House):
    async with house.browser("agent") as browser, house.at_work("agent"):
        page = await browser.open()
        await page.hear()
        record = house.call()
        record.end("abandoned")
        for leg in ("1", "2"):
            house.services.bus.publish(
                ChannelCreated(
                    node="pbx1",
                    at=datetime.now(UTC),
                    channel=f"PJSIP/{leg}",
                    uniqueid=leg,
                    linkedid="1",
                    state="ring",
                    caller="13800138000",
                    exten="s",
                    context="from-trunk",
                )
            )
        async with browser.http.get("/metrics") as answer:
            assert answer.status == 200
            told = await answer.text()
    assert 'zongji_agents{state="ready"} 1.0' in told
    assert 'zongji_ami_connected{node="pbx1"} 1.0' in told
    assert 'zongji_live_calls{node="pbx1"} 1.0' in told
    assert 'zongji_pages{kind="sidebar"} 1.0' in told
    assert 'zongji_calls_ended_total{outcome="abandoned"} 1.0' in told
    assert "13800138000" not in told


async def test_metrics_are_refused_to_other_networks(site: House):
    async with site.browser() as browser:
        headers = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
        status, body = await browser.ask("GET", "/metrics", headers=headers)
        assert (status, body["error"]["code"]) == (403, "forbidden")


async def test_while_the_database_is_away_a_question_is_refused_and_the_page_stays(
    house: House, pg_server
):
    async with house.browser("agent") as browser:
        page = await browser.open()
        await page.hear()
        pg_server.stop()
        try:
            status, body = await browser.ask("GET", "/api/customers?q=a")
            assert (status, body["error"]["code"]) == (503, "database_unavailable")
            state = await page.until(lambda state: state["notices"])
            assert "database_unavailable" in state["notices"]
        finally:
            pg_server.start(settings={"fsync": "off", "max_connections": "300"})
        await page.until(lambda state: not state["notices"])
        assert (await browser.ask("GET", "/api/customers?q=a"))[0] == 200


class BrokenLink:
    """A link whose state cannot even be asked for, once `broken`."""

    name = "pbx1"
    lag = 0
    broken = False

    @property
    def connected(self) -> bool:
        if self.broken:
            raise ValueError("the secret of the house")
        return True


async def test_a_fault_of_ours_tells_nothing_but_an_id(database: Database, tmp_path: Path):
    link = BrokenLink()
    async with open_house(database, tmp_path, link=link) as house, house.browser() as browser:
        link.broken = True
        status, body = await browser.ask("GET", "/api/health")
        assert (status, body["error"]["code"]) == (500, "internal")
        assert set(body["error"]["fields"]) == {"request"}
        assert "secret" not in json.dumps(body)


@pytest.fixture
def certificate(tmp_path: Path) -> Tls:
    made = Tls(tmp_path / "cert.pem", tmp_path / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-keyout", str(made.key), "-out", str(made.certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return made


async def test_with_tls_the_browser_is_told_to_stay_with_it(
    database: Database, tmp_path: Path, certificate: Tls
):
    async with (
        open_house(database, tmp_path, tls=certificate) as house,
        aiohttp.ClientSession() as session,
        session.get(f"{house.server.address}/api/health", ssl=False) as answer,
    ):
        assert answer.status == 200
        assert "max-age" in answer.headers["Strict-Transport-Security"]
