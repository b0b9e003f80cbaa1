"""A campaign's list out of a search among the customers."""

import asyncio
from pathlib import Path

from sqlalchemy import text

from tests.databases import database_at
from tests.zongji.command import refused, zongji


async def contacts(url: str) -> list[tuple[str, int | None]]:
    database = database_at(url)
    async with database.reading() as connection:
        rows = await connection.execute(
            text(
                "SELECT n.number, c.name FROM campaign_contacts n"
                " LEFT JOIN customers c ON c.id = n.customer_id ORDER BY n.id"
            )
        )
        found = [tuple(row) for row in rows]
    await database.close()
    return found


async def opt_out(url: str, name: str) -> None:
    database = database_at(url)
    async with database.begin() as session:
        await session.execute(
            text("UPDATE customers SET opt_outs = '{call}' WHERE name = :name"), {"name": name}
        )
    await database.close()


def url_of(settings: Path) -> str:
    line = settings.read_text().splitlines()[0]
    return line.partition('"')[2].rstrip('"')


def test_a_campaign_calls_the_customers_of_a_search(settings: Path):
    asyncio.run(opt_out(url_of(settings), "海河酒行"))
    said = zongji(
        "campaign", "add", "唤醒", "--queue", "retail", "--where", "name~酒行", settings=settings
    )
    assert said.code == 0, said.err
    assert "1 numbers" in said.out
    assert asyncio.run(contacts(url_of(settings))) == [("13800138002", "津门酒行")]
    both = zongji("campaign", "add", "x", "--queue", "retail", settings=settings)
    assert "not both" in refused(both)
    nobody = zongji(
        "campaign", "add", "x", "--queue", "retail", "--where", "name~没有", settings=settings
    )
    assert "nobody is left" in refused(nobody)
