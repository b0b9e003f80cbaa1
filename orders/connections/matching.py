"""Whom and what a paper means: their codes and ours, both ways. Rule: what is not known is said with all its
codes at once, so that a person mends a paper in one go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers import service as customers
from crm_core.customers.fields import AddressEntry, NewCustomer, PhoneEntry
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.errors import Invalid
from crm_core.numbers import normalise
from crm_core.rights import SYSTEM
from orders.catalogue.tables import Product, ProductPack
from orders.connections.errors import ConnectorError
from orders.connections.papers import LeavingLine, OutsideLine, OutsideOrder
from orders.connections.ports import ShopRules
from orders.connections.tables import ConnectionCode
from orders.lines import OrderLine
from orders.money import to_fen
from orders.sales.views import OrderLineView

_NOBODY = "无名买家"


@dataclass(frozen=True, slots=True)
class Matched:
    """A line of theirs as one of ours; `factor` base units are in its unit."""

    line: OrderLine
    factor: int
    price: Decimal | None


async def products(
    session: AsyncSession, connection_id: int, lines: Sequence[OutsideLine]
) -> tuple[Matched, ...]:
    """By the code table, our own code, or a barcode. Raises ConnectorError naming every unknown one."""
    codes = sorted({line.code for line in lines})
    known = await _mapped(session, connection_id, codes)
    left = [code for code in codes if code not in known]
    known |= await _own(session, left)
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise ConnectorError(
            "unknown_product",
            f"not known here: {', '.join(unknown)}. Enter what they mean in the code table.",
            permanent=True,
        )
    return tuple(
        Matched(
            OrderLine(known[line.code][0], line.quantity, known[line.code][1]),
            known[line.code][2],
            line.price,
        )
        for line in lines
    )


async def buyer(
    session: AsyncSession, connection_id: int, rules: ShopRules, paper: OutsideOrder
) -> int:
    """The customer, entered when the rules say so. Raises ConnectorError."""
    if rules.customer_id is not None:
        return rules.customer_id
    found = await _known_buyer(session, connection_id, paper)
    if found is not None:
        return found
    if rules.buyers == "refuse" or not (paper.phone or paper.buyer_code):
        raise ConnectorError(
            "unknown_buyer",
            f"{paper.buyer_code or paper.buyer_name or 'the buyer'} is not known here. "
            "Enter the customer, or the code in the code table.",
            permanent=True,
        )
    return await _enter_buyer(session, connection_id, rules, paper)


async def leaving_customer(
    holder: AsyncConnection | AsyncSession, connection_id: int, customer_id: int
) -> str:
    """What a customer of ours is called there: by the code table, or by our own code. Raises ConnectorError."""
    mapped = (
        select(ConnectionCode.theirs)
        .where(
            ConnectionCode.connection_id == connection_id,
            ConnectionCode.customer_id == customer_id,
        )
        .order_by(ConnectionCode.theirs)
        .limit(1)
    )
    found = await holder.scalar(mapped) or await holder.scalar(
        select(Customer.code).where(Customer.id == customer_id)
    )
    if found is None:
        raise ConnectorError(
            "no_customer_code",
            f"customer {customer_id} has no code: enter one in the code table.",
            permanent=True,
        )
    return found


async def leaving_lines(
    holder: AsyncConnection | AsyncSession, connection_id: int, lines: Sequence[OrderLineView]
) -> tuple[LeavingLine, ...]:
    """Our lines in their codes; a pack that has none there goes as its units. Raises ConnectorError."""
    rows = await holder.execute(
        select(ConnectionCode.sku, ConnectionCode.unit, ConnectionCode.theirs)
        .where(
            ConnectionCode.connection_id == connection_id,
            ConnectionCode.sku.in_({line.sku for line in lines}),
        )
        .order_by(ConnectionCode.theirs.desc())
    )
    codes = {(row.sku, row.unit): row.theirs for row in rows}
    return tuple(_leaving(codes, line) for line in lines)


def _leaving(codes: dict[tuple[str, str | None], str], line: OrderLineView) -> LeavingLine:
    exact = codes.get((line.sku, line.unit))
    if exact is not None:
        return LeavingLine(exact, line.quantity, line.unit_price, line.tax_rate)
    code, price = codes.get((line.sku, None), line.sku), to_fen(line.unit_price / line.factor)
    if price * line.factor != line.unit_price:
        raise ConnectorError(
            "no_unit_code",
            f"{line.unit} of {line.sku} has no code there, and its price cannot be divided: "
            "enter a code with this unit.",
            permanent=True,
        )
    return LeavingLine(code, line.quantity * line.factor, price, line.tax_rate)


_Known = dict[str, tuple[str, str | None, int]]


async def _mapped(session: AsyncSession, connection_id: int, codes: Sequence[str]) -> _Known:
    rows = await session.execute(
        select(ConnectionCode.theirs, ConnectionCode.sku, ConnectionCode.unit, ProductPack.factor)
        .outerjoin(
            ProductPack,
            (ProductPack.sku == ConnectionCode.sku) & (ProductPack.unit == ConnectionCode.unit),
        )
        .where(
            ConnectionCode.connection_id == connection_id,
            ConnectionCode.kind == "product",
            ConnectionCode.theirs.in_(codes),
        )
    )
    return {row.theirs: (row.sku, row.unit, row.factor or 1) for row in rows}


async def _own(session: AsyncSession, codes: Sequence[str]) -> _Known:
    """By our own code before a barcode, and a product's before a pack's."""
    found: _Known = {}
    packs = await session.execute(
        select(ProductPack.barcode, ProductPack.sku, ProductPack.unit, ProductPack.factor).where(
            ProductPack.barcode.in_(codes)
        )
    )
    found |= {row.barcode: (row.sku, row.unit, row.factor) for row in packs}
    by_barcode = await session.execute(
        select(Product.barcode, Product.sku).where(Product.barcode.in_(codes), Product.active)
    )
    found |= {row.barcode: (row.sku, None, 1) for row in by_barcode}
    by_code = await session.scalars(
        select(Product.sku).where(Product.sku.in_(codes), Product.active)
    )
    return found | {sku: (sku, None, 1) for sku in by_code}


async def _known_buyer(
    session: AsyncSession, connection_id: int, paper: OutsideOrder
) -> int | None:
    if paper.buyer_code is not None:
        by_code = await session.scalar(
            select(ConnectionCode.customer_id).where(
                ConnectionCode.connection_id == connection_id,
                ConnectionCode.kind == "customer",
                ConnectionCode.theirs == paper.buyer_code,
            )
        )
        if by_code is not None:
            return by_code
    number = normalise(paper.phone or "")
    if number is None:
        return None
    return await session.scalar(
        select(CustomerPhone.customer_id).where(CustomerPhone.number == number)
    )


async def _enter_buyer(
    session: AsyncSession, connection_id: int, rules: ShopRules, paper: OutsideOrder
) -> int:
    number = normalise(paper.phone or "")
    new = NewCustomer(
        name=paper.buyer_name or paper.buyer_code or _NOBODY,
        phones=(PhoneEntry(number=number),) if number else (),
        addresses=(AddressEntry(detail=paper.address),) if paper.address else (),
        level_code=rules.level_code,
        price_policy_code=rules.price_policy_code,
        credit_limit=rules.credit_limit,
    )
    try:
        card = await customers.enter(session, SYSTEM, new)
    except Invalid as error:
        why = "; ".join(f"{name}: {wrong}" for name, wrong in error.fields.items())
        raise ConnectorError(
            "buyer_not_entered",
            f"{new.name} cannot be entered as a customer ({why}). Enter the customer, then try the paper again.",
            permanent=True,
        ) from error
    if paper.buyer_code is not None:
        await session.execute(
            upsert(ConnectionCode)
            .values(
                connection_id=connection_id,
                kind="customer",
                theirs=paper.buyer_code,
                customer_id=card.id,
            )
            .on_conflict_do_nothing()
        )
    return card.id
