"""A record of every kind that tells of a customer, as people and programs would have made them.

Rule: whatever a table repeats of the customer is one of the words, so that a test knows it again.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Table, exists, insert, or_, select

from acd.tables import Call, CallStep, Recording, Voicemail
from crm_core.benefits.tables import (
    Coupon,
    Entitlement,
    EntitlementUse,
    Package,
    PackageKind,
    Referral,
)
from crm_core.complaints.tables import Complaint, ComplaintStep
from crm_core.customers.fields import NewCustomer
from crm_core.customers.tables import CustomerMerge
from crm_core.db import Base
from crm_core.dealers.tables import DealerApplication, DealerStockReport, DealerStockVersion
from crm_core.faxes.tables import Fax
from crm_core.knowledge.tables import KnowledgeQuestion
from crm_core.leads.tables import (
    Lead,
    LeadHandover,
    Opportunity,
    OpportunityHandover,
    OpportunityMove,
)
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.outbox.tables import OutboxMessage
from crm_core.personal import PART
from crm_core.pins.tables import CustomerPin
from crm_core.privacy.tables import PrivacyRequest
from crm_core.rights import SYSTEM
from crm_core.todos.tables import Todo
from dialer.consents.tables import CallConsent
from dialer.tables import Callback, Campaign, CampaignContact
from orders.aftersales.exceptions.tables import OrderException, OrderExceptionStep
from orders.aftersales.returns.tables import OrderReturn, OrderReturnLine, OrderReturnStep
from orders.connections.tables import (
    Connection,
    ConnectionCode,
    ConnectionDocument,
    ConnectionLink,
)
from orders.delivery.run_tables import (
    DeliveryRoute,
    DeliveryRun,
    Driver,
    RouteCustomer,
    RunReturn,
    RunStop,
    Vehicle,
)
from orders.delivery.tables import Consignee, Courier, Waybill, WaybillEvent
from orders.invoices.tables import Invoice, InvoiceLine, InvoiceTitle
from orders.payments.debit.tables import DebitAccount, DebitBatch, DebitLine, DebitRefusal
from orders.payments.statements.tables import GatewayStatement, StatementLine
from orders.payments.tables import Payment, PaymentDifference, PaymentRefund
from orders.pricing.tables import PriceRule
from orders.progress.tables import OrderLinks
from orders.quotas.tables import Quota, QuotaGrant
from orders.receipts.tables import PaymentEntry
from orders.sales.tables import Order, OrderedLine, OrderStatusLog, SalesQuote, SalesQuoteLine
from orders.settlement.tables import (
    Settlement,
    SettlementDifference,
    SettlementItem,
    SettlementTotal,
)
from orders.suggestions.tables import CountedOrder
from tests.webui.web_house import House

Add = Callable[..., Coroutine[Any, Any, int]]
NOW = datetime.now(UTC)
MONEY = Decimal("10.00")
CALL_ID = "ab" * 16
LONG_AGO = NOW - timedelta(days=4000)
NOT_ENTERED = {
    "customer_contacts",
    "customer_phones",
    "customer_addresses",
    "customer_moves",
    "custom_values",
    "territories",
    "customer_insight",
    "insight_queue",
    "stock_moves",
}
"""What comes with the customer itself, and what follows of the rest."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is written of the customer: `text` wherever somebody may write what he likes."""

    text: str
    phone: str
    address: str
    person: str
    email: str = "x@example.com"
    fax: str = "02200000000"
    wecom: str = "wecom"
    wecom_group: str = "wecom-group"
    province: str | None = None
    city: str | None = None
    note: str | None = None
    code: str = "CODE"
    level: str = "city"


@dataclass(frozen=True, slots=True)
class Whose:
    """The customer, and who looks after it."""

    customer: int
    colleague: int
    words: Words

    @property
    def of(self) -> dict[str, int]:
        return {"customer_id": self.customer}


