"""Lists of many customers: segments, warnings, contributions, progress.

Rule: what a list counts is what its pages show: both hold only customers whom the reader may see. A page
goes from the greatest revenue down, ties by id.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Select,
    String,
    and_,
    cast,
    column,
    distinct,
    func,
    literal_column,
    null,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.customers.insight_tables import CustomerInsight, InsightQueueEntry
from crm_core.customers.tables import Customer, Level
from crm_core.customers.visibility import must_see, there, within_scope
from crm_core.insight.commands import By, ContributionQuery, PageQuery
from crm_core.insight.ports import SalesSource
from crm_core.insight.views import Contribution, ContributionReport, InsightItem, Progress
from crm_core.people.tables import User
from crm_core.rights import Actor

_ITEM = select(
    Customer.id.label("customer_id"),
    Customer.name.label("customer_name"),
    Customer.level_code,
    Customer.province,
    Customer.city,
    Customer.salesperson_id,
    CustomerInsight.segment_code,
    CustomerInsight.grade_code,
    CustomerInsight.r,
    CustomerInsight.f,
    CustomerInsight.m,
    CustomerInsight.orders_12m,
    CustomerInsight.revenue_12m,
    CustomerInsight.last_order_at,
    CustomerInsight.last_contact_at,
    CustomerInsight.warnings,
    CustomerInsight.computed_at,
).join(Customer, Customer.id == CustomerInsight.customer_id)
_PERCENT = Decimal("0.01")


def in_segment(code: str) -> ColumnElement[bool]:
    return CustomerInsight.segment_code == code


def warned_of(code: str) -> ColumnElement[bool]:
    return and_(
        CustomerInsight.warnings != literal_column("'[]'::jsonb"),
        CustomerInsight.warnings.contains([{"code": code}]),
    )


async def page(
    connection: AsyncConnection, actor: Actor, which: ColumnElement[bool], query: PageQuery
) -> tuple[InsightItem, ...]:
    """Customers of a segment or with a warning."""
    found = _ITEM.where(which, *there(), within_scope(actor)).limit(query.limit)
    found = found.order_by(CustomerInsight.revenue_12m.desc(), CustomerInsight.customer_id.desc())
    if query.after is not None:
        last = (
            select(CustomerInsight.revenue_12m)
            .where(CustomerInsight.customer_id == query.after)
            .scalar_subquery()
        )
        place = tuple_(CustomerInsight.revenue_12m, CustomerInsight.customer_id)
        found = found.where(place < tuple_(last, query.after))
    rows = await connection.execute(found)
    return tuple(_item(row) for row in rows)


def _item(row: Any) -> InsightItem:
    values = row._asdict()
    codes = tuple(each["code"] for each in values.pop("warnings"))
    return InsightItem(**values, warnings=codes)


async def segments(
    connection: AsyncConnection, actor: Actor
) -> dict[str | None, tuple[int, int, Decimal]]:
    """Customers, orders and revenue of twelve months, by segment."""
    rows = await connection.execute(
        select(
            CustomerInsight.segment_code,
            func.count(),
            func.coalesce(func.sum(CustomerInsight.orders_12m), 0),
            func.coalesce(func.sum(CustomerInsight.revenue_12m), 0),
        )
        .join(Customer, Customer.id == CustomerInsight.customer_id)
        .where(*there(), within_scope(actor))
        .group_by(CustomerInsight.segment_code)
    )
    return {code: (customers, orders, revenue) for code, customers, orders, revenue in rows}


async def warnings(connection: AsyncConnection, actor: Actor) -> dict[str, int]:
    """Customers by warning."""
    each = func.jsonb_to_recordset(CustomerInsight.warnings).table_valued(
        column("code", String), name="w"
    ).render_derived(with_types=True)  # fmt: skip
    rows = await connection.execute(
        select(each.c.code, func.count())
        .select_from(CustomerInsight)
        .join(Customer, Customer.id == CustomerInsight.customer_id)
        .join(each, literal_column("true"))
        .where(
            CustomerInsight.warnings != literal_column("'[]'::jsonb"),
            *there(),
            within_scope(actor),
        )
        .group_by(each.c.code)
    )
    return dict(rows.all())


async def contribution(
    connection: AsyncConnection, actor: Actor, sales: SalesSource, query: ContributionQuery
) -> ContributionReport:
    """What each brought in any time, asked of the orders themselves. Raises NotFound (the customer)."""
    customer_id = query.customer_id
    if customer_id is not None:
        customer_id = await must_see(connection, actor, customer_id)
    each = _brought(actor, sales, query).cte("brought")
    page = select(each).order_by(each.c.place).limit(query.limit)
    if customer_id is not None:
        page = page.where(each.c.code == str(customer_id))
    if query.after is not None:
        page = page.where(each.c.place > query.after)
    rows = (await connection.execute(page)).all()
    sums = select(func.sum(each.c.orders), func.sum(each.c.revenue))
    orders, total = (await connection.execute(sums)).one()
    total = total or Decimal(0)
    return ContributionReport(
        tuple(_contribution(row, total) for row in rows), int(orders or 0), total
    )


def _brought(
    actor: Actor, sales: SalesSource, query: ContributionQuery
) -> Select[*tuple[Any, ...]]:
    """Everybody's; who brought the same has the same rank, and a place of the own."""
    sold = sales.totals(query.since, query.until + timedelta(days=1)).subquery("sold")
    code, name_zh, name_en = _named(query.by)
    revenue = func.sum(sold.c.revenue)
    return (
        select(
            func.row_number().over(order_by=(revenue.desc(), code)).label("place"),
            func.rank().over(order_by=revenue.desc()).label("rank"),
            code.label("code"),
            name_zh.label("name_zh"),
            name_en.label("name_en"),
            func.count(distinct(sold.c.customer_id)).label("customers"),
            cast(func.sum(sold.c.orders), Numeric).label("orders"),
            revenue.label("revenue"),
        )
        .select_from(sold)
        .join(Customer, Customer.id == sold.c.customer_id)
        .join(Level, Level.code == Customer.level_code)
        .outerjoin(User, User.id == Customer.salesperson_id)
        .where(within_scope(actor))
        .group_by(code, name_zh, name_en)
    )


