"""By which words the lists of a customer's record are found. Rule: whoever writes one of these rows writes its
`search_text` in the same transaction, with the functions that stand here.
"""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.card_views import address_line
from crm_core.customers.tables import CustomerAddress, CustomerContact
from crm_core.search_text import plain, search_text

_LONGEST_ADDRESS, _LONGEST_VALUE = 420, 500


def of_address(
    province: str | None,
    city: str | None,
    district: str | None,
    detail: str,
    recipient: str | None,
) -> str:
    line = address_line(province, city, district, detail)
    return search_text(" ".join(filter(None, (line, recipient))), _LONGEST_ADDRESS)


def of_contact(name: str, email: str | None) -> str:
    return " ".join(filter(None, (search_text(name), plain(email or ""))))


def of_value(text: str) -> str:
    """Of a custom field's text."""
    return search_text(text, _LONGEST_VALUE)


async def write_addresses(session: AsyncSession, customer_id: int) -> None:
    """After a customer's addresses have changed."""
    table = CustomerAddress
    rows = await session.execute(
        select(
            table.id, table.search_text, table.province, table.city, table.district, table.detail,
            table.recipient,
        ).where(table.customer_id == customer_id)
    )  # fmt: skip
    for row in rows.all():
        words = of_address(row.province, row.city, row.district, row.detail, row.recipient)
        if words != row.search_text:
            await _keep(session, table, row.id, words)


async def write_contacts(session: AsyncSession, customer_id: int) -> None:
    """After a customer's contacts have changed."""
    table = CustomerContact
    rows = await session.execute(
        select(table.id, table.search_text, table.name, table.email).where(
            table.customer_id == customer_id
        )
    )
    for row in rows.all():
        words = of_contact(row.name, row.email)
        if words != row.search_text:
            await _keep(session, table, row.id, words)


async def _keep(
    session: AsyncSession, table: type[CustomerAddress | CustomerContact], row_id: int, words: str
) -> None:
    await session.execute(update(table).where(table.id == row_id).values(search_text=words))
