"""The keypad log: a call's way is summed up while it walks, found again, counted, put into files, and expires."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from acd.log import reading
from acd.log.commands import BranchQuery, LogQuery, LogSearch
from acd.log.expiry import CallsExpire, Keeping
from acd.log.service import CallLog
from acd.log.walk import heard, noted
from acd.rows import CallRow, decode, encode, split
from acd.tables import Call, CallStep
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.rights import SYSTEM

NOW = datetime(2026, 3, 20, 8, tzinfo=UTC)
MENUS = ("main", "wholesale")
ONE = {"keys": {}, "wrong": 0, "silent": 0}
moves = st.one_of(
    st.tuples(st.just("heard"), st.sampled_from(MENUS), st.none()),
    st.tuples(
        st.sampled_from(["key", "wrong_key"]), st.sampled_from(MENUS), st.sampled_from("129")
    ),
    st.tuples(st.just("no_key"), st.sampled_from(MENUS), st.none()),
    st.tuples(st.just("service"), st.none(), st.sampled_from(["order", "products"])),
)


def a_call(**values: Any) -> CallRow:
    base = {"id": "0" * 32, "node": "pbx1", "linkedid": "1", "direction": "inbound"}
    return CallRow(**(base | {"caller": None, "did": "400", "started_at": NOW} | values))


@given(st.lists(moves))
def test_the_sum_of_a_walk_is_that_of_its_steps(told: list[tuple[str, str | None, str | None]]):
    row, walked = a_call(), [each for each in told if each[0] != "service"]
    row = heard(row, "main", ())
    row = heard(row, "wholesale", ("1",))
    for kind, menu, what in told:
        if kind == "heard":
            row = heard(row, str(menu), ())
        else:
            detail = {"service": what} if kind == "service" else {"menu": menu, "key": what}
            row = noted(row, kind, detail)
    wrong = sum(kind == "wrong_key" for kind, *_ in walked)
    assert row.wrong_keys == wrong
    assert row.walk is not None
    assert sum(each["wrong"] for each in row.walk.values()) == wrong
    assert sum(each["silent"] for each in row.walk.values()) == sum(
        kind == "no_key" for kind, *_ in walked
    )
    presses = sum(sum(each["keys"].values()) for each in row.walk.values())
    assert presses == sum(kind == "key" for kind, *_ in walked)
    assert set(row.services or ()) == {what for kind, _, what in told if kind == "service"}
    assert decode(split(encode(row))) == row


def test_an_earlier_record_is_not_changed_by_what_follows():
    first = heard(a_call(), "main", ())
    noted(
        noted(first, "key", {"menu": "main", "key": "1"}), "wrong_key", {"menu": "main", "key": "9"}
    )
    assert first.walk == {"main": ONE}


@pytest.fixture
async def log(database: Database) -> CallLog:
    async with database.begin() as session:
        await session.execute(text("TRUNCATE calls, call_steps, call_expiry"))
    return CallLog(database, clock=lambda: NOW, zone=UTC)


async def add(database: Database, number: int, **values: Any) -> str:
    """A call that began so many minutes ago, with its steps."""
    call_id = f"{number:032x}"
    row = a_call(
        id=call_id,
        started_at=NOW - timedelta(minutes=number),
        ended_at=NOW,
        outcome="answered",
        wrong_keys=0,
        services=(),
    )
    steps = values.pop("steps", ())
    rows = [{name: getattr(row, name) for name in row.__dataclass_fields__} | values]
    async with database.begin() as session:
        session.add_all(Call(**each) for each in rows)
        session.add_all(
            CallStep(call_id=call_id, seq=seq, at=NOW, kind=kind, detail=detail)
            for seq, (kind, detail) in enumerate(steps)
        )
    return call_id


def numbers(items: Any) -> list[int]:
    return [int(each.id, 16) for each in items]


async def test_calls_are_found_by_everything_that_was_done_with_keys(
    log: CallLog, database: Database
):
    await add(database, 1, did="4001", caller="13800138000", menu_path=("1", "2"), line_version=3)
    await add(database, 2, menu_path=("1",), outcome="left_in_menu", last_menu="wholesale")
    await add(database, 3, wrong_keys=2, walk={"main": ONE | {"wrong": 2}}, line_version=4)
    await add(database, 4, services=("order",), outcome="self_service", menu_path=("2", "1"))
    wanted: dict[int, dict[str, Any]] = {
        1: {"did": "4001"},
        2: {"left_at": "wholesale"},
        3: {"wrong_keys": 2},
        4: {"service": "order"},
    }
    for number, search in wanted.items():
        assert numbers((await log.page(SYSTEM, LogQuery(**search))).items) == [number]
    for search, found in (
        ({"keys": "1"}, [1, 2]),
        ({"keys": "1-2"}, [1]),
        ({"caller": "+86 138 0013 8000"}, [1]),
        ({"menu": "main"}, [3]),
        ({"version": 4}, [3]),
        ({"outcome": "self_service"}, [4]),
        ({"since": NOW - timedelta(minutes=2), "until": NOW}, [1, 2]),
        ({"wrong_keys": 3}, []),
    ):
        assert numbers((await log.page(SYSTEM, LogQuery(**search))).items) == found, search


async def test_pages_hold_every_call_once_and_its_steps(log: CallLog, database: Database):
    for number in range(1, 8):
        at = NOW - timedelta(minutes=1 + number // 3)
        await add(database, number, started_at=at, steps=[("key", {"menu": "main", "key": "1"})])
    seen: list[int] = []
    after = None
    for _ in range(4):
        page = await log.page(SYSTEM, LogQuery(after=after, limit=2))
        seen += numbers(page.items)
        after = page.next
        assert all([step.kind for step in call.steps] == ["key"] for call in page.items)
    assert after is None
    assert sorted(seen) == list(range(1, 8))
    with pytest.raises(Invalid, match="page before"):
        await log.page(SYSTEM, LogQuery(after="yesterday"))


async def test_a_page_among_very_many_calls_is_the_beginning_of_an_index(
    log: CallLog, database: Database
):
    many = text("""
        INSERT INTO calls (id, node, linkedid, direction, did, menu_path, started_at, ended_at, outcome, steps,
                           wrong_keys, services, last_menu)
        SELECT lpad(to_hex(n), 32, '0'), 'n', '1', 'inbound', '400' || n % 5, '[]', CAST(:now AS timestamptz) - n * interval '10 s',
               CAST(:now AS timestamptz), CASE WHEN n % 50 = 0 THEN 'left_in_menu' ELSE 'answered' END, 0,
               CASE WHEN n % 100 = 0 THEN 1 ELSE 0 END, '[]', 'main'
        FROM generate_series(1, 50000) n""")
    async with database.begin() as session:
        await session.execute(many, {"now": NOW})
        await session.execute(text("ANALYZE calls"))
    within = (NOW - timedelta(days=31), NOW)
    middle = (NOW - timedelta(days=2), "0" * 32)
    for search, index in (
        (LogSearch(), "ix_calls_started_at"),
        (LogSearch(did="4001"), "ix_calls_did"),
        (LogSearch(left_at="main"), "ix_calls_left_in_menu"),
        (LogSearch(wrong_keys=1), "ix_calls_wrong_keys"),
        (LogSearch(service="order"), "ix_calls_served"),
    ):
        query = reading.page(reading.conditions(search, within, SYSTEM), middle, 51)
        written = query.compile(
            dialect=database._engine.dialect,
            compile_kwargs={"literal_binds": True},
        )
        async with database.searching() as connection:
            plan = await connection.exec_driver_sql(f"EXPLAIN {written}")
            told = "\n".join(row[0] for row in plan)
        assert index in told, told
        assert "Sort" not in told, told


async def test_it_counts_who_took_which_branch_and_where_callers_gave_up(
    log: CallLog, database: Database
):
    main = {"keys": {"1": 1}, "wrong": 1, "silent": 0}
    below = {"keys": {}, "wrong": 0, "silent": 2}
    left = {"outcome": "left_in_menu", "last_menu": "wholesale", "menu_path": ("1",)}
    await add(database, 1, line_version=2, walk={"main": main, "wholesale": below}, **left)
    await add(database, 2, line_version=2, walk={"main": main}, menu_path=("1",), answered_at=NOW)
    await add(database, 3, line_version=1, walk={"main": ONE | {"keys": {"2": 3}}}, did="401")
    await add(database, 4)
    found = await log.branches(SYSTEM, BranchQuery())
    assert found.calls == 3
    told = [(m.line_version, m.menu, m.calls, m.gave_up, m.wrong, m.silent) for m in found.menus]
    assert told == [(2, "main", 2, 0, 2, 0), (2, "wholesale", 1, 1, 0, 2), (1, "main", 1, 0, 0, 0)]
    keys = [(k.line_version, k.menu, k.key, k.calls, k.presses) for k in found.keys]
    assert keys == [(2, "main", "1", 2, 2), (1, "main", "2", 1, 3)]
    paths = [(p.keys, p.calls, p.answered, p.left_in_menu) for p in found.paths]
    assert paths == [(("1",), 2, 1, 1), ((), 1, 0, 0)]
    assert (await log.branches(SYSTEM, BranchQuery(version=1))).calls == 1
    assert (await log.branches(SYSTEM, BranchQuery(did="401"))).calls == 1


async def test_the_file_has_every_call_and_the_trail_knows_of_it(
    log: CallLog, database: Database, tmp_path: Path
):
    steps = [
        ("menu_answered", {"menu": "main"}),
        ("wrong_key", {"menu": "main", "key": "9"}),
        ("no_key", {"menu": "main"}),
        ("key", {"menu": "main", "key": "1"}),
        ("service", {"service": "order"}),
    ]
    await add(database, 1, steps=steps, caller="13800138000", menu_path=("1",))
    await add(database, 2, customer_name="=HYPERLINK()")
    path = tmp_path / "log.csv"
    assert await log.export(SYSTEM, LogSearch(), path, lambda call: call) == 2
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[1][3] == "13800138000"
    assert rows[1][-1] == "menu_answered:main main:9! main:- main:1 service:order"
    assert rows[2][6] == "'=HYPERLINK()"
    async with database.begin() as session:
        noted = await session.execute(
            text("SELECT after FROM audit_log WHERE action = 'call_log.export'")
        )
        assert [after["calls"] for (after,) in noted] == [2]


async def test_old_steps_and_what_old_calls_say_of_people_expire_in_batches_with_a_note(
    log: CallLog, database: Database
):
    days = {1: 10, 2: 40, 3: 100, 4: 101, 5: 102}
    for number, age in days.items():
        at = NOW - timedelta(days=age)
        values = {"started_at": at, "ended_at": at, "caller": "13800138000", "city": "天津"}
        await add(database, number, **values, steps=[("key", {"menu": "main", "key": "1"})])
    keeping = Keeping(steps=timedelta(days=30), personal=timedelta(days=90))
    worker = CallsExpire(database, keeping, clock=lambda: NOW, batch=2)
    assert [await worker.run_once() for _ in range(3)] == [2, 2, 0]
    async with database.begin() as session:
        left = await session.scalars(text("SELECT call_id FROM call_steps"))
        assert [int(call_id, 16) for call_id in left] == [1]
        told = await session.execute(text("SELECT id, caller, city FROM calls ORDER BY id"))
        assert [(int(i, 16), caller, city) for i, caller, city in told] == [
            (1, "13800138000", "天津"),
            (2, "13800138000", "天津"),
            *((number, None, None) for number in (3, 4, 5)),
        ]
        notes = await session.execute(
            text(
                "SELECT action, after->>'calls' FROM audit_log WHERE action LIKE 'call.expire%' ORDER BY id"
            )
        )
        assert [tuple(each) for each in notes] == [
            ("call.expire_steps", "2"),
            ("call.expire_personal", "2"),
            ("call.expire_steps", "2"),
            ("call.expire_personal", "1"),
        ]


async def test_what_is_to_be_kept_for_ever_is_and_a_call_that_goes_on_too(
    log: CallLog, database: Database
):
    old = NOW - timedelta(days=400)
    await add(database, 1, started_at=old, outcome=None, ended_at=None, steps=[("key", {})])
    await add(database, 2, started_at=old, ended_at=old, caller="13800138000")
    assert await CallsExpire(database, Keeping(), clock=lambda: NOW).run_once() == 0
    keeping = Keeping(steps=timedelta(days=30))
    assert await CallsExpire(database, keeping, clock=lambda: NOW).run_once() == 1
    async with database.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM call_steps")) == 1
        assert await session.scalar(text("SELECT count(caller) FROM calls")) == 1
