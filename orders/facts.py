"""What must be known to price an order, read in one statement. Rule: it only reads, and locks nothing;
who was merged into another customer orders as that one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import NotFound
from crm_core.outbox.messages import Contact
from crm_core.statement import Statement
from orders import pricing
from orders.agreed import Agreed
from orders.commands import OrderLine
from orders.errors import UnknownProduct
from orders.pricing import CustomerTerms, ListedProduct, Reason, UnitPrice
from orders.tables import MAIN
from orders.views import Quote, QuotedLine


@dataclass(frozen=True, slots=True)
class Facts:
    """A priced order and its customer."""

    quote: Quote
    units: tuple[str, ...]
    customer_name: str
    contact: Contact


FACTS = Statement("""
SELECT c.id AS customer_id, c.merged_into_id, c.name, c.level_code, c.credit_limit - c.credit_used AS credit,
       c.email, c.language, f.number, pp.code AS policy, pp.discount,
       (SELECT o.id FROM orders o WHERE o.key = CAST(:key AS text)) AS order_id,
       w.sku, w.quantity, p.name_zh, p.name_en, p.unit, p.list_price, lp.price AS level_price,
       coalesce(s.on_hand - s.reserved, 0) AS available
FROM customers c
JOIN price_policies pp ON pp.code = c.price_policy_code
LEFT JOIN customer_phones f ON f.customer_id = c.id AND f.is_main
CROSS JOIN unnest(CAST(:skus AS text[]), CAST(:quantities AS int[]))
    WITH ORDINALITY AS w (sku, quantity, line_no)
LEFT JOIN products p ON p.sku = w.sku AND p.active
LEFT JOIN product_prices lp ON lp.sku = w.sku AND lp.level_code = c.level_code
LEFT JOIN stock s ON s.sku = w.sku AND s.warehouse = CAST(:warehouse AS text)
WHERE c.id = CAST(:customer_id AS int)
ORDER BY w.line_no
""")


async def read(
    session: AsyncSession, customer_id: int, lines: Sequence[OrderLine], key: str
) -> Sequence[asyncpg.Record]:
    """A row for each line; `order_id` in it is the order this key placed. Raises NotFound."""
    rows = await FACTS.read(
        session,
        {
            "key": key,
            "skus": [line.sku for line in lines],
            "quantities": [line.quantity for line in lines],
            "warehouse": MAIN,
            "customer_id": customer_id,
        },
    )
    if not rows:
        raise NotFound("There is no such customer.", fields={"customer_id": customer_id})
    if (kept := rows[0]["merged_into_id"]) is not None:
        return await read(session, kept, lines, key)
    return rows


def priced(rows: Sequence[asyncpg.Record], agreed: Agreed | None = None) -> Facts:
    """What `read` found, with prices: those of a quote where there is one.

    Raises UnknownProduct for what is not on sale.
    """
    first = rows[0]
    terms = CustomerTerms(first["level_code"], first["policy"], first["discount"])
    quoted = tuple(_quoted(row, terms, agreed) for row in rows)
    total = pricing.order_total(line.line_total for line in quoted)
    return Facts(
        Quote(first["customer_id"], quoted, total, _warnings(quoted, total, first["credit"])),
        tuple(row["unit"] for row in rows),
        first["name"],
        Contact(first["email"], first["number"], first["language"] or "zh"),
    )


def _quoted(row: asyncpg.Record, terms: CustomerTerms, agreed: Agreed | None) -> QuotedLine:
    if row["list_price"] is None:
        raise UnknownProduct(row["sku"])
    price = pricing.unit_price(
        ListedProduct(row["sku"], row["list_price"], row["level_price"]), terms
    )
    if agreed is not None and row["sku"] in agreed.prices:
        why = Reason("quoted", {"number": agreed.number})
        price = UnitPrice(agreed.prices[row["sku"]], (why,))
    return QuotedLine(
        row["sku"],
        row["name_zh"],
        row["name_en"],
        row["quantity"],
        price.amount,
        pricing.line_total(price.amount, row["quantity"]),
        row["available"],
        price.why,
    )


def _warnings(lines: Sequence[QuotedLine], total: Decimal, credit: Decimal) -> tuple[Reason, ...]:
    short = [
        Reason("out_of_stock", {"sku": line.sku, "available": str(line.available)})
        for line in lines
        if line.quantity > line.available
    ]
    if total > credit:
        short.append(over_credit(total, credit))
    return tuple(short)


def over_credit(total: Decimal, credit: Decimal) -> Reason:
    available = max(credit, Decimal(0))
    return Reason("over_credit", {"total": str(total), "available": str(available)})
