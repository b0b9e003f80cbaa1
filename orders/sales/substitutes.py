"""What may be sold instead of a line that is short. Rule: only what could be ordered in its place now: on sale, enough of
it free in the same warehouse, and within the customer's quotas; nothing is read when no line is short.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from math import gcd

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.statement import Statement
from orders.lines import MOST_OF_ONE, OrderLine
from orders.quotas.checking import Asked, stand
from orders.quotas.limits import Standing
from orders.sales import facts, quoting
from orders.sales.views import Quote, QuotedLine

MOST = 3
_MOST_LOOKED_AT = 200
_KEPT = Statement(f"""
SELECT w.place, p.sku, CASE WHEN p.unit = w.unit THEN NULL ELSE k.unit END AS unit,
       p.unit = w.unit OR k.unit IS NOT NULL AS same_unit, coalesce(k.factor, 1) AS factor, p.order_step
FROM unnest(CAST(:places AS int[]), CAST(:skus AS text[]), CAST(:units AS text[])) AS w (place, sku, unit)
JOIN product_substitutes s ON s.sku = w.sku
JOIN products p ON p.sku = s.substitute_sku AND p.active
LEFT JOIN product_packs k ON k.sku = p.sku AND k.unit = w.unit
ORDER BY w.place, s.position, p.sku LIMIT {_MOST_LOOKED_AT}
""")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Instead of the line at `place`."""

    place: int
    line: OrderLine
    factor: int

    @property
    def base_quantity(self) -> int:
        return self.line.quantity * self.factor


async def with_substitutes(
    holder: AsyncSession | AsyncConnection,
    quote: Quote,
    rows: Sequence[asyncpg.Record],
    today: date,
    zone: tzinfo,
) -> Quote:
    """The quote whose short lines say what could be had instead; `rows` are those that it was made of."""
    short = {each.params["sku"] for each in quote.warnings if each.code == "out_of_stock"}
    if not short:
        return quote
    found = await instead(holder, rows, short, today, zone)
    lines = (
        replace(line, substitutes=others) for line, others in zip(quote.lines, found, strict=False)
    )
    return replace(quote, lines=(*lines, *quote.lines[len(found) :]))


async def instead(
    holder: AsyncSession | AsyncConnection,
    rows: Sequence[asyncpg.Record],
    short: Collection[str],
    today: date,
    zone: tzinfo,
    *,
    not_order: int = 0,
) -> tuple[tuple[QuotedLine, ...], ...]:
    """For each of the `rows` of an order what could be sold in its place, in the order of the catalogue; nothing for
    products that are not `short`. Each is priced as it would be in the order, in the unit of the line where it has
    that unit, else in its base unit; `not_order` is the order that the rows are of.
    """
    offers: tuple[list[QuotedLine], ...] = tuple([] for _ in rows)
    if candidates := await _candidates(holder, rows, short):
        first = rows[0]
        lines = (*map(_line, rows), *(each.line for each in candidates))
        known = await facts.read(
            holder, first["customer_id"], lines, today, warehouse=first["warehouse"]
        )
        asked = Asked(known, quoting.base_quantities(rows), today, zone, not_order)
        standings = [await stand(holder, quota, asked.customer_id, asked) for quota in asked.quotas]
        book = facts.RuleBook(known)
        for candidate, row in zip(candidates, known[len(rows) :], strict=True):
            beside = quoting.base_quantities(
                [each for place, each in enumerate(rows) if place != candidate.place]
            )
            free = row["available"] - beside[row["sku"]]
            wanted = beside + Counter({row["sku"]: candidate.base_quantity})
            fits = free >= candidate.base_quantity and _within(standings, asked, row, wanted)
            if fits and len(offers[candidate.place]) < MOST:
                line = quoting.line(row, book, wanted[row["sku"]], free)
                offers[candidate.place].append(line)
    return tuple(map(tuple, offers))


async def _candidates(
    holder: AsyncSession | AsyncConnection, rows: Sequence[asyncpg.Record], short: Collection[str]
) -> list[_Candidate]:
    places = [place for place, row in enumerate(rows) if row["sku"] in short]
    units = [rows[place]["wanted_unit"] or rows[place]["base_unit"] for place in places]
    values = {"places": places, "skus": [rows[place]["sku"] for place in places], "units": units}
    found = []
    for kept in await _KEPT.read(holder, values):
        row = rows[kept["place"]]
        wanted = row["quantity"]
        if not kept["same_unit"]:
            wanted *= row["pack_factor"] or 1
        quantity = in_steps(wanted, kept["factor"], kept["order_step"])
        if quantity <= MOST_OF_ONE:
            line = OrderLine(kept["sku"], quantity, kept["unit"])
            found.append(_Candidate(kept["place"], line, kept["factor"]))
    return found


def in_steps(quantity: int, factor: int, order_step: int) -> int:
    """The least quantity from `quantity` on whose base units, `factor` in each, are a multiple of the step."""
    step = order_step // gcd(order_step, factor)
    return -(-quantity // step) * step


def _within(
    standings: Sequence[Standing], asked: Asked, row: asyncpg.Record, wanted: Counter[str]
) -> bool:
    """Whether the quotas that the substitute falls under leave room for it."""
    order = replace(asked, wanted=wanted)
    return all(
        order.of(each.quota) <= each.left
        for each in standings
        if each.quota.goods_key in row["goods_keys"]
    )


def _line(row: asyncpg.Record) -> OrderLine:
    return OrderLine(row["sku"], row["quantity"], row["wanted_unit"])
