"""`zongji insight`, on a database of its own."""

import secrets
from pathlib import Path

import pytest
from sqlalchemy import text

from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.db import Base, Database
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_channel, seed_roles
from tests.zongji.command import refused, zongji
from zongji.platform.postgres import EmbeddedPostgres


@pytest.fixture
async def settings(pg_server: EmbeddedPostgres, tmp_path: Path) -> Path:
    """A settings file over a database with three customers, entered behind the service's back."""
    name = f"cli_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    database = Database(pg_server.url(name))
    async with database.begin() as session:
        await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))
        await seed_roles(session)
        await seed_channel(session)
    customers = CustomerService(database)
    for number, shop in enumerate(("海河酒行", "渤海商行", "津门酒行")):
        new = NewCustomer(name=shop, phones=(f"1380013800{number}",))  # type: ignore[arg-type]
        await customers.create(SYSTEM, new)
    async with database.begin() as session:
        await session.execute(text("DELETE FROM insight_queue"))
    await database.close()
    file = tmp_path / "zongji.toml"
    file.write_text(
        f'database_url = "{pg_server.url(name)}"\nvar = "{tmp_path}"\n'
        '[[asterisk]]\nsecret = "none"\n'
    )
    return file


async def test_everybody_is_worked_out_once_and_again_when_asked(settings: Path):
    said = zongji("insight", "recompute", settings=settings)
    assert (said.code, said.out.splitlines()[-1]) == (0, "3 customers worked out"), said
    assert "3/3" in said.out
    said = zongji("insight", "recompute", settings=settings)
    assert said.out.splitlines()[-1] == "0 customers worked out"
    said = zongji("insight", "recompute", "--all", settings=settings)
    assert said.out.splitlines()[-1] == "3 customers worked out"


@pytest.mark.parametrize("customer", ["1", "13800138000", "海河"])
async def test_a_customer_is_explained_by_id_number_or_name(settings: Path, customer: str):
    said = zongji("insight", "explain", customer, settings=settings)
    assert said.code == 0, said
    assert "海河酒行  #1  R1 F1 M1" in said.out
    assert "✓ segment  none" in said.out
    assert "orders_total 0 = 0 ✓" in said.out
    assert "· segment  dormant" in said.out
    assert "从未下单" in said.out


async def test_a_customer_who_is_not_meant_alone_is_asked_for_again(settings: Path):
    assert "3 津门酒行" in refused(zongji("insight", "explain", "酒行", settings=settings))
    assert "nobody" in refused(zongji("insight", "explain", "无此人", settings=settings))
    assert refused(zongji("insight", "explain", "99", settings=settings)) == (
        "There is no customer 99."
    )
