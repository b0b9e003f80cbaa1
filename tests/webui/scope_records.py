"""A colleague's customer, and a record of every kind that tells of it."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, insert

from acd.tables import Call, Recording
from crm_core.benefits.tables import Coupon, Entitlement, EntitlementUse, Package, PackageKind
from crm_core.complaints.tables import Complaint
from crm_core.customers.fields import NewCustomer
from crm_core.customers.tables import CustomerMerge
from crm_core.dealers.tables import DealerApplication, DealerStockReport
from crm_core.knowledge.tables import KnowledgeQuestion
from crm_core.leads.tables import Lead, Opportunity
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.outbox.tables import OutboxMessage
from crm_core.privacy.tables import PrivacyRequest
from crm_core.rights import SYSTEM
from crm_core.todos.tables import Todo
from dialer.tables import Callback
from orders.aftersales.exceptions.tables import OrderException
from orders.aftersales.returns.tables import OrderReturn
from orders.delivery.tables import Consignee, Courier, Waybill, WaybillEvent
from orders.invoices.tables import Invoice, InvoiceTitle
from orders.payments.tables import Payment, PaymentDifference
from orders.pricing.tables import PriceRule
from orders.quotas.tables import Quota
from orders.sales.tables import Order, OrderedLine, SalesQuote
from tests.webui.web_house import House

Add = Callable[..., Coroutine[Any, Any, int]]
NOW = datetime.now(UTC)
SECRET, PHONE, CALL_ID = "别人家的客户", "13655550001", "ab" * 16


async def records_of_a_colleague(house: House) -> dict[str, Any]:
    """Their ids by their place in a route's path."""
    crm, colleague = house.services.crm, house.ids["agent2"]
    new = {"name": SECRET, "phones": [PHONE], "level_code": "city", "salesperson_id": colleague}
    customer = (await crm.customers.create(SYSTEM, NewCustomer.model_validate(new))).id
    dropped = (await crm.customers.create(SYSTEM, NewCustomer(name=f"{SECRET}二"))).id
    of, time = {"customer_id": customer}, {"created_at": NOW, "updated_at": NOW}
    days = {"starts_on": NOW.date(), "ends_on": NOW.date() + timedelta(days=300)}
    made: dict[str, Any] = {"customers": customer, "anybodys": house.customer_id}
    async with house.services.database.begin() as session:

        async def add(place: str, table: Any, **values: Any) -> int:
            rows: Table = table.__table__
            key = next(iter(rows.primary_key.columns))
            found: int = (
                await session.execute(insert(rows).values(values).returning(key))
            ).scalar_one()
            made[place] = found
            return found

        courier = {"code": "scope", "name_zh": "车", "name_en": "Van", "kind": "own"}
        await session.execute(
            insert(Courier).values(paper="delivery_note_a5", ways=["standard"], **courier)
        )
        await add(
            "merges", CustomerMerge, kept_id=customer, dropped_id=dropped, moved={}, filled={}
        )
        coupon = {"valid_from": NOW, "valid_until": NOW + timedelta(days=9), "issued_at": NOW}
        await add("coupons", Coupon, code="SCOPE", kind_code="thanks", **coupon, **of)
        await session.execute(
            insert(PackageKind).values(
                code="scope", purpose="service", name_zh="包", name_en="P", months=12
            )
        )
        package = await add("packages", Package, kind_code="scope", granted_at=NOW, **days, **of)
        entitlement = await add(
            "entitlements", Entitlement, package_id=package, name_zh="服务", name_en="S", used=1
        )
        await add("entitlement-uses", EntitlementUse, entitlement_id=entitlement, used_at=NOW)
        lead = {"source": "web", "name": SECRET, "created_at": NOW, "closed_at": NOW, **of}
        await add("leads", Lead, state="converted", **lead)
        await add(
            "opportunities", Opportunity, title=SECRET, stage_code="contact", created_at=NOW, **of
        )
        notice = await add(
            "notices", Notice, title="通知", body="内容", channels=(), conditions=[],
            state="sent", sent_at=NOW, created_at=NOW,
        )  # fmt: skip
        await add("recipients", NoticeRecipient, notice_id=notice, **of)
        for asked in ("access", "erasure"):
            await add(
                "privacy-requests", PrivacyRequest, kind=asked, identified_by="身份证",
                requested_at=NOW, due_at=NOW, **of,
            )  # fmt: skip
        await add(
            "calls", Call, id=CALL_ID, node="n", linkedid="1", direction="inbound", did="400",
            menu_path=[], customer_name=SECRET, caller=PHONE, started_at=NOW, steps=0, **of,
        )  # fmt: skip
        await add(
            "sounds", Recording, call_id=CALL_ID, path="a.wav", seconds=1, size_bytes=1,
            channels=2, stored_at=NOW,
        )  # fmt: skip
        await add("callbacks", Callback, number=PHONE, queue="north", source="agent", **of)
        moments = dict.fromkeys(("due_at", "alarm_at", "escalate_at"), NOW)
        await add(
            "todos", Todo, title=SECRET, kind="task", priority="normal", alarm_before_min=0,
            escalate_after_min=1, assignee_id=colleague, **moments, **time, **of,
        )  # fmt: skip
        await add(
            "complaints", Complaint, category_code="quality", severity=1, channel="phone",
            description=SECRET, due_at=NOW, started_at=NOW, **time, **of,
        )  # fmt: skip
        await add(
            "dealer-stock/reports", DealerStockReport, report_date=NOW.date(), created_at=NOW, **of
        )
        await add(
            "dealer-applications", DealerApplication, name=SECRET, phone=PHONE, level_code="city",
            created_at=NOW, state="approved", decided_at=NOW, **of,
        )  # fmt: skip
        await add(
            "knowledge/questions", KnowledgeQuestion, text=SECRET, asker_id=colleague,
            asked_at=NOW, **of,
        )  # fmt: skip
        await _add_order(add, customer)
    made["insight/customers"] = customer
    return made


