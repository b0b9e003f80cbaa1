"""What must be known to price an order, read in one statement. Rule: it only reads, and locks nothing;
who was merged into another customer orders as that one.
"""

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import NotFound
from crm_core.statement import Statement
from orders.errors import UnknownProduct, UnknownUnit
from orders.lines import OrderLine
from orders.pricing.price import CustomerTerms, PricedProduct
from orders.pricing.rules import Buyer, Rule, RuleKind
from orders.stock import choice

_RULE = """jsonb_build_object('id', r.id, 'kind', r.kind, 'goods', r.goods_key,
    'buyer', split_part(r.buyer_key, ':', 1),
    'value', r.value::text, 'name_zh', r.name_zh, 'name_en', r.name_en, 'unit', r.unit,
    'min_quantity', r.min_quantity, 'min_total', r.min_total::text, 'free_sku', r.free_sku,
    'free_quantity', r.free_quantity, 'free_most', r.free_most, 'stackable', r.stackable,
    'priority', r.priority)"""
_TODAY = """r.active AND coalesce(r.valid_from <= CAST(:today AS date), true)
    AND coalesce(r.valid_until >= CAST(:today AS date), true)"""
_REVIEW_RULE = """jsonb_build_object('id', v.id, 'kind', v.kind, 'says', v.says,
    'name_zh', v.name_zh, 'name_en', v.name_en, 'value', v.value::text, 'words', v.words)"""
_QUOTA = """jsonb_build_object('id', q.id, 'goods_key', q.goods_key, 'buyer_key', q.buyer_key,
    'together', q.together, 'period', q.period, 'quantity', q.quantity, 'valid_from', q.valid_from)"""
_WINDOW = "jsonb_build_object('weekdays', o.weekdays, 'opens', o.opens, 'closes', o.closes)"
_CUSTOMER = f"""
    SELECT c.id AS customer_id, c.merged_into_id, c.name, c.level_code,
           c.credit_limit - c.credit_used AS credit, c.email, c.fax, c.wecom,
           c.wecom_group, c.told_by, c.language, f.number,
           pp.code AS policy, pp.discount AS factor, c.province, c.city,
           ARRAY['customer:' || c.id, 'level:' || c.level_code, 'all'] AS buyer_keys,
           c.credit_overdue AS overdue, coalesce(t.prepaid, false) AS terms_prepaid,
           past.orders_before, past.bad_before,
           (SELECT jsonb_agg({_REVIEW_RULE}) FROM order_review_rules v WHERE v.active) AS review_rules,
           (SELECT jsonb_agg({_WINDOW}) FROM order_windows o WHERE o.active
            AND (o.level_code IS NULL OR o.level_code = c.level_code)) AS windows
    FROM customers c
    JOIN price_policies pp ON pp.code = c.price_policy_code
    LEFT JOIN payment_terms t ON t.code = c.payment_terms_code
    LEFT JOIN customer_phones f ON f.customer_id = c.id AND f.is_main
    CROSS JOIN LATERAL (
        SELECT count(*) AS orders_before,
               count(*) FILTER (WHERE o.status IN ('refused', 'returned')) AS bad_before
        FROM (SELECT status FROM orders WHERE customer_id = c.id ORDER BY id DESC LIMIT 20) o
    ) past
    WHERE c.id = CAST(:customer_id AS int) AND c.erased_at IS NULL"""
_NOBODY = """
    SELECT NULL::int AS customer_id, NULL::int AS merged_into_id, NULL::text AS name,
           NULL::text AS level_code, NULL::numeric AS credit, NULL::text AS email,
           NULL::text AS fax, NULL::text AS wecom, NULL::text AS wecom_group, NULL::text[] AS told_by,
           NULL::text AS language, NULL::text AS number, NULL::text AS policy, 1.0 AS factor,
           NULL::text AS province, NULL::text AS city, ARRAY['all'] AS buyer_keys, 0.0 AS overdue,
           false AS terms_prepaid, 0 AS orders_before, 0 AS bad_before, NULL::jsonb AS review_rules,
           NULL::jsonb AS windows"""


