"""What is kept of a person is found, given and erased, in every table there is."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Text, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from acd.obstacles import live_calls
from crm_core.audit.service import AuditTrail
from crm_core.complaints.commands import NewComplaint, Reason
from crm_core.complaints.service import ComplaintService
from crm_core.customers.fields import CustomerFields, NewCustomer
from crm_core.customers.merging import MergeService
from crm_core.customers.search import SearchService
from crm_core.customers.service import CustomerService
from crm_core.db import Base, Database
from crm_core.errors import Conflict, Forbidden, NotFound
from crm_core.personal import REMOVED, is_emptied
from crm_core.privacy import reach
from crm_core.privacy.commands import NewRequest, Refusal, RequestQuery
from crm_core.privacy.service import CannotErase, PrivacyService
from crm_core.privacy.watch import ErasureWatch
from crm_core.rights import SYSTEM
from orders.sales.obstacles import open_orders
from tests.crm_core.crm_core_support import Clock, person
from tests.crm_core.crm_office import Office, furnish

MARK, NUMBER, CALL, OTHER_CALL = "张秘密", "13912345678", "a" * 32, "b" * 32
FILLED = """
INSERT INTO products (sku, name_zh, name_en, unit, list_price) VALUES ('P1', '货', 'Goods', '箱', 1)
  ON CONFLICT DO NOTHING;
INSERT INTO calls (id, node, linkedid, direction, caller, did, customer_id, customer_name, city,
                   menu_path, started_at, ended_at, outcome, steps)
  VALUES ('{call}', 'pbx1', '1.1', 'inbound', '{number}', '400', {id}, '{mark}', '{mark}', '[]',
          now(), now(), 'completed', 1),
         ('{other}', 'pbx1', '1.2', 'inbound', '{number}', '400', NULL, NULL, NULL, '[]',
          now(), now(), 'abandoned', 1);
INSERT INTO call_steps (call_id, seq, at, kind, detail)
  VALUES ('{other}', 1, now(), 'key', '{{"digits": "{number}"}}');
INSERT INTO recordings (call_id, path, seconds, size_bytes, channels, stored_at)
  VALUES ('{call}', '2026/a.wav', 1, 1, 2, now());
INSERT INTO orders (number, key, fingerprint, customer_id, call_id, status, total, credit_held,
                    address, note, placed_at)
  VALUES ('260101-9', 'k9', 'f', {id}, '{call}', 'settled', 5, 0, '{mark}路', '{mark}', now());
INSERT INTO order_lines (order_id, line_no, sku, quantity, unit, tax_rate, unit_price, line_total, why)
  SELECT id, 1, 'P1', 1, '箱', 0.13, 5, 5, '[]' FROM orders WHERE number = '260101-9';
INSERT INTO debit_accounts (customer_id, account_no, account_name, bank_code, mandate, created_at)
  VALUES ({id}, '{number}', '{mark}', '102110000012', 'SQ-1', now());
INSERT INTO debit_batches (due_on, count, total, created_at) VALUES (now(), 1, 5, now());
INSERT INTO debit_lines (batch_id, line_no, token, order_id, amount, account_no, account_name,
                         bank_code, mandate, state)
  SELECT max(b.id), 1, 'd9', max(o.id), 5, '{number}', '{mark}', '1', 'SQ-1', 'paid'
  FROM debit_batches b, orders o WHERE o.number = '260101-9';
INSERT INTO payments (token, key, order_id, gateway, amount, received, state, reference,
                      next_look_at, expires_at, created_at)
  SELECT 'p9', 'p9', id, 'wechat', 5, 5, 'paid', 'r9', now(), now(), now()
  FROM orders WHERE number = '260101-9';
INSERT INTO payment_entries (order_id, kind, amount, method, source, reference, paid_at, booked_at)
  SELECT id, 'receipt', 5, 'prepaid', 'wechat', 'r9', now(), now()
  FROM orders WHERE number = '260101-9';
INSERT INTO payment_refunds (token, key, payment_id, order_id, amount, words, next_look_at, created_at)
  SELECT 'f9', 'f9', id, order_id, 1, '{mark}', now(), now() FROM payments;
INSERT INTO payment_differences (kind, subject, source, order_id, state, found_at, resolved_at, reason)
  SELECT 'overpaid', 's9', 'ledger', id, 'resolved', now(), now(), '{mark}'
  FROM orders WHERE number = '260101-9';
