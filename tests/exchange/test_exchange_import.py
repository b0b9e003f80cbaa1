"""Customers out of Excel and CSV: recognised, taken in once, refused with reasons, resumed."""

import asyncio
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crm_core.audit.tables import AuditEntry
from crm_core.customers.custom_fields import CustomFieldService, NewCustomField
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.merging import MergeService
from crm_core.customers.tables import Customer
from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.exchange import importing, jobs, looking
from crm_core.people.tables import User
from crm_core.rights import SYSTEM
from tests.crm_core.crm_core_support import person
from tests.exchange.exchange_files import csv_file, xlsx
from tests.exchange.taking_in import ADMIN, one, take_in, why

OPERATIONS = person("operations", 2)


async def test_a_chinese_excel_file_is_understood_as_it_is(imports, search, customers, tmp_path):
    file = xlsx(
        tmp_path / "客户.xlsx",
        [
            [],
            ["客户编码", "客户名称*", "联系电话", "手机", "客户等级", "上级", "省份", "城市", "详细地址",
             "联系人", "价格政策", "账期", "信用额度（元）", "生日", "备注", "不认识的列", "拒收渠道"],
            ["E1", "盛达总代", "022-27000001", 13700020001, "全国总代", "", "天津市", "天津市", "友谊路1号",
             "赵总", "8折", "月结30天", "¥50万", date(1980, 2, 1), "老客户", "x", "短信、邮件"],
            ["E2", "盛达分销", "022-27000002、13700020002", "", "市级代理", "盛达总代", "河北省", "唐山市",
             "新华道2号", "", "9折", "", "12,000.50", "1985年3月4日", "", "y", ""],
        ],
    )  # fmt: skip
    preview = await imports.hand_in(ADMIN, "客户.xlsx", file)
    assert "不认识的列" not in preview.proposed
    assert preview.rows[0][0] == "E1"
    await imports.start(ADMIN, preview.job.id)
    told = []
    job = await imports.run(preview.job.id, told.append)
    assert (job.state, job.total, job.added, job.refused) == ("done", 2, 2, 0)
    assert {each.done for each in told} == {2}
    top, below = [await one(search, customers, name) for name in ("盛达总代", "盛达分销")]
    assert (top.level.code, top.price_policy.code, top.credit_limit) == (
        "national",
        "off20",
        Decimal(500_000),
    )
    assert [p.number for p in top.phones] == ["02227000001", "13700020001"]
    assert (top.province, top.city, top.address, top.contacts[0].name) == (
        "天津",
        "天津",
        "友谊路1号",
        "赵总",
    )
    assert (top.birthday, below.birthday) == (date(1980, 2, 1), date(1985, 3, 4))
    assert (top.opt_outs, below.opt_outs) == (("email", "sms"), ())
    assert top.payment_terms is not None
    assert (top.payment_terms.code, below.parent_id) == ("net30", top.id)
    assert below.credit_limit == Decimal("12000.50")
    assert [hit.id for hit in await search.quick(SYSTEM, "sdfx")] == [below.id]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ","), ("gbk", ","), ("gb18030", "\t"), ("utf-16", ";")],
)
async def test_csv_is_read_in_every_encoding_chinese_programs_write(
    imports, search, tmp_path, encoding, delimiter
):
    name = f"编码{encoding.replace('-', '')}"
    file = csv_file(
        tmp_path / "a.csv", [["名称", "备注"], [name, "逗号,在内"]], encoding, delimiter
    )
    job = await take_in(imports, file)
    assert job.added == 1
    assert [hit.name for hit in await search.quick(SYSTEM, name)] == [name]


async def test_a_bad_row_never_spoils_the_rest_and_says_why(imports, search, tmp_path):
    rows = [
        ["名称", "电话", "等级", "上级", "额度", "生日"],
        ["好一", "13700030001", "零售商", "", 100, ""],
        ["坏号", "不是电话", "", "", "", ""],
        ["坏级", "", "皇帝", "", "", ""],
        ["坏额", "", "", "", "很多", ""],
        ["负额", "", "", "", -5, ""],
        ["坏日", "", "", "", "", "2026-02-30"],
        ["", "13700030002", "", "", "", ""],
        ["无上", "", "", "没有这人", "", ""],
        ["\x01怪", "", "", "", "", ""],
        ["溢出", "", "", "", "1e999999万", ""],
        ["长" * 101, "", "", "", "", ""],
        ["好二", "13700030003", "", "", "", ""],
        ["倒挂", "", "全国总代", "好一", "", ""],
    ]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (job.state, job.added, job.refused) == ("done", 2, 11)
    reasons = await why(imports, job)
    assert sorted(reasons) == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14]
    assert reasons[4] == ["等级: there is no “皇帝”"]
    assert "2026-02-30" in reasons[7][0]
    assert "name" in reasons[8][0]
    assert "没有这人" in reasons[9][0]
    assert len(await search.quick(SYSTEM, "好二")) == 1


