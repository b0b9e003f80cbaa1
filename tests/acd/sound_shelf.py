"""Recordings and messages with their files, and the sweep that removes what is old."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from acd import retention
from acd.journal import Journal
from acd.recording_archive import RecordingArchive
from acd.retention import Retention, SoundRetention
from acd.rows import CallRow, RecordingRow, Row, VoicemailRow
from acd.store import AcdStore
from acd.voicemail_store import VoicemailStore
from acd.writer import JournalWriter
from crm_core.db import Database
from crm_core.sealed_files import FileKeys

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = Retention(days=30, by_queue={"north": 90, "short": 1})
OF_MESSAGES = Retention(days=60, by_queue={})


@dataclass
class Shelf:
    database: Database
    folder: Path
    last: int
    now: datetime = NOW
    policy: Retention = POLICY
    of_messages: Retention = OF_MESSAGES

    def __post_init__(self) -> None:
        clock = lambda: self.now  # noqa: E731
        self.archive = RecordingArchive(self.database, self.folder, FileKeys([], "x"), clock)
        self.voicemails = VoicemailStore(self.database)
        self.sweeper = self.another()

    def another(self) -> SoundRetention:
        """A sweep by the policies of the moment."""
        sounds = (
            retention.recordings(lambda: self.policy),
            retention.voicemails(lambda: self.of_messages),
        )
        return SoundRetention(self.database, self.folder, sounds, clock=lambda: self.now)

    async def write(self, *rows: Row) -> None:
        """As a daemon's journal brings them."""
        folder = self.folder / f"journal{len(list(self.folder.glob('journal*')))}"
        journal = Journal(folder)
        journal.recover()
        journal.open(tuple)
        for row in rows:
            journal.append(row)
        await JournalWriter(journal, AcdStore(self.database)).flush()

    async def put(self, call_id: str, days: int, queue: str | None = None) -> Path:
        """The recording of a call so many days ago."""
        at = self.now - timedelta(days=days, minutes=1)
        path = self.folder / f"{call_id}.wav"
        path.write_bytes(b"sound")
        await self.write(
            CallRow(call_id, "pbx1", "1.1", "inbound", None, "400", at, queue=queue, customer_id=5),
            RecordingRow(call_id, path.name, 3.0, 5, 2, at),
        )
        return path

    async def put_message(self, call_id: str, days: int) -> Path:
        """What a caller left so many days ago."""
        at = self.now - timedelta(days=days, minutes=1)
        path = self.folder / f"message-{call_id}.wav"
        path.write_bytes(b"sound")
        await self.write(
            CallRow(call_id, "pbx1", "1.1", "inbound", None, "400", at, customer_id=5),
            VoicemailRow(call_id, "north", path.name, 3.0, 5, at),
        )
        return path

    async def entries(self, action: str) -> list[tuple[int | None, str]]:
        async with self.database.begin() as session:
            found = await session.execute(
                text(
                    "SELECT actor_id, entity_id FROM audit_log"
                    " WHERE action = :action AND id > :last ORDER BY id"
                ),
                {"action": action, "last": self.last},
            )
            return [tuple(row) for row in found]


async def shelf_in(database: Database, folder: Path) -> Shelf:
    """An empty one."""
    async with database.begin() as session:
        await session.execute(text("TRUNCATE calls, recordings, recording_uses, voicemails"))
        last = await session.scalar(text("SELECT coalesce(max(id), 0) FROM audit_log"))
    return Shelf(database, folder, last)
