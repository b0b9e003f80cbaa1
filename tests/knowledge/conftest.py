"""The office in which the tests of the knowledge base take place; each begins with an empty one."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.knowledge.commands import NewEntry
from crm_core.knowledge.service import KnowledgeService
from crm_core.knowledge.tables import (
    KnowledgeEntry,
    KnowledgeOpinion,
    KnowledgeQuestion,
    KnowledgeUse,
    KnowledgeUseCount,
    KnowledgeVersion,
)
from crm_core.knowledge.views import EntryView
from crm_core.rights import SYSTEM
from tests.crm_core.crm_core_support import Clock
from tests.crm_core.crm_office import Office, empty, furnish

CALL = "c" * 31


@dataclass
class Desk:
    """The knowledge base of one daemon, and what it has told on the bus."""

    database: Database
    clock: Clock
    heard: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        bus = Bus()
        bus.subscribe(self.heard.append, object)
        self.service = KnowledgeService(self.database, bus, clock=self.clock)

    async def write(self, title: str, body: str = "略", **more: object) -> EntryView:
        values = {"category_code": "other", "state": "published"} | more
        return await self.service.create(
            SYSTEM, NewEntry.model_validate({"title": title, "body": body} | values)
        )

    def later(self, **span: float) -> datetime:
        return self.clock() + timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def office(database: Database) -> Office:
    made = await furnish(database)
    await empty(
        database,
        KnowledgeQuestion,
        KnowledgeOpinion,
        KnowledgeUse,
        KnowledgeUseCount,
        KnowledgeVersion,
        KnowledgeEntry,
    )
    return made


@pytest.fixture
def desk(database: Database, office: Office, clock: Clock) -> Desk:
    del office
    return Desk(database, clock)