async def test_the_same_file_again_changes_nothing(imports, customers, search, tmp_path):
    rows = [["名称", "电话", "地址", "联系人"]]
    rows += [[f"重复{n}", f"1370004{n:04d}", f"路{n}号", "张"] for n in range(30)]
    first = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    again = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (first.added, again.added, again.same, again.changed) == (30, 0, 30, 0)
    rows[1] = ["重复零", "13700040000", "新路", "李"]
    changed = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (changed.same, changed.changed) == (29, 1)
    card = await one(search, customers, "重复零")
    assert ([c.name for c in card.contacts], card.address) == (["张", "李"], "新路")
    assert [a.detail for a in card.addresses] == ["新路", "路0号"]


async def test_rows_of_one_customer_become_one_customer(imports, customers, search, tmp_path):
    rows = [
        ["编码", "名称", "电话", "备注"],
        ["Z9", "分三行", "13700050001", ""],
        ["Z9", "", "13700050002", ""],
        ["", "", "13700050002", "第三行"],
    ]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (job.added, job.changed, job.refused) == (1, 2, 0)
    card = await one(search, customers, "分三行")
    assert ({p.number for p in card.phones}, card.note) == (
        {"13700050001", "13700050002"},
        "第三行",
    )


async def test_a_row_that_means_two_customers_is_refused(imports, customers, tmp_path):
    for name, number in (("甲店", "13700060001"), ("乙店", "13700060002")):
        await customers.create(SYSTEM, NewCustomer(name=name, code=name, phones=(number,)))
    rows = [["编码", "名称", "电话"], ["", "丙", "13700060001/13700060002"], ["甲店", "", "13700060002"],
            ["新码", "丁", "13700060001"]]  # fmt: skip
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    reasons = await why(imports, job)
    assert sorted(reasons) == [2, 3, 4]
    assert "甲店" in reasons[2][0]
    assert "乙店" in reasons[2][0]


async def test_a_customer_above_may_come_later_in_the_file(imports, customers, search, tmp_path):
    rows = [["名称", "等级", "上级"]]
    rows += [[f"后链{n}", "零售商", f"后链{n + 1}"] for n in range(5)]
    rows += [["后链5", "全国总代", ""]]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (job.added, job.refused, await why(imports, job)) == (6, 0, {})
    card = await one(search, customers, "后链0")
    assert [above.name for above in card.above] == [f"后链{n}" for n in (5, 4, 3, 2, 1)]


async def test_custom_fields_come_by_their_label(imports, customers, search, seeded, tmp_path):
    fields = CustomFieldService(seeded)
    for code, kind, options in (
        ("i_size", "number", ()),
        ("i_open", "date", ()),
        ("i_cold", "yes_no", ()),
        ("i_sells", "choices", ("烟", "酒")),
    ):
        await fields.create(
            SYSTEM,
            NewCustomField(
                code=code, type=kind, label_zh=f"列{code}", label_en=code, options=options
            ),
        )
    rows = [["名称", "列i_size", "i_open", "i_cold", "i_sells"],
            ["有自定", "1,200", "2020年1月2日", "是", "烟、酒"], ["错自定", "", "", "", "茶"]]  # fmt: skip
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (job.added, job.refused) == (1, 1)
    card = await one(search, customers, "有自定")
    assert {each.code: each.value for each in card.custom} == {
        "i_size": Decimal(1200),
        "i_open": date(2020, 1, 2),
        "i_cold": True,
        "i_sells": ("烟", "酒"),
    }


