"""Faxes that came in: files become rows and tasks, once, whatever is away in the meantime."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select, text, update

from crm_core.audit.tables import AuditEntry
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable, Forbidden, NotFound
from crm_core.faxes.commands import FaxQuery
from crm_core.faxes.results import of_fax_in, of_fax_out
from crm_core.faxes.retention import FaxPurge
from crm_core.faxes.service import FaxService
from crm_core.faxes.sheets import as_pdf, pages_in
from crm_core.faxes.tables import Fax
from crm_core.faxes.views import FaxResult, FaxStatus, FaxTodo
from crm_core.faxes.writing import went_out
from crm_core.outbox.tables import OutboxMessage
from crm_core.rights import Principal, Scope
from crm_core.todos.tables import Todo
from ivr.fax.intake import FaxIntake
from ivr.fax.notes import read_name, read_note
from tests.crm_core.crm_core_support import Clock
from tests.crm_core.crm_office import Office, empty, furnish

CALL = "ab" * 16
NUMBER = "02223456789"
STEM = f"1772442000-{CALL}-4006001001-{NUMBER}"
AT = datetime.fromtimestamp(1772442000, UTC)
GOOD = "status=SUCCESS&mode=T38&pages=2&rate=14400&station=TJ%20SHOP&error="


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def office(database: Database) -> Office:
    made = await furnish(database)
    await empty(database, Todo, Fax, OutboxMessage)
    async with database.begin() as session:
        await session.execute(text("DELETE FROM customer_phones"))
        await session.execute(update(Customer).values(salesperson_id=None, fax=None))
        await session.execute(
            update(Customer)
            .where(Customer.id == made.customer_id)
            .values(salesperson_id=made.wang.user_id)
        )
        session.add(CustomerPhone(customer_id=made.customer_id, number=NUMBER))
    return made


class Machine:
    """The folder that Asterisk writes into, and who sweeps it."""

    def __init__(self, database: Database, folder: Path, clock: Callable[[], datetime]) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"
        self.incoming.mkdir(parents=True)
        self.took: list[str] = []
        self.database = database
        self.intake = FaxIntake(database, folder, clock=clock, took=self.took.append)

    def receive(self, stem: str = STEM, *, sheets: int = 2, note: str | None = GOOD) -> None:
        if sheets:
            draw(self.incoming / f"{stem}.tif", sheets)
        if note is not None:
            (self.incoming / f"{stem}.note").write_text(note)

    async def rows(self) -> list[Fax]:
        async with self.database.begin() as session:
            return list((await session.scalars(select(Fax).order_by(Fax.id))).all())

    async def todos(self) -> list[Todo]:
        async with self.database.begin() as session:
            return list((await session.scalars(select(Todo))).all())


def draw(target: Path, sheets: int) -> None:
    """Coarse sheets: half as many lines as dots across."""
    first, *more = [Image.new("1", (1728, 1100), 1) for _ in range(sheets)]
    first.save(target, compression="group4", dpi=(204, 98), save_all=True, append_images=more)


@pytest.fixture
def machine(database: Database, office: Office, clock: Clock, tmp_path: Path) -> Machine:
    return Machine(database, tmp_path / "faxes", clock)


async def test_a_fax_is_kept_and_is_a_task_of_the_salesperson(
    machine: Machine, office: Office, clock: Clock
):
    machine.receive()

    assert await machine.intake.run_once() == 1

    (fax,) = await machine.rows()
    assert (fax.direction, fax.call_id, fax.number, fax.did) == ("in", CALL, NUMBER, "4006001001")
    assert (fax.status, fax.mode, fax.pages, fax.rate, fax.station, fax.error) == (
        "received", "T38", 2, 14400, "TJ SHOP", None,
    )  # fmt: skip
    assert (fax.customer_id, fax.at) == (office.customer_id, AT)
    assert pages_in(machine.folder / (fax.path or "")) == 2
    assert list(machine.incoming.iterdir()) == []
    (todo,) = await machine.todos()
    assert (todo.assignee_id, todo.customer_id, todo.source_reference) == (
        office.wang.user_id, office.customer_id, str(fax.id),
    )  # fmt: skip
    assert machine.took == [CALL]


async def test_a_fax_tells_what_is_to_be_done_about_it_and_what_became_of_its_message(
    machine: Machine, office: Office, clock: Clock, database: Database
):
    machine.receive()
    await machine.intake.run_once()
    message = {
        "token": "t" * 32, "subject": "order", "subject_id": 1, "customer_id": office.customer_id,
        "kind": "order_placed", "channel": "fax", "step": "1", "recipient": NUMBER, "language": "zh",
        "params": {}, "state": "failed", "queued_at": clock(), "next_at": clock(),
    }  # fmt: skip
    async with database.begin() as session:
        session.add(OutboxMessage(**message))
        failed = FaxResult(FaxStatus.FAILED, error="busy")
        await went_out(session, "c" * 32, "t" * 32, NUMBER, result=failed, at=clock())
    service = FaxService(database)
    (todo,) = await machine.todos()
    out, came = await service.listed(office.zhao, FaxQuery())
    assert came.todo == FaxTodo(todo.id, "open", todo.version, "Wang")
    assert (came.message, out.todo) == (None, None)
    assert out.message is not None
    assert out.message.state == "failed"


async def test_of_an_unknown_number_a_supervisor_is_asked(machine: Machine, office: Office):
    machine.receive(f"1772442000-{CALL}-4006001001-")
    await machine.intake.run_once()
    (todo,) = await machine.todos()
    assert (todo.assignee_id in {office.zhao.user_id, office.qian.user_id}, todo.customer_id) == (
        True,
        None,
    )


async def test_a_customer_is_known_by_the_fax_number_too(
    machine: Machine, office: Office, database: Database
):
    async with database.begin() as session:
        other = Customer.id == office.other_customer_id
        await session.execute(update(Customer).where(other).values(fax="02287654321"))
    machine.receive(f"1772442000-{CALL}-4006001001-02287654321")
    await machine.intake.run_once()
    assert [fax.customer_id for fax in await machine.rows()] == [office.other_customer_id]


async def test_while_the_database_is_away_the_sheets_wait(machine: Machine, clock: Clock):
    machine.receive()
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        await FaxIntake(nowhere, machine.folder, clock=clock, took=machine.took.append).run_once()
    assert len(list(machine.incoming.iterdir())) == 2
    await nowhere.close()

    assert await machine.intake.run_once() == 1
    assert len(await machine.rows()) == 1


async def test_a_fax_whose_row_is_there_already_is_not_stored_twice(machine: Machine):
    """The daemon died after the row and before the files were cleared."""
    machine.receive()
    await machine.intake.run_once()
    machine.receive()
    assert await machine.intake.run_once() == 0
    assert (len(await machine.rows()), len(await machine.todos())) == (1, 1)
    assert list(machine.incoming.iterdir()) == []


async def test_what_asterisk_left_when_it_ended_is_kept_as_a_part(machine: Machine, clock: Clock):
    machine.receive(note=None)
    assert await machine.intake.run_once() == 0
    late = FaxIntake(
        machine.database, machine.folder, clock=clock, took=machine.took.append, lost_after_s=-1
    )
    assert await late.run_once() == 1
    (fax,) = await machine.rows()
    assert (fax.status, fax.pages, fax.error) == ("partial", 2, "interrupted")
    assert len(await machine.todos()) == 1


async def test_a_fax_that_failed_is_noted_and_nobody_is_asked(machine: Machine):
    machine.receive(sheets=0, note="status=FAILED&mode=audio&pages=0&error=The%20call%20dropped")
    await machine.intake.run_once()
    (fax,) = await machine.rows()
    assert (fax.status, fax.path, fax.error) == ("failed", None, "The call dropped")
    assert await machine.todos() == []


async def test_files_that_are_no_faxes_are_left_alone(machine: Machine):
    machine.receive("something-else")
    assert await machine.intake.run_once() == 0
    assert len(list(machine.incoming.iterdir())) == 2


async def test_who_may_see_the_customer_sees_the_fax_and_opening_is_noted(
    machine: Machine, office: Office, database: Database
):
    machine.receive()
    await machine.intake.run_once()
    (row,) = await machine.rows()
    faxes = FaxService(database)

    assert [each.id for each in await faxes.listed(office.wang, FaxQuery(direction="in"))] == [
        row.id
    ]
    opened = await faxes.opened(office.wang, row.id)
    assert as_pdf(machine.folder / (opened.path or "")).startswith(b"%PDF")
    async with database.begin() as session:
        entry = (
            await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))
        ).one()
    assert (entry.action, entry.actor_id, entry.entity_id) == (
        "fax.open",
        office.wang.user_id,
        str(row.id),
    )

    stranger = own(office.li)
    assert await faxes.listed(stranger, FaxQuery()) == ()
    with pytest.raises(NotFound):
        await faxes.opened(stranger, row.id)
    with pytest.raises(Forbidden):
        await faxes.listed(without_rights(office.li), FaxQuery())


def own(person: Principal) -> Principal:
    return replace(person, scope=Scope.OWN)


def without_rights(person: Principal) -> Principal:
    return replace(person, rights=frozenset())


async def test_old_faxes_go_with_their_sheets(machine: Machine, clock: Clock, database: Database):
    machine.receive()
    await machine.intake.run_once()
    (row,) = await machine.rows()
    purge = FaxPurge(database, machine.folder, clock=clock, kept=timedelta(days=30))
    clock.now = AT + timedelta(days=29)
    assert await purge.run_once() == 0
    clock.now = AT + timedelta(days=31)
    assert await purge.run_once() == 1
    assert await machine.rows() == []
    assert not (machine.folder / (row.path or "")).exists()


def test_coarse_sheets_are_shown_as_high_as_they_were(tmp_path: Path):
    draw(tmp_path / "a.tif", 2)
    pdf = as_pdf(tmp_path / "a.tif")
    assert pdf.count(b"/Type /Page\n") == 2 or pdf.count(b"/Type /Page") >= 2
    assert b"/Height 2290" in pdf


def test_a_document_that_cannot_be_read_has_no_pages(tmp_path: Path):
    broken = tmp_path / "a.tif"
    broken.write_bytes(b"II*\0\x08\0\0\0")
    assert pages_in(broken) == 0
    assert pages_in(tmp_path / "none.tif") == 0


@given(name=st.text(max_size=80))
def test_whatever_a_file_is_called_its_name_is_read_or_refused(name: str):
    found = read_name(name)
    assert found is None or len(found.call_id) == 32


@given(note=st.text(max_size=200), pages=st.integers(0, 99))
def test_whatever_the_other_machine_says_is_plain_text(note: str, pages: int):
    for said in (
        read_note(note),
        read_note(f"station={quote(note)}&error={quote(note)}&status=SUCCESS"),
    ):
        result = of_fax_in(said, pages)
        assert (result.status is FaxStatus.RECEIVED) <= (pages > 0)
        for each in (result.station, result.error):
            assert each is None or (each.isprintable() and 0 < len(each) <= 200)
        assert of_fax_out(said).pages >= 0
