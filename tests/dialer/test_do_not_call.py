"""Who refuses to be called, by which way ever, is not called: own entries, campaigns, lists out of files."""

import csv
import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crm_core.audit.tables import AuditEntry
from crm_core.errors import Forbidden, Invalid
from crm_core.exchange.sheets import read_sheet
from crm_core.rights import SYSTEM
from dialer.do_not_call import files as list_files
from dialer.do_not_call.commands import CallRefusal, Check, Lift, NewRefusal, RefusalQuery
from dialer.do_not_call.files import ListFiles
from dialer.do_not_call.service import DoNotCallService
from dialer.do_not_call.tables import DoNotCallListed
from dialer.errors import LiftedRefusal
from dialer.events import NumberRefused
from tests.dialer.conftest import Hall, number


@pytest.fixture
def service(hall: Hall) -> DoNotCallService:
    return DoNotCallService(hall.database, hall.bus, clock=hall.clock, law=hall.law)


@pytest.fixture
def files(hall: Hall, tmp_path: Path) -> ListFiles:
    return ListFiles(hall.database, tmp_path / "exchange", clock=hall.clock)


def written(path: Path, *numbers: object, header: str = "手机号码") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(((header, "备注"), *((each, "x") for each in numbers)))
    return path


async def taken(files: ListFiles, path: Path, name: str, **more):
    job = await files.hand_in(SYSTEM, path.name, path, name=name, **more)
    return await files.run(job.id)


async def noted(hall: Hall, action: str, entity_id: int) -> AuditEntry:
    async with hall.database.reading_entities() as session:
        found = select(AuditEntry).where(
            AuditEntry.action == action, AuditEntry.entity_id == str(entity_id)
        )
        return (await session.scalars(found)).one()


async def test_an_entry_keeps_who_when_why_and_from_where_and_stands_in_the_trail(hall, service):
    wanted = number()
    told: list[NumberRefused] = []
    hall.bus.subscribe(told.append, NumberRefused)
    made = await service.add(hall.boss, NewRefusal(number=wanted, reason="投诉"))
    again = await service.add(hall.boss, NewRefusal(number=wanted, reason="again"))
    assert again == made
    assert (made.source, made.reason, made.added_by, made.added_at) == (
        "api",
        "投诉",
        "supervisor",
        hall.now,
    )
    assert told[0] == NumberRefused(wanted, None)
    entry = await noted(hall, "do_not_call.add", made.id)
    assert entry.actor_id == hall.boss.user_id
    assert wanted not in str(entry.after)
    with pytest.raises(Forbidden):
        await service.add(hall.agent, NewRefusal(number=number(), reason="x"))


async def test_who_refuses_one_campaign_is_called_by_another(hall, service):
    wanted = number()
    one, other = await hall.campaign(wanted), await hall.campaign(wanted)
    await service.add(hall.boss, NewRefusal(number=wanted, reason="no", campaign_id=one))
    _, refused = await hall.dial(one, wanted)
    assert (refused.allowed, refused.reason) == (False, "campaign_do_not_call")
    _, verdict = await hall.dial(other, wanted)
    assert verdict.allowed
    with pytest.raises(Invalid):
        await service.add(hall.boss, NewRefusal(number=wanted, reason="x", campaign_id=999_999))


async def test_a_lifted_number_may_be_dialled_and_the_entry_stays(hall, service):
    wanted = number()
    campaign = await hall.campaign(wanted)
    made = await service.add(hall.boss, NewRefusal(number=wanted, reason="typo"))
    assert (await hall.dial(campaign, wanted))[1].reason == "do_not_call"
    lifted = await service.lift(hall.boss, made.id, Lift(reason="wrong number"))
    assert (lifted.lifted_by, lifted.lifted_why) == ("supervisor", "wrong number")
    assert (await hall.dial(campaign, wanted))[1].allowed
    with pytest.raises(LiftedRefusal):
        await service.lift(hall.boss, made.id, Lift(reason="again"))
    query = RefusalQuery(number=wanted)
    assert await service.entries(hall.boss, query) == ()
    kept = await service.entries(hall.boss, RefusalQuery(number=wanted, lifted=True))
    assert kept == (lifted,)
    assert (await noted(hall, "do_not_call.lift", made.id)).after["reason"] == "wrong number"


async def test_what_is_said_in_a_call_counts_for_its_campaign_or_for_all(hall, service):
    wanted = number()
    campaign = await hall.campaign(wanted)
    call_id, verdict = await hall.dial(campaign, wanted)
    assert verdict.allowed
    only = CallRefusal(reason="不需要", only_campaign=True)
    made = await service.refuse(hall.agent, wanted, call_id, only)
    assert (made.source, made.campaign_id, made.call_id) == ("agent", campaign, call_id)
    every = await service.refuse(hall.agent, wanted, call_id, CallRefusal(reason="都不要"))
    assert (every.source, every.campaign_id) == ("agent", None)
    later = number()
    came_in = uuid.uuid4().hex
    said = await service.refuse(hall.agent, later, came_in, CallRefusal(reason="别再打"))
    assert (said.source, said.call_id) == ("inbound", came_in)
    with pytest.raises(Invalid):
        await service.refuse(hall.agent, later, came_in, only)
    with pytest.raises(Invalid):
        await service.refuse(hall.agent, None, came_in, CallRefusal(reason="hidden"))