async def test_an_import_that_was_killed_goes_on_and_writes_nothing_twice(
    imports, seeded, clock, tmp_path, monkeypatch
):
    monkeypatch.setattr(importing, "BATCH", 10)
    rows = [["名称", "电话"], *[[f"断点{n}", f"1370007{n:04d}"] for n in range(45)]]
    preview = await imports.hand_in(ADMIN, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8"))
    await imports.start(ADMIN, preview.job.id)

    def die(job):
        if job.added == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await imports.run(preview.job.id, die)
    assert await imports.run(preview.job.id) is None
    clock.pass_by(seconds=jobs.LEASE.total_seconds() + 1)
    job = await imports.run(preview.job.id)
    assert (job.state, job.added, job.refused) == ("done", 45, 0)
    async with seeded.reading() as connection:
        many = await connection.scalar(
            select(func.count()).select_from(Customer).where(Customer.name.startswith("断点"))
        )
    assert many == 45


async def test_an_import_that_dies_in_the_same_place_again_and_again_has_failed(
    imports, clock, tmp_path, monkeypatch
):
    rows = [["名称"], ["致命行"]]
    preview = await imports.hand_in(ADMIN, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8"))
    await imports.start(ADMIN, preview.job.id)

    async def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(importing.Work, "_take", die)
    for _ in range(jobs.MOST_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            await imports.run(preview.job.id)
        clock.pass_by(seconds=jobs.LEASE.total_seconds() + 1)
    assert await imports.run(preview.job.id) is None
    job = await imports.get(ADMIN, preview.job.id)
    assert (job.state, job.finished_at) == ("failed", clock())
    assert "5 times after row 0" in job.error


async def test_an_import_that_comes_further_each_time_goes_on_however_often_it_dies(
    imports, clock, tmp_path, monkeypatch
):
    monkeypatch.setattr(importing, "BATCH", 1)
    rows = [["名称"], *[[f"慢进{n}"] for n in range(jobs.MOST_ATTEMPTS + 2)]]
    preview = await imports.hand_in(ADMIN, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8"))
    await imports.start(ADMIN, preview.job.id)

    def die(job):
        raise KeyboardInterrupt

    for _ in rows[2:]:
        with pytest.raises(KeyboardInterrupt):
            await imports.run(preview.job.id, die)
        clock.pass_by(seconds=jobs.LEASE.total_seconds() + 1)
    job = await imports.run(preview.job.id)
    assert (job.state, job.added) == ("done", len(rows) - 1)


async def test_a_worker_whose_lease_was_taken_over_writes_nothing_more(
    imports, seeded, clock, tmp_path
):
    rows = [["名称"], *[[f"两工{n}"] for n in range(30)]]
    preview = await imports.hand_in(ADMIN, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8"))
    await imports.start(ADMIN, preview.job.id)
    async with seeded.begin() as session:
        claimed = await jobs.claim(session, preview.job.id, clock())
    late = importing.Work(
        seeded, clock, claimed, imports.path(claimed.id), lambda _: None, held=clock() + jobs.LEASE
    )
    clock.pass_by(seconds=jobs.LEASE.total_seconds() + 1)
    in_time = await imports.run(preview.job.id)
    with pytest.raises(jobs.LeaseLost):
        await late.all()
    assert in_time is not None
    assert (await imports.get(ADMIN, preview.job.id)).added == in_time.added == 30
    async with seeded.reading() as connection:
        many = await connection.scalar(
            select(func.count()).select_from(Customer).where(Customer.name.startswith("两工"))
        )
    assert many == 30


async def test_somebody_who_enters_the_same_customer_meanwhile_is_met(
    imports, customers, tmp_path, monkeypatch
):
    from crm_core.exchange import writing

    rows = [["名称", "电话", "备注"], ["抢先", "13700080001", "来自文件"]]
    preview = await imports.hand_in(ADMIN, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8"))
    await imports.start(ADMIN, preview.job.id)
    looked, entered = writing.matching.matches, []

    async def then_somebody_enters(session, actor, records):
        found = await looked(session, actor, records)
        if not entered:
            entered.append(
                await customers.create(SYSTEM, NewCustomer(name="抢先", phones=("13700080001",)))
            )
        return found

    monkeypatch.setattr(writing.matching, "matches", then_somebody_enters)
    job = await imports.run(preview.job.id)
    assert (job.added, job.changed) == (0, 1)
    assert (await customers.get(SYSTEM, entered[0].id)).note == "来自文件"


async def test_who_lacks_a_right_cannot_bring_it_in_by_file(imports, customers, tmp_path):
    rows = [["名称", "信用额度"], ["越权", 10**6]]
    with pytest.raises(Forbidden):
        await imports.hand_in(
            person("agent", 3), "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8")
        )
    preview = await imports.hand_in(
        OPERATIONS, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8")
    )
    with pytest.raises(Forbidden):
        await imports.start(OPERATIONS, preview.job.id)
    await imports.start(ADMIN, preview.job.id)
    with pytest.raises(Conflict):
        await imports.start(ADMIN, preview.job.id)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"\n\n,,\n"),
        ("a.xlsx", b"PK\x03\x04 but no zip"),
        ("a.xls", b"\xd0\xcf\x11\xe0 but no workbook"),
        ("a.csv", b"\xff\xfea\x00\xd8"),
        ("a.pdf", b"%PDF-1.7\n\x80\x81\xfe\xff\x00"),
    ],
)
async def test_what_is_no_table_is_refused_in_words(imports, tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(Invalid):
        await take_in(imports, file)


_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}'
    "</sheetData></worksheet>"
)
_CELL = '<row r="{row}"><c r="{column}{row}" t="inlineStr"><is><t>{text}</t></is></c></row>'


def bomb(folder: Path, *cells: tuple[str, int, str]) -> Path:
    """A small Excel file with these cells, which unpack to far more."""
    rows = "".join(_CELL.format(column=at, row=row, text=each) for at, row, each in cells)
    template = xlsx(folder / "whole.xlsx", [["名称"], ["甲"]])
    path = folder / "bomb.xlsx"
    with (
        zipfile.ZipFile(template) as whole,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for each in whole.namelist():
            new.writestr(
                each, _SHEET.format(rows) if each.endswith("sheet1.xml") else whole.read(each)
            )
    assert path.stat().st_size < 1024**2
    return path


async def test_a_file_that_unpacks_to_too_much_is_refused(imports, tmp_path):
    wide = bomb(tmp_path, ("A", 1, "名称"), ("XFD", 1_048_576, "x"))
    with pytest.raises(Invalid) as refused:
        await imports.hand_in(ADMIN, "bomb.xlsx", wide)
    assert refused.value.fields == {"body": "too large unpacked"}
    deep = bomb(tmp_path, ("A", 1, "名称"), ("A", 2, "x" * 150_000_000))
    with pytest.raises(Invalid) as refused:
        await looking.look(deep, most_memory=256 * 1024**2)
    assert refused.value.fields == {"body": "too large unpacked"}
    assert (await looking.look(tmp_path / "whole.xlsx", most_memory=256 * 1024**2)).rows


async def test_a_plan_that_makes_no_sense_is_named(imports, tmp_path):
    rows = [["甲", "乙"], ["x", "y"]]
    preview = await imports.hand_in(ADMIN, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8"))
    for plan in (
        {},
        {"甲": "note"},
        {"甲": "name", "乙": "name"},
        {"丙": "name"},
        {"甲": "password_hash"},
        {"甲": "custom.nothing", "乙": "name"},
    ):
        with pytest.raises(Invalid):
            await imports.start(ADMIN, preview.job.id, plan)
    await imports.start(ADMIN, preview.job.id, {"甲": "name", "乙": "note"})


async def test_an_import_leaves_its_trail(imports, seeded, customers, search, tmp_path):
    rows = [["名称", "电话"], ["留痕", "13700090001"]]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    card = await one(search, customers, "留痕")
    await customers.update(SYSTEM, card.id, 1, CustomerFields(note="x"))
    async with seeded.begin() as session:
        actions = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.entity == "exchange")
            .where(AuditEntry.entity_id == str(job.id)).order_by(AuditEntry.id)
        )  # fmt: skip
        entry = await session.scalar(
            select(AuditEntry).where(
                AuditEntry.action == "customer.import", AuditEntry.entity_id == str(card.id)
            )
        )
    assert list(actions) == ["import.start", "import.done"]
    assert entry is not None
    assert entry.after == {"name": "留痕", "phones": ["13700090001"], "row": 2}
    assert entry.actor_id == 1


async def test_a_cancelled_import_stops_and_keeps_what_came_in(imports, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 10)
    rows = [["名称"], *[[f"取消{n}"] for n in range(30)]]
    preview = await imports.hand_in(ADMIN, "a.csv", csv_file(tmp_path / "a.csv", rows, "utf-8"))
    await imports.start(ADMIN, preview.job.id)
    stopping: list[asyncio.Task] = []

    def stop(job):
        if not stopping:
            stopping.append(asyncio.create_task(imports.cancel(ADMIN, job.id)))

    job = await imports.run(preview.job.id, stop)
    await stopping[0]
    assert job.state in ("cancelled", "running", "done")
    assert (await imports.get(ADMIN, preview.job.id)).added in (10, 20, 30)


async def test_a_row_with_a_name_only_means_the_one_of_that_name(
    imports, customers, search, tmp_path
):
    rows = [["名称", "备注"], ["独名", "一"], ["同名", "二"]]
    first = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    again = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (first.added, again.added, again.same) == (2, 0, 2)
    twice = [["名称", "电话"], ["独名", ""], ["独名", ""], ["新店", "13700100001"], ["新店", ""]]
    job = await take_in(imports, csv_file(tmp_path / "b.csv", twice, "utf-8"))
    assert (job.added, job.same, job.refused) == (1, 3, 0)
    await customers.create(SYSTEM, NewCustomer(name="同名"))
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (job.added, job.same, job.refused) == (0, 1, 1)
    assert "several customers are called 同名" in (await why(imports, job))[3][0]


async def test_a_file_from_before_a_merge_means_the_customer_that_is_left(
    imports, customers, search, seeded, tmp_path
):
    rows = [["编码", "名称", "电话", "备注"], ["并1", "并存店", "13700110001", "甲"],
            ["并2", "并入店", "13700110002", "乙"], ["", "并名店", "", ""]]  # fmt: skip
    await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    kept = await one(search, customers, "并存店")
    merging = MergeService(seeded)
    for name in ("并入店", "并名店"):
        dropped = await one(search, customers, name)
        kept = await customers.get(SYSTEM, kept.id)
        await merging.merge(SYSTEM, (kept.id, kept.version), (dropped.id, dropped.version))
    again = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (again.added, again.changed, again.same, again.refused) == (0, 0, 3, 0)
    below = [["名称", "上级编码"], ["并下店", "并2"]]
    await take_in(imports, csv_file(tmp_path / "b.csv", below, "utf-8"))
    assert (await one(search, customers, "并下店")).parent_id == kept.id
    card = await customers.get(SYSTEM, kept.id)
    assert (card.name, card.code, card.note) == ("并存店", "并1", "甲")


async def test_a_masked_number_in_a_file_is_refused_and_merges_nobody(imports, search, tmp_path):
    rows = [["名称", "电话"], ["遮一", "137****0001"], ["遮二", "137****0002"]]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    reasons = await why(imports, job)
    assert (job.added, sorted(reasons)) == (0, [2, 3])
    assert "masked" in reasons[2][0]


async def test_people_of_one_name_are_told_apart_by_their_login(
    imports, customers, search, seeded, tmp_path
):
    async with seeded.begin() as session:
        for login in ("zw1", "zw2"):
            session.add(User(login=login, name="张伟", role_code="agent", password_hash="x"))
    rows = [["名称", "业务员"], ["归谁", "张伟"], ["归二", "zw2"]]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert (job.added, job.refused) == (1, 1)
    assert "write the login (zw1, zw2)" in (await why(imports, job))[2][0]
    card = await one(search, customers, "归二")
    assert card.salesperson is not None
    async with seeded.reading() as connection:
        second = await connection.scalar(select(User.id).where(User.login == "zw2"))
    assert card.salesperson.id == second


async def test_a_file_adds_to_lists_and_takes_nothing_away(imports, customers, search, tmp_path):
    await customers.create(
        SYSTEM,
        NewCustomer.model_validate(
            {
                "name": "两址", "code": "LZ", "phones": [{"number": "13700120001", "label": "店"}],
                "addresses": [
                    {"detail": "一路", "recipient": "赵", "phone": "13700120009"},
                    {"detail": "二路", "province": "河北", "recipient": "钱", "label": "仓库"},
                ],
                "contacts": [{"name": "孙", "email": "s@s.example"}], "level_code": "city",
                "territories": [{"province": "河北"}],
            }
        ),
    )  # fmt: skip
    rows = [["编码", "地址", "收货人", "电话", "联系人", "联系人资料", "区域"],
            ["LZ", "河北二路", "李", "13700120001（家）、13700120002", "孙、周", "孙 | 经理", "河北、河北省-唐山市"]]  # fmt: skip
    for changed in (1, 0):
        job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
        assert (job.changed, job.refused) == (changed, 0), await why(imports, job)
    card = await one(search, customers, "两址")
    assert [(a.detail, a.recipient, a.phone, a.label) for a in card.addresses] == [
        ("二路", "李", None, "仓库"),
        ("一路", "赵", "13700120009", None),
    ]
    assert [(p.number, p.label) for p in card.phones] == [
        ("13700120001", "家"),
        ("13700120002", None),
    ]
    assert [(c.name, c.position, c.email) for c in card.contacts] == [
        ("孙", "经理", "s@s.example"),
        ("周", None, None),
    ]
    assert [(t.province, t.city) for t in card.territories] == [("河北", None), ("河北", "唐山")]


async def test_parts_of_an_address_without_the_address_are_refused(imports, tmp_path):
    rows = [["名称", "地址", "收货人"], ["无址", "", "李"]]
    job = await take_in(imports, csv_file(tmp_path / "a.csv", rows, "utf-8"))
    assert "there is no address" in (await why(imports, job))[2][0]
