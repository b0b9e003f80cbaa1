"""Every field that a role can be kept from, tried: it is in no answer and on no page, and cannot be written."""

import contextlib
import json

import pytest

from crm_core.customers.custom_fields import NewCustomField
from crm_core.customers.fields import CustomerFields
from crm_core.insight.worker import InsightWorker
from crm_core.people.roles import RoleContent
from crm_core.rights import SYSTEM, Access, Right
from tests.webui.hidden_customer import blinded
from tests.webui.web_house import PASSWORD, ROLES, SOURCES, Browser, House
from webui.sight import hideable_fields

FIELDS = sorted(
    {each for each in hideable_fields() if each.startswith("customer.")}
    | {"customer.custom.secret_no"}
)
"""The fields of other records: `test_web_record_fields`."""
NOT_WRITTEN = {
    "customer.credit_used",
    "customer.credit_available",
    "customer.last_orders",
    "customer.todos",
    "customer.complaints",
    "customer.insight",
    "customer.notices",
}
WRITES = {
    "customer.code": {"code": "W1"},
    "customer.level": {"level_code": "city"},
    "customer.price_policy": {"price_policy_code": "off5"},
    "customer.payment_terms": {"payment_terms_code": "net30"},
    "customer.credit_limit": {"credit_limit": "5"},
    "customer.credit_overdue": {"overdue_entered": "5"},
    "customer.salesperson": {"salesperson_id": 1},
    "customer.email": {"email": "w@w.example"},
    "customer.fax": {"fax": "02223456780"},
    "customer.wecom": {"wecom": "w"},
    "customer.wecom_group": {"wecom_group": "robot-key-1"},
    "customer.told_by": {"told_by": ["email"]},
    "customer.language": {"language": "en"},
    "customer.opt_outs": {"opt_outs": ["sms"]},
    "customer.birthday": {"birthday": "1990-01-01"},
    "customer.anniversary": {"anniversary": "1990-01-01"},
    "customer.area_code": {"area_code": "022"},
    "customer.province": {"province": "天津"},
    "customer.city": {"city": "天津"},
    "customer.note": {"note": "w"},
    "customer.parent": {"parent_id": 1},
    "customer.phones": {"phones": ["13700099999"]},
    "customer.addresses": {"addresses": [{"detail": "w"}]},
    "customer.contacts": {"contacts": [{"name": "w"}]},
    "customer.territories": {"territories": [{"province": "天津"}]},
    "customer.custom": {"custom": {"secret_no": "w"}},
    "customer.custom.secret_no": {"custom": {"secret_no": "w"}},
}
MARK = "秘密"


@pytest.fixture(scope="module")
async def full(house: House) -> int:
    """A customer of whom everything is known, every text with the mark."""
    crm = house.services.crm
    await crm.custom_fields.create(
        SYSTEM, NewCustomField(code="secret_no", type="text", label_zh="密号", label_en="Secret no")
    )
    top = await crm.customers.get(SYSTEM, house.customer_id)
    await crm.customers.update(
        SYSTEM,
        top.id,
        top.version,
        CustomerFields.model_validate(
            {
                "code": f"{MARK}码", "level_code": "city", "payment_terms_code": "net30",
                "overdue_entered": "77.07", "salesperson_id": 1, "email": "secret@example.com",
                "fax": "02277777777", "wecom": "secret", "wecom_group": "robot-key-7",
                "told_by": ["fax"], "language": "zh", "opt_outs": ["email"], "birthday": "1977-07-07",
                "anniversary": "1977-08-08",
                "area_code": "0777", "province": f"{MARK}省", "city": f"{MARK}市",
                "note": f"{MARK}备注", "addresses": [{"detail": f"{MARK}路"}],
                "contacts": [{"name": f"{MARK}人"}], "territories": [{"province": f"{MARK}域"}],
                "custom": {"secret_no": f"{MARK}号"},
            }
        ),
    )  # fmt: skip
    await InsightWorker(house.services.database, SOURCES, clock=house.services.clock).run_once()
    return top.id


