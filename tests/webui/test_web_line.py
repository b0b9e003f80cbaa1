"""The line over HTTP: tried without a telephone, compared, drawn."""

from xml.etree import ElementTree as ET

import pytest

from crm_core.people.roles import RoleContent
from crm_core.rights import SYSTEM, Access, Right, Scope
from ivr.line.commands import ApplyLine
from tests.ivr.ivr_line import LINE_FILE
from tests.ivr.line_files import PLAN, TWO_MENUS
from tests.webui.web_house import Browser, House

LINE = LINE_FILE.read_text(encoding="utf-8")


@pytest.fixture
async def supervisor(house: House):
    async with house.browser("supervisor") as browser:
        yield browser


async def test_a_call_that_nobody_makes_is_told_with_who_it_is_and_why(
    house: House, supervisor: Browser
) -> None:
    wanted = {"did": "4006001001", "caller": "+86 138 0013 8000", "keys": ["1", "1"]}

    status, found = await supervisor.ask(
        "POST", "/api/line/try", wanted | {"at": "2026-03-02T02:00:00Z"}
    )

    assert status == 200, found
    live = await house.services.line.live(SYSTEM)
    assert (found["version"], found["language"], found["holiday"]) == (live.version, "zh", None)
    assert "office" in found["open"]
    assert [each["text"] for each in found["heard"] if each["code"] == "key"] == ["1", "1"]
    assert (found["end"]["kind"], found["end"]["queue"]) == ("queue", "north")
    told = {each["code"]: each["params"] for each in found["told"]}
    assert told["identified"] == {"customer": "滨海商贸", "customer_id": str(house.customer_id)}
    assert told["level"] == {"level": "city"}
    assert told["routed"]["queue"] == "north"


async def test_a_line_file_is_tried_before_it_is_live(supervisor: Browser) -> None:
    wanted = {"did": "4006001001", "text": PLAN + TWO_MENUS, "keys": ["", "1"]}

    status, found = await supervisor.ask("POST", "/api/line/try", wanted)

    assert (status, found["version"]) == (200, None)
    assert [each["text"] for each in found["heard"]][:4] == [
        "批发请按一，零售请按二。",
        "",
        "对不起，没有收到您的按键。",
        "批发请按一，零售请按二。",
    ]
    status, refused = await supervisor.ask(
        "POST", "/api/line/try", wanted | {"text": PLAN + TWO_MENUS.replace("wholesale:", "w:")}
    )
    assert (status, refused["error"]["code"]) == (422, "invalid")
    assert refused["error"]["fields"]["line 11"] == "there is no menu “wholesale”"


@pytest.mark.parametrize(
    ("change", "field"), [({"did": "4009999999"}, "did"), ({"caller": "138****8000"}, "caller")]
)
async def test_what_cannot_be_tried_is_named(
    supervisor: Browser, change: dict[str, str], field: str
) -> None:
    status, refused = await supervisor.ask("POST", "/api/line/try", {"did": "4006001001"} | change)

    assert (status, list(refused["error"]["fields"])) == (422, [field])


async def test_agents_do_not_try_the_line(house: House) -> None:
    async with house.browser("agent") as agent:
        assert (await agent.ask("POST", "/api/line/try", {"did": "4006001001"}))[0] == 403


async def test_what_is_hidden_of_customers_is_told_of_no_caller(house: House) -> None:
    wanted = {"did": "4006001001", "caller": "13800138000", "keys": ["1", "1"]}
    roles = house.services.crm.roles
    for fields, scope, status in (
        ((), Scope.ALL, 200),
        (("level",), Scope.ALL, 200),
        (("phones",), Scope.ALL, 403),
        ((), Scope.UNIT, 403),
    ):
        (role,) = [each for each in await roles.all(SYSTEM) if each.code == "operations"]
        content = RoleContent(
            name_zh="运营",
            name_en="Operations",
            rights=frozenset(Right),
            scope=scope,
            fields={f"customer.{each}": Access.HIDDEN for each in fields},
        )
        await roles.change(SYSTEM, "operations", role.version, content)
        async with house.browser("operations") as browser:
            answer, found = await browser.ask("POST", "/api/line/try", wanted)
        assert answer == status, found
        if status == 200:
            codes = {each["code"] for each in found["told"]}
            assert ("level" in codes) is (not fields)
            assert "routed" in codes


async def test_two_versions_are_compared_and_the_live_one_is_drawn(
    house: House, supervisor: Browser
) -> None:
    before = await house.services.line.live(SYSTEM)
    changed = LINE.replace("label_zh: 售后", "label_zh: 售后组")
    after = await house.services.line.apply(
        SYSTEM, ApplyLine(version=before.version, text=changed, note="售后组")
    )

    path = f"/api/line/diff?older={before.version}&newer={after.version}"
    status, found = await supervisor.ask("GET", path)

    assert status == 200
    assert "-    label_zh: 售后" in found["diff"].splitlines()
    assert "+    label_zh: 售后组" in found["diff"].splitlines()
    assert (await supervisor.ask("GET", path.replace("newer=", "newer=9")))[0] == 404
    async with supervisor.http.get("/api/line/picture") as answer:
        assert answer.content_type == "image/svg+xml"
        drawn = await answer.text()
    words = {node.text for node in ET.fromstring(drawn).iter() if node.text}
    assert {"4006001001 电视广告", "main", "售后组 service"} <= words
