"""Messages become files and rows, whatever was interrupted."""

import os
import time
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update

from acd.journal import Journal
from acd.rows import VoicemailRow, decode, only, split
from acd.store import AcdStore
from acd.tables import Call, Voicemail
from acd.voicemail_store import VoicemailStore
from acd.voicemail_todos import VoicemailTodos
from acd.voicemails import FOLDER, Voicemails, left_message, message_in, path_for, takes
from acd.writer import JournalWriter
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.people.tables import Group, GroupMember
from crm_core.todos.tables import Todo
from tests.crm_core.crm_office import Office, empty, furnish

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
CALL = "0123456789abcdef0123456789abcdef"
SECOND = 16_000


def spoken(folder: Path, seconds: float, number: int = 1, call_id: str = CALL) -> Path:
    """A take as Asterisk leaves it when nobody closed it: the header says nothing of the length."""
    file = path_for(folder, call_id, NOON, number, "north")
    file.parent.mkdir(parents=True, exist_ok=True)
    sound = bytes(range(1, 251)) * int(seconds * SECOND / 250)
    file.write_bytes(b"RIFF" + bytes(40) + sound)
    past = time.time() - 60
    os.utime(file, (past, past))
    return file


class Desk:
    """The sweep over a folder with a journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder / "journal")
        self.journal.recover()
        self.journal.open(tuple)
        self.calls: set[str] = set()
        self.sweep = Voicemails(
            folder,
            journal=self.journal,
            clock=lambda: NOON,
            is_open=self.calls.__contains__,
        )

    def rows(self) -> list[VoicemailRow]:
        lines = [
            line
            for file in sorted((self.folder / "journal").glob("*.journal"))
            for line in file.read_bytes().splitlines(keepends=True)
        ]
        return only(VoicemailRow, [decode(split(line)) for line in lines])


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    await made.sweep.prepare()
    return made


async def test_a_message_whose_writer_died_is_kept_whole_and_its_take_removed(desk: Desk) -> None:
    raw = spoken(desk.folder, 3)
    assert await desk.sweep.run_once() == 1
    (row,) = desk.rows()
    assert (row.call_id, row.queue, row.seconds) == (CALL, "north", 3.0)
    with wave.open(str(desk.folder / row.path)) as sound:
        assert (sound.getnframes(), sound.getframerate()) == (3 * SECOND // 2, 8_000)
    assert row.path == f"{FOLDER}/2026/03/02/{CALL}.wav"
    assert not raw.exists()
    assert await desk.sweep.run_once() == 0


async def test_what_is_being_spoken_is_left_alone(desk: Desk) -> None:
    raw = spoken(desk.folder, 3)
    desk.calls.add(CALL)
    assert await desk.sweep.run_once() == 0
    desk.calls.clear()
    os.utime(raw)
    assert await desk.sweep.run_once() == 0
    assert raw.exists()


async def test_short_takes_are_no_message(desk: Desk) -> None:
    raw = spoken(desk.folder, 1.5)
    assert not left_message(desk.folder, CALL)
    assert await desk.sweep.run_once() == 0
    assert desk.rows() == []
    assert not raw.exists()


async def test_the_last_take_that_is_long_enough_is_the_message(desk: Desk) -> None:
    for number, seconds in enumerate((4, 3, 1), 1):
        spoken(desk.folder, seconds, number)
    assert await desk.sweep.run_once() == 1
    assert [row.seconds for row in desk.rows()] == [3.0]
    assert list(takes(desk.folder)) == []


async def test_a_sweep_that_died_after_the_journal_gives_one_row(
    desk: Desk, database: Database
) -> None:
    spoken(desk.folder, 3)
    await desk.sweep.run_once()
    spoken(desk.folder, 3)
    await desk.sweep.run_once()
    async with database.begin() as session:
        await session.execute(text("DELETE FROM voicemails"))
    await JournalWriter(desk.journal, AcdStore(database)).flush()
    async with database.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM voicemails")) == 1


async def test_files_of_other_names_are_never_touched(desk: Desk) -> None:
    other = desk.folder / FOLDER / "incoming" / "note-of-somebody.wav"
    other.write_bytes(b"")
    assert await desk.sweep.run_once() == 0
    assert other.exists()


@given(lengths=st.lists(st.floats(0, 5), min_size=1, max_size=4))
def test_whatever_the_takes_the_message_is_never_a_short_one(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("takes")
    for number, seconds in enumerate(lengths, 1):
        spoken(folder, seconds, number)
    found = list(takes(folder))
    chosen = message_in(found)
    long = [take.number for take in found if take.seconds >= 2]
    assert (chosen.number if chosen else None) == (long[-1] if long else None)


# ---- whose message it is ------------------------------------------------------------------------------


@pytest.fixture
async def office(database: Database) -> Office:
    """Wang and Li answer north; nobody has left a message."""
    found = await furnish(database)
    await empty(database, Todo, Voicemail, Call, GroupMember, Group)
    async with database.begin() as session:
        await session.execute(update(Customer).values(salesperson_id=None))
        group = await session.scalar(
            insert(Group).values(name="north", queues=["north"]).returning(Group.id)
        )
        members = [{"group_id": group, "user_id": each.user_id} for each in (found.wang, found.li)]
        await session.execute(insert(GroupMember), members)
    return found


async def left(
    database: Database, number: int, queue: str = "north", customer_id: int | None = None
) -> str:
    """A message of a call, as the journal brought them."""
    call_id = f"{number:032x}"
    call = {
        "id": call_id,
        "node": "pbx1",
        "linkedid": f"{number}.1",
        "direction": "inbound",
        "caller": "13800138000",
        "did": "4006001001",
        "customer_id": customer_id,
        "menu_path": [],
        "started_at": NOON,
        "steps": 1,
    }
    voicemail = {
        "call_id": call_id,
        "queue": queue,
        "path": f"voicemails/2026/03/02/{call_id}.wav",
        "seconds": 12.3,
        "size_bytes": 1,
        "stored_at": NOON,
    }
    async with database.begin() as session:
        await session.execute(insert(Call).values(call))
        await session.execute(insert(Voicemail).values(voicemail))
    return call_id


async def todos(database: Database) -> list[Todo]:
    async with database.begin() as session:
        found = await session.scalars(select(Todo).order_by(Todo.id))
        return list(found)


async def test_messages_are_shared_out_among_the_queues_people_one_to_do_each(
    database: Database, office: Office
) -> None:
    worker = VoicemailTodos(database, clock=lambda: NOON)
    for number in (1, 2):
        await left(database, number)
        assert await worker.run_once() == 1
    assert await worker.run_once() == 0
    made = await todos(database)
    assert {each.assignee_id for each in made} == {office.wang.user_id, office.li.user_id}
    assert made[0].title == "听取留言：138****8000（12 秒）"
    assert [each.call_id for each in made] == [f"{1:032x}", f"{2:032x}"]


async def test_a_customers_message_is_the_own_salespersons(
    database: Database, office: Office
) -> None:
    async with database.begin() as session:
        own = update(Customer).where(Customer.id == office.customer_id)
        await session.execute(own.values(salesperson_id=office.sun.user_id))
    await left(database, 1, customer_id=office.customer_id)
    await VoicemailTodos(database, clock=lambda: NOON).run_once()
    (made,) = await todos(database)
    assert (made.assignee_id, made.customer_id) == (office.sun.user_id, office.customer_id)
    assert "天津一号店" in made.title


async def test_a_message_for_a_queue_of_nobody_goes_to_a_supervisor(
    database: Database, office: Office
) -> None:
    await left(database, 1, queue="service")
    assert await VoicemailTodos(database, clock=lambda: NOON).run_once() == 1
    (made,) = await todos(database)
    assert made.assignee_id in (office.zhao.user_id, office.qian.user_id)


async def test_who_has_the_to_do_and_who_may_hear_recordings_hears_it_and_that_is_noted(
    database: Database, office: Office
) -> None:
    call_id = await left(database, 1)
    await VoicemailTodos(database, clock=lambda: NOON).run_once()
    (made,) = await todos(database)
    mine, other = (
        (office.wang, office.li)
        if made.assignee_id == office.wang.user_id
        else (office.li, office.wang)
    )
    store = VoicemailStore(database)
    assert (await store.listen(mine, call_id, NOON)).endswith(f"{call_id}.wav")
    await store.listen(office.zhao, call_id, NOON)
    with pytest.raises(NotFound):
        await store.listen(other, call_id, NOON)
    (seen,) = await store.listed(office.zhao, queue="north", is_open=True, limit=10)
    assert (seen.heard_by_id, seen.state) == (mine.user_id, "open")
    assert await store.listed(other, queue=None, is_open=None, limit=10) == []
    assert await store.listed(office.zhao, queue=None, is_open=False, limit=10) == []
    async with database.begin() as session:
        noted = await session.scalars(
            text(
                "SELECT actor_id FROM audit_log WHERE action = 'voicemail.listen'"
                " AND entity_id = :id ORDER BY id"
            ),
            {"id": call_id},
        )
        assert list(noted) == [mine.user_id, office.zhao.user_id]
