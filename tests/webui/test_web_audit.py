"""The audit trail over HTTP."""

import pytest
from sqlalchemy import text

from tests.webui.web_house import Browser, House


@pytest.fixture
async def admin(house: House):
    async with house.browser("admin") as browser:
        yield browser


async def test_a_change_over_http_is_read_back_from_the_trail(house: House, admin: Browser):
    status, made = await admin.ask(
        "POST", "/api/customers", {"name": "新客", "phones": ["13911112222"]}
    )
    assert status == 201
    wanted = f"entity=customer&entity_id={made['customer']['id']}"
    status, body = await admin.ask("GET", f"/api/audit?{wanted}&action=customer.&q=新客")
    assert status == 200
    (item,) = body["items"]
    assert (item["action"], item["actor_name"]) == ("customer.create", "admin先生")
    assert {"field": "phones", "before": None, "after": ["13911112222"]} in item["changes"]
    assert body["next"] is None


async def test_only_who_may_see_numbers_sees_them_in_the_trail(house: House, admin: Browser):
    await admin.ask("POST", "/api/customers", {"name": "某客", "phones": ["13911113333"]})
    async with house.services.database.begin() as session:
        await session.execute(
            text(
                "DELETE FROM role_rights WHERE role_code = 'admin' AND right_code = 'number.unmask'"
            )
        )
    try:
        _, body = await admin.ask("GET", "/api/audit?q=某客")
        assert "139****3333" in str(body)
        assert "13911113333" not in str(body)
        status, body = await admin.ask("GET", "/api/audit?q=1111")
        assert (status, body["error"]["code"]) == (422, "invalid")
    finally:
        async with house.services.database.begin() as session:
            await session.execute(text("INSERT INTO role_rights VALUES ('admin', 'number.unmask')"))


@pytest.mark.parametrize("role", ["agent", "supervisor", "operations"])
async def test_nobody_else_reads_the_trail(house: House, role: str):
    async with house.browser(role) as browser:
        assert (await browser.ask("GET", "/api/audit"))[0] == 403


async def test_pages_go_back_to_the_first_entry(admin: Browser):
    seen: list[int] = []
    path = "/api/audit?limit=2"
    while path:
        _, body = await admin.ask("GET", path)
        seen += [item["id"] for item in body["items"]]
        path = body["next"] and f"/api/audit?limit=2&before={body['next']}"
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) > 4


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "before=0", "before=9223372036854775808", "actor_id=x",
        "actor_id=99999999999999", "since=yesterday", "since=2026-01-01T00:00:00",
        "until=9999-12-31T23:59:59Z", "since=0001-01-01T00:00:00%2B14:00", "entity=" + "x" * 31,
        "entity_id=" + "x" * 51, "action=" + "x" * 51, "q=" + "x" * 101, "q=a%00", "unknown=1",
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused(admin: Browser, query: str):
    status, body = await admin.ask("GET", f"/api/audit?{query}")
    assert (status, body["error"]["code"]) == (422, "invalid")


@pytest.mark.parametrize("query", ["q=%25", "q=%5C", "q='", "action=_", "before=9223372036854775807",
    "since=2026-01-01T00:00:00Z&until=2200-12-31T23:59:59-12:00"])  # fmt: skip
async def test_odd_questions_are_answered(admin: Browser, query: str):
    assert (await admin.ask("GET", f"/api/audit?{query}"))[0] == 200


async def test_the_trail_is_verified_over_http(house: House, admin: Browser):
    status, body = await admin.ask("POST", "/api/audit/verify", {})
    assert (status, body["sound"], body["faults"]) == (200, True, []), body
    async with house.services.database.begin() as session:
        await session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
        changed = await session.scalar(
            text(
                "UPDATE audit_log SET action = 'nothing.happened'"
                " WHERE id = (SELECT max(id) FROM audit_log) RETURNING id"
            )
        )
        await session.execute(text("ALTER TABLE audit_log ENABLE TRIGGER USER"))
    _, body = await admin.ask("POST", "/api/audit/verify", {})
    assert not body["sound"]
    assert (body["faults"][0]["kind"], body["faults"][0]["row_id"]) == ("row_changed", changed)


async def test_two_do_not_verify_at_once(house: House, admin: Browser):
    async with house.services.crm.audit._at_work:
        status, body = await admin.ask("POST", "/api/audit/verify", {})
    assert (status, body["error"]["code"]) == (409, "conflict")


async def test_a_kept_search_and_a_language_leave_a_trail(house: House, admin: Browser):
    wanted = {"name": "市级", "conditions": [{"field": "level", "value": "city"}]}
    status, made = await admin.ask("POST", "/api/saved-searches", wanted)
    assert status == 201, made
    path = f"/api/saved-searches/{made['search']['id']}"
    edit = wanted | {"name": "市级客户", "version": 1}
    assert (await admin.ask("PUT", path, edit))[0] == 200
    _, body = await admin.ask("GET", "/api/audit?entity=saved_search")
    update, create = body["items"]
    assert (update["action"], create["action"]) == ("saved_search.update", "saved_search.create")
    assert update["changes"] == [{"field": "name", "before": "市级", "after": "市级客户"}]
    for locale in ("en", "en"):
        status, _ = await admin.ask("PUT", "/api/session/locale", {"locale": locale})
        assert status == 204
    _, body = await admin.ask("GET", "/api/audit?action=user.locale")
    (item,) = body["items"]
    assert item["changes"] == [{"field": "locale", "before": "zh-CN", "after": "en"}]