INSERT INTO invoice_titles (customer_id, title, phone, changed_at) VALUES ({id}, '{mark}', '{number}', now());
INSERT INTO invoices (key, order_id, kind, electronic, title, phone, reason, gross, net, tax, requested_at)
  SELECT 'i9', id, 'normal', true, '{mark}', '{number}', '{mark}', 5, 5, 0, now()
  FROM orders WHERE number = '260101-9';
INSERT INTO order_invoice_wishes (order_id, kind, electronic, title, phone)
  SELECT id, 'normal', true, '{mark}', '{number}' FROM orders WHERE number = '260101-9';
INSERT INTO price_rules (kind, name_zh, name_en, sku, customer_id, value)
  VALUES ('price', '{mark}', '{mark}', 'P1', {id}, 5);
INSERT INTO outbox (token, subject, subject_id, customer_id, kind, channel, recipient, language, params)
  VALUES ('t9', 'order', 1, {id}, 'order_placed', 'sms', '{number}', 'zh', '{{"name": "{mark}"}}');
INSERT INTO callbacks (number, customer_id, queue, source, note)
  VALUES ('{number}', {id}, 'north', 'agent', '{mark}');
INSERT INTO campaigns (name, queue) VALUES ('春季', 'north');
INSERT INTO campaign_contacts (campaign_id, number) SELECT id, '{number}' FROM campaigns;
INSERT INTO call_consents (number, customer_id, proof, reference, given_at, recorded_at)
  VALUES ('{number}', {id}, '{mark}', '{mark}', now(), now());
INSERT INTO attempts (call_id, number, contact_id, agent_id, rules, at)
  SELECT 'c', '{number}', max(id), 1, 'v1', now() FROM campaign_contacts;
INSERT INTO todos (title, note, customer_id, kind, priority, due_at, alarm_before_min,
                   escalate_after_min, alarm_at, escalate_at, assignee_id, created_at, updated_at)
  VALUES ('{mark}', '{mark}', {id}, 'task', 'normal', now(), 0, 1, now(), now(), 1, now(), now());
INSERT INTO complaints (customer_id, category_code, severity, channel, description, handler_id,
                        state, due_at, started_at, handled_at, created_at, updated_at)
  SELECT {id}, min(code), 1, 'phone', '{mark}', 1, 'resolved', now(), now(), now(), now(), now()
  FROM complaint_categories;
INSERT INTO complaint_steps (complaint_id, at, kind, text)
  SELECT max(id), now(), 'comment', '{mark}' FROM complaints;
INSERT INTO knowledge_questions (text, customer_id, asker_id, asked_at)
  VALUES ('{mark}', {id}, 1, now());
INSERT INTO dealer_applications (name, phone, level_code, note, created_at)
  VALUES ('{mark}', '{number}', 'city', '{mark}', now());
INSERT INTO dealer_stock_reports (customer_id, report_date, created_at) VALUES ({id}, now(), now());
INSERT INTO dealer_stock_versions (report_id, version, note, entered_at)
  SELECT max(id), 1, '{mark}', now() FROM dealer_stock_reports;
INSERT INTO coupons (code, kind_code, customer_id, reason, issued_at, valid_from, valid_until)
  VALUES ('7Q2M-0KXD-9V3T', 'sorry', {id}, '{mark}', now(), now(), now() + interval '1 day');
INSERT INTO package_kinds (code, purpose, name_zh, name_en, months) VALUES ('pk', 'service', '卡', 'C', 1);
INSERT INTO packages (kind_code, customer_id, starts_on, ends_on, reason, granted_at)
  VALUES ('pk', {id}, now(), now(), '{mark}', now());
INSERT INTO entitlements (package_id, name_zh, name_en) SELECT max(id), '送', 'D' FROM packages;
INSERT INTO entitlement_uses (entitlement_id, note, used_at) SELECT max(id), '{mark}', now() FROM entitlements;
INSERT INTO leads (source, name, phone, interest, note, state, customer_id, created_at)
  VALUES ('web', '{mark}', '{number}', '{mark}', '{mark}', 'converted', {id}, now());
INSERT INTO lead_handovers (lead_id, note, at) SELECT max(id), '{mark}', now() FROM leads;
INSERT INTO opportunities (customer_id, title, note, stage_code, created_at)
  VALUES ({id}, '{mark}', '{mark}', 'contact', now());