async def records_of(house: House, whose: Whose) -> dict[str, Any]:
    """Their ids by their place in a route's path."""
    other = NewCustomer(name=f"{whose.words.text}二")
    dropped = (await house.services.crm.customers.create(SYSTEM, other)).id
    made: dict[str, Any] = {"customers": whose.customer, "anybodys": house.customer_id}
    async with house.services.database.begin() as session:

        async def add(place: str, table: Any, /, **values: Any) -> int:
            rows: Table = table.__table__
            key = next(iter(rows.primary_key.columns))
            found: int = (
                await session.execute(insert(rows).values(values).returning(key))
            ).scalar_one()
            made[place] = found
            return found

        await add(
            "merges", CustomerMerge, kept_id=whose.customer, dropped_id=dropped, moved={}, filled={}
        )
        await add(
            "referrals",
            Referral,
            referrer_customer_id=house.customer_id,
            entered_at=NOW,
            **whose.of,
        )
        await _add_benefits(add, whose)
        await _add_sales_talks(add, whose)
        await _add_service(add, whose)
        await _add_calls(add, whose)
        await _add_requests(add, whose)
        await _add_order(add, whose)
        await _add_delivery(add, whose, made)
        await _add_money(add, whose, made)
        await _add_aftersales(add, whose, made)
        await _add_outside(add, whose, made)
    made["insight/customers"] = whose.customer
    return made


async def _add_benefits(add: Add, whose: Whose) -> None:
    days = {"starts_on": NOW.date(), "ends_on": NOW.date() + timedelta(days=300)}
    coupon = {"valid_from": NOW, "valid_until": NOW + timedelta(days=9), "issued_at": NOW}
    text = whose.words.text
    await add(
        "coupons", Coupon, code="SCOPE", kind_code="thanks", reason=text, **coupon, **whose.of
    )
    kind = {"code": "scope", "purpose": "service", "name_zh": "包", "name_en": "P", "months": 12}
    await add("package kinds", PackageKind, **kind)
    package = await add(
        "packages", Package, kind_code="scope", reason=text, granted_at=NOW, **days, **whose.of
    )
    entitlement = await add(
        "entitlements", Entitlement, package_id=package, name_zh="服务", name_en="S", used=1
    )
    await add(
        "entitlement-uses", EntitlementUse, entitlement_id=entitlement, note=text, used_at=NOW
    )


async def _add_sales_talks(add: Add, whose: Whose) -> None:
    words, of = whose.words, whose.of
    lead = await add(
        "leads", Lead, source="web", name=words.text, phone=words.phone, note=words.text,
        province=words.province, city=words.city, interest=words.text, state="converted", created_at=NOW, closed_at=NOW, **of,
    )  # fmt: skip
    await add("lead handovers", LeadHandover, lead_id=lead, note=words.text, at=NOW)
    opportunity = await add(
        "opportunities", Opportunity, title=words.text, note=words.text, stage_code="contact",
        created_at=NOW, **of,
    )  # fmt: skip
    about = {"opportunity_id": opportunity, "at": NOW}
    await add("handovers", OpportunityHandover, note=words.text, **about)
    await add("moves", OpportunityMove, to_stage="contact", **about)
    quote = await add(
        "quotes", SalesQuote, number="SCOPE-Q", valid_until=NOW.date() + timedelta(days=9),
        note=words.text, total=MONEY, created_at=NOW, **of,
    )  # fmt: skip
    await add(
        "quote lines", SalesQuoteLine, quote_id=quote, line_no=1, sku="A1", quantity=2, own_price=5,
        discount_percent=0, unit_price=5, line_total=MONEY,
    )  # fmt: skip
    await add("price-rules", PriceRule, kind="price", sku="A1", value=5, name_zh=words.text, **of)
    quota = await add(
        "quotas", Quota, sku="A1", period="day", quantity=99, valid_from=NOW.date(), **of
    )
    await add(
        "grants", QuotaGrant, quota_id=quota, period_begins=NOW.date(), quantity=1,
        reason=words.text, given_at=NOW, **of,
    )  # fmt: skip


async def _add_service(add: Add, whose: Whose) -> None:
    words, of, time = whose.words, whose.of, {"created_at": NOW, "updated_at": NOW}
    notice = await add(
        "notices", Notice, title="通知", body="内容", channels=(), conditions=[], state="sent",
        sent_at=NOW, created_at=NOW,
    )  # fmt: skip
    await add("recipients", NoticeRecipient, notice_id=notice, **of)
    await add("pins", CustomerPin, secret=words.text, set_at=NOW, **of)
    moments = dict.fromkeys(("due_at", "alarm_at", "escalate_at"), NOW)
    await add(
        "todos", Todo, title=words.text, note=words.text, kind="task", priority="normal",
        alarm_before_min=0, escalate_after_min=1, assignee_id=whose.colleague,
        **moments, **time, **of,
    )  # fmt: skip
    complaint = await add(
        "complaints", Complaint, category_code="quality", severity=1, channel="phone",
        description=words.text, due_at=NOW, started_at=NOW, **time, **of,
    )  # fmt: skip
    await add(
        "steps", ComplaintStep, complaint_id=complaint, at=NOW, kind="comment", text=words.text
    )
    report = await add(
        "dealer-stock/reports", DealerStockReport, report_date=NOW.date(), created_at=NOW, **of
    )
    await add(
        "versions", DealerStockVersion, report_id=report, version=1, note=words.text, entered_at=NOW
    )
    await add(
        "dealer-applications", DealerApplication, name=words.text, phone=words.phone,
        province=words.province, city=words.city, note=words.note, level_code=words.level,
        created_at=NOW, state="approved", decided_at=NOW, **of,
    )  # fmt: skip
    await add(
        "knowledge/questions", KnowledgeQuestion, text=words.text, asker_id=whose.colleague,
        asked_at=NOW, **of,
    )  # fmt: skip


