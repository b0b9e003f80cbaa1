"""Where numbers are at home, out of files: what is taken in, what is refused, and a daemon that takes it up."""

import asyncio
import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from crm_core.audit.tables import AuditEntry
from crm_core.db import Database
from crm_core.errors import Forbidden, Invalid
from crm_core.exchange import place_files
from crm_core.exchange.place_files import PlaceFiles
from crm_core.exchange.place_rows import Segment, SegmentReader
from crm_core.exchange.records import Refused
from crm_core.exchange.sheets import read_sheet
from crm_core.places.finder import Place, Places
from crm_core.places.tables import PlaceOverride
from crm_core.places.watch import PlacesWatch
from crm_core.rights import SYSTEM
from tests.crm_core.crm_core_support import person

HEADERS = ("号段", "省份", "城市", "区号", "运营商")
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture
async def files(database: Database, tmp_path: Path) -> PlaceFiles:
    async with database.begin() as session:
        await session.execute(text("TRUNCATE place_overrides, place_revisions"))
    return PlaceFiles(database, tmp_path / "exchange", clock=lambda: NOW)


def written(path: Path, *rows: tuple[object, ...], headers: tuple[str, ...] = HEADERS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows((headers, *rows))
    return path


async def imported(files: PlaceFiles, path: Path, *, whole: bool = False):
    handed = await files.hand_in(SYSTEM, path.name, path, whole=whole)
    return await files.run(handed.id)


async def there(database: Database) -> dict[str, tuple[str, str, str | None, str | None]]:
    async with database.reading_entities() as session:
        rows = await session.scalars(select(PlaceOverride))
        return {
            each.prefix: (each.province, each.city, each.area_code, each.carrier) for each in rows
        }


async def test_rows_are_taken_in_replaced_and_refused_with_reasons(
    files: PlaceFiles, database: Database, tmp_path: Path
):
    first = written(
        tmp_path / "a.csv",
        ("1380201", "天津市", "天津市", 22, "移动"),
        ("1390315****", "河北省", "唐山市", "0315", ""),
        ("0315", "河北", "唐山", "", ""),
        ("+852", "香港特别行政区", "香港", "", ""),
        ("22", "天津", "天津", "022", ""),
        ("13802x1", "天津", "", "9", ""),
        ("1380202", "天津", "滨海新区", "", ""),
    )
    job = await imported(files, first)
    assert (job.state, job.added, job.changed, job.same, job.refused) == ("done", 5, 0, 0, 2)
    assert await there(database) == {
        "1380201": ("天津", "天津", "022", "移动"),
        "1390315": ("河北", "唐山", "0315", None),
        "0315": ("河北", "唐山", "0315", None),
        "+852": ("香港", "香港", None, None),
        "1380202": ("天津", "天津", None, None),
    }
    refused = read_sheet(await files.refused_file(SYSTEM, job.id))
    reasons = [str(row.cells[0]) for row in refused.rows()]
    assert "begins with 0" in reasons[0]
    assert "not 2 to 16 digits" in reasons[1]
    assert "no area code" in reasons[1]
    again = written(
        tmp_path / "b.csv",
        ("1380201", "天津", "天津", "022", "移动"),
        ("0315", "河北", "秦皇岛", "0335", ""),
    )
    job = await imported(files, again)
    assert (job.added, job.changed, job.same, job.refused) == (0, 1, 1, 0)
    assert (await there(database))["0315"] == ("河北", "秦皇岛", "0335", None)


async def test_a_whole_file_replaces_the_table_and_one_without_a_good_row_does_not(
    files: PlaceFiles, database: Database, tmp_path: Path
):
    await imported(
        files, written(tmp_path / "a.csv", ("1380201", "天津", "天津"), ("0315", "河北", "唐山"))
    )
    bad = await imported(files, written(tmp_path / "b.csv", ("x", "天津", "天津")), whole=True)
    assert (bad.state, len(await there(database))) == ("failed", 2)
    done = await imported(files, written(tmp_path / "c.csv", ("0316", "河北", "廊坊")), whole=True)
    assert done.state == "done"
    assert list(await there(database)) == ["0316"]
    async with database.begin() as session:
        noted = select(AuditEntry).where(AuditEntry.action == "places.imported")
        entry = (await session.scalars(noted.order_by(AuditEntry.id.desc()).limit(1))).one()
    assert entry.after == {"added": 1, "changed": 0, "same": 0, "refused": 0, "removed": 2}


async def test_an_import_that_died_goes_on_after_the_last_batch(
    files: PlaceFiles, database: Database, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(place_files, "BATCH", 3)
    rows = [(f"138{n:04}", "天津", "天津") for n in range(10)]
    handed = await files.hand_in(SYSTEM, "a.csv", written(tmp_path / "a.csv", *rows))

    class Died(BaseException):
        pass

    def dies(job) -> None:
        if job.done >= 6:
            raise Died

    with pytest.raises(Died):
        await files.run(handed.id, dies)
    assert len(await there(database)) == 6
    assert await files.run(handed.id) is None
    async with database.begin() as session:
        await session.execute(text("UPDATE exchange_jobs SET lease_until = '2000-01-01'"))
    done = await files.run(handed.id)
    assert (done.state, done.added, done.same) == ("done", 10, 0)
    assert len(await there(database)) == 10


async def test_what_is_exported_can_be_imported_again(
    files: PlaceFiles, database: Database, tmp_path: Path
):
    await imported(
        files,
        written(
            tmp_path / "a.csv", ("1380201", "天津", "天津", "022", "移动"), ("0315", "河北", "唐山")
        ),
    )
    before = await there(database)
    for form in ("csv", "xlsx"):
        target = tmp_path / f"out.{form}"
        assert await files.export(SYSTEM, target, form) == 2
        job = await imported(files, target, whole=True)
        assert (job.same, job.refused) == (2, 0)
        assert await there(database) == before


async def test_a_file_without_the_columns_and_a_person_without_the_right_are_refused(
    files: PlaceFiles, tmp_path: Path
):
    path = written(tmp_path / "a.csv", ("天津",), headers=("省",))
    with pytest.raises(Invalid, match="no column 号段"):
        await files.hand_in(SYSTEM, "a.csv", path)
    with pytest.raises(Forbidden):
        await files.hand_in(person("agent"), "b.csv", written(tmp_path / "b.csv"))
    with pytest.raises(Forbidden):
        await files.export(person("agent"), tmp_path / "c.csv", "csv")


async def test_a_daemon_takes_it_up_once_the_table_stands_still(
    files: PlaceFiles, database: Database, tmp_path: Path
):
    places = Places()
    await places.load(database)
    watch = PlacesWatch(database, places)
    assert [await watch.run_once() for _ in range(3)] == [0, 0, 0]
    assert places.find("13802012345") == Place("022", "天津", "天津")
    await imported(files, written(tmp_path / "a.csv", ("1380201", "河北", "唐山", "0315")))
    assert await watch.run_once() == 0
    assert await watch.run_once() == 1
    assert places.look_up("13802012345").source == "imported"
    assert places.find("13802012345") == Place("0315", "河北", "唐山")
    assert await watch.run_once() == 0


async def test_hundreds_of_thousands_of_rows_are_taken_in_and_read_without_holding_up_the_loop(
    files: PlaceFiles, database: Database, tmp_path: Path
):
    path = tmp_path / "many.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("prefix,province,city\n")
        file.writelines(f"1{n:06},天津,天津\n" for n in range(300_000, 340_000))
    job = await imported(files, path)
    assert (job.added, job.refused) == (40_000, 0)
    places, turns = Places(), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await places.reload(database)
    task.cancel()
    assert places.find("13000001234") == Place(None, "天津", "天津")
    assert turns > 40_000 / 5_000
    async with database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(PlaceOverride)) == 40_000


cells = (
    st.none() | st.floats() | st.integers(0, 10**12) | st.text("0123９٣+*x 天津市省", max_size=24)
)


@given(st.tuples(cells, cells, cells, cells, cells))
def test_every_row_becomes_a_place_that_fits_the_table_or_is_refused_with_reasons(row):
    found = SegmentReader(HEADERS).read(1, row)
    if isinstance(found, Refused):
        assert found.reasons
    else:
        assert isinstance(found, Segment)
        assert 2 <= len(found.prefix) <= 16
        assert found.prefix.lstrip("+").isdecimal()
        assert found.prefix.isascii()
        assert found.province
        assert found.city
        assert max(len(found.province), len(found.city), len(found.carrier or "")) <= 20
        assert found.area_code is None or 3 <= len(found.area_code) <= 4
