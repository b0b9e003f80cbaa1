"""The knowledge base over the API."""

import asyncio
import json

import pytest

from crm_core.knowledge.events import QuestionAnswered, QuestionAsked
from tests.webui.web_house import Browser, House

ENTRIES = "/api/knowledge/entries"
QUESTIONS = "/api/knowledge/questions"
CALL = "a" * 32


@pytest.fixture
async def agent(house: House):
    async with house.browser("agent") as browser:
        yield browser


@pytest.fixture
async def editor(house: House):
    async with house.browser("operations") as browser:
        yield browser


async def written(editor: Browser, title: str, **more: object) -> dict:
    wanted = {"title": title, "category_code": "returns", "body": "正文", "state": "published"}
    status, body = await editor.ask("POST", ENTRIES, wanted | more)
    assert status == 201, body
    return body["entry"]


async def test_an_entry_is_written_found_used_judged_and_mended(
    house: House, agent: Browser, editor: Browser
):
    made = await written(editor, "退货政策", body="七天无理由", keywords=["退款"], state="draft")
    path = f"{ENTRIES}/{made['id']}"
    assert (await agent.ask("GET", path))[0] == 404
    status, body = await editor.ask("PATCH", path, {"version": 1, "state": "published"})
    assert (status, body["entry"]["version"], body["entry"]["body"]) == (200, 2, "七天无理由")
    for typed in ("退货", "tuikuan", "thzc", "七天"):
        _, body = await agent.ask("GET", ENTRIES, params={"q": typed})
        assert made["id"] in [each["id"] for each in body["items"]], typed
    for counted in (True, False):
        status, body = await agent.ask("POST", f"{path}/use", {"call_id": CALL})
        assert (status, body) == (200, {"counted": counted, "uses": 1})
    wanted = {"verdict": "outdated", "note": "现在是十五天"}
    assert (await agent.ask("POST", f"{path}/opinion", wanted))[0] == 204
    _, body = await editor.ask("GET", f"/api/knowledge/opinions?entry_id={made['id']}")
    (mark,) = body["items"]
    assert (mark["note"], mark["user_id"], mark["entry_title"]) == (
        "现在是十五天",
        house.ids["agent"],
        "退货政策",
    )
    _, body = await editor.ask("PATCH", path, {"version": 2, "body": "十五天无理由"})
    assert (body["entry"]["to_review"], body["entry"]["uses"]) == (1, 1)
    settle = {"opinion_ids": [mark["id"]], "note": "已改"}
    assert await editor.ask("POST", "/api/knowledge/opinions/review", settle) == (
        200,
        {"reviewed": 1},
    )
    status, body = await editor.ask("POST", "/api/knowledge/opinions/review", settle)
    assert (status, body["error"]["code"]) == (409, "conflict")


async def test_history_is_read_and_an_earlier_text_restored(agent: Browser, editor: Browser):
    made = await written(editor, "一稿", sku="A1", keywords=["甲"])
    path = f"{ENTRIES}/{made['id']}"
    await editor.ask("PATCH", path, {"version": 1, "title": "二稿", "sku": None, "keywords": []})
    _, body = await editor.ask("GET", f"{path}/versions?limit=1")
    assert [(each["version"], each["title"]) for each in body["items"]] == [(2, "二稿")]
    _, body = await editor.ask("GET", f"{path}/version?number=1")
    assert (body["version"]["sku"], body["version"]["keywords"]) == ("A1", ["甲"])
    assert (await editor.ask("GET", f"{path}/version?number=7"))[0] == 404
    assert (await editor.ask("GET", f"{path}/version"))[0] == 422
    status, body = await editor.ask("POST", f"{path}/restore", {"version": 1, "from_version": 1})
    assert (status, body["error"]["fields"]) == (409, {"version": 2})
    status, body = await editor.ask("POST", f"{path}/restore", {"version": 2, "from_version": 1})
    assert (status, body["entry"]["title"], body["entry"]["version"]) == (200, "一稿", 3)
    for refused in (f"{path}/versions", f"{path}/version?number=1"):
        assert (await agent.ask("GET", refused))[0] == 403


async def test_of_two_who_edit_at_once_one_hears_that_it_changed(editor: Browser):
    made = await written(editor, "同时")
    ended = await asyncio.gather(
        *(
            editor.ask("PATCH", f"{ENTRIES}/{made['id']}", {"version": 1, "title": each})
            for each in "甲乙丙"
        )
    )
    assert sorted(status for status, _ in ended) == [200, 409, 409]


async def test_twenty_marks_at_once_over_http_count_once(agent: Browser, editor: Browser):
    made = await written(editor, "并发")
    path = f"{ENTRIES}/{made['id']}"
    ended = await asyncio.gather(
        *(agent.ask("POST", f"{path}/use", {"call_id": CALL}) for _ in range(20))
    )
    assert {status for status, _ in ended} == {200}
    assert sum(body["counted"] for _, body in ended) == 1
    assert (await agent.ask("GET", path))[1]["entry"]["uses"] == 1