async def _add_calls(add: Add, whose: Whose) -> None:
    words, of = whose.words, whose.of
    await add(
        "calls", Call, id=CALL_ID, node="n", linkedid="1", direction="inbound", did="400",
        menu_path=[], customer_name=words.text, caller=words.phone, started_at=NOW, steps=1,
        agent_id=whose.colleague, **of,
    )  # fmt: skip
    await add(
        "call steps", CallStep, call_id=CALL_ID, seq=1, at=NOW, kind="begun",
        detail={"caller": words.phone},
    )  # fmt: skip
    await add(
        "sounds", Recording, call_id=CALL_ID, path="a.wav", seconds=1, size_bytes=1, channels=2,
        stored_at=NOW,
    )  # fmt: skip
    await add(
        "voicemails", Voicemail, call_id=CALL_ID, queue="north", path="b.wav", seconds=3,
        size_bytes=1, stored_at=NOW,
    )  # fmt: skip
    await add(
        "callbacks", Callback, number=words.phone, queue="north", source="agent", note=words.text,
        **of,
    )  # fmt: skip
    await add(
        "faxes", Fax, direction="in", source="fax", call_id=CALL_ID, number=words.phone, did="400",
        status="received", pages=1, path="a.tif", at=NOW, station=words.text, **of,
    )  # fmt: skip
    campaign = await add("campaigns", Campaign, name="春季", queue="north")
    await add("contacts", CampaignContact, campaign_id=campaign, number=words.phone, **of)
    await add(
        "consents", CallConsent, number=words.phone, proof=words.text, given_at=NOW,
        recorded_at=NOW, **of,
    )  # fmt: skip


async def _add_requests(add: Add, whose: Whose) -> None:
    for place, kind in (("access-requests", "access"), ("privacy-requests", "erasure")):
        await add(
            place, PrivacyRequest, kind=kind, identified_by="身份证", requested_at=NOW, due_at=NOW,
            **whose.of,
        )  # fmt: skip


async def _add_order(add: Add, whose: Whose) -> None:
    words, of = whose.words, whose.of
    order = await add(
        "orders", Order, number="SCOPE-1", key="scope", fingerprint="f", status="picking",
        total=MONEY, credit_held=0, address=words.address, note=words.text, placed_at=NOW, **of,
    )  # fmt: skip
    await add(
        "order lines", OrderedLine, order_id=order, line_no=1, sku="A1", quantity=2, unit="箱",
        tax_rate=0, unit_price=5, line_total=MONEY, why=[], coming_back=1,
    )  # fmt: skip
    about = {"order_id": order}
    await add("log", OrderStatusLog, to_status="picking", reason=words.text, at=NOW, **about)
    await add("links", OrderLinks, revoked_at=LONG_AGO, **about)
    await add("counted", CountedOrder, delivered_at=NOW, **about)
    recipients = {
        "sms": words.phone,
        "voice": words.phone,
        "email": words.email,
        "fax": words.fax,
        "wecom": words.wecom,
        "wecom_group": words.wecom_group,
    }
    for channel, recipient in recipients.items():
        await add(
            "messages", OutboxMessage, token=channel, subject="order", subject_id=order,
            kind="order_placed", channel=channel, recipient=recipient, language="zh",
            params={"number": words.text, "total": "1"}, state="failed", **of,
        )  # fmt: skip