async def test_a_list_out_of_a_file_keeps_its_numbers_from_being_dialled(
    hall, service, files, tmp_path
):
    wanted, other = number(), number()
    campaign = await hall.campaign(wanted, other)
    file = written(tmp_path / "a.csv", wanted, f"+86 {wanted}", "x", "138****0000")
    job = await taken(files, file, "12321")
    assert (job.state, job.added, job.same, job.refused) == ("done", 1, 1, 2)
    reasons = [row.cells[0] for row in read_sheet(await files.refused_file(SYSTEM, job.id)).rows()]
    assert all("no telephone number" in str(each) for each in reasons)
    assert (await hall.dial(campaign, wanted))[1].reason == "imported_do_not_call"
    assert (await hall.dial(campaign, other))[1].allowed
    (known,) = [each for each in await service.lists(hall.boss) if each.name == "12321"]
    assert (known.numbers, known.covers, known.imported_at) == (1, "everything", hall.now)
    assert (await noted(hall, "do_not_call.imported", known.id)).after["numbers"] == 1


async def test_a_file_replaces_its_list_as_a_whole_and_no_other(hall, files, tmp_path):
    first, second, elsewhere = number(), number(), number()
    campaign = await hall.campaign(first, second, elsewhere)
    await taken(files, written(tmp_path / "a.csv", first), "甲")
    await taken(files, written(tmp_path / "b.csv", elsewhere), "乙")
    await taken(files, written(tmp_path / "c.csv", second), "甲")
    assert (await hall.dial(campaign, first))[1].allowed
    assert (await hall.dial(campaign, second))[1].reason == "imported_do_not_call"
    assert (await hall.dial(campaign, elsewhere))[1].reason == "imported_do_not_call"
    async with hall.database.reading() as connection:
        left = await connection.scalar(select(func.count()).where(DoNotCallListed.number == first))
    assert left == 0


async def test_a_file_of_nobody_or_one_that_is_older_changes_nothing(hall, files, tmp_path):
    first, second = number(), number()
    campaign = await hall.campaign(first, second)
    await taken(files, written(tmp_path / "a.csv", first), "丙")
    failed = await taken(files, written(tmp_path / "b.csv", "x"), "丙")
    assert failed.state == "failed"
    late = written(tmp_path / "c.csv", second)
    waits = await files.hand_in(SYSTEM, "c.csv", late, name="丙")
    await taken(files, written(tmp_path / "d.csv", first), "丙")
    overtaken = await files.run(waits.id)
    assert (overtaken.state, "newer" in overtaken.error) == ("failed", True)
    assert (await hall.dial(campaign, first))[1].reason == "imported_do_not_call"
    assert (await hall.dial(campaign, second))[1].allowed
    with pytest.raises(Invalid, match="号码"):
        await files.hand_in(
            SYSTEM, "e.csv", written(tmp_path / "e.csv", first, header="name"), name="丙"
        )


async def test_a_file_that_is_half_taken_in_keeps_nobody_yet_and_the_old_ones_still(
    hall, files, tmp_path, monkeypatch
):
    first, second = number(), number()
    campaign = await hall.campaign(first, second)
    await taken(files, written(tmp_path / "a.csv", first), "丁")
    monkeypatch.setattr(list_files, "BATCH", 1)
    seen: list[tuple[str, str]] = []
    job = await files.hand_in(
        SYSTEM, "b.csv", written(tmp_path / "b.csv", second, number()), name="丁"
    )

    class Died(BaseException):
        pass

    def die(now):
        seen.append((now.state, str(now.done)))
        raise Died

    with pytest.raises(Died):
        await files.run(job.id, die)
    assert seen == [("running", "1")]
    assert (await hall.dial(campaign, first))[1].reason == "imported_do_not_call"
    item = await hall.item(campaign, second)
    known = await hall.store.standings([second], hall.law.wanted("campaign", hall.now, campaign))
    assert (item.number, known[second].listed) == (second, None)


async def test_a_list_for_campaigns_leaves_callbacks_alone(hall, files, tmp_path):
    wanted = number()
    await taken(files, written(tmp_path / "a.csv", wanted), "戊", covers="campaigns")
    for purpose, listed in (("campaign", "imported_do_not_call"), ("callback", None)):
        known = await hall.store.standings([wanted], hall.law.wanted(purpose, hall.now))
        assert known[wanted].listed == listed


async def test_somebody_may_ask_why_a_number_is_not_dialled(hall, service):
    wanted = number()
    await service.add(hall.boss, NewRefusal(number=wanted, reason="投诉"))
    found = await service.check(hall.boss, Check(number=wanted))
    assert (found.allowed, found.reason, found.retry_at) == (False, "do_not_call", None)
    assert (found.words_zh, found.words_en) == (
        "号码在禁呼名单中",
        "the number is on the do-not-call list",
    )
    free = await service.check(hall.boss, Check(number=number(), purpose="callback"))
    assert (free.allowed, free.words_zh) == (True, "可以拨打")
    assert free.rules.startswith("2026-2 callback")
