"""Takes up what was imported about where numbers are at home, while calls go on. Rule: while a file is being taken in
nothing is read; the table is, once it has stood still for a round.
"""

from crm_core.db import Database
from crm_core.places import store
from crm_core.places.finder import Places
from crm_core.worker import Worker


class PlacesWatch(Worker):
    """Follows the revision of the table."""

    def __init__(self, database: Database, places: Places, *, every_s: float = 5.0) -> None:
        super().__init__("places", every_s=every_s)
        self._database = database
        self._places = places
        self._seen: int | None = None

    async def run_once(self) -> int:
        """1 when the table was read anew."""
        now, before = await store.revision(self._database), self._seen
        self._seen = now
        if now == self._places.revision or now != before:
            return 0
        await self._places.reload(self._database)
        return 1
