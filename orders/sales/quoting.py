"""What an order would be: lines with explained prices, goods that come free, the discount of the whole
order, and what stands against it. Rule: pure; the same facts give the same quote.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.benefits.coupons import CouponRefused
from crm_core.benefits.views import Taken
from crm_core.outbox.messages import Contact
from orders.lines import OrderLine
from orders.money import line_total, to_fen, total_of
from orders.pricing import rules
from orders.pricing.price import UnitPrice, listed, named, unit_price
from orders.pricing.rules import FreeGoods, RuleKind
from orders.quotas.limits import Standing
from orders.reasons import Reason
from orders.sales import facts
from orders.sales.agreed import Agreed
from orders.sales.views import OrderCoupon, Quote, QuotedLine
from orders.stock import choice

_FREE = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Known:
    """A priced order and its customer; `free` is how many base units of each product could be taken."""

    quote: Quote
    customer_name: str
    contact: Contact
    free: Mapping[str, int]
    credit: Decimal


async def quoted(
    holder: AsyncSession | AsyncConnection,
    rows: Sequence[asyncpg.Record],
    today: date,
    agreed: Agreed | None = None,
    own: Mapping[str, int] = MappingProxyType({}),
) -> Known:
    """What `facts.read` found, with prices: those of a quote where there is one. `own` are base units that
    are reserved for this very order.

    Raises UnknownProduct, UnknownUnit for what is not on sale.
    """
    first = rows[0]
    wanted = base_quantities(rows)
    book = facts.RuleBook(rows)
    free = {row["sku"]: row["available"] + own.get(row["sku"], 0) for row in rows}
    lines = [line(row, book, wanted[row["sku"]], free[row["sku"]], agreed) for row in rows]
    gifts = _gifts(rows, book, wanted, agreed)
    given, warnings = await _given(
        holder, gifts, wanted, today=today, own=own, warehouse=first["warehouse"]
    )
    goods = total_of(each.line_total for each in lines)
    offer = None if agreed else rules.order_discount(book.of_order(), goods)
    discount = to_fen(offer.amount) if offer else _FREE
    why = (
        (Reason(str(offer.rule.kind), named(offer.rule) | {"amount": str(discount)}),)
        if offer
        else ()
    )
    total = goods - discount
    quote = Quote(
        first["customer_id"],
        (*lines, *given),
        total,
        discount,
        why,
        (
            *_out_of_step(wanted, rows),
            *_short(wanted, free),
            *warnings,
            *_credit(total, first["credit"]),
        ),
        first["warehouse"],
        choice.why(first["chosen_by"], first["warehouse"]),
    )
    free = {each.sku: each.available for each in given} | free
    return Known(quote, first["name"], Contact.of(first), free, first["credit"])


def with_coupons(known: Known, taken: Sequence[Taken], refused: Sequence[CouponRefused]) -> Quote:
    """The quote less what these coupons take off; the credit has to cover only the rest."""
    quote = known.quote
    off = sum((each.discount for each in taken), Decimal(0))
    total = quote.total - off
    others = tuple(each for each in quote.warnings if each.code != "over_credit")
    return replace(
        quote,
        total=total,
        coupons=tuple(
            OrderCoupon(each.code, each.name_zh, each.name_en, each.discount) for each in taken
        ),
        warnings=(*others, *map(_coupon_refused, refused), *_credit(total, known.credit)),
    )


def _coupon_refused(refused: CouponRefused) -> Reason:
    told = {name: str(value) for name, value in refused.fields.items()}
    return Reason(f"coupon_{told.pop('why')}", {"coupon": told.pop("coupon_codes")} | told)


def over_credit(total: Decimal, credit: Decimal) -> Reason:
    available = max(credit, Decimal(0))
    return Reason("over_credit", {"total": str(total), "available": str(available)})


def over_quota(standing: Standing) -> Reason:
    told = {"goods": standing.quota.goods, "left": str(standing.left)}
    return Reason("over_quota", told | {"period": str(standing.quota.period)})


def base_quantities(rows: Sequence[asyncpg.Record]) -> Counter[str]:
    """Base units of each product, whatever units they are ordered in."""
    wanted: Counter[str] = Counter()
    for row in rows:
        wanted[row["sku"]] += row["quantity"] * (row["pack_factor"] or 1)
    return wanted


def line(
    row: asyncpg.Record,
    book: facts.RuleBook,
    in_all: int,
    free: int,
    agreed: Agreed | None = None,
) -> QuotedLine:
    """One line where `in_all` base units of its product are ordered and `free` could be taken.

    Raises UnknownProduct, UnknownUnit.
    """
    product = facts.product_of(row, book.of_line(row))
    if agreed is not None and row["sku"] in agreed.prices:
        exact = agreed.prices[row["sku"]] * product.factor
        of_quote = Reason("quoted", {"number": agreed.number})
        price = UnitPrice(exact, (listed(product), of_quote))
    else:
        price = unit_price(product, facts.terms_of(row), in_all)
    unit = product.unit or "", product.factor
    return _quoted(row, row["quantity"], unit, price, free)


def _quoted(
    row: asyncpg.Record, quantity: int, unit: tuple[str, int], price: UnitPrice, free: int
) -> QuotedLine:
    name, factor = unit
    return QuotedLine(
        row["sku"],
        row["name_zh"],
        row["name_en"],
        name,
        factor,
        quantity,
        price.amount,
        line_total(price.amount, quantity),
        row["tax_rate"],
        free // factor,
        price.why,
    )


def _gifts(
    rows: Sequence[asyncpg.Record],
    book: facts.RuleBook,
    wanted: Counter[str],
    agreed: Agreed | None,
) -> tuple[FreeGoods, ...]:
    """What comes free with each product that is not sold at a quoted price."""
    at_quoted = agreed.prices if agreed else {}
    by_sku = {row["sku"]: row for row in rows if row["sku"] not in at_quoted}
    offers = (rules.free_goods(book.of_line(row), sku, wanted[sku]) for sku, row in by_sku.items())
    return tuple(offer for offer in offers if offer is not None)


async def _given(
    holder: AsyncSession | AsyncConnection,
    gifts: Sequence[FreeGoods],
    wanted: Counter[str],
    *,
    today: date,
    own: Mapping[str, int],
    warehouse: str,
) -> tuple[list[QuotedLine], list[Reason]]:
    """Lines without a price, as far as the goods are there after what is ordered."""
    if not gifts:
        return [], []
    asked = tuple(OrderLine(sku, 1) for sku in dict.fromkeys(gift.sku for gift in gifts))
    rows = await facts.read_for_anybody(holder, asked, today, warehouse)
    found = {row["sku"]: row for row in rows}
    free = {sku: row["available"] + own.get(sku, 0) for sku, row in found.items()}
    left = {sku: max(each - wanted[sku], 0) for sku, each in free.items()}
    lines, short = [], []
    for gift in gifts:
        row = found[gift.sku]
        quantity = min(gift.quantity, left[gift.sku]) if row["list_price"] is not None else 0
        left[gift.sku] -= quantity
        if quantity < gift.quantity:
            missing = str(gift.quantity - quantity)
            short.append(Reason("free_goods_short", {"sku": gift.sku, "quantity": missing}))
        if quantity:
            told = named(gift.rule) | {"quantity": str(quantity)}
            why = Reason(str(RuleKind.FREE_GOODS), told)
            price = UnitPrice(_FREE, (why,))
            lines.append(_quoted(row, quantity, (row["base_unit"], 1), price, free[gift.sku]))
    return lines, short


def _out_of_step(wanted: Counter[str], rows: Sequence[asyncpg.Record]) -> list[Reason]:
    steps = {row["sku"]: row["order_step"] for row in rows}
    return [
        Reason("order_step", {"sku": sku, "step": str(step)})
        for sku, step in steps.items()
        if wanted[sku] % step
    ]


def _short(wanted: Counter[str], free: Mapping[str, int]) -> list[Reason]:
    return [
        Reason("out_of_stock", {"sku": sku, "available": str(available)})
        for sku, available in free.items()
        if wanted[sku] > available
    ]


def _credit(total: Decimal, credit: Decimal) -> list[Reason]:
    return [over_credit(total, credit)] if total > credit else []
