"""100,000 rows from an Excel file into a database of 10,000 customers, and into one of 1,000,000: ImportService in a
process of its own, and beside it PostgreSQL's COPY of the same values into the same tables, prepared. Then the same
customers out again, as CSV: ExportService, and beside it PostgreSQL's COPY of their names, numbers and addresses.

Rule: both write customers, numbers and addresses with every index; COPY reads no Excel, checks nothing, looks for
nobody and leaves no trail. On the way out COPY writes nine columns, and the export every one there is. `mb` is the
most memory the importing process had.
"""

import asyncio
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop
import xlsxwriter

from bench.crm_data import filled
from crm_core.customers.criteria import Condition
from crm_core.customers.search import SearchService
from crm_core.customers.words import of_address
from crm_core.db import Database
from crm_core.exchange.exporting import ExportContent, ExportService
from crm_core.exchange.importing import ImportService
from crm_core.exchange.limits import ExportLimits
from crm_core.rights import SYSTEM
from crm_core.search_text import search_text
from crm_core.statement import driver_of

ROWS = 100_000
SIZES = (10_000, 1_000_000)
_NOTE = "从旧系统导入"
_IMPORTED = f"""
SELECT c.code, c.name, p.number, c.level_code, c.province, c.city, a.detail, c.credit_limit, c.note
  FROM customers c
  JOIN customer_phones p ON p.customer_id = c.id AND p.is_main
  JOIN customer_addresses a ON a.customer_id = c.id AND a.is_main
 WHERE c.code LIKE 'B0%' AND c.note = '{_NOTE}'
"""
_HEADERS = ("客户编码", "客户名称", "电话", "等级", "省份", "城市", "地址", "信用额度", "备注")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="zongji-bench-", dir="/tmp"))
    with filled(SIZES) as databases:
        print(f"{'customers':>10} {'':24} {'seconds':>8} {'rows/s':>8} {'MB':>6}")
        for size, url in databases.items():
            copied = uvloop.run(_copy(url))
            _print(size, "COPY, prepared", copied, None)
            file = _write(folder / "customers.xlsx")
            took, megabytes = _in_a_process(url, file)
            _print(size, "ImportService", took, megabytes)
            copied_out = uvloop.run(_copy_out(url, folder / "copied.csv"))
            _print(size, "COPY TO", copied_out, None)
            exported = uvloop.run(_export(url, folder))
            _print(size, "ExportService", exported, None)
    told = {
        "ratio": f"{took / copied:.2f}",
        "mb": f"{megabytes:.0f}",
        "export_ratio": f"{exported / copied_out:.2f}",
    }
    print("BENCH import", *(f"{name}={figure}" for name, figure in told.items()))


def _print(size: int, name: str, took: float, megabytes: float | None) -> None:
    shown = "" if megabytes is None else f"{megabytes:6.0f}"
    print(f"{size:>10,} {name:24} {took:8.1f} {ROWS / took:8.0f} {shown}")


def _row(number: int, prefix: str) -> tuple[str, str, str, str, str, str, str, int, str]:
    return (
        f"{prefix}{number:06d}",
        f"津海{number}号商贸行",
        f"{'150' if prefix == 'B' else '151'}{number:08d}",
        "零售商",
        "天津",
        "天津",
        f"和平路{number % 900}号",
        number % 1000 * 100,
        _NOTE,
    )


def _write(path: Path) -> Path:
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, _HEADERS)
        for number in range(ROWS):
            sheet.write_row(number + 1, 0, _row(number, "B"))
    return path


async def _copy(url: str) -> float:
    """Seconds."""
    rows = [_row(number, "C") for number in range(ROWS)]
    customers = [
        (10_000_000 + n, row[0], row[1], search_text(row[1]), "retailer", row[4], row[5], "list",
         row[7], row[8])
        for n, row in enumerate(rows)
    ]  # fmt: skip
    phones = [(row[2], 10_000_000 + n, True) for n, row in enumerate(rows)]
    addresses = [
        (10_000_000 + n, True, row[6], of_address(None, None, None, row[6], None))
        for n, row in enumerate(rows)
    ]
    database = Database(url, statement_timeout_s=600)
    began = time.perf_counter()
    async with database.begin() as session:
        driver = driver_of(session)
        for table, columns, records in (
            ("customers", ("id", "code", "name", "search_text", "level_code", "province", "city",
                           "price_policy_code", "credit_limit", "note"), customers),
            ("customer_phones", ("number", "customer_id", "is_main"), phones),
            ("customer_addresses", ("customer_id", "is_main", "detail", "search_text"), addresses),
        ):  # fmt: skip
            await driver.copy_records_to_table(table, records=records, columns=columns)
    took = time.perf_counter() - began
    await database.close()
    return took


async def _copy_out(url: str, file: Path) -> float:
    """Seconds."""
    database = Database(url, statement_timeout_s=600)
    began = time.perf_counter()
    async with database.begin() as session:
        await driver_of(session).copy_from_query(_IMPORTED, output=file, format="csv")
    took = time.perf_counter() - began
    await database.close()
    assert file.read_bytes().count(b"\n") == ROWS
    return took


async def _export(url: str, folder: Path) -> float:
    """Seconds."""
    database = Database(url, statement_timeout_s=600)
    exports = ExportService(
        database,
        folder / "exports",
        SearchService(database),
        clock=lambda: datetime.now(UTC),
        limits=ExportLimits(database, ROWS),
    )
    content = ExportContent(
        conditions=(
            Condition(field="code", op="contains", value="B0"),
            Condition(field="note", op="contains", value=_NOTE),
        ),
        format="csv",
    )
    began = time.perf_counter()
    job = await exports.run((await exports.start(SYSTEM, content)).id)
    took = time.perf_counter() - began
    await database.close()
    assert job is not None
    assert job.added == ROWS, job
    return took


def _in_a_process(url: str, file: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "bench.importing", url, str(file)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    told = json.loads(said.splitlines()[-1])
    assert told["added"] == ROWS, told
    return told["seconds"], told["mb"]


async def _import(url: str, file: Path) -> dict[str, float]:
    database = Database(url, statement_timeout_s=600)
    imports = ImportService(database, file.parent / "jobs", clock=lambda: datetime.now(UTC))
    began = time.perf_counter()
    preview = await imports.hand_in(SYSTEM, file.name, file)
    await imports.start(SYSTEM, preview.job.id)
    job = await imports.run(preview.job.id)
    took = time.perf_counter() - began
    await database.close()
    assert job is not None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": took, "mb": most, "added": job.added}


if __name__ == "__main__":
    from zongji.logs import configure_logging

    configure_logging(quiet=True)
    for package in ("crm_core", "acd", "orders", "dialer"):
        importlib.import_module(f"{package}.tables")
    print(json.dumps(asyncio.run(_import(sys.argv[1], Path(sys.argv[2])))))
