"""Customers into files: what one may see, as much as one may, and logged."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import event, select, text

from crm_core.audit.tables import AuditEntry
from crm_core.customers.fields import NewCustomer
from crm_core.customers.search import SearchService
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.exchange import exporting, jobs
from crm_core.exchange.exporting import ExportContent, ExportService
from crm_core.exchange.limits import ExportLimits, LimitContent
from crm_core.people.tables import RoleField
from crm_core.rights import SYSTEM, Access, Principal, Right, Scope
from tests.crm_core.crm_core_support import person
from tests.databases import database_at
from tests.exchange.exchange_files import where, written

ADMIN = person("admin", 1)


@pytest.fixture
def exports(seeded, search, tmp_path, clock):
    return ExportService(
        seeded, tmp_path / "out", search, clock=clock, limits=ExportLimits(seeded, 50)
    )


@pytest.fixture(autouse=True, scope="module")
async def some(seeded):
    from crm_core.customers.service import CustomerService

    customers = CustomerService(seeded)
    for name, level in (("出口甲", "city"), ("出口乙", "city"), ("=1+1", "retailer")):
        new = NewCustomer(
            name=name,
            level_code=level,
            phones=(f"1380000{len(name)}{ord(name[-1]) % 1000:03d}",),
            credit_limit=Decimal("12.50"),
            birthday=date(1990, 1, 2),
            province="天津",
            opt_outs=("sms",) if name == "出口甲" else (),
        )
        await customers.create(SYSTEM, new)


async def test_an_export_can_be_opened_in_excel_and_taken_in_again(exports, imports, tmp_path):
    content = ExportContent(conditions=where("level", "city"))
    job, rows = await written(exports, ADMIN, content)
    assert job.total == 2
    assert rows[0][:3] == ["客户编码", "客户名称", "电话"]
    by_name = {row[1]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert by_name["出口甲"]["信用额度"] == 12.5
    assert by_name["出口甲"]["生日"] == date(1990, 1, 2)
    assert [by_name[name]["拒收渠道"] for name in ("出口甲", "出口乙")] == ["短信", ""]
    _, path = await exports.fetch(ADMIN, job.id)
    preview = await imports.hand_in(ADMIN, "again.xlsx", path)
    await imports.start(ADMIN, preview.job.id)
    again = await imports.run(preview.job.id)
    assert (again.same, again.added, again.changed, again.refused) == (2, 0, 0, 0)


async def test_a_formula_is_text_and_english_titles_are_there(exports):
    content = ExportContent(
        conditions=where("level", "retailer"),
        columns=("name", "province"),
        format="csv",
        locale="en",
    )
    _, rows = await written(exports, ADMIN, content)
    assert rows == [["Name", "Province"], ["'=1+1", "天津"]]
    _, rows = await written(exports, ADMIN, content.model_copy(update={"format": "xlsx"}))
    assert rows[1] == ["=1+1", "天津"]


async def test_an_export_shows_no_more_than_the_screen(exports, seeded):
    rights = person("supervisor").rights - {"number.unmask"}
    clerk = Principal(
        3, "u3", "u3", "agent", rights, "zh-CN", None, 1,
        fields={"customer.credit_limit": Access.HIDDEN},
    )  # fmt: skip
    with pytest.raises(Forbidden):
        await exports.start(clerk, ExportContent(columns=("credit_limit",)))
    with pytest.raises(Forbidden):
        await exports.start(clerk, ExportContent(conditions=where("credit_limit", 5)))
    with pytest.raises(Invalid):
        await exports.start(clerk, ExportContent(columns=("password_hash",)))
    with pytest.raises(Forbidden):
        await exports.start(person("agent"), ExportContent())
    async with seeded.begin() as session:
        session.add(RoleField(role_code="agent", field="customer.credit_limit", access="hidden"))
    _, rows = await written(exports, clerk, ExportContent(format="csv"))
    assert "信用额度" not in rows[0]
    assert all("****" in row[rows[0].index("电话")] for row in rows[1:])


async def test_the_day_s_limit_counts_what_was_taken_out(exports, customers, clock):
    for n in range(30):
        await customers.create(SYSTEM, NewCustomer(name=f"限额{n}", city="限额市"))
    content = ExportContent(conditions=where("city", "限额市"), columns=("name",), format="csv")
    await written(exports, ADMIN, content)
    with pytest.raises(Conflict) as refused:
        await exports.start(ADMIN, content)
    assert refused.value.fields["found"] == 30
    clock.pass_by(hours=25)
    await written(exports, ADMIN, content)


async def test_every_export_leaves_its_trail_and_is_its_owner_s_alone(exports, seeded, clock):
    clock.pass_by(days=9)
    job, _ = await written(exports, ADMIN, ExportContent(conditions=where("level", "city")))
    with pytest.raises(Forbidden):
        await exports.fetch(person("admin", 2), job.id)
    async with seeded.begin() as session:
        entries = (
            await session.scalars(
                select(AuditEntry)
                .where(AuditEntry.entity == "exchange", AuditEntry.entity_id == str(job.id))
                .order_by(AuditEntry.id)
            )
        ).all()
    assert [entry.action for entry in entries] == ["export.start", "export.done", "export.fetch"]
    assert entries[0].after["customers"] == 2
    assert entries[0].after["conditions"][0]["field"] == "level"


async def test_a_file_is_not_given_to_who_sees_less_by_now(exports, clock):
    clock.pass_by(days=11)
    content = ExportContent(conditions=where("level", "city"), format="csv")
    job, _ = await written(exports, ADMIN, content)
    clock.pass_by(days=2)
    plain = content.model_copy(update={"columns": ("name", "province")})
    without, _ = await written(exports, ADMIN, plain)
    masked = replace(ADMIN, rights=ADMIN.rights - {Right.NUMBER_UNMASK})
    narrow = replace(ADMIN, scope=Scope.OWN)
    for who, job_id in ((masked, job.id), (narrow, job.id), (narrow, without.id)):
        with pytest.raises(Forbidden):
            await exports.fetch(who, job_id)
    await exports.fetch(masked, without.id)
    await exports.fetch(ADMIN, job.id)


async def test_a_file_made_before_it_said_so_is_taken_to_hold_numbers_in_full(
    exports, seeded, clock
):
    clock.pass_by(days=15)
    content = ExportContent(conditions=where("level", "city"), columns=("name",), format="csv")
    job, _ = await written(exports, ADMIN, content)
    async with seeded.begin() as session:
        old = text("UPDATE exchange_jobs SET plan = plan - 'unmasked' - 'scope' WHERE id = :id")
        await session.execute(old, {"id": job.id})
    with pytest.raises(Forbidden):
        await exports.fetch(replace(ADMIN, rights=ADMIN.rights - {Right.NUMBER_UNMASK}), job.id)
    with pytest.raises(Forbidden):
        await exports.fetch(replace(ADMIN, scope=Scope.UNIT), job.id)
    await exports.fetch(ADMIN, job.id)


async def test_the_limit_is_the_role_s_and_zongji_itself_has_none(
    exports, seeded, customers, clock
):
    clock.pass_by(days=20)
    limits = ExportLimits(seeded, 50)
    for n in range(60):
        await customers.create(SYSTEM, NewCustomer(name=f"多{n}", city="多市"))
    content = ExportContent(conditions=where("city", "多市"), columns=("name",), format="csv")
    with pytest.raises(Conflict):
        await exports.start(ADMIN, content)
    done, rows = await written(exports, SYSTEM, content)
    assert (done.total, len(rows)) == (60, 61)
    await limits.put(ADMIN, "admin", LimitContent(per_day=60))
    await written(exports, ADMIN, content)
    with pytest.raises(Conflict) as refused:
        await exports.start(ADMIN, content)
    assert refused.value.fields["left"] == 0
    with pytest.raises(Conflict):
        await limits.put(ADMIN, "admin", LimitContent(per_day=5))
    await limits.put(ADMIN, "admin", LimitContent(per_day=500), 1)
    await exports.start(ADMIN, content)
    with pytest.raises(Conflict):
        await limits.put(ADMIN, "admin", LimitContent(per_day=5), 1)
    await limits.remove(ADMIN, "admin")
    assert await limits.all(ADMIN) == ()
    with pytest.raises(Conflict):
        await exports.start(ADMIN, content)
    for role, version in (("nobody", None), ("admin", 1)):
        with pytest.raises(NotFound):
            await limits.put(ADMIN, role, LimitContent(per_day=5), version)
    with pytest.raises(NotFound):
        await limits.remove(ADMIN, "admin")
    with pytest.raises(Forbidden):
        await limits.all(person("agent"))


async def test_what_a_cell_of_excel_cannot_hold_is_left_out_as_a_whole_and_said(
    exports, imports, customers
):
    contacts = [{"name": f"人{n}", "note": f"{'😀' * 400}{n}"} for n in range(42)]
    new = {"name": "满员店", "city": "满市", "contacts": contacts}
    made = await customers.create(SYSTEM, NewCustomer.model_validate(new))
    await customers.create(SYSTEM, NewCustomer(name="空员店", city="满市"))
    columns = ("name", "contact_details", "city")
    content = ExportContent(conditions=where("city", "满市"), columns=columns)
    job, rows = await written(exports, SYSTEM, content)
    assert rows[1:] == [["空员店", "", "满市"], ["满员店", "", "满市"]]
    assert job.error == (
        "Left empty, because a cell of Excel holds no more than 32,767 characters:"
        " 联系人资料 in row 3 (1 in all). Export as CSV to have everything."
    )
    job, rows = await written(exports, SYSTEM, content.model_copy(update={"format": "csv"}))
    assert (job.error, len(rows[2][1].splitlines())) == (None, 42)
    assert made.contacts[-1].note in rows[2][1]


async def test_csv_in_gbk_can_be_taken_in_again(exports, imports, customers):
    new = NewCustomer(name="旧程序", city="码市", note="表情😀在内", phones=("13700099001",))
    await customers.create(SYSTEM, new)
    content = ExportContent(conditions=where("city", "码市"), format="csv", encoding="gb18030")
    job, rows = await written(exports, SYSTEM, content)
    assert "表情😀在内" in rows[1]
    _, path = await exports.fetch(SYSTEM, job.id)
    assert path.read_bytes().startswith("客户编码,客户名称".encode("gbk"))
    preview = await imports.hand_in(SYSTEM, "again.csv", path)
    await imports.start(SYSTEM, preview.job.id)
    again = await imports.run(preview.job.id)
    assert (again.same, again.refused) == (1, 0)


async def test_of_two_workers_one_writes_the_file(exports, customers, clock, tmp_path, monkeypatch):
    for n in range(5):
        await customers.create(SYSTEM, NewCustomer(name=f"两工{n}", city="两工市"))
    content = ExportContent(conditions=where("city", "两工市"), columns=("name",), format="csv")
    job = await exports.start(SYSTEM, content)
    read, others = exporting.cards.read_cards, []

    async def then_another_takes_over(connection, ids):
        if not others:
            others.append(None)
            clock.pass_by(seconds=jobs.LEASE.total_seconds() + 1)
            others.append(await exports.run(job.id))
        return await read(connection, ids)

    monkeypatch.setattr(exporting, "PAGE", 2)
    monkeypatch.setattr(exporting.cards, "read_cards", then_another_takes_over)
    late = await exports.run(job.id)
    assert (late.state, late.added, late.attempts) == ("done", 5, 2)
    assert late == others[1]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"export-{job.id}.csv"]
    _, path = await exports.fetch(SYSTEM, job.id)
    assert path.read_text("utf-8-sig").split() == [
        "客户名称",
        *(f"两工{n}" for n in range(4, -1, -1)),
    ]


async def test_a_cancelled_export_stops_and_leaves_nothing(  # noqa: PLR0917
    exports, imports, customers, seeded, clock, tmp_path, monkeypatch
):
    clock.pass_by(days=40)
    for n in range(30):
        await customers.create(SYSTEM, NewCustomer(name=f"停{n}", city="停市"))
    content = ExportContent(conditions=where("city", "停市"), columns=("name",), format="csv")
    job = await exports.start(ADMIN, content)
    with pytest.raises(Forbidden):
        await exports.cancel(person("supervisor", 2), job.id)
    with pytest.raises(NotFound):
        await imports.cancel(ADMIN, job.id)
    read, pages = exporting.cards.read_cards, []

    async def then_it_is_cancelled(connection, ids):
        pages.append(ids)
        await exports.cancel(ADMIN, job.id)
        return await read(connection, ids)

    monkeypatch.setattr(exporting, "PAGE", 10)
    monkeypatch.setattr(exporting.cards, "read_cards", then_it_is_cancelled)
    stopped = await exports.run(job.id)
    assert (stopped.state, len(pages)) == ("cancelled", 1)
    assert (await exports.get(ADMIN, job.id)) == stopped
    assert not list((tmp_path / "out").iterdir())
    with pytest.raises(Conflict):
        await exports.fetch(ADMIN, job.id)
    assert (await exports.cancel(ADMIN, job.id)).finished_at == stopped.finished_at
    async with seeded.reading() as connection:
        told = await connection.scalars(
            text(
                "SELECT action FROM audit_log WHERE entity = 'exchange' AND entity_id = :id ORDER BY id"
            ),
            {"id": str(job.id)},
        )
        assert list(told) == ["export.start", "export.cancel"]
    monkeypatch.undo()
    await written(exports, ADMIN, content)


async def test_who_cannot_log_in_any_more_gets_no_file(exports, seeded, clock, tmp_path):
    clock.pass_by(days=60)
    job = await exports.start(ADMIN, ExportContent(conditions=where("level", "city")))
    async with seeded.begin() as session:
        await session.execute(text("UPDATE users SET active = false WHERE id = 1"))
    failed = await exports.run(job.id)
    assert (failed.state, failed.finished_at) == ("failed", clock())
    assert "cannot log in" in failed.error
    async with seeded.begin() as session:
        await session.execute(text("UPDATE users SET active = true WHERE id = 1"))


async def test_a_large_export_takes_few_statements(seeded, pg_server, clock, tmp_path):
    many, asked = 5_000, Counter()
    async with seeded.begin() as session:
        await session.execute(
            text(
                "WITH made AS (INSERT INTO customers (name, search_text, city, level_code, price_policy_code)"
                " SELECT '大' || n, '大' || n, '大市', 'consumer', 'list' FROM generate_series(1, :many) n RETURNING id, name)"
                " INSERT INTO customer_phones (customer_id, number, is_main)"
                " SELECT id, '139' || lpad(substr(name, 2), 8, '0'), true FROM made"
            ),
            {"many": many},
        )
        name = await session.scalar(text("SELECT current_database()"))
    database = database_at(pg_server.url(name))

    def count(dbapi_connection, *_):
        dbapi_connection.driver_connection.add_query_logger(noted)

    def noted(statement):
        asked[statement.query.split()[0]] += 1

    event.listen(database._engine.sync_engine, "connect", count)
    exports = ExportService(
        database,
        tmp_path / "out",
        SearchService(database),
        clock=clock,
        limits=ExportLimits(database, 50),
    )
    content = ExportContent(conditions=where("city", "大市"), format="csv")
    job = await exports.start(SYSTEM, content)
    asked.clear()
    done = await exports.run(job.id)
    _, path = await exports.fetch(SYSTEM, job.id)
    lines = path.read_text("utf-8-sig").splitlines()
    assert (done.added, len(lines)) == (many, many + 1)
    assert lines[1].startswith(f",大{many},139{many:08}")
    assert 10 < asked.total() < many / 50
    await database.close()
