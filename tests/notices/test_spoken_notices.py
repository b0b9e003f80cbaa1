"""Notices that the line says: to whom they go, who is called after all, and who has heard them."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from crm_core.bus import Bus
from crm_core.customers.tables import Customer
from crm_core.errors import Invalid
from crm_core.notices.commands import NewNotice, NoticeEdit, NoticeStep, Send
from crm_core.notices.views import ChannelCount
from crm_core.notices.wording import NOTICE_WORDS
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.voice import VoiceNotifier
from crm_core.outbox.wording import WordBook
from crm_core.outbox.worker import OutboxWorker
from dialer.do_not_call.tables import DoNotCall
from dialer.law import Law
from dialer.message_calls import MessageCalls
from dialer.store import DialerStore
from tests.dialer.lists import forbid
from tests.dialer.test_message_calls import Trunk
from tests.notices.conftest import ALL, NoticeHouse

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # in Shanghai
VOICE = {"channels": ["voice"], "conditions": ALL}


@pytest.fixture
async def trunk(house: NoticeHouse) -> Trunk:
    async with house.database.begin() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for table in ("attempts", "outbox", "do_not_call"):
            await session.execute(text(f"DELETE FROM {table}"))
    house.clock.now = NOON
    return Trunk()


async def say(
    house: NoticeHouse, trunk: Trunk, folder: Path, keys: Sequence[str | None], *, needs_key=True
) -> None:
    """What the outbox does with the messages that wait: each call is answered and hears these keys."""
    trunk.keys = list(keys)
    trunk.calls = MessageCalls(
        DialerStore(house.database),
        trunk,
        speak=lambda said, language, target: target.write_text(f"{language} {said}"),
        folder=folder,
        clock=house.clock,
        needs_key=needs_key,
    )
    words = WordBook(NOTICE_WORDS, "总机")
    worker = OutboxWorker(
        OutboxStore(house.database),
        [VoiceNotifier(trunk.calls, words)],
        Bus(),
        clock=house.clock,
    )
    await worker.run_once()


async def voice(house: NoticeHouse, notice_id: int) -> ChannelCount:
    counts = await house.notices.counts(house.office.zhao, notice_id)
    (found,) = [each for each in counts.channels if each.channel == "voice"]
    return found


async def reasons(house: NoticeHouse) -> list[str | None]:
    async with house.database.reading() as connection:
        return list(await connection.scalars(select(OutboxMessage.reason)))


async def test_it_goes_to_every_number_that_may_be_called_unless_other_ways_were_chosen(
    house: NoticeHouse, trunk: Trunk
):
    await house.dealer("甲", phones=["02288880101"])
    await house.dealer("乙", phones=["13700000102"], told_by=["voice"])
    await house.dealer("丙", phones=["13700000103"], told_by=["email"], email="bing@example.com")
    await house.dealer("丁", phones=["13700000104"], opt_outs=["call"])
    await house.dealer("戊", phones=["13700000105"])
    await house.dealer("己")
    async with house.database.begin() as session:
        await session.execute(insert(DoNotCall).values(number="13700000105", reason="投诉"))
    made = await house.notices.create(
        house.office.zhao, NewNotice.model_validate({"title": "t", "body": "b"} | VOICE)
    )
    assert (await house.notices.audience(house.office.zhao, made.id)).reached == {"voice": 2}
    sent = await house.sent(**VOICE)
    told = [each[:2] for each in await house.messages(sent.id)]
    assert told == [("voice", "02288880101"), ("voice", "13700000102")]


@pytest.mark.parametrize(
    ("keys", "needs_key", "sent", "confirmed"),
    [
        (["1"], True, 1, 1),
        ([None, None, None], True, 0, 0),
        ([None], False, 1, 0),
        (["1"], False, 1, 1),
        ([], False, 0, 0),
    ],
)
async def test_who_heard_it_is_counted_and_who_confirmed_it(
    house: NoticeHouse, trunk: Trunk, tmp_path: Path, *, keys, needs_key, sent, confirmed
):
    number = f"1371{secrets.randbelow(10**7):07}"
    await house.dealer("庚", phones=[number])
    notice = await house.sent(**VOICE)
    await say(house, trunk, tmp_path, keys, needs_key=needs_key)
    counted = await voice(house, notice.id)
    assert (counted.sent, counted.confirmed) == (sent, confirmed)
    assert counted.waiting == 1 - sent
    assert [called for called, _ in trunk.placed] == [number]


async def test_what_a_machine_has_is_counted_apart(
    house: NoticeHouse, trunk: Trunk, tmp_path: Path
):
    await house.dealer("庚", phones=[f"1371{secrets.randbelow(10**7):07}"])
    notice = await house.sent(**VOICE)
    trunk.heard_by_amd = ("MACHINE", "LONGGREETING-1520-1500")
    await say(house, trunk, tmp_path, [])
    counted = await voice(house, notice.id)
    assert (counted.sent, counted.confirmed, counted.left) == (1, 0, 1)


async def test_who_opts_out_of_calls_before_the_number_is_dialled_is_not_called(
    house: NoticeHouse, trunk: Trunk, tmp_path: Path
):
    dealer = await house.dealer("辛", phones=["13700000121"])
    notice = await house.sent(**VOICE)
    async with house.database.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id == dealer).values(opt_outs=["call"])
        )
    await say(house, trunk, tmp_path, ["1"])
    assert trunk.placed == []
    assert (await voice(house, notice.id)).failed == 1
    assert await reasons(house) == ["opted_out"]


async def test_a_number_that_comes_onto_the_list_before_it_is_dialled_is_not_called(
    house: NoticeHouse, trunk: Trunk, tmp_path: Path
):
    await house.dealer("壬", phones=["13700000131"])
    notice = await house.sent(**VOICE)
    await forbid(house.database, "13700000131")
    await say(house, trunk, tmp_path, ["1"])
    assert trunk.placed == []
    assert (await voice(house, notice.id)).failed == 1
    assert await reasons(house) == ["do_not_call"]


async def test_messages_of_orders_are_said_to_who_asked_for_calls_whatever_notices_he_refuses(
    house: NoticeHouse, trunk: Trunk
):
    dealer = await house.dealer("癸", phones=["13700000141"])
    await house.sent(**VOICE)
    async with house.database.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id == dealer).values(opt_outs=["call"])
        )
        token = await session.scalar(select(OutboxMessage.token))
    store = DialerStore(house.database)
    refused = await store.begin_message_attempt("1", token, "13700000141", Law(), NOON, said=True)
    assert refused.reason == "opted_out"
    async with house.database.begin() as session:
        await session.execute(update(OutboxMessage).values(subject="order"))
    said = await store.begin_message_attempt("2", token, "13700000141", Law(), NOON, said=True)
    assert said.allowed


async def test_stopping_a_notice_stops_the_calls_that_have_not_been_made(
    house: NoticeHouse, trunk: Trunk, tmp_path: Path
):
    for n in range(3):
        await house.dealer(f"子{n}", phones=[f"1370000015{n}"])
    new = NewNotice.model_validate({"title": "t", "body": "b"} | VOICE)
    made = await house.notices.create(house.office.zhao, new)
    sending = await house.notices.send(house.office.zhao, made.id, Send(version=1))
    assert await house.sender.run_once() == 2
    step = NoticeStep(version=sending.version)
    await house.notices.cancel(house.office.zhao, made.id, step)
    await say(house, trunk, tmp_path, ["1"])
    assert trunk.placed == []
    assert (await voice(house, made.id)).failed == 2


async def test_what_a_person_gave_up_was_not_heard(house: NoticeHouse, trunk: Trunk):
    await house.dealer("丑", phones=["13700000161"])
    notice = await house.sent(**VOICE)
    await house.deliver(notice.id, "voice", "given_up")
    assert (await voice(house, notice.id)).failed == 1


async def test_what_is_counted_is_counted_by_level_too(house: NoticeHouse):
    await house.dealer("寅", phones=["13700000171"], level_code="city")
    await house.dealer("卯", level_code="city")
    await house.dealer("辰", email="chen@example.com", level_code="county")
    sent = await house.sent(channels=["voice", "email"], conditions=ALL)
    counts = await house.notices.counts(house.office.zhao, sent.id)
    assert {each.level_code: (each.recipients, each.unreached) for each in counts.levels} == {
        "city": (2, 1),
        "county": (1, 0),
    }
    assert (counts.recipients, counts.prepared, counts.unreached) == (3, 3, 1)


async def test_a_notice_into_the_group_of_a_customer_is_kept_and_written(house: NoticeHouse):
    await house.dealer("巳", wecom_group="693a91f6-7a0c-4bc4-97a0-0ec2sifa5aaa")
    sent = await house.sent(channels=["wecom_group"], conditions=ALL)
    assert [each[0] for each in await house.messages(sent.id)] == ["wecom_group"]


async def test_what_is_too_long_to_be_said_is_refused_whichever_comes_last(house: NoticeHouse):
    zhao, long = house.office.zhao, "涨" * 201
    words = {"title": "t", "body": long}
    with pytest.raises(Invalid, match="200") as refused:
        await house.notices.create(zhao, NewNotice.model_validate(words | VOICE))
    assert refused.value.fields == {"body": "too_long"}
    made = await house.notices.create(zhao, NewNotice.model_validate(words | {"channels": ["sms"]}))
    for change in ({"channels": ["voice"]}, {"channels": ["voice"], "body": long}):
        edit = NoticeEdit.model_validate({"version": 1} | change)
        with pytest.raises(Invalid):
            await house.notices.edit(zhao, made.id, edit)
    fits = NoticeEdit.model_validate({"version": 1, "channels": ["voice"], "body": long[1:]})
    assert (await house.notices.edit(zhao, made.id, fits)).version == 2


async def test_who_presses_9_at_a_notice_is_not_called_again(
    house: NoticeHouse, trunk: Trunk, tmp_path: Path
):
    await house.dealer("子", phones=["13700009151"])
    notice = await house.sent(**VOICE)
    await say(house, trunk, tmp_path, [None, "9"])
    assert (await voice(house, notice.id)).sent == 1
    async with house.database.reading_entities() as session:
        kept = (await session.scalars(select(DoNotCall))).one()
    assert (kept.number, kept.source) == ("13700009151", "key")
    assert kept.call_id is not None
    again = await house.sent(**VOICE)
    assert await house.messages(again.id) == []
