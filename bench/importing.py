"""100,000 rows from an Excel file into a database of 10,000 customers, and into one of 1,000,000: ImportService in a
process of its own, and beside it PostgreSQL's COPY of the same values into the same tables, prepared.

Rule: both write customers, numbers and addresses with every index; COPY reads no Excel, checks nothing, looks for
nobody and leaves no trail. `mb` is the most memory the importing process had.
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
from crm_core.customers.words import of_address
from crm_core.db import Database
from crm_core.exchange.importing import ImportService
from crm_core.rights import SYSTEM
from crm_core.search_text import search_text
from crm_core.statement import driver_of

ROWS = 100_000
SIZES = (10_000, 1_000_000)
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
    print(f"BENCH import ratio={took / copied:.2f} mb={megabytes:.0f}")


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
        "从旧系统导入",
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