INSERT INTO quotes (number, customer_id, valid_until, note, total, created_at)
  VALUES ('Q1', {id}, now(), '{mark}', 0, now());
INSERT INTO couriers (code, name_zh, name_en, kind, paper, ways) VALUES ('c', '邮', 'P', 'own', 'p', '{{}}');
INSERT INTO order_consignees (order_id, recipient, phone, province, city, district, street, postcode)
  SELECT id, '{mark}', '{number}', '{mark}', '{mark}', '{mark}', '{mark}路', '{mark}' FROM orders WHERE key = 'k9';
INSERT INTO waybills (order_id, courier_code, number, kind, weight_g, volume_ml, freight, created_at,
                      state_at, reason, voided_reason)
  SELECT id, 'c', 'N1', 'outward', 1, 1, 1, now(), now(), '{mark}', '{mark}' FROM orders WHERE key = 'k9';
INSERT INTO waybill_events (waybill_id, key, code, at, place, signer, note, source, received_at, outcome)
  SELECT max(id), 'k', 'delivered', now(), '{mark}', '{mark}', '{mark}', 'api', now(), 'applied' FROM waybills;
INSERT INTO vehicles (code, plate, capacity_g, capacity_ml) VALUES ('v', '津A1', 1, 1);
INSERT INTO drivers (code, name, phone) VALUES ('d', '李', '1');
INSERT INTO delivery_routes (code, name_zh, name_en) VALUES ('r', '线', 'R');
INSERT INTO delivery_route_customers (route_code, customer_id, place) VALUES ('r', {id}, 1);
INSERT INTO delivery_runs (number, day, courier_code, vehicle_code, driver_code, created_at)
  VALUES ('L1', now(), 'c', 'v', 'd', now());
INSERT INTO run_stops (run_id, waybill_id, place, note) SELECT max(r.id), max(w.id), 1, '{mark}'
  FROM delivery_runs r, waybills w;
INSERT INTO run_returns (run_id, waybill_id, sku, quantity) SELECT run_id, waybill_id, 'P1', 1 FROM run_stops;
INSERT INTO order_returns (number, key, order_id, kind, way, reason_code, reason, late_reason, state, requested_at,
                           changed_at)
  SELECT 'R9', 'r9', id, 'return', 'post', 'other', '{mark}', '{mark}', 'requested', now(), now()
  FROM orders WHERE key = 'k9';
INSERT INTO order_return_steps (return_id, state, at, text)
  SELECT max(id), 'requested', now(), '{mark}' FROM order_returns;
INSERT INTO order_exceptions (number, key, order_id, kind, level, state, description, raised_at, due_at, resolution,
                              decided_at, words)
  SELECT 'E9', 'e9', id, 'delay', 1, 'decided', '{mark}', now(), now(), 'apologise', now(), '{mark}'
  FROM orders WHERE key = 'k9';
INSERT INTO order_exception_steps (exception_id, action, level, at, text)
  SELECT max(id), 'decide', 1, now(), '{mark}' FROM order_exceptions;
INSERT INTO exchange_jobs (kind, state, filename, plan) VALUES ('import', 'done', 'f.xlsx', '{{}}');
INSERT INTO import_refusals (job_id, row, cells, reasons)
  SELECT max(id), 1, '["{mark}", "{number}"]', '["x"]' FROM exchange_jobs;
