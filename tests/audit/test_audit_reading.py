"""Searching the trail, and what a reader without numbers sees of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crm_core.audit import masking, reading, trail
from crm_core.audit.reading import AuditPage, AuditSearch
from crm_core.audit.redaction import redact
from crm_core.errors import Forbidden, Invalid
from crm_core.rights import ROLES, SYSTEM, Principal, Right
from tests.audit.audit_support import House

ADMIN = Principal(1, "a", "a", "admin", ROLES["admin"].rights, "zh-CN", None, 1)
NUMBERLESS = replace(ADMIN, rights=ADMIN.rights - {Right.NUMBER_UNMASK})


async def found(house: House, **wanted: object) -> AuditPage:
    return await house.trail.search(ADMIN, AuditSearch(**wanted))  # type: ignore[arg-type]


async def ids(house: House, **wanted: object) -> list[int]:
    return [line.id for line in (await found(house, **wanted)).items]


@pytest.fixture
async def told(house: House) -> dict[str, int]:
    """One entry of each kind, by a name for it."""
    async with house.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO users (login, name, password_hash, role_code)"
                " VALUES ('wang', '王芳', 'x', 'agent')"
            )
        )
        return {
            "made": await trail.record(
                session, 1, "customer.create", "customer", 5, after={"name": "滨海 “商贸”", "n": 1}
            ),
            "changed": await trail.record(
                session, 1, "customer.update", "customer", 5,
                before={"credit": "1.00", "gone": "x"}, after={"credit": "2.50"},
            ),
            "other": await trail.record(session, None, "customer_x.update", "customer", 55),
            "order": await trail.record(
                session, None, "order.place", "order", 5, after={"note": "100% 茶_叶"}
            ),
        }  # fmt: skip


async def test_entries_are_found_by_each_of_their_sides(house: House, told: dict[str, int]):
    made, changed, other, order = told.values()
    assert await ids(house) == [order, other, changed, made]
    assert await ids(house, actor_id=1) == [changed, made]
    assert await ids(house, action="customer.") == [changed, made]
    assert await ids(house, action="customer_") == [other]
    assert await ids(house, action="%") == []
    assert await ids(house, entity="customer", entity_id="5") == [changed, made]
    assert await ids(house, entity_id="5", action="order") == [order]
    assert await ids(house, text="商贸”") == [made]
    assert await ids(house, text="2.50") == [changed]
    assert await ids(house, text="1.00") == [changed]
    assert await ids(house, text="0% 茶_") == [order]
    assert await ids(house, text="0_ 茶") == []
    assert await ids(house, text='"') == []
    assert await ids(house, actor_id=99) == []


async def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(
    house: House, told: dict[str, int]
):
    at = (await found(house)).items[0].at
    assert len(await ids(house, since=at)) == len(told)
    assert await ids(house, until=at) == []
    assert await ids(house, since=at + timedelta(microseconds=1)) == []


async def test_an_entry_says_who_and_each_value_from_and_to(house: House, told: dict[str, int]):
    (line,) = (await found(house, action="customer.update")).items
    assert (line.actor_id, line.actor_name) == (1, "王芳")
    assert {(each.field, each.before, each.after) for each in line.changes} == {
        ("credit", "1.00", "2.50"),
        ("gone", "x", None),
    }
    (line,) = (await found(house, action="order")).items
    assert (line.actor_id, line.actor_name) == (None, None)


async def test_pages_follow_each_other_without_gap_or_double(house: House):
    await house.record_many(25)
    seen: list[int] = []
    cursor = None
    while True:
        page = await found(house, limit=10, before_id=cursor)
        seen += [line.id for line in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 25
    assert len((await found(house, limit=10**6)).items) == 25


async def test_a_search_that_finds_little_stops_and_says_where_to_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    (first,) = await house.record(1, after={"note": "针"})
    await house.record_many(25)
    monkeypatch.setattr(reading, "_EXAMINED", 10)
    cursors, cursor = [], None
    while True:
        page = await found(house, text="针", before_id=cursor)
        if page.items:
            break
        cursor = page.next
        cursors.append(cursor)
    assert [line.id for line in page.items] == [first]
    assert cursors == [17, 7]
    assert page.next is None


async def test_who_may_not_read_the_trail_is_refused(house: House):
    agent = replace(ADMIN, rights=ROLES["supervisor"].rights)
    with pytest.raises(Forbidden):
        await house.trail.search(agent, AuditSearch())


async def test_a_redacted_entry_says_so(house: House):
    await house.record(1)
    async with house.database.begin() as session:
        await redact(session, SYSTEM, "customer", [5], "request")
    line = (await found(house)).items[-1]
    assert line.changes == ()
    assert line.redacted_at is not None


async def test_a_reader_without_numbers_gets_none_and_cannot_search_for_digits(house: House):
    values = {
        "phones": ["13800138000", "02223456789"],
        "contact": {"caller": 13800138000, "who": "王"},
        "note": "新号 139-0000-0041，+86 13900000042",
        "credit": "13800138000.00",
        "customer_id": 123456789,
    }
    await house.record(after=values)
    await house.record(1, entity_id="13800138000", after={"13900000041": "x"})
    page = await house.trail.search(NUMBERLESS, AuditSearch())
    shown = repr(page)
    for hidden in ("13800138000'", "02223456789", "0000-0041", "13900000042", "13900000041"):
        assert hidden not in shown
    assert page.items[0].entity_id == "138****8000"
    assert {each.field: each.after for each in page.items[1].changes} | {"note": ""} == {
        "phones": ["138****8000", "022****6789"],
        "contact": {"caller": "138****8000", "who": "王"},
        "note": "",
        "credit": "13800138000.00",
        "customer_id": 123456789,
    }
    with pytest.raises(Invalid, match="digits"):
        await house.trail.search(NUMBERLESS, AuditSearch(text="a0013"))
    assert (await house.trail.search(NUMBERLESS, AuditSearch(text="新号"))).items
    assert (await found(house, text="0013")).items


@pytest.mark.parametrize(
    "key",
    ["number", "phones", "caller", "main_phone", "contactPhone", "caller_number", "TEL", "mobile2"],
)
def test_these_keys_speak_of_telephones(key: str):
    assert masking.masked_value(key, "02223456789") == "022****6789"


@pytest.mark.parametrize("key", ["note", "intelligence", "hotel", "recalled", "name", ""])
def test_these_keys_do_not(key: str):
    assert masking.masked_value(key, "02223456789") == "02223456789"


@given(
    before=st.text("号 ，:-", max_size=5),
    number=st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    after=st.text("号 ，:-", max_size=5),
)
def test_a_mobile_number_is_hidden_in_any_text(before: str, number: str, after: str):
    hidden = masking.masked_value("note", [{"x": f"{before}{number}{after}"}])
    assert number not in repr(hidden)


@pytest.mark.parametrize(
    "value", ["a1b38001380001234", "9138001380009", "call 0f13800138000aa", True, None, 1.5]
)
def test_other_values_stay(value: object):
    assert masking.masked_value("note", value) == value
