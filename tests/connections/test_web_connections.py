"""Keys of requests, the signed door, and the routes, through the real web server."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from crm_core.errors import CommitUnknown
from crm_core.request_keys.service import RequestKeyPurge, RequestKeys
from crm_core.rights import SYSTEM
from orders.connections.connectors.qimen import mapping
from orders.stock.documents.commands import NewReceipt
from tests.connections.desk import SHOP, paper
from tests.connections.neighbours import APP_KEY, APP_SECRET, signed_query
from tests.webui.web_house import House, open_house

CUSTOMER = {"name": "一次商贸", "phones": ["13811112222"]}


@pytest.fixture(scope="module")
async def house(database, tmp_path_factory):
    async with open_house(database, tmp_path_factory.mktemp("house")) as opened:
        yield opened
        await opened.services.trade.connections.outgoing.close()


@pytest.fixture(scope="module")
async def admin(house: House):
    async with house.browser("admin") as browser:
        yield browser


async def create(browser, body, key):
    body = {"phones": [f"138{key[-8:]}"]} | body
    return await browser.ask("POST", "/api/customers", body, headers={"Idempotency-Key": key})


async def counted(admin, q: str) -> int:
    _, found = await admin.ask("GET", "/api/customers", params={"q": q})
    return len(found["items"])


async def test_the_same_request_again_is_answered_as_before_and_does_nothing(admin):
    first = await create(admin, CUSTOMER, "key-00000001")
    again = await create(admin, CUSTOMER, "key-00000001")
    assert first[0] == 201
    assert again == first
    assert await counted(admin, "一次商贸") == 1


async def test_the_same_key_with_another_body_is_refused(admin):
    await create(admin, {"name": "甲"}, "key-00000002")
    status, body = await create(admin, {"name": "乙"}, "key-00000002")
    assert (status, body["error"]["code"]) == (409, "same_key_other_request")


async def test_of_twenty_at_once_one_does_the_work(admin):
    asked = [create(admin, {"name": "并发商贸"}, "key-00000003") for _ in range(20)]
    answers = await asyncio.gather(*asked)
    assert {status for status, _ in answers} <= {201, 409}
    codes = {body["error"]["code"] for status, body in answers if status == 409}
    assert codes <= {"request_goes_on"}
    assert await counted(admin, "并发商贸") == 1
    assert (await create(admin, {"name": "并发商贸"}, "key-00000003"))[0] == 201
    assert await counted(admin, "并发商贸") == 1


async def test_a_refusal_leaves_the_key_free(admin):
    status, _ = await create(admin, {"name": "丙", "parent_id": 999_999}, "key-00000004")
    assert status >= 400
    assert (await create(admin, {"name": "丙"}, "key-00000004"))[0] == 201


async def test_keys_are_each_person_s_own(house, admin):
    await create(admin, {"name": "丁一"}, "key-00000005")
    async with house.browser("supervisor") as other:
        wanted = {"name": "丁二", "phones": ["13911110005"]}
        status, body = await create(other, wanted, "key-00000005")
    assert (status, body["customer"]["name"]) == (201, "丁二")


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "bad key!", "k\u00e9y-12345"])
async def test_a_key_of_another_form_is_refused(admin, key):
    status, body = await create(admin, {"name": "戊"}, key)
    assert (status, body["error"]["code"]) == (422, "invalid")


async def test_when_nobody_knows_how_it_ended_the_key_says_so_and_does_nothing(
    house, admin, monkeypatch
):
    async def lost(*_):
        raise CommitUnknown("lost")

    with monkeypatch.context() as broken:
        broken.setattr(type(house.services.crm.customers), "create", lost)
        status, body = await create(admin, {"name": "己"}, "key-00000006")
    assert (status, body["error"]["code"]) == (503, "commit_unknown")
    status, body = await create(admin, {"name": "己"}, "key-00000006")
    assert (status, body["error"]["code"]) == (409, "request_goes_on")
    later = RequestKeys(
        house.services.database, clock=lambda: datetime.now(UTC) + timedelta(minutes=2)
    )
    fingerprint = await _fingerprint_of(house, "key-00000006")
    with pytest.raises(Exception, match="Nobody knows"):
        await later.take(house.ids["admin"], "key-00000006", fingerprint)
    assert await counted(admin, "己") == 0


async def _fingerprint_of(house, key: str) -> str:
    from sqlalchemy import text

    async with house.services.database.reading() as connection:
        return await connection.scalar(
            text("SELECT fingerprint FROM request_keys WHERE key = :key"), {"key": key}
        )


async def test_keys_are_forgotten_after_two_days(house, admin):
    await create(admin, {"name": "庚"}, "key-00000007")
    now = datetime.now(UTC)
    early = RequestKeyPurge(house.services.database, clock=lambda: now + timedelta(days=1))
    late = RequestKeyPurge(house.services.database, clock=lambda: now + timedelta(days=3))
    assert await early.run_once() == 0
    assert await late.run_once() > 0


async def test_every_route_that_declares_it_names_the_header_in_the_description(admin):
    _, document = await admin.ask("GET", "/api/openapi.json")
    named = {
        path
        for path, methods in document["paths"].items()
        for each in methods.get("post", {}).get("parameters", ())
        if each["name"] == "Idempotency-Key"
    }
    assert {"/api/customers", "/api/leads", "/api/orders"} <= named


async def connection(admin, code: str) -> int:
    wanted = {
        "code": code,
        "kind": "qimen",
        "name": "旗舰店",
        "settings": SHOP | {"level_code": "city"},
        "secrets": {"app_key": APP_KEY, "app_secret": APP_SECRET},
    }
    status, body = await admin.ask("POST", "/api/connections", wanted)
    assert status == 201, body
    assert APP_SECRET not in str(body)
    return body["connection"]["id"]


async def test_a_signed_paper_comes_in_without_a_session_or_our_header(house, admin):
    made = await connection(admin, "shop_in")
    body = mapping.write(paper("WEB1", 1, ("NOT-KNOWN", 1)))
    query = signed_query("taobao.qimen.deliveryorder.create", body, datetime.now(UTC))
    async with house.browser() as stranger:
        url = f"{stranger.address}/api/inbound/shop_in"
        import aiohttp

        async with aiohttp.ClientSession() as bare:
            async with bare.post(url, params=query, data=body) as answer:
                assert answer.status == 200
                assert answer.content_type == "text/xml"
                assert b"success" in await answer.read()
            async with bare.post(url, params=query | {"sign": "0" * 32}, data=body) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["code"] == "signature_refused"
            async with bare.post(url, params=query, data=b"x" * 1_000_000) as answer:
                assert answer.status == 413
            async with bare.post(url.replace("shop_in", "nobody"), params=query, data=body) as none:
                assert none.status == 404
    _, found = await admin.ask("GET", "/api/connection-papers", params={"connection_id": made})
    (took,) = found["items"]
    _, whole = await admin.ask("GET", f"/api/connection-papers/{took['id']}")
    assert whole["body"]["number"] == "WEB1"


async def test_webhooks_over_http(house, admin):
    status, made = await admin.ask(
        "POST",
        "/api/webhooks",
        {"name": "crm", "url": "https://a.example/", "kinds": ["order.placed", "stock.changed"]},
    )
    assert status == 201
    assert made["secret"].startswith("whsec_")
    hook = made["webhook"]
    _, turned = await admin.ask("POST", f"/api/webhooks/{hook['id']}/secret", {})
    assert turned["secret"] != made["secret"]
    _, pinged = await admin.ask("POST", f"/api/webhooks/{hook['id']}/ping", {})
    _, listed = await admin.ask("GET", "/api/webhook-deliveries")
    assert [each["id"] for each in listed["items"]] == [pinged["delivery_id"]]
    status, body = await admin.ask(
        "POST", f"/api/webhook-deliveries/{pinged['delivery_id']}/again", {}
    )
    assert (status, body["error"]["code"]) == (409, "not_in_this_state")
    _, everything = await admin.ask("GET", "/api/webhooks")
    assert made["secret"] not in str(everything)


async def test_events_since_a_number_over_http(house, admin):
    from orders.connections.sequencing import EventSequencer

    goods = NewReceipt.model_validate({"lines": [{"sku": "A1", "quantity": 5}]})
    await house.services.trade.stock_documents.receive(SYSTEM, "five more", goods)
    await EventSequencer(house.services.database, clock=house.services.clock).run_once()
    _, page = await admin.ask("GET", "/api/events", params={"limit": 100})
    told = page["items"][-1]
    assert {each["type"] for each in page["items"]} >= {"stock.changed", "customer.changed"}
    assert told["sequence"] <= page["last"]
    _, rest = await admin.ask("GET", "/api/events", params={"after": page["last"]})
    assert rest == {"items": [], "last": page["last"]}


async def test_the_kinds_say_what_they_ask_for(admin):
    _, found = await admin.ask("GET", "/api/connection-kinds")
    kinds = {each["kind"]: each for each in found["items"]}
    assert set(kinds) == {"kingdee", "qimen", "yonyou"}
    assert "app_secret" in kinds["qimen"]["secrets"]["properties"]
