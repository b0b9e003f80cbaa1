"""Customers in and out of files by command, and in a process of its own that may be killed."""

import asyncio
import csv
import secrets
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select, update

from crm_core.bus import Bus
from crm_core.customers.tables import Customer
from crm_core.exchange import importing
from crm_core.exchange.jobs import JobView
from crm_core.exchange.tables import ExchangeJob
from crm_core.exchange.worker import ExchangeWorker
from crm_core.rights import SYSTEM
from crm_core.services import Crm
from tests.databases import database_at
from tests.exchange.exchange_files import csv_file, xlsx
from tests.zongji.command import refused, zongji
from zongji import exchange, settings
from zongji.installation import Installation
from zongji.platform.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def place(pg_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    name = f"files_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    installation = Installation(var=tmp_path_factory.mktemp("files"))
    installation.write_settings(pg_server.url(name))
    assert zongji("db", "upgrade", settings=installation.settings_file).code == 0
    return installation


@pytest.fixture
async def crm(place: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZONGJI_SETTINGS", str(place.settings_file))
    database = database_at(settings.load().database_url.get_secret_value())
    yield Crm.of(database, Bus(), lambda: datetime.now(UTC), files=place.var / "exchange")
    await database.close()


def test_a_file_is_taken_in_and_refused_rows_lie_beside_it(place: Installation, tmp_path: Path):
    file = xlsx(tmp_path / "老客户.xlsx", [["店名", "电话", "额度", "杂"], ["命令店", "13733330001", "1万", "x"],
                                       ["坏店", "没有", "", ""]])  # fmt: skip
    said = zongji(
        "customers", "import", str(file), "--column", "杂=note", settings=place.settings_file
    )
    assert said.code == 0, said.err
    assert "2 rows: 1 new, 0 changed, 0 as they were, 1 refused" in said.out
    beside = tmp_path / "老客户-refused.xlsx"
    rows = CalamineWorkbook.from_path(beside).get_sheet_by_index(0).to_python()
    assert rows[0] == ["原因 Reasons", "店名", "电话", "额度", "杂"]
    assert "没有" in rows[1][0]
    again = zongji(
        "customers", "import", str(file), "--column", "杂=note", settings=place.settings_file
    )
    assert "0 new, 0 changed, 1 as they were, 1 refused" in again.out


def test_customers_are_written_to_a_file_by_condition(place: Installation, tmp_path: Path):
    file = csv_file(
        tmp_path / "a.csv", [["名称", "城市"], ["导出甲", "导城"], ["导出乙", "别城"]], "gbk"
    )
    assert zongji("customers", "import", str(file), settings=place.settings_file).code == 0
    target = tmp_path / "out.csv"
    said = zongji(
        "customers", "export", str(target), "--where", "city=导城", settings=place.settings_file
    )
    assert said.code == 0, said.err
    with target.open(encoding="utf-8-sig", newline="") as written:
        rows = list(csv.DictReader(written))
    assert [row["客户名称"] for row in rows] == ["导出甲"]
    said = zongji(
        "customers", "export", str(target), "--where", "city=导城", "--encoding", "gb18030",
        settings=place.settings_file,
    )  # fmt: skip
    assert said.code == 0, said.err
    with target.open(encoding="gbk", newline="") as written:
        assert list(csv.DictReader(written)) == rows


def test_what_excel_cannot_hold_is_said_with_the_export(place: Installation, tmp_path: Path):
    parts = f"{'职' * 45} | {'m' * 150}@b.example | | {'注' * 500}"
    details = "\n".join(f"人{n} | {parts}" for n in range(50))
    rows = [["名称", "城市", "联系人资料"], ["满员", "满城", details]]
    file = csv_file(tmp_path / "a.csv", rows, "utf-8")
    assert zongji("customers", "import", str(file), settings=place.settings_file).code == 0
    said = zongji(
        "customers", "export", str(tmp_path / "out.xlsx"), "--where", "city=满城",
        settings=place.settings_file,
    )  # fmt: skip
    assert (said.code, "1 customers" in said.out) == (0, True), said.err
    assert "联系人资料 in row 2" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("import", "{file}", "--column", "nothing"), "--column takes"),
        (("export", "{file}.pdf"), "must end in .xlsx or .csv"),
        (("export", "{file}", "--where", "level"), "--where takes"),
        (("export", "{file}", "--where", "shoe_size=9"), "cannot be searched by shoe_size"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    place: Installation, tmp_path: Path, arguments: tuple[str, ...], sentence: str
):
    file = csv_file(tmp_path / "a.csv", [["名称"], ["x"]], "utf-8")
    said = zongji(
        "customers", *(each.format(file=file) for each in arguments), settings=place.settings_file
    )
    assert sentence in refused(said)


async def test_an_import_process_that_is_killed_is_replaced_and_nothing_is_twice(
    crm: Crm, place: Installation, tmp_path: Path
):
    many = 4 * importing.BATCH
    rows = [["名称", "电话"], *[[f"进程{n}", f"1374{n:07d}"] for n in range(many)]]
    preview = await crm.imports.hand_in(
        SYSTEM, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8")
    )
    job = (await crm.imports.start(SYSTEM, preview.job.id)).id
    database = crm.imports._database
    work = asyncio.create_task(exchange.launch(job))

    async def job_now() -> JobView:
        return await crm.imports.any(job)

    async with asyncio.timeout(60):
        while (await job_now()).added == 0:
            await asyncio.sleep(0.01)
    assert exchange.running[job] is not None
    exchange.running[job].send_signal(signal.SIGKILL)
    await work
    left = await job_now()
    assert left.state in ("running", "done")
    async with database.begin() as session:
        await session.execute(
            update(ExchangeJob)
            .where(ExchangeJob.id == job, ExchangeJob.state == "running")
            .values(lease_until=datetime.now(UTC) - timedelta(seconds=1))
        )
    worker = ExchangeWorker(
        database, exchange.launch, place.var / "exchange", clock=lambda: datetime.now(UTC)
    )
    await worker.run_once()
    done = await job_now()
    assert (done.state, done.added, done.refused) == ("done", many, 0)
    async with database.reading() as connection:
        found = select(func.count()).select_from(Customer).where(Customer.name.startswith("进程"))
        assert await connection.scalar(found) == many


async def test_a_daemon_that_stops_ends_its_import_process(crm: Crm, tmp_path: Path):
    rows = [["名称", "电话"], *[[f"停{n}", f"1375{n:07d}"] for n in range(4 * importing.BATCH)]]
    preview = await crm.imports.hand_in(
        SYSTEM, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8")
    )
    job = (await crm.imports.start(SYSTEM, preview.job.id)).id
    work = asyncio.create_task(exchange.launch(job))
    async with asyncio.timeout(60):
        while job not in exchange.running:
            await asyncio.sleep(0.01)
    process = exchange.running[job]
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert process.returncode is not None
    assert job not in exchange.running