async def test_a_question_is_answered_once_and_becomes_an_entry(
    house: House, agent: Browser, editor: Browser
):
    heard: list[object] = []
    stop = house.services.bus.subscribe(heard.append, QuestionAsked, QuestionAnswered)
    wanted = {"text": "能开专票吗？", "customer_id": house.customer_id, "call_id": CALL}
    status, body = await agent.ask("POST", QUESTIONS, wanted)
    assert (status, body["question"]["customer_name"]) == (201, "滨海商贸")
    asked = body["question"]["id"]
    async with house.browser("agent2") as other:
        assert (await other.ask("GET", QUESTIONS))[1]["items"] == []
    for who, wanted in ((agent, QUESTIONS), (agent, f"{QUESTIONS}?mine=true"), (editor, QUESTIONS)):
        _, body = await who.ask("GET", wanted)
        assert [each["id"] for each in body["items"]] == [asked]
    path = f"{QUESTIONS}/{asked}"
    given = {"text": "可以，需税号。", "entry": {"title": "专票", "category_code": "payment"}}
    assert (await agent.ask("POST", f"{path}/answer", given))[0] == 403
    async with house.browser("supervisor") as supervisor:
        ended = await asyncio.gather(
            *(who.ask("POST", f"{path}/answer", given) for who in (editor, supervisor) * 3)
        )
    assert sorted(status for status, _ in ended) == [200, *[409] * 5]
    refused = next(body for status, body in ended if status == 409)
    assert refused["error"]["code"] == "already_answered"
    _, body = await agent.ask("GET", path)
    assert body["question"]["answer"] == "可以，需税号。"
    _, entry = await agent.ask("GET", f"{ENTRIES}/{body['question']['entry_id']}")
    assert entry["entry"]["body"] == "可以，需税号。"
    _, body = await agent.ask("GET", f"{QUESTIONS}?mine=true&answered=true")
    assert [each["id"] for each in body["items"]] == [asked]
    assert [type(each).__name__ for each in heard] == ["QuestionAsked", "QuestionAnswered"]
    stop()
    async with house.browser("agent2") as other:
        assert (await other.ask("GET", path))[0] == 404


async def test_categories_are_kept_by_those_who_edit(agent: Browser, editor: Browser):
    path = "/api/knowledge/categories"
    new = {"code": "festival", "name_zh": "节日", "name_en": "Festival", "position": 1}
    assert (await agent.ask("POST", path, new))[0] == 403
    status, body = await editor.ask("POST", path, new)
    assert (status, body["category"]["version"]) == (201, 1)
    assert (await editor.ask("POST", path, new))[0] == 409
    edit = {"code": "festival", "version": 1, "active": False}
    status, body = await editor.ask("PATCH", path, edit)
    assert (status, body["category"]["active"]) == (200, False)
    assert (await editor.ask("PATCH", path, edit))[0] == 409
    _, body = await agent.ask("GET", path)
    assert body["items"][0]["code"] == "festival"
    wanted = {"title": "春节", "category_code": "festival", "body": "休"}
    status, body = await editor.ask("POST", ENTRIES, wanted)
    assert (status, body["error"]["fields"]) == (422, {"category_code": "unknown"})


async def test_the_longest_chinese_body_fits_through_the_door(editor: Browser):
    wanted = {"title": "长文", "category_code": "other", "body": "天" * 20_000}
    raw = json.dumps(wanted, ensure_ascii=False).encode()
    async with editor.http.post(
        ENTRIES, data=raw, headers={"Content-Type": "application/json"}
    ) as answer:
        assert answer.status == 201


BAD = {"title": "题", "category_code": "other", "body": "文"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", ENTRIES, {}),
        ("POST", ENTRIES, BAD | {"title": "长" * 101}),
        ("POST", ENTRIES, BAD | {"body": "a\x00"}),
        ("POST", ENTRIES, BAD | {"body": "\ud800"}),
        ("POST", ENTRIES, BAD | {"keywords": ["词"] * 21}),
        ("POST", ENTRIES, BAD | {"keywords": "词"}),
        ("POST", ENTRIES, BAD | {"state": "gone"}),
        ("POST", ENTRIES, BAD | {"uses": 5}),
        ("PATCH", "{one}", {"title": "没有版本"}),
        ("PATCH", "{one}", {"version": 1, "title": None}),
        ("PATCH", "{one}", {"version": 2**31, "title": "x"}),
        ("POST", "{one}/restore", {"version": 1}),
        ("POST", "{one}/use", {"call_id": "x"}),
        ("POST", "{one}/opinion", {"verdict": "fine"}),
        ("POST", "{one}/opinion", {"verdict": "outdated", "note": "长" * 1001}),
        ("POST", "/api/knowledge/opinions/review", {"opinion_ids": []}),
        ("POST", "/api/knowledge/opinions/review", {"opinion_ids": [2**40]}),
        ("POST", QUESTIONS, {"text": " "}),
        ("POST", QUESTIONS, {"text": "长" * 2001}),
        ("POST", QUESTIONS, {"text": "?", "customer_id": 0}),
        ("POST", "/api/knowledge/categories", {"code": "A b", "name_zh": "x", "name_en": "x"}),
        ("GET", f"{ENTRIES}?limit=201", None),
        ("GET", f"{ENTRIES}?after=abc", None),
        ("GET", f"{ENTRIES}?q=%00", None),
        ("GET", f"{ENTRIES}?state=gone", None),
        ("GET", f"{QUESTIONS}?mine=perhaps", None),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(
    editor: Browser, method: str, path: str, body: dict | None
):
    made = await written(editor, "被改")
    path = path.replace("{one}", f"{ENTRIES}/{made['id']}")
    status, answer = await editor.ask(method, path, body)
    assert status in (400, 422), answer
    assert answer["error"]["code"] in {"invalid", "bad_request"}


@pytest.mark.parametrize("typed", ["%", "'", "\\", "a" * 100, "退" * 100, "( [ ^", "💧", "\u200b"])
async def test_any_query_has_an_answer(agent: Browser, typed: str):
    status, body = await agent.ask("GET", ENTRIES, params={"q": typed})
    assert (status, type(body["items"])) == (200, list)
