"""Rows that spoil no other row of their file."""

import pytest
from python_calamine import CalamineWorkbook

from crm_core.errors import Invalid
from tests.exchange.exchange_files import csv_file
from tests.exchange.taking_in import ADMIN, one, take_in, why


async def test_a_cell_of_a_megabyte_spoils_its_own_row_only(imports, search, tmp_path):
    rows = [["名称", "备注"], ["巨" * 1_000_000, "x"], ["巨后", "y"], ["x" * 5_000_000, "z"]]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (job.state, job.added, job.refused) == ("done", 1, 2)
    row, larger = await imports.refusals(ADMIN, job.id)
    assert (row.row, row.cells) == (2, [None, "x"])
    assert row.reasons == ["名称: 1,000,000 characters are more than any field holds"]
    assert (larger.row, larger.cells) == (4, [])
    assert larger.reasons == ["a cell is longer than 4,194,304 characters"]


UNCLOSED = '名称,备注\n引一,x\n{}\n引三,z\n引四,"里,\n外"\n'


@pytest.mark.parametrize(
    "line", ['"引二,y', '引二,"y', '引二,"y ""z"" '], ids=["first", "last", "with-others"]
)
async def test_a_quotation_mark_that_stays_open_spoils_its_own_row_only(
    imports, customers, search, tmp_path, line
):
    file = tmp_path / "a.csv"
    file.write_text(UNCLOSED.format(line), encoding="utf-8")
    job = await take_in(imports, file)
    assert (job.state, job.done, job.refused) == ("done", 4, 1)
    assert await why(imports, job) == {
        3: ["a quotation mark is opened here and not closed: close it, or write it twice"]
    }
    card = await one(search, customers, "引四")
    assert card.note == "里,\n外"


async def test_what_may_be_the_rest_of_an_open_quotation_mark_becomes_nobody(imports, tmp_path):
    file = tmp_path / "a.csv"
    lines = ["名称,备注", '开一,"甲', "半行", "开二,", *([","] * 6_000), "开三"]
    file.write_text("\n".join(lines), encoding="utf-8")
    job = await take_in(imports, file)
    assert (job.state, job.added, job.refused) == ("done", 2, 2)
    reasons = await why(imports, job)
    assert sorted(reasons) == [2, 3]
    assert reasons[3][0].endswith("the rest of what is opened in line 2")


async def test_quotation_marks_where_csv_has_none_are_read_all_the_same(
    imports, customers, search, tmp_path
):
    file = tmp_path / "a.csv"
    file.write_text('名称,备注\n"宽"店,5" 管\n', encoding="utf-8")
    assert (await take_in(imports, file)).added == 1
    assert (await one(search, customers, "宽店")).note == '5" 管'


async def test_a_header_that_cannot_be_read_is_named(imports, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text('\n名称,"备注\n甲,乙\n', encoding="utf-8")
    with pytest.raises(Invalid, match=r"^Row 2, which names the columns: a quotation mark"):
        await take_in(imports, file)


async def test_a_long_cell_comes_in_whole_and_a_longer_one_is_refused_whole(
    imports, customers, search, tmp_path
):
    lines = [f"人{n} | 经理 | | | {'注' * 495}{n:05}" for n in range(50)]
    full, more = "\n".join(lines), "\n".join(lines * 2)
    rows = [["名称", "联系人资料"], ["满员", full], ["超员", more]]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (job.added, job.refused) == (1, 1)
    contacts = (await one(search, customers, "满员")).contacts
    assert [each.note[-5:] for each in contacts] == [f"{n:05}" for n in range(50)]
    assert await why(imports, job) == {
        52: [f"联系人资料: {len(more):,} characters are more than any field holds"]
    }


async def test_the_refused_rows_say_which_cell_does_not_fit_into_excel(imports, tmp_path):
    rows = [["名称", "等级", "联系人资料"], ["不合", "皇帝", "甲" * 40_000]]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    path = await imports.refused_file(ADMIN, job.id)
    _, (reasons, *cells) = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert cells == ["不合", "皇帝", ""]
    assert reasons.endswith("；联系人资料: more than a cell of Excel holds, and left empty here")