def _facts(customer: str, key: str) -> Statement:
    return Statement(f"""
WITH c AS MATERIALIZED ({customer}
), h AS MATERIALIZED ({choice.CHOSEN}
), w AS MATERIALIZED (
    SELECT w.line_no, w.sku, w.quantity, w.unit, p.name_zh, p.name_en, p.specification,
           p.unit AS base_unit, p.list_price, p.floor_price, p.tax_rate, p.order_step,
           ARRAY['all', 'sku:' || p.sku] || ARRAY(
               SELECT 'category:' || step FROM product_categories g CROSS JOIN unnest(g.path) AS step
               WHERE g.code = p.category_code) AS goods_keys
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS int[]), CAST(:units AS text[]))
        WITH ORDINALITY AS w (sku, quantity, unit, line_no)
    LEFT JOIN products p ON p.sku = w.sku AND p.active
), r AS MATERIALIZED (
    SELECT jsonb_agg({_RULE}) AS rules
    FROM c JOIN price_rules r ON r.buyer_key = ANY (c.buyer_keys)
    WHERE r.goods_key = ANY (ARRAY(SELECT DISTINCT unnest(w.goods_keys) FROM w)) AND {_TODAY}
), q AS MATERIALIZED (
    SELECT jsonb_agg({_QUOTA}) AS quotas
    FROM c JOIN quotas q ON q.buyer_key = ANY (c.buyer_keys)
    WHERE q.goods_key = ANY (ARRAY(SELECT DISTINCT unnest(w.goods_keys) FROM w))
      AND q.active AND q.valid_from <= CAST(:today AS date)
      AND coalesce(q.valid_until >= CAST(:today AS date), true)
)
SELECT c.*, h.warehouse, h.chosen_by, {key} AS order_id, CASE WHEN w.line_no = 1 THEN r.rules END AS rules,
       CASE WHEN w.line_no = 1 THEN q.quotas END AS quotas,
       w.sku, w.quantity, w.unit AS wanted_unit, w.name_zh, w.name_en, w.specification, w.base_unit,
       w.list_price, w.floor_price, w.tax_rate, w.order_step, w.goods_keys, k.unit AS pack,
       k.factor AS pack_factor, k.list_price AS pack_price,
       coalesce(s.on_hand - s.reserved - s.blocked, 0) AS available
FROM c CROSS JOIN h CROSS JOIN r CROSS JOIN q CROSS JOIN w
LEFT JOIN product_packs k ON k.sku = w.sku AND k.unit = w.unit
LEFT JOIN stock s ON s.sku = w.sku AND s.warehouse = h.warehouse
ORDER BY w.line_no
""")


FACTS = _facts(_CUSTOMER, "(SELECT o.id FROM orders o WHERE o.key = CAST(:key AS text))")
_FACTS_FOR_NOBODY = _facts(_NOBODY, "NULL::int")


async def read(
    holder: AsyncSession | AsyncConnection,
    customer_id: int,
    lines: Sequence[OrderLine],
    today: date,
    key: str = "",
    *,
    warehouse: str | None = None,
) -> Sequence[asyncpg.Record]:
    """A row for each line; `order_id` in it is the order this key placed; without a `warehouse` the one that
    serves the customer. Raises NotFound, UnknownWarehouse.
    """
    values = _values(lines, today, warehouse) | {"customer_id": customer_id, "key": key}
    rows = await FACTS.read(holder, values)
    if not rows:
        raise NotFound("There is no such customer.", fields={"customer_id": customer_id})
    if (kept := rows[0]["merged_into_id"]) is not None:
        return await read(holder, kept, lines, today, key, warehouse=warehouse)
    choice.check(rows[0]["warehouse"], warehouse)
    return rows


async def read_for_anybody(
    holder: AsyncSession | AsyncConnection,
    lines: Sequence[OrderLine],
    today: date,
    warehouse: str | None = None,
) -> Sequence[asyncpg.Record]:
    """A row for each line as it is for a customer who is not known. Raises UnknownWarehouse."""
    rows = await _FACTS_FOR_NOBODY.read(holder, _values(lines, today, warehouse))
    choice.check(rows[0]["warehouse"], warehouse)
    return rows


def _values(lines: Sequence[OrderLine], today: date, warehouse: str | None) -> dict[str, object]:
    return {
        "skus": [line.sku for line in lines],
        "quantities": [line.quantity for line in lines],
        "units": [line.unit for line in lines],
        "warehouse": warehouse,
        "today": today,
    }


def terms_of(row: asyncpg.Record) -> CustomerTerms:
    return CustomerTerms(row["level_code"], row["policy"], row["factor"])


class RuleBook:
    """The rules that may apply to an order, by what they are for."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        self._by_goods: dict[str, list[Rule]] = {}
        for stored in rows[0]["rules"] or ():
            self._by_goods.setdefault(stored["goods"], []).append(_rule(stored))

    def of_line(self, row: asyncpg.Record) -> tuple[Rule, ...]:
        keys = row["goods_keys"]
        return tuple(itertools.chain.from_iterable(self._by_goods.get(key, ()) for key in keys))

    def of_order(self) -> Sequence[Rule]:
        """Those for all goods, the rules of whole orders among them."""
        return self._by_goods.get("all", ())


def product_of(row: asyncpg.Record, rules: Sequence[Rule]) -> PricedProduct:
    """The product of one line in its unit. Raises UnknownProduct, UnknownUnit."""
    if row["list_price"] is None:
        raise UnknownProduct(row["sku"])
    wanted = row["wanted_unit"]
    if wanted not in (None, row["base_unit"]) and row["pack"] is None:
        raise UnknownUnit(row["sku"], wanted)
    return PricedProduct(
        row["sku"],
        row["list_price"],
        row["floor_price"],
        wanted or row["base_unit"],
        row["pack_factor"] or 1,
        row["pack_price"],
        rules,
    )


def _rule(stored: Mapping[str, Any]) -> Rule:
    least = stored["min_total"]
    return Rule(
        id=stored["id"],
        kind=RuleKind(stored["kind"]),
        buyer=Buyer(stored["buyer"]),
        value=Decimal(stored["value"]),
        name_zh=stored["name_zh"],
        name_en=stored["name_en"],
        unit=stored["unit"],
        min_quantity=stored["min_quantity"],
        min_total=None if least is None else Decimal(least),
        free_sku=stored["free_sku"],
        free_quantity=stored["free_quantity"] or 0,
        free_most=stored["free_most"],
        stackable=stored["stackable"],
        priority=stored["priority"],
    )
