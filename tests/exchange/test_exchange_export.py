"""Customers into files: what one may see, as much as one may, and logged."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm_core.audit.tables import AuditEntry
from crm_core.customers.fields import NewCustomer
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.exchange.exporting import ExportContent, ExportService
from crm_core.exchange.limits import ExportLimits, LimitContent
from crm_core.people.tables import RoleField
from crm_core.rights import SYSTEM, Access, Principal
from tests.crm_core.crm_core_support import person
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