@contextlib.asynccontextmanager
async def clerk(house: House, fields: dict[str, Access]):
    """Somebody with every right, whose role is kept from these fields."""
    crm = house.services.crm
    (role,) = [each for each in await crm.roles.all(SYSTEM) if each.code == "supervisor"]
    everything = frozenset(Right) - {Right.NUMBER_UNMASK}
    content = RoleContent(name_zh="班", name_en="S", rights=everything, fields=fields)
    await crm.roles.change(SYSTEM, "supervisor", role.version, content)
    async with Browser(house.server.address) as browser:
        status, _ = await browser.ask(
            "POST", "/api/session", {"login": "supervisor", "password": PASSWORD}
        )
        assert status == 200
        yield browser


ALIASES = {
    "addresses": ("addresses", "address"),
    "parent": ("above",),
    "level": ("level", "level_code"),
    "phones": ("phones", "number"),
}


async def everything_shown(browser: Browser, house: House, customer_id: int):
    """All answers and pages in which this customer stands."""
    _, one = await browser.ask("GET", f"/api/customers/{customer_id}")
    _, quick = await browser.ask("GET", "/api/customers?q=滨海")
    _, page = await browser.ask("POST", "/api/customers/search", {"limit": 200})
    async with house.at_work("supervisor"):
        sidebar = await browser.open()
        record = house.call()
        ticket = house.queue(record)
        state = await sidebar.until(
            lambda state: (
                (shown := (state["pops"].get(record.call_id) or {}).get("customer"))
                and (shown["note"] or shown["level"])
            )
        )
        popped = state["pops"][record.call_id]["customer"]
        ticket.leave("abandoned")
        record.end("abandoned")
        await sidebar.socket.close()
    items = [each for answer in (quick, page) for each in answer["items"]]
    return [one["customer"], popped, *[each for each in items if each["id"] == customer_id]]


@pytest.mark.parametrize("field", FIELDS)
async def test_a_hidden_field_is_shown_nowhere_and_cannot_be_written(
    house: House, full: int, field: str
):
    async with clerk(house, {field: Access.HIDDEN}) as browser:
        shown = await everything_shown(browser, house, full)
        name = field.partition(".")[2]
        if name.startswith("custom."):
            assert f"{MARK}号" not in json.dumps(shown, ensure_ascii=False)
        else:
            for alias in ALIASES.get(name, (name,)):
                assert all(each.get(alias) in (None, []) for each in shown), alias
        await refused_to_write(browser, full, field)


@pytest.mark.parametrize("field", sorted(WRITES))
async def test_a_field_that_is_only_read_is_shown_and_cannot_be_written(
    house: House, full: int, field: str
):
    async with clerk(house, {field: Access.READ}) as browser:
        _, one = await browser.ask("GET", f"/api/customers/{full}")
        name = field.partition(".")[2].partition(".")[0]
        if name != "parent":
            assert one["customer"][name] not in (None, [])
        await refused_to_write(browser, full, field)


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_writes_what_it_is_kept_from(house: House, full: int, role: str):
    async with blinded(house, role, FIELDS) as browser:
        for field in sorted(WRITES):
            await refused_to_write(browser, full, field)


async def refused_to_write(browser: Browser, customer_id: int, field: str) -> None:
    if field in NOT_WRITTEN:
        return
    _, one = await browser.ask("GET", f"/api/customers/{customer_id}")
    version = one.get("customer", {}).get("version") or 1
    status, body = await browser.ask(
        "PATCH", f"/api/customers/{customer_id}", WRITES[field] | {"version": version}
    )
    assert (status, body["error"]["code"]) == (403, "forbidden"), body
    new = {"name": "新", "phones": ["13700088888"]} | WRITES[field]
    status, body = await browser.ask("POST", "/api/customers", new)
    assert (status, body["error"]["code"]) == (403, "forbidden"), body


async def test_a_warning_that_gives_a_hidden_field_away_is_not_shown(house: House, full: int):
    for fields, there in (({}, True), ({"customer.credit_overdue": Access.HIDDEN}, False)):
        async with clerk(house, fields) as browser:
            _, popped, *_ = await everything_shown(browser, house, full)
            codes = {each["code"] for each in popped["insight"]["warnings"]}
            assert ("credit_overdue" in codes) == there, codes
            assert popped["insight"]["grade"]["code"] == "D"


async def test_without_limits_everything_is_shown(house: House, full: int):
    async with clerk(house, {}) as browser:
        _, one = await browser.ask("GET", f"/api/customers/{full}")
        empty = {name for name, value in one["customer"].items() if value in (None, [])}
        assert empty <= {"above", "last_orders", "todos", "complaints", "notices"}
        assert "138****8000" in json.dumps(one)
