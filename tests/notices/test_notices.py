"""Notices: to whom they go, by which channels, and what is counted."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from crm_core.customers.merging import MergeService
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.notices.commands import (
    NewNotice,
    NoticeEdit,
    NoticeQuery,
    NoticeStep,
    RecipientQuery,
    Send,
    Told,
)
from crm_core.notices.service import NoticeNotDraft
from crm_core.notices.timeline import entries
from crm_core.rights import SYSTEM
from crm_core.rights import Scope as VisibleScope
from crm_core.timeline import Place
from crm_core.todos.commands import Close, Scope, TodoQuery
from dialer.do_not_call.tables import DoNotCall
from tests.notices.conftest import ALL, NoticeHouse

WORDS = {"title": "涨价通知", "body": "下月起每箱涨价五元。"}


async def three(house: NoticeHouse, *numbers: str) -> tuple[int, int, int]:
    """A dealer with mobile and mail, one with a landline alone, and one with nothing."""
    mobile, landline = numbers
    return (
        await house.dealer("甲", phones=[{"number": mobile}], email="jia@example.com"),
        await house.dealer("乙", phones=[{"number": landline}]),
        await house.dealer("丙"),
    )


async def test_each_dealer_gets_it_by_every_channel_that_reaches_them(house: NoticeHouse):
    await three(house, "13700000001", "02288880001")
    sent = await house.sent(channels=["email", "sms"])
    assert sent.state == "sent"
    assert await house.messages(sent.id) == [
        ("email", "jia@example.com", WORDS["body"]),
        ("sms", "13700000001", WORDS["body"]),
    ]
    await house.deliver(sent.id, "email", "sent")
    await house.deliver(sent.id, "sms", "failed")
    counts = await house.notices.counts(house.office.zhao, sent.id)
    assert (counts.recipients, counts.prepared, counts.unreached) == (3, 3, 2)
    assert [(each.channel, each.sent, each.failed) for each in counts.channels] == [
        ("email", 1, 0),
        ("sms", 0, 1),
    ]
    unreached = await house.notices.recipients(
        house.office.zhao, sent.id, RecipientQuery(unreached=True)
    )
    assert [each.customer_name for each in unreached] == ["乙经销部", "丙经销部"]


async def test_an_audience_is_known_before_anything_is_sent(house: NoticeHouse):
    await three(house, "13700000002", "02288880002")
    new = NewNotice.model_validate(
        WORDS | {"conditions": ALL, "channels": ["email", "call", "sms", "sms"]}
    )
    made = await house.notices.create(house.office.zhao, new)
    found = await house.notices.audience(house.office.zhao, made.id)
    assert (found.customers, found.reached) == (3, {"email": 1, "call": 2, "sms": 1})


async def test_a_mobile_number_is_taken_though_a_landline_is_the_main_one(house: NoticeHouse):
    await house.dealer("丁", phones=[{"number": "02288880003"}, {"number": "13700000003"}])
    sent = await house.sent(channels=["sms"])
    assert [each[1] for each in await house.messages(sent.id)] == ["13700000003"]


async def test_dealers_to_be_telephoned_become_to_dos_of_their_own_salesperson(house: NoticeHouse):
    one = await house.dealer(
        "戊", phones=[{"number": "02288880004"}], salesperson_id=house.office.li.user_id
    )
    two = await house.dealer("己", phones=[{"number": "02288880005"}])
    sent = await house.sent(channels=["call"])
    query = TodoQuery(scope=Scope.SUPERVISED)
    todos = {
        each.customer_id: each
        for each in await house.todos.listed(house.office.zhao, query)
        if each.source_kind == "notice" and each.customer_id in {one, two}
    }
    assert todos[one].assignee_id == house.office.li.user_id
    assert todos[two].assignee_id == house.office.zhao.user_id
    await house.todos.complete(house.office.li, todos[one].id, Close(version=1))
    await house.notices.told(house.office.wang, sent.id, Told(customer_id=two))
    assert (await house.todos.get(house.office.zhao, todos[two].id)).state == "done"
    counts = await house.notices.counts(house.office.zhao, sent.id)
    assert [(each.channel, each.waiting, each.sent) for each in counts.channels] == [("call", 0, 2)]


async def test_a_caller_is_told_once_and_not_after_the_last_day(house: NoticeHouse):
    dealer = await house.dealer("庚")
    sent = await house.sent(expires_on=date(2026, 3, 3))
    assert [each.title for each in await house.notices.untold(dealer)] == [WORDS["title"]]
    house.clock.pass_by(days=1)
    assert await house.notices.untold(dealer)
    house.clock.pass_by(hours=7)  # midnight in Shanghai
    assert not await house.notices.untold(dealer)
    told = Told(customer_id=dealer, call_id="a" * 32)
    await asyncio.gather(*(house.notices.told(house.office.wang, sent.id, told) for _ in range(5)))
    counts = await house.notices.counts(house.office.zhao, sent.id)
    assert (counts.told, counts.unreached) == (1, 0)
    async with house.database.reading() as connection:
        history = await entries(connection, (dealer,), Place(house.clock().replace(year=2027)), 50)
    assert [each.kind for each in history] == ["notice.told", "notice.sent"]
    with pytest.raises(NotFound):
        await house.notices.told(
            house.office.wang, sent.id, Told(customer_id=house.office.customer_id)
        )


async def test_a_notice_is_sent_once_though_two_press_the_button(house: NoticeHouse):
    await house.dealer("辛", email="xin@example.com")
    made = await house.notices.create(
        house.office.zhao, NewNotice.model_validate(WORDS | {"conditions": ALL})
    )
    results = await asyncio.gather(
        *(
            house.notices.send(who, made.id, Send(version=1))
            for who in (house.office.zhao, house.office.qian)
        ),
        return_exceptions=True,
    )
    assert sorted(isinstance(each, Conflict) for each in results) == [False, True]
    assert (await house.notices.counts(house.office.zhao, made.id)).recipients == 1


async def test_two_daemons_prepare_every_recipient_once(house: NoticeHouse):
    for n in range(9):
        await house.dealer(f"分{n}", email=f"fen{n}@example.com")
    made = await house.notices.create(
        house.office.zhao,
        NewNotice.model_validate(WORDS | {"conditions": ALL, "channels": ["email"]}),
    )
    await house.notices.send(house.office.zhao, made.id, Send(version=1))
    while sum(await asyncio.gather(*(house.sender.run_once() for _ in range(3)))):
        pass
    recipients = [each[1] for each in await house.messages(made.id)]
    assert recipients == sorted(f"fen{n}@example.com" for n in range(9))
    assert (await house.notices.get(house.office.zhao, made.id)).state == "sent"


async def test_a_draft_can_be_changed_and_cancelled_and_what_was_sent_cannot(house: NoticeHouse):
    office = house.office
    await house.dealer("壬")
    made = await house.notices.create(office.sun, NewNotice.model_validate(WORDS))
    edit = NoticeEdit.model_validate({"version": 1, "title": "新标题", "conditions": ALL})
    changed = await house.notices.edit(office.sun, made.id, edit)
    assert (changed.title, changed.body, changed.version) == ("新标题", WORDS["body"], 2)
    assert changed.conditions[0].field == "name"
    with pytest.raises(Conflict):
        await house.notices.edit(office.sun, made.id, edit)
    await house.notices.cancel(office.sun, made.id, NoticeStep(version=2))
    sent = await house.sent()
    with pytest.raises(NoticeNotDraft):
        await house.notices.cancel(office.sun, sent.id, NoticeStep(version=sent.version))
    with pytest.raises(NoticeNotDraft):
        await house.notices.send(office.sun, sent.id, Send(version=sent.version))
    newest = await house.notices.listed(office.sun, NoticeQuery(limit=2))
    assert [each.state for each in newest] == ["sent", "cancelled"]
    older = await house.notices.listed(office.sun, NoticeQuery(after=newest[0].id, limit=1))
    assert older == newest[1:]


async def test_what_cannot_be_is_refused_and_nothing_is_kept(house: NoticeHouse):
    office = house.office
    with pytest.raises(Forbidden):
        await house.notices.create(office.wang, NewNotice.model_validate(WORDS))
    with pytest.raises(Invalid, match="fits"):
        await house.sent(conditions=[{"field": "name", "op": "contains", "value": "无此人"}])
    latest = (await house.notices.listed(office.sun, NoticeQuery(limit=1)))[0]
    assert (latest.state, latest.sent_at) == ("draft", None)
    house.notices = type(house.notices)(
        house.database, clock=house.clock, zone=house.clock().tzinfo, channels=()
    )
    with pytest.raises(Invalid, match="sms"):
        await house.sent(channels=["sms"])
    with pytest.raises(NotFound):
        await house.notices.get(office.sun, 999_999)


async def test_a_merged_customer_hears_what_went_to_both(house: NoticeHouse):
    one, two = await house.dealer("癸"), await house.dealer("癸二")
    await house.sent()
    merging = MergeService(house.database)
    await merging.merge(SYSTEM, (one, 1), (two, 1))
    (notice,) = await house.notices.untold(one)
    await house.notices.told(house.office.wang, notice.id, Told(customer_id=two))
    assert not await house.notices.untold(one)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    words=st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(
        str.strip
    )
)
async def test_whatever_is_written_arrives_as_it_was_written(house: NoticeHouse, words: str):
    await house.dealer("子", email="zi@example.com")
    sent = await house.sent(body=words, channels=["email"])
    assert {each[2] for each in await house.messages(sent.id)} == {words.strip()}


async def test_who_has_opted_out_is_told_by_no_such_way(house: NoticeHouse):
    await house.dealer(
        "未", phones=["13700000021"], email="wei@example.com", opt_outs=["sms", "call"]
    )
    await house.dealer("申", phones=["13700000022"], email="shen@example.com", opt_outs=["email"])
    new = {"channels": ["email", "sms", "call"], "conditions": ALL}
    made = await house.notices.create(house.office.zhao, NewNotice.model_validate(WORDS | new))
    found = await house.notices.audience(house.office.zhao, made.id)
    assert found.reached == {"email": 1, "sms": 1, "call": 1}
    sent = await house.sent(**new)
    assert [each[:2] for each in await house.messages(sent.id)] == [
        ("email", "wei@example.com"),
        ("sms", "13700000022"),
    ]
    counts = await house.notices.counts(house.office.zhao, sent.id)
    assert {each.channel: each.waiting for each in counts.channels} == {
        "call": 1, "email": 1, "sms": 1,
    }  # fmt: skip


async def test_numbers_that_are_never_called_get_no_message_and_no_call(house: NoticeHouse):
    await house.dealer("酉", phones=["13700000031", "02288880031"])
    await house.dealer("戌", phones=["13700000032"])
    async with house.database.begin() as session:
        rows = [{"number": each, "reason": "投诉"} for each in ("13700000031", "13700000032")]
        await session.execute(insert(DoNotCall), rows)
    sent = await house.sent(channels=["sms", "call"])
    assert await house.messages(sent.id) == []
    counts = await house.notices.counts(house.office.zhao, sent.id)
    assert [(each.channel, each.waiting) for each in counts.channels] == [("call", 1)]
    assert counts.unreached == 1


async def test_a_notice_that_is_being_sent_can_be_stopped(house: NoticeHouse):
    one = await house.dealer("亥", phones=["13700000041"], email="a@example.com")
    two = await house.dealer("子", phones=["13700000042"], email="b@example.com")
    later = await house.dealer("丑", email="c@example.com")
    wanted = WORDS | {"conditions": ALL, "channels": ["email", "call"]}
    made = await house.notices.create(house.office.zhao, NewNotice.model_validate(wanted))
    sending = await house.notices.send(house.office.zhao, made.id, Send(version=1))
    assert await house.sender.run_once() == 2
    step = NoticeStep(version=sending.version)
    stopped = await house.notices.cancel(house.office.zhao, made.id, step)
    assert (stopped.state, stopped.sent_at) == ("cancelled", sending.sent_at)
    assert await house.sender.run_once() == 0
    counts = await house.notices.counts(house.office.zhao, made.id)
    assert (counts.recipients, counts.prepared) == (3, 2)
    assert [(each.channel, each.waiting, each.failed) for each in counts.channels] == [
        ("call", 0, 2),
        ("email", 0, 2),
    ]
    for each in (one, two, later):
        assert await house.notices.untold(each) == ()
    with pytest.raises(NoticeNotDraft):
        await house.notices.cancel(house.office.zhao, made.id, NoticeStep(version=stopped.version))


async def test_counts_are_of_those_whom_one_may_see(house: NoticeHouse):
    await house.dealer("寅", email="d@example.com", salesperson_id=house.office.li.user_id)
    await house.dealer("卯", email="e@example.com")
    sent = await house.sent(channels=["email"])
    narrow = replace(house.office.zhao, scope=VisibleScope.OWN)
    counts = await house.notices.counts(narrow, sent.id)
    assert (counts.recipients, counts.channels[0].waiting) == (1, 1)