async def _add_order(add: Add, customer: int) -> None:
    """An order of the customer with everything that hangs on it, a quote, a price and a quota."""
    of, money = {"customer_id": customer}, Decimal("10.00")
    order = await add(
        "orders", Order, number="SCOPE-1", key="scope", fingerprint="f", status="picking",
        total=money, credit_held=0, address=SECRET, note=SECRET, placed_at=NOW, **of,
    )  # fmt: skip
    await add(
        "order lines", OrderedLine, order_id=order, line_no=1, sku="A1", quantity=2, unit="箱",
        tax_rate=0, unit_price=5, line_total=money, why=[],
    )  # fmt: skip
    about = {"order_id": order}
    await add(
        "quotes", SalesQuote, number="SCOPE-Q", valid_until=NOW.date() + timedelta(days=9),
        note=SECRET, total=money, created_at=NOW, **of,
    )  # fmt: skip
    await add("price-rules", PriceRule, kind="price", sku="A1", value=5, name_zh=SECRET, **of)
    await add("quotas", Quota, sku="A1", period="day", quantity=1, valid_from=NOW.date(), **of)
    await add("consignees", Consignee, recipient=SECRET, phone=PHONE, street=SECRET, **about)
    waybill = await add(
        "waybills", Waybill, courier_code="scope", number="S1", kind="outward", weight_g=1,
        volume_ml=1, freight=money, created_at=NOW, state_at=NOW, **about,
    )  # fmt: skip
    await add(
        "waybill-conflicts", WaybillEvent, waybill_id=waybill, key="k", code="delivered", at=NOW,
        signer=SECRET, source="api", outcome="conflict", received_at=NOW,
    )  # fmt: skip
    await add(
        "payments", Payment, token="t" * 32, key="scope", gateway="wechat", amount=money,
        next_look_at=NOW, expires_at=NOW, created_at=NOW, **about,
    )  # fmt: skip
    await add(
        "payment-differences", PaymentDifference, kind="overpaid", subject="scope", source="ledger",
        found_at=NOW, **about,
    )  # fmt: skip
    await add(
        "order-returns", OrderReturn, number="SCOPE-R", key="scope", kind="return", way="post",
        reason_code="other", reason=SECRET, state="requested", requested_at=NOW, changed_at=NOW,
        **about,
    )  # fmt: skip
    await add(
        "order-exceptions", OrderException, number="SCOPE-E", key="scope", kind="delay", level=1,
        description=SECRET, raised_at=NOW, due_at=NOW, **about,
    )  # fmt: skip
    await add("invoice-titles", InvoiceTitle, title=SECRET, changed_at=NOW, **of)
    await add(
        "invoices", Invoice, key="scope", kind="normal", electronic=True, title=SECRET, gross=money,
        net=money, tax=0, requested_at=NOW, **about,
    )  # fmt: skip
    await add(
        "messages", OutboxMessage, token="m" * 32, subject="order", subject_id=order,
        kind="order_placed", channel="sms", recipient=PHONE, language="zh",
        params={"number": SECRET}, state="failed", **of,
    )  # fmt: skip