"""
# Columns of text that point to nobody: codes, states, places in the house, what operations wrote.
IMPERSONAL = {
    "attempts": {"message_token", "rules", "result", "tech_cause"},
    "callbacks": {"queue", "source", "origin_call_id", "last_result", "skills_by"},
    "calls": {
        "id", "node", "linkedid", "direction", "did", "medium", "level", "province", "area_code",
        "menu_path", "queue", "left_reason", "outcome", "last_menu", "services", "walk",
        "recording", "pause_reason",
    },
    "call_steps": {"kind"},
    "campaign_contacts": {"last_result"},
    "complaints": {"category_code", "channel", "call_id", "order_number", "state"},
    "complaint_steps": {"kind", "from_state", "to_state"},
    "delivery_route_customers": {"route_code"},
    "order_consignees": {"way"},
    "run_returns": {"sku"},
    "run_stops": {"result"},
    "waybills": {"courier_code", "number", "kind", "state", "why"},
    "waybill_events": {"key", "code", "source", "outcome", "why"},
    "customers": {"level_code", "path", "price_policy_code", "payment_terms_code"},
    "customer_moves": {"from_level_code", "to_level_code"},
    "coupons": {"code", "kind_code", "state", "source"},
    "debit_lines": {"token", "bank_code", "state", "bank_serial", "reason"},
    "dealer_applications": {"province", "city", "level_code", "state"},
    "order_returns": {"number", "key", "kind", "way", "reason_code", "state"},
    "order_return_steps": {"state"},
    "order_exceptions": {"number", "key", "kind", "state", "resolution"},
    "order_exception_steps": {"action"},
    "invoices": {"key", "kind", "state", "code", "number"},
    "order_invoice_wishes": {"kind"},
    "knowledge_questions": {"call_id", "answer"},
    "leads": {"source", "province", "city", "call_id", "state"},
    "notice_recipients": {"call_id"},
    "entitlements": {"name_zh", "name_en"},
    "opportunities": {"stage_code"},
    "opportunity_moves": {"from_stage", "to_stage"},
    "order_lines": {"sku", "why", "unit"},
    "quotas": {"sku", "category_code", "level_code", "route_code", "period", "goods_key", "buyer_key"},
    "orders": {"number", "key", "fingerprint", "call_id", "status", "payment", "discount_why", "medium", "review", "review_why", "warehouse"},
    "packages": {"kind_code"},
    "recording_uses": {"kind"},
    "payment_differences": {"kind", "subject", "source", "reference", "currency", "state"},
    "payment_entries": {"kind", "method", "source", "reference"},
    "payment_refunds": {"token", "key", "state", "reference", "reason"},
    "payments": {"token", "key", "gateway", "state", "pay_url", "reference", "reason"},
    "price_rules": {"kind", "sku", "category_code", "unit", "level_code", "free_sku", "goods_key", "buyer_key"},
    "quotes": {"number", "state"},
    "quote_lines": {"sku"},
    "survey_answers": {"question", "survey", "queue", "pressed", "label_zh", "label_en"},
    "privacy_requests": {"kind", "state", "identified_by", "reason", "done", "files"},
}  # fmt: skip


class Archive:
    def __init__(self, database: Database, office: Office, folder: Path) -> None:
        self.database = database
        self.office = office
        self.folder = folder
        self.clock = Clock()
        self.admin = person("admin", office.zhao.user_id)
        self.forgotten: list[bool] = []
        self.customers = CustomerService(database)
        self.privacy = PrivacyService(
            database,
            clock=self.clock,
            obstacles=(open_orders, live_calls),
            folders={"recordings": folder},
            on_erased=lambda: self.forgotten.append(True),
        )

    async def somebody(self) -> int:
        """A person of whom something stands everywhere, merged from two records."""
        main = {
            "name": MARK, "code": f"{MARK}1", "email": f"{MARK}@a.example", "note": MARK,
            "province": MARK, "birthday": "1990-01-01",
            "phones": [{"number": NUMBER, "label": MARK}],
            "addresses": [{"detail": f"{MARK}路", "recipient": MARK, "phone": NUMBER}],
            "contacts": [{"name": MARK}], "territories": [{"province": MARK}],
        }  # fmt: skip
        made = await self.customers.create(self.admin, NewCustomer.model_validate(main))
        second = await self.customers.create(self.admin, NewCustomer(name=f"{MARK}二", note=MARK))
        await MergeService(self.database).merge(SYSTEM, (made.id, 1), (second.id, 1))
        filled = FILLED.format(id=made.id, mark=MARK, number=NUMBER, call=CALL, other=OTHER_CALL)
        async with self.database.begin() as session:
            for statement in filled.strip().split(";\n"):
                await session.execute(text(statement.rstrip(";\n").replace(":", r"\:")))
        (self.folder / "2026").mkdir()
        (self.folder / "2026/a.wav").write_bytes(b"voice")
        return made.id

    async def request(self, customer_id: int, kind: str) -> int:
        new = NewRequest(customer_id=customer_id, kind=kind, identified_by="本机回拨")
        return (await self.privacy.enter(self.office.wang, new)).id

    async def standing(self, *marks: str) -> dict[str, int]:
        """In how many rows of which tables one of these words stands, as PostgreSQL writes rows."""
        found: dict[str, int] = {}
        async with self.database.reading() as connection:
            for name in Base.metadata.tables:
                rows = await connection.scalars(text(f"SELECT t::text FROM {name} t"))
                if many := sum(any(mark in row for mark in marks) for row in rows):
                    found[name] = many
        return found


@pytest.fixture
async def archive(database: Database, tmp_path: Path) -> Archive:
    return Archive(database, await furnish(database), tmp_path)


def test_of_every_text_about_a_person_it_is_said_what_becomes_of_it(database: Database):
    tables = {each.table for each in reach.references()}
    for table in Base.metadata.tables.values():
        part_of = {
            k.column.table for c in table.columns if c.info.get("part") for k in c.foreign_keys
        }
        if part_of & tables or any(
            c.info.get("of_call") or c.info.get("number") or c.info.get("mentions")
            for c in table.columns
        ):
            tables.add(table)
    for table in tables:
        if REMOVED.items() <= table.info.items():
            continue
        words = {
            column.name
            for column in table.columns
            if isinstance(column.type, Text | ARRAY | JSONB)
            or getattr(column.type, "length", None) is not None
        }
        said = {column.name for column in table.columns if is_emptied(column.info)}
        keys = {column.name for column in table.columns if column.info.get("of_call")}
        unsaid = words - said - keys - IMPERSONAL.get(table.name, set())
        assert not unsaid, (table.name, unsaid)


async def test_all_that_is_kept_of_a_person_is_given_and_nothing_is_left_after_erasing(
    archive: Archive,
):
    customer_id = await archive.somebody()
    before = await archive.standing(MARK, NUMBER)
    assert len(before) >= 17, before
    asked = await archive.request(customer_id, "access")
    given = await archive.privacy.data(archive.admin, asked)
    told = json.dumps(given.tables, default=str, ensure_ascii=False)
    assert told.count(MARK) > 20
    assert set(before) - {"audit_log"} <= set(given.tables)
    assert {"order_lines", "call_steps", "recordings"} <= set(given.tables)
    assert given.history[0]["action"] == "customer.create"

    wanted = await archive.request(customer_id, "erasure")
    done = await archive.privacy.erase(archive.admin, wanted)
    assert (done.state, done.files, done.done["customers"]) == ("done", 0, 2)
    assert await archive.standing(MARK, NUMBER) == {}
    assert not (archive.folder / "2026/a.wav").exists()
    assert archive.forgotten == [True]
    await _what_must_be_kept_is_kept(archive)
    with pytest.raises(NotFound):
        await archive.customers.get(SYSTEM, customer_id)
    assert await SearchService(archive.database).quick(SYSTEM, "已删除") == ()
    assert not (await AuditTrail(archive.database, clock=archive.clock).verify()).faults


async def _what_must_be_kept_is_kept(archive: Archive) -> None:
    async with archive.database.reading() as connection:
        kept = await connection.execute(
            text(
                "SELECT (SELECT count(*) FROM orders o JOIN order_lines l ON l.order_id = o.id),"
                " (SELECT count(*) FROM calls), (SELECT count(*) FROM attempts),"
                " (SELECT min(status) FROM callbacks), (SELECT count(*) FROM complaints)"
            )
        )
        assert tuple(kept.one()) == (1, 2, 1, "closed", 1)


async def test_who_still_has_something_open_is_not_erased_and_hears_why(archive: Archive):
    new = NewCustomer(name="有订单")
    made = (await archive.customers.create(SYSTEM, new)).id
    below = NewCustomer(name="下级", parent_id=made)
    below_id = (await archive.customers.create(SYSTEM, below)).id
    order = (
        "INSERT INTO orders (number, key, fingerprint, customer_id, status, total, credit_held,"
        f" placed_at) VALUES ('260101-8', 'k8', 'f', {made}, 'shipped', 5, 0, now())"
    )
    call = (
        "INSERT INTO calls (id, node, linkedid, direction, did, customer_id, menu_path, started_at,"
        f" steps) VALUES ('{'d' * 32}', 'pbx1', '1', 'inbound', '400', {made}, '[]', now(), 1)"
    )
    async with archive.database.begin() as session:
        await session.execute(text(order))
        await session.execute(text(call))
    complaints = ComplaintService(archive.database, clock=archive.clock)
    new = NewComplaint(customer_id=made, category_code="quality", description="坏了")
    complaint = await complaints.create(archive.office.wang, new)
    request = await archive.request(made, "erasure")
    with pytest.raises(CannotErase, match=rf"below.*#{complaint.id}.*260101-8.*line"):
        await archive.privacy.erase(archive.admin, request)
    assert (await archive.customers.get(SYSTEM, made)).name == "有订单"
    withdrawn = Reason(version=complaint.version, reason="客户撤回")
    await complaints.reject(archive.office.zhao, complaint.id, withdrawn)
    async with archive.database.begin() as session:
        await session.execute(text("UPDATE orders SET status = 'settled' WHERE key = 'k8'"))
        await session.execute(text("UPDATE calls SET outcome = 'x', ended_at = now()"))
        await session.execute(text(f"UPDATE customers SET credit_used = 1 WHERE id = {made}"))
    card = await archive.customers.get(SYSTEM, below_id)
    await archive.customers.update(SYSTEM, below_id, card.version, CustomerFields(parent_id=None))
    with pytest.raises(CannotErase, match=r"^The customer still owes money: settle it first\.$"):
        await archive.privacy.erase(archive.admin, request)


async def test_of_two_who_erase_at_once_one_does(archive: Archive):
    made = (await archive.customers.create(SYSTEM, NewCustomer(name="两次"))).id
    request = await archive.request(made, "erasure")
    results = await asyncio.gather(
        *(archive.privacy.erase(archive.admin, request) for _ in range(3)), return_exceptions=True
    )
    assert sorted(isinstance(each, Conflict) for each in results) == [False, True, True]


async def test_files_that_a_dead_daemon_left_are_removed_later(archive: Archive):
    made = (await archive.customers.create(SYSTEM, NewCustomer(name="录音"))).id
    request = await archive.request(made, "erasure")
    await archive.privacy.erase(archive.admin, request)
    (archive.folder / "left.wav").write_bytes(b"voice")
    async with archive.database.begin() as session:
        await session.execute(
            text("UPDATE privacy_requests SET files = '[[\"recordings\", \"left.wav\"]]'"
                 f" WHERE id = {request}")
        )  # fmt: skip
    assert await archive.privacy.remove_files() == 1
    assert not (archive.folder / "left.wav").exists()
    assert await archive.privacy.remove_files() == 0


async def test_requests_are_listed_become_overdue_and_may_be_refused(archive: Archive):
    made = (await archive.customers.create(SYSTEM, NewCustomer(name="拒绝"))).id
    request = await archive.request(made, "access")
    with pytest.raises(Conflict, match="already"):
        await archive.request(made, "access")
    archive.clock.now += timedelta(days=16)
    (found,) = [
        each
        for each in await archive.privacy.listed(archive.admin, RequestQuery())
        if each.id == request
    ]
    assert (found.overdue, found.kind) == (True, "access")
    with pytest.raises(Conflict, match="access"):
        await archive.privacy.erase(archive.admin, request)
    refused = await archive.privacy.refuse(archive.admin, request, Refusal(reason="身份不符"))
    assert (refused.state, refused.reason) == ("refused", "身份不符")
    with pytest.raises(Conflict):
        await archive.privacy.refuse(archive.admin, request, Refusal(reason="再拒"))
    for who in (archive.office.wang, archive.office.zhao):
        with pytest.raises(Forbidden):
            await archive.privacy.data(who, request)
    with pytest.raises(NotFound):
        await archive.privacy.data(archive.admin, 999_999)
    async with archive.database.reading() as connection:
        kept = select(text("count(*) FROM audit_log WHERE action LIKE 'privacy.%'"))
        assert (await connection.scalar(kept) or 0) >= 2
    assert archive.clock.now > datetime(2026, 1, 1, tzinfo=UTC)


async def test_who_was_erased_elsewhere_is_not_remembered_for_the_time_without_a_database(
    archive: Archive,
):
    number = "13977776666"
    made = await archive.customers.create(SYSTEM, NewCustomer(name="别处删", phones=(number,)))
    heard, deaf = (CustomerService(archive.database, identify_deadline_s=0) for _ in range(2))
    await heard.learn()
    await deaf.learn()
    watch = ErasureWatch(archive.database, heard.forget, heard.learn)
    assert await watch.run_once() == 0
    await archive.privacy.erase(archive.admin, await archive.request(made.id, "erasure"))
    assert await watch.run_once() == 1
    assert await heard.identify(number) is None
    remembered = await deaf.identify(number)
    assert remembered is not None
    assert remembered.stale
    assert await watch.run_once() == 0
    for each in (heard, deaf):
        await each.close()
