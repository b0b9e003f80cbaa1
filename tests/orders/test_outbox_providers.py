"""Each connector against a provider that checks what its documentation says, over a real socket."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from crm_core.outbox.ports import MaybeSent, Message, NotNow, NotSent
from crm_core.outbox.sms_aliyun import AliyunAccount, AliyunSms
from crm_core.outbox.sms_tencent import TencentAccount, TencentSms, TencentTemplate
from crm_core.outbox.tencent_signature import authorization, digest, signature
from crm_core.outbox.wecom import LONGEST_TEXT, WeComApp, WeComGroup, WeComPerson, shortened
from crm_core.outbox.wording import WordBook
from orders.sales.wording import ORDER_WORDS
from tests.orders.order_shop import Clock
from tests.orders.provider_servers import SECRET, HttpServer, SmsServer, TencentServer, WeComServer

DOCUMENTED = "2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c"
PARAMS = {"number": "260302-000001", "total": "12.50"}
SMS = Message("token-1", "order_placed", "13800138000", "zh", PARAMS)
TEMPLATES = {
    "order_placed": TencentTemplate("1110", ("number", "total")),
    "order_placed.en": TencentTemplate("1111", ("number",)),
    "order_shipped": TencentTemplate("1112", ("waybill",)),
}


class Overloaded(HttpServer):
    async def _handle(self, request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "120"})


@pytest.fixture
def clock() -> Iterator[Clock]:
    return Clock()


@pytest.fixture
async def tencent(clock: Clock) -> AsyncIterator[TencentServer]:
    async with TencentServer(clock) as server:
        yield server


@pytest.fixture
async def sms(tencent: TencentServer, clock: Clock) -> AsyncIterator[TencentSms]:
    account = TencentAccount(
        tencent.endpoint, "test-id", SECRET, "1400006666", "总机商贸", "ap-guangzhou", TEMPLATES
    )
    made = TencentSms(account, clock=clock)
    yield made
    await made.close()


@pytest.fixture
async def wecom(clock: Clock) -> AsyncIterator[WeComServer]:
    async with WeComServer(clock) as server:
        yield server


@pytest.fixture
async def group(wecom: WeComServer, clock: Clock) -> AsyncIterator[WeComGroup]:
    made = WeComGroup(WordBook(ORDER_WORDS, "总机商贸"), endpoint=wecom.endpoint)
    yield made
    await made.close()


@pytest.fixture
async def person(wecom: WeComServer, clock: Clock) -> AsyncIterator[WeComPerson]:
    app = WeComApp("corp", SECRET, 1000002, wecom.endpoint)
    made = WeComPerson(app, WordBook(ORDER_WORDS, "总机商贸"), clock=clock)
    yield made
    await made.close()


def test_tencents_signature_is_that_of_its_documented_example():
    body = (
        b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    )
    assert digest(body) == "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"
    headers = {
        "content-type": "application/json; charset=utf-8",
        "host": "cvm.tencentcloudapi.com",
    }
    secret = "Gu5t9xGARNpq86cd98joQYCN3*******"
    made = signature(secret, "cvm", 1551113065, headers, body)
    assert made == DOCUMENTED
    proof = authorization(
        ("AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******", secret), "cvm", 1551113065, headers, body
    )
    assert proof == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******/2019-02-25/cvm/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={DOCUMENTED}"
    )


async def test_tencent_gets_the_template_with_its_parameters_in_their_places(
    sms: TencentSms, tencent: TencentServer
):
    assert await sms.send(SMS) == "serial-1"
    await sms.send(replace(SMS, language="en"))
    first, second = tencent.accepted
    assert first["PhoneNumberSet"] == ["+8613800138000"]
    assert (first["TemplateId"], first["TemplateParamSet"]) == ("1110", ["260302-000001", "12.50"])
    assert (first["SessionContext"], first["SignName"]) == ("token-1", "总机商贸")
    assert (second["TemplateId"], second["TemplateParamSet"]) == ("1111", ["260302-000001"])


async def test_a_clock_that_is_wrong_loses_no_message_at_either_sms_provider(
    sms: TencentSms, clock: Clock
):
    async with SmsServer(lambda: clock() + timedelta(hours=1)) as server:
        aliyun = AliyunSms(
            AliyunAccount(server.endpoint, "test-id", SECRET, "总机", {"order_placed": "SMS_1"}),
            clock=clock,
        )
        with pytest.raises(NotNow, match=r"InvalidTimeStamp\.Expired"):
            await aliyun.send(SMS)
        await aliyun.close()
    sms._clock = lambda: clock() + timedelta(hours=1)
    with pytest.raises(NotNow, match=r"AuthFailure\.SignatureExpire"):
        await sms.send(SMS)


async def test_a_wrong_secret_is_refused_by_the_signature(sms: TencentSms, tencent: TencentServer):
    sms._account = replace(sms._account, secret_key="another")
    with pytest.raises(NotNow, match=r"AuthFailure\.SignatureFailure"):
        await sms.send(SMS)
    assert tencent.accepted == []


@pytest.mark.parametrize(
    ("answer", "raised", "permanent"),
    [
        ("InvalidParameterValue.IncorrectPhoneNumber", NotSent, True),
        ("!InvalidParameterValue.TemplateParameterFormatError", NotSent, True),
        ("FailedOperation.PhoneNumberInBlacklist", NotSent, True),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", NotSent, False),
        ("LimitExceeded.PhoneNumberDailyLimit", NotSent, False),
        ("FailedOperation.InsufficientBalanceInSmsPackage", NotNow, None),
        ("!RequestLimitExceeded", NotNow, None),
        ("!UnauthorizedOperation.SmsSdkAppIdVerifyFail", NotNow, None),
        ("!InternalError.Timeout", MaybeSent, None),
        (None, MaybeSent, None),
    ],
)
async def test_tencents_codes_say_what_became_of_the_message(
    sms: TencentSms, tencent: TencentServer, answer, raised, permanent
):
    tencent.answers = [answer]
    with pytest.raises(raised) as refused:
        await sms.send(SMS)
    assert getattr(refused.value, "permanent", None) is permanent


async def test_a_limit_of_one_number_says_how_long_to_wait(sms: TencentSms, tencent: TencentServer):
    tencent.answers = ["LimitExceeded.PhoneNumberOneHourLimit"]
    with pytest.raises(NotSent) as refused:
        await sms.send(SMS)
    assert refused.value.wait == timedelta(hours=1)


async def test_a_parameter_that_a_message_lacks_fails_for_good(sms: TencentSms):
    with pytest.raises(NotSent) as refused:
        await sms.send(replace(SMS, kind="order_shipped"))
    assert refused.value.permanent


async def test_a_group_reads_the_whole_message(group: WeComGroup, wecom: WeComServer):
    await group.send(replace(SMS, recipient=wecom.ROBOT))
    (said,) = wecom.accepted
    assert said["msgtype"] == "text"
    assert said["text"]["content"].startswith("订单 260302-000001 已收到\n\n您好,")


async def test_the_twenty_first_message_of_a_minute_waits_for_the_next_minute(
    group: WeComGroup, wecom: WeComServer, clock: Clock
):
    message = replace(SMS, recipient=wecom.ROBOT)
    for _ in range(20):
        await group.send(message)
    with pytest.raises(NotNow) as refused:
        await group.send(message)
    assert (refused.value.everybody, refused.value.wait) == (False, timedelta(minutes=1))
    clock.pass_by(timedelta(minutes=1))
    await group.send(message)
    assert len(wecom.accepted) == 21


@pytest.mark.parametrize("key", ["no such robot", "0" * 36, "../../gettoken"])
async def test_a_robot_that_is_not_there_fails_for_good(group: WeComGroup, key):
    with pytest.raises(NotSent) as refused:
        await group.send(replace(SMS, recipient=key))
    assert refused.value.permanent


@given(st.text(), st.integers(10, 3000))
def test_a_text_is_shortened_to_whole_characters(text, most):
    made = shortened(text.encode(errors="ignore").decode(), most)
    assert len(made.encode()) <= most
    assert text.encode(errors="ignore").decode().startswith(made.removesuffix("…"))


async def test_a_long_message_is_cut_at_what_wecom_takes(group: WeComGroup, wecom: WeComServer):
    await group.send(replace(SMS, recipient=wecom.ROBOT, params=PARAMS | {"total": "万" * 3000}))
    content = wecom.accepted[0]["text"]["content"]
    assert LONGEST_TEXT - 3 <= len(content.encode()) <= LONGEST_TEXT


async def test_a_person_is_told_with_one_token_for_many_messages(
    person: WeComPerson, wecom: WeComServer, clock: Clock
):
    for number in range(3):
        told = replace(SMS, recipient="zhangsan", params=PARAMS | {"number": str(number)})
        assert await person.send(told) == f"msg-{number + 1}"
    assert wecom.asked_for_tokens == 1
    clock.pass_by(timedelta(hours=2))
    await person.send(replace(SMS, recipient="lisi"))
    assert wecom.asked_for_tokens == 2


async def test_a_token_that_wecom_ended_early_is_asked_for_anew(
    person: WeComPerson, wecom: WeComServer
):
    await person.send(replace(SMS, recipient="zhangsan"))
    wecom.tokens.clear()
    with pytest.raises(NotNow) as refused:
        await person.send(replace(SMS, recipient="lisi"))
    assert refused.value.wait == timedelta(0)
    await person.send(replace(SMS, recipient="lisi"))
    assert len(wecom.accepted) == 2


async def test_what_is_repeated_to_a_person_is_removed_by_wecom(
    person: WeComPerson, wecom: WeComServer
):
    wecom.answers = [None]
    message = replace(SMS, recipient="zhangsan")
    with pytest.raises(MaybeSent):
        await person.send(message)
    await person.send(message)
    assert (len(wecom.accepted), wecom.removed) == (1, 1)


async def test_a_person_nobody_knows_fails_for_good(person: WeComPerson):
    with pytest.raises(NotSent) as refused:
        await person.send(replace(SMS, recipient="nobody"))
    assert refused.value.permanent


@pytest.mark.parametrize(
    ("code", "raised"), [(-1, MaybeSent), (45009, NotNow), (48002, NotNow), (81013, NotSent)]
)
async def test_wecoms_codes_say_what_became_of_the_message(
    person: WeComPerson, wecom: WeComServer, code, raised
):
    wecom.answers = [(code, "as documented")]
    with pytest.raises(raised):
        await person.send(replace(SMS, recipient="zhangsan"))


async def test_a_wrong_secret_of_the_application_loses_nothing(person: WeComPerson):
    person._app = replace(person._app, secret="another")
    with pytest.raises(NotNow, match="invalid credential"):
        await person.send(replace(SMS, recipient="zhangsan"))


async def test_a_provider_that_is_overloaded_says_when_to_come_back(clock: Clock):
    async with Overloaded(clock) as server:
        group = WeComGroup(WordBook(ORDER_WORDS, ""), endpoint=server.endpoint)
        with pytest.raises(NotNow) as refused:
            await group.send(replace(SMS, recipient=WeComServer.ROBOT))
        await group.close()
    assert (refused.value.everybody, refused.value.wait) == (True, timedelta(seconds=120))
