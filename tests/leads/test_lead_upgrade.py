"""Leads from before they could be searched."""

import secrets
from datetime import UTC, datetime

from sqlalchemy import text

from crm_core import schema
from crm_core.leads.commands import LeadQuery, LeadScope
from crm_core.leads.service import LeadService
from crm_core.rights import SYSTEM
from tests.databases import database_at

_MANY = 1001


async def test_every_lead_of_before_is_found_by_its_initials(pg_server):
    name = f"upgrade_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    url = pg_server.url(name)
    await schema.upgrade(url, to="0026")
    database = database_at(url)
    async with database.begin() as session:
        leads = "INSERT INTO leads (source, name, created_at) VALUES ('call', :name, now())"
        names = [f"普通店{n:04d}" for n in range(_MANY)] + ["唐山新华超市"]
        await session.execute(text(leads), [{"name": each} for each in names])
    await database.close()
    await schema.upgrade(url)
    database = database_at(url)
    service = LeadService(database, clock=lambda: datetime.now(UTC))
    for typed, found in (("tsxh", "唐山新华超市"), ("0000", "普通店0000"), ("1000", "普通店1000")):
        query = LeadQuery(scope=LeadScope.ALL, name=typed)
        assert [each.name for each in await service.listed(SYSTEM, query)] == [found]
    await database.close()
