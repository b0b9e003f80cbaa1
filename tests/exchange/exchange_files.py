"""Files as people hand them in, and as they fetch them."""

import csv
from pathlib import Path

import xlsxwriter
from python_calamine import CalamineWorkbook

from crm_core.customers.criteria import Condition


def xlsx(path: Path, rows: list[list[object]]) -> Path:
    with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


def csv_file(path: Path, rows: list[list[object]], encoding: str, delimiter: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def where(field, value):
    return (Condition(field=field, value=value),)


async def written(exports, actor, content):
    """The finished job of an export, and the rows of its file."""
    job = await exports.start(actor, content)
    await exports.run(job.id)
    done, path = await exports.fetch(actor, job.id)
    if path.suffix == ".csv":
        encoding = "utf-8-sig" if content.encoding == "utf-8" else content.encoding
        with path.open(encoding=encoding, newline="") as file:
            return done, list(csv.reader(file))
    book = CalamineWorkbook.from_path(path)
    return done, book.get_sheet_by_index(0).to_python()