async def _add_delivery(add: Add, whose: Whose, made: dict[str, Any]) -> None:
    words, about = whose.words, {"order_id": made["orders"]}
    place = {"province": words.province, "city": words.city}
    courier = {"code": "scope", "name_zh": "车", "name_en": "Van", "kind": "own"}
    await add("couriers", Courier, paper="delivery_note_a5", ways=["standard"], **courier)
    await add(
        "consignees", Consignee, recipient=words.text, phone=words.phone, street=words.address,
        **place, **about,
    )  # fmt: skip
    told = {"province": words.province or words.text, "city": words.city or words.text}
    waybill = await add(
        "waybills", Waybill, courier_code="scope", number="S1", kind="outward", weight_g=1,
        volume_ml=1, freight=MONEY, created_at=NOW, state_at=NOW, reason=words.text,
        why=[{"code": "area_not_served", "params": told}], **about,
    )  # fmt: skip
    await add(
        "waybill-conflicts", WaybillEvent, waybill_id=waybill, key="k", code="delivered", at=NOW,
        place=f"{words.city or ''}{words.address}", signer=words.person, note=words.text,
        source="api", outcome="conflict", received_at=NOW,
    )  # fmt: skip
    await add("routes", DeliveryRoute, code="scope", name_zh="线", name_en="R")
    await add("route customers", RouteCustomer, route_code="scope", place=1, **whose.of)
    await add("vehicles", Vehicle, code="scope", plate="津A00001", capacity_g=9, capacity_ml=9)
    await add("drivers", Driver, code="scope", name="李师傅", phone="13000000000")
    run = await add(
        "delivery/runs", DeliveryRun, number="L1", day=NOW.date(), courier_code="scope",
        vehicle_code="scope", driver_code="scope", created_at=NOW,
    )  # fmt: skip
    stop = {"run_id": run, "waybill_id": waybill}
    await add("stops", RunStop, place=1, note=words.text, **stop)
    await add("came back", RunReturn, sku="A1", quantity=1, **stop)
    day = {"begins": NOW.date(), "ends": NOW.date(), "begins_at": NOW, "ends_at": NOW}
    settlement = await add(
        "settlements", Settlement, party_kind="courier", party_code="scope", created_at=NOW, **day
    )
    freight = {"settlement_id": settlement, "kind": "freight"}
    await add(
        "items", SettlementItem, subject="waybill", subject_id=waybill, reference="S1", at=NOW,
        amount=-MONEY, **freight,
    )  # fmt: skip
    await add("totals", SettlementTotal, items=1, amount=-MONEY, **freight)
    await add("settlement-differences", SettlementDifference, reference="S1", ours=1, **freight)
    made["couriers"] = made["routes"] = "scope"


async def _add_money(add: Add, whose: Whose, made: dict[str, Any]) -> None:
    words, about = whose.words, {"order_id": made["orders"]}
    buyer = {
        "title": words.text, "tax_no": "91120100MA000000X1", "address": words.address,
        "phone": words.phone, "bank": "银行", "account": "6222", "email": words.email,
    }  # fmt: skip
    await add("invoice-titles", InvoiceTitle, changed_at=NOW, **buyer, **whose.of)
    sums = {"gross": MONEY, "net": MONEY, "tax": 0}
    invoice = await add(
        "invoices", Invoice, key="scope", kind="normal", electronic=True, requested_at=NOW,
        **buyer, **sums, **about,
    )  # fmt: skip
    await add(
        "invoice lines", InvoiceLine, invoice_id=invoice, order_line=1, sku="A1", name="茶叶",
        unit="箱", tax_rate=0, **sums,
    )  # fmt: skip
    payment = await add(
        "payments", Payment, token="t" * 32, key="scope", gateway="wechat", amount=MONEY,
        next_look_at=NOW, expires_at=NOW, created_at=NOW, **about,
    )  # fmt: skip
    await add(
        "refunds", PaymentRefund, token="r" * 32, key="scope", payment_id=payment, amount=1,
        words=words.text, next_look_at=NOW, created_at=NOW, **about,
    )  # fmt: skip
    entry = await add(
        "entries", PaymentEntry, kind="receipt", amount=MONEY, method="prepaid", source="wechat",
        reference="w1", paid_at=NOW, booked_at=NOW, **about,
    )  # fmt: skip
    await add(
        "payment-differences", PaymentDifference, kind="overpaid", subject="scope", source="ledger",
        found_at=NOW, **about,
    )  # fmt: skip
    statement = await add(
        "payment-statements", GatewayStatement, gateway="wechat", day=NOW.date(), taken_at=NOW
    )
    await add(
        "statement lines", StatementLine, statement_id=statement, gateway="wechat", kind="receipt",
        token="t" * 32, reference="w1", amount=MONEY, at=NOW, entry_id=entry,
    )  # fmt: skip
    bank = {
        "account_no": "62220000111122223", "account_name": words.text, "bank_code": "102110000000",
        "mandate": "M1",
    }  # fmt: skip
    await add("debit accounts", DebitAccount, created_at=NOW, **bank, **whose.of)
    batch = await add(
        "debit-batches", DebitBatch, due_on=NOW.date(), count=1, total=MONEY, created_at=NOW
    )
    await add(
        "debit lines", DebitLine, batch_id=batch, line_no=1, token="d" * 32, amount=MONEY, **bank,
        **about,
    )  # fmt: skip
    await add(
        "refusals", DebitRefusal, batch_id=batch, row=f"D|1|{words.text}", line_no=1,
        reason="unreadable", at=NOW,
    )  # fmt: skip


