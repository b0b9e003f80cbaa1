"""What was taken out comes in again: everything of it, once, and nobody else's number."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.exchange.exporting import ExportContent, ExportService
from crm_core.exchange.limits import ExportLimits
from crm_core.rights import SYSTEM, Principal
from tests.crm_core.crm_core_support import person
from tests.exchange.exchange_files import csv_file, where, written

ADMIN = person("admin", 1)


@pytest.fixture
def exports(seeded, search, tmp_path, clock):
    return ExportService(seeded, tmp_path / "out", search, clock=clock, limits=ExportLimits(seeded))


async def brought_in(exports, imports, actor, job, plan=None):
    _, path = await exports.fetch(actor, job.id)
    copy = shutil.copy(path, path.with_name(f"again-{path.name}"))
    preview = await imports.hand_in(actor, path.name, Path(copy))
    await imports.start(actor, preview.job.id, plan)
    return await imports.run(preview.job.id)


FULL = {
    "name": "全列店", "code": "全1", "level_code": "city", "credit_limit": "100",
    "phones": [{"number": "13700140001", "label": "店(夜)"}, "13700140002"],
    "addresses": [
        {"detail": "新华道1号", "province": "河北", "city": "唐山", "district": "路北", "recipient": "赵",
         "phone": "13700140003", "postcode": "063000", "label": "店"},
        {"detail": "二路", "recipient": "钱", "phone": "13700140004", "label": "仓库", "postcode": "063001"},
        {"detail": "三路", "label": "家"},
    ],
    "contacts": [
        {"name": "孙", "position": "经理", "email": "s@s.example", "birthday": "1980-02-03", "note": "爱|茶"},
        {"name": "周"},
    ],
    "territories": [{"province": "天津"}, {"province": "河北", "city": "唐山"}],
    "told_by": ["voice", "sms"],
}  # fmt: skip


async def test_everything_that_goes_out_comes_in_again(exports, imports, customers, search):
    top = await customers.create(
        SYSTEM, NewCustomer(name="全上", code="全0", level_code="national")
    )
    given = FULL | {"parent_id": top.id, "province": "全列"}
    made = await customers.create(SYSTEM, NewCustomer.model_validate(given))
    job, rows = await written(exports, ADMIN, ExportContent(conditions=where("province", "全列")))
    told = dict(zip(rows[0], rows[1], strict=True))
    assert (told["上级客户"], told["上级编码"], told["已用额度"]) == ("全上", "全0", 0)
    again = await brought_in(exports, imports, ADMIN, job)
    assert (again.same, again.changed, again.refused) == (1, 0, 0)
    assert "credit_used" not in again.plan.values()

    gone = CustomerFields.model_validate({"phones": [], "code": None, "name": "旧全列店"})
    await customers.update(SYSTEM, made.id, made.version, gone)
    fresh = await brought_in(exports, imports, ADMIN, job)
    assert (fresh.added, fresh.refused) == (1, 0)
    (hit,) = [hit for hit in await search.quick(SYSTEM, "全1") if hit.id != made.id]
    card = await customers.get(SYSTEM, hit.id)
    assert [(p.number, p.label) for p in card.phones] == [
        ("13700140001", "店 夜"), ("13700140002", None),
    ]  # fmt: skip
    assert [(a.line, a.recipient, a.phone, a.label, a.postcode) for a in card.addresses] == [
        (a.line, a.recipient, a.phone, a.label, a.postcode) for a in made.addresses
    ]
    assert [(c.name, c.position, c.email, c.birthday, c.note) for c in card.contacts] == [
        ("孙", "经理", "s@s.example", date(1980, 2, 3), "爱 茶"), ("周", None, None, None, None),
    ]  # fmt: skip
    assert (card.territories, card.parent_id) == (made.territories, top.id)
    assert card.told_by == ("sms", "voice")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
async def test_what_looks_like_a_formula_comes_back_by_csv_as_it_was(
    exports, imports, customers, search, encoding
):
    city = f"式{encoding}"
    values = {
        "name": f"=1+1 {city}", "code": f"@{city}", "city": city, "note": "'-减", "email": "+a@b.example",
        "phones": [f"+8522345678{len(city)}", "13700160001"] if encoding == "utf-8" else ["+85223456700"],
        "contacts": [{"name": "-无", "note": "=x"}],
    }  # fmt: skip
    made = await customers.create(SYSTEM, NewCustomer.model_validate(values))
    content = ExportContent(conditions=where("city", city), format="csv", encoding=encoding)
    job, rows = await written(exports, ADMIN, content)
    assert rows[1][:2] == [f"'@{city}", f"'=1+1 {city}"]
    again = await brought_in(exports, imports, ADMIN, job)
    assert (again.same, again.changed, again.added, again.refused) == (1, 0, 0, 0)
    gone = CustomerFields.model_validate({"phones": [], "code": None, "name": "旧式"})
    await customers.update(SYSTEM, made.id, made.version, gone)
    assert (await brought_in(exports, imports, ADMIN, job)).added == 1
    (hit,) = [hit for hit in await search.quick(SYSTEM, city) if hit.id != made.id]
    card = await customers.get(SYSTEM, hit.id)
    assert (card.name, card.code, card.note) == (made.name, made.code, made.note)
    assert [each.number for each in card.phones] == [each.number for each in made.phones]


@pytest.mark.parametrize(
    ("told_by", "cell"),
    [(None, ""), ((), "无"), (("fax", "wecom_group"), "传真、企业微信群")],
    ids=["open", "none", "some"],
)
async def test_how_a_customer_wants_to_be_told_goes_out_and_comes_in(
    exports, imports, customers, told_by, cell
):
    city = f"告{cell}市"
    made = await customers.create(SYSTEM, NewCustomer(name=city, city=city, told_by=told_by))
    job, rows = await written(exports, ADMIN, ExportContent(conditions=where("city", city)))
    assert dict(zip(rows[0], rows[1], strict=True))["通知方式"] == cell
    other = CustomerFields(told_by=("email",))
    await customers.update(SYSTEM, made.id, made.version, other)
    again = await brought_in(exports, imports, ADMIN, job)
    assert (again.changed, again.same) == ((1, 0) if cell else (0, 1))
    card = await customers.get(SYSTEM, made.id)
    assert card.told_by == (told_by if cell else ("email",))


async def test_what_is_overdue_of_orders_goes_out_and_never_comes_in_as_entered(
    exports, imports, customers, seeded, tmp_path
):
    new = NewCustomer(name="逾店", code="逾1", city="逾市", overdue_entered=Decimal(7))
    made = await customers.create(SYSTEM, new)
    async with seeded.begin() as session:
        await session.execute(
            text("UPDATE customers SET overdue_of_orders = 45 WHERE id = :id"), {"id": made.id}
        )
    job, rows = await written(exports, ADMIN, ExportContent(conditions=where("city", "逾市")))
    told = dict(zip(rows[0], rows[1], strict=True))
    assert (told["逾期总额"], told["录入逾期金额"]) == (52, 7)
    assert (await brought_in(exports, imports, ADMIN, job)).same == 1
    file = csv_file(tmp_path / "逾期.csv", [["编码", "逾期金额"], ["逾1", "9"]], "utf-8")
    preview = await imports.hand_in(ADMIN, file.name, file)
    await imports.start(ADMIN, preview.job.id)
    assert (await imports.run(preview.job.id)).changed == 1
    card = await customers.get(SYSTEM, made.id)
    assert (card.overdue_entered, card.credit_overdue) == (9, 54)


async def test_what_a_masked_reader_takes_out_comes_in_as_nobody_s_number(
    exports, imports, customers
):
    new = NewCustomer.model_validate(
        {"name": "遮出", "code": "遮出", "city": "遮市", "phones": ["13700150001"],
         "addresses": [{"detail": "x", "phone": "13700150002"}]}
    )  # fmt: skip
    made = await customers.create(SYSTEM, new)
    rights = person("supervisor").rights - {"number.unmask"}
    clerk = Principal(3, "u3", "u3", "agent", rights, "zh-CN", None, 1)
    columns = ("code", "name", "phones", "address", "address_phone")
    content = ExportContent(conditions=where("city", "遮市"), columns=columns)
    job, rows = await written(exports, clerk, content)
    assert rows[1][2:] == ["137****0001", "x", "137****0002"]
    again = await brought_in(exports, imports, clerk, job)
    assert (again.added, again.changed, again.refused) == (0, 0, 1)
    plan = {"客户编码": "code", "客户名称": "name", "地址": "address"}
    assert (await brought_in(exports, imports, clerk, job, plan)).same == 1
    card = await customers.get(SYSTEM, made.id)
    assert (card.phones, card.addresses) == (made.phones, made.addresses)