def _named(by: By) -> tuple[ColumnElement[Any], ColumnElement[Any], ColumnElement[Any]]:
    if by is By.LEVEL:
        return cast(Level.code, String), cast(Level.name_zh, String), cast(Level.name_en, String)
    if by is By.PROVINCE:
        province = cast(Customer.province, String)
        return province, province, cast(null(), String)
    if by is By.SALESPERSON:
        return cast(User.id, String), cast(User.name, String), cast(null(), String)
    return cast(Customer.id, String), cast(Customer.name, String), cast(null(), String)


def _contribution(row: Any, total: Decimal) -> Contribution:
    share = (row.revenue * 100 / total).quantize(_PERCENT) if total else Decimal(0)
    name_en = row.name_en or row.name_zh
    return Contribution(
        row.place, row.rank, row.code, row.name_zh, name_en, row.customers, int(row.orders),
        row.revenue, share,
    )  # fmt: skip


async def progress(connection: AsyncConnection, version: int, now: datetime) -> Progress:
    """How far the worker is, of everybody."""
    everybody = select(func.count()).select_from(Customer).where(*there())
    current = select(func.count()).where(CustomerInsight.rules_version == version)
    queued = select(func.count(distinct(InsightQueueEntry.customer_id)))
    due = select(func.count()).where(CustomerInsight.next_due_at <= now)
    row = await connection.execute(
        select(*(each.scalar_subquery() for each in (everybody, current, queued, due)))
    )
    return Progress(*row.one())
