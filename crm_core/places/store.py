"""What was imported about where numbers are at home, as SQL. Rule: every change raises the revision, by which a daemon
knows that there is something new.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import asyncpg
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.places.tables import PlaceRevision
from crm_core.statement import Statement

_PUT = Statement("""
WITH given AS (
    SELECT * FROM unnest(
        CAST(:prefixes AS text[]), CAST(:area_codes AS text[]), CAST(:provinces AS text[]),
        CAST(:cities AS text[]), CAST(:carriers AS text[])
    ) AS g (prefix, area_code, province, city, carrier)
), there AS (
    SELECT (p.area_code, p.province, p.city, p.carrier)
        IS NOT DISTINCT FROM (g.area_code, g.province, g.city, g.carrier) AS same
    FROM given g JOIN place_overrides p USING (prefix)
), written AS (
    INSERT INTO place_overrides (prefix, area_code, province, city, carrier, import_id)
    SELECT prefix, area_code, province, city, carrier, CAST(:import_id AS integer) FROM given
    ON CONFLICT (prefix) DO UPDATE SET
        area_code = excluded.area_code, province = excluded.province, city = excluded.city,
        carrier = excluded.carrier, import_id = excluded.import_id
)
SELECT count(*) FILTER (WHERE same) AS same, count(*) AS there FROM there
""")
_PAGE = Statement("""
SELECT prefix, province, city, area_code, carrier FROM place_overrides
WHERE prefix > CAST(:after AS text) ORDER BY prefix LIMIT 5000
""")
_REVISION = Statement("SELECT COALESCE(max(number), 0) AS number FROM place_revisions")


class _Segment(Protocol):
    @property
    def prefix(self) -> str: ...
    @property
    def area_code(self) -> str | None: ...
    @property
    def province(self) -> str: ...
    @property
    def city(self) -> str: ...
    @property
    def carrier(self) -> str | None: ...


async def put(
    session: AsyncSession, segments: Sequence[_Segment], import_id: int | None = None
) -> tuple[int, int, int]:
    """How many were added, changed, and were so before; of one prefix the last counts, those before it as changed."""
    latest = {each.prefix: each for each in segments}
    if not latest:
        return 0, 0, 0
    values = {
        "prefixes": list(latest),
        "area_codes": [each.area_code for each in latest.values()],
        "provinces": [each.province for each in latest.values()],
        "cities": [each.city for each in latest.values()],
        "carriers": [each.carrier for each in latest.values()],
        "import_id": import_id,
    }
    (row,) = await _PUT.write(session, values)
    await note_change(session)
    added = len(latest) - row["there"]
    return added, len(segments) - added - row["same"], row["same"]


async def note_change(session: AsyncSession) -> None:
    statement = upsert(PlaceRevision).values(number=1)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["one"], set_={"number": PlaceRevision.number + 1}
        )
    )


async def revision(database: Database) -> int:
    """Raises DatabaseUnavailable."""
    async with database.reading() as connection:
        (row,) = await _REVISION.read(connection, {})
    return int(row["number"])


async def pages(database: Database) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """Everything, by prefix, a few thousand rows at a time. Raises DatabaseUnavailable."""
    after = ""
    while True:
        async with database.reading() as connection:
            page = await _PAGE.read(connection, {"after": after})
        if not page:
            return
        yield page
        after = page[-1]["prefix"]