async def _add_aftersales(add: Add, whose: Whose, made: dict[str, Any]) -> None:
    text, about = whose.words.text, {"order_id": made["orders"]}
    came_back = await add(
        "order-returns", OrderReturn, number="SCOPE-R", key="scope", kind="return", way="post",
        reason_code="other", reason=text, late_reason=text, state="requested", requested_at=NOW,
        changed_at=NOW, **about,
    )  # fmt: skip
    await add("return lines", OrderReturnLine, return_id=came_back, line_no=1, quantity=1, **about)
    await add(
        "return steps", OrderReturnStep, return_id=came_back, state="requested", at=NOW, text=text
    )
    exception = await add(
        "order-exceptions", OrderException, number="SCOPE-E", key="scope", kind="delay", level=1,
        state="decided", description=text, raised_at=NOW, due_at=NOW, resolution="apologise",
        decided_at=NOW, words=text, **about,
    )  # fmt: skip
    await add(
        "exception steps", OrderExceptionStep, exception_id=exception, action="decide", level=1,
        at=NOW, text=text,
    )  # fmt: skip


async def _add_outside(add: Add, whose: Whose, made: dict[str, Any]) -> None:
    words, about = whose.words, {"order_id": made["orders"]}
    connection = await add(
        "connections", Connection, code="scope", kind="qimen", name="店", settings={}, secrets="-",
        created_at=NOW,
    )  # fmt: skip
    there = {"connection_id": connection}
    await add(
        "connections codes", ConnectionCode, kind="customer", theirs="T1", **there, **whose.of
    )
    paper = {"version": 1, "digest": "d"}
    await add(
        "outside orders", ConnectionLink, outside_key="O1", content="c", state="open", **paper,
        **there, **about,
    )  # fmt: skip
    body = {
        "number": "O1", "version": 1, "lines": [], "buyer_code": words.code,
        "buyer_name": words.text, "phone": words.phone, "address": words.address,
    }  # fmt: skip
    await add(
        "connection-papers", ConnectionDocument, direction="in", kind="order", outside_key="O1",
        body=body, state="refused", code="unknown_product", reason="not known here", next_at=NOW,
        received_at=NOW, phone=words.phone, **paper, **there, **about, **whose.of,
    )  # fmt: skip


def without_a_row(customer: int) -> list[tuple[str, ColumnElement[bool]]]:
    """Every table whose rows are a customer's, with the condition under which this one has none."""
    found = {
        name: condition
        for name, table in Base.metadata.tables.items()
        if name not in NOT_ENTERED | {"customers", "orders"}
        and (condition := _theirs(table, customer)) is not None
    }
    return [
        (name, ~exists().select_from(Base.metadata.tables[name]).where(condition))
        for name, condition in sorted(found.items())
    ]


def _theirs(table: Table, customer: int) -> ColumnElement[bool] | None:
    """By a reference to the customer or an order, or as part of such a row."""
    orders = Base.metadata.tables["orders"]
    ways: list[ColumnElement[bool]] = []
    for key in table.foreign_keys:
        target = key.column.table
        if target.name == "customers":
            ways.append(key.parent == customer)
        elif target is orders:
            theirs = select(orders.c.id).where(orders.c.customer_id == customer)
            ways.append(key.parent.in_(theirs))
        elif _is_part(key) and (above := _theirs(target, customer)) is not None:
            ways.append(key.parent.in_(select(key.column).where(above)))
    return or_(*ways) if ways else None


def _is_part(key: ForeignKey) -> bool:
    return PART.items() <= key.parent.info.items()
