"""SMS through Tencent Cloud (SendSms, 2021-01-11). Rule: SendSms does not remove doubles, so an answer that
is lost after the request went out is MaybeSent; only a stated refusal is NotSent or NotNow.

Texts are templates approved by the provider; its parameters have places instead of names, so each template
says which of a message's parameters stands at which place.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from yarl import URL

from crm_core.numbers import is_mobile
from crm_core.outbox.http_provider import SERVER_ERROR, HttpAnswer, HttpProvider
from crm_core.outbox.ports import NEVER, MaybeSent, Message, NotNow, NotSent
from crm_core.outbox.sms_template import template_for
from crm_core.outbox.tencent_signature import authorization

_SERVICE = "sms"
_JSON = "application/json; charset=utf-8"
_EVERYBODY = (
    "AuthFailure",
    "UnauthorizedOperation",
    "RequestLimitExceeded",
    "LimitExceeded.AppDailyLimit",
    "LimitExceeded.AppCountryOrRegion",
    "LimitExceeded.DailyLimit",
    "LimitExceeded.DeliveryFrequencyLimit",
    "FailedOperation.InsufficientBalanceInSmsPackage",
    "FailedOperation.NotEnterpriseCertification",
    "ResourceUnavailable",
    "ResourceInsufficient",
)
_THIS_NUMBER = (
    ("LimitExceeded.PhoneNumberThirtySecondLimit", timedelta(seconds=30)),
    ("LimitExceeded.PhoneNumberOneHourLimit", timedelta(hours=1)),
    ("LimitExceeded.PhoneNumber", timedelta(hours=12)),
)


@dataclass(frozen=True, slots=True)
class TencentTemplate:
    """`params` names what stands at {1}, {2} … of the approved text."""

    id: str
    params: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TencentAccount:
    """`endpoint` is an http(s) address without a path, such as https://sms.tencentcloudapi.com."""

    endpoint: str
    secret_id: str
    secret_key: str = field(repr=False)
    app_id: str
    sign_name: str
    region: str
    templates: Mapping[str, TencentTemplate]
    timeout_s: float = 15.0


class TencentSms:
    """Keeps one HTTP session; close it at the end."""

    channel = "sms"
    removes_doubles_within = NEVER

    def __init__(self, account: TencentAccount, *, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._clock = clock
        self._provider = HttpProvider("the SMS provider", timeout_s=account.timeout_s)

    async def send(self, message: Message) -> str:
        """Returns the provider's SerialNo. Raises NotSent, NotNow, MaybeSent."""
        account = self._account
        template = template_for(message, account.templates)
        body = json.dumps(
            {
                "PhoneNumberSet": [_international(message.recipient)],
                "SmsSdkAppId": account.app_id,
                "SignName": account.sign_name,
                "TemplateId": template.id,
                "TemplateParamSet": _placed(message, template),
                "SessionContext": message.token,
            },
            ensure_ascii=False,
        ).encode()
        url = URL(account.endpoint).with_path("/")
        return _reference(
            await self._provider.post(url, data=body, headers=self._headers(url, body))
        )

    async def close(self) -> None:
        await self._provider.close()

    def _headers(self, url: URL, body: bytes) -> dict[str, str]:
        account, timestamp = self._account, int(self._clock().timestamp())
        signed = {"content-type": _JSON, "host": url.authority, "x-tc-action": "SendSms"}
        key = (account.secret_id, account.secret_key)
        proof = authorization(key, _SERVICE, timestamp, signed, body)
        return {
            "Content-Type": _JSON,
            "Host": url.authority,
            "X-TC-Action": "SendSms",
            "X-TC-Version": "2021-01-11",
            "X-TC-Timestamp": str(timestamp),
            "X-TC-Region": account.region,
            "Authorization": proof,
        }


def _international(number: str) -> str:
    """The provider wants E.164."""
    return f"+86{number}" if is_mobile(number) else number


def _placed(message: Message, template: TencentTemplate) -> list[str]:
    try:
        return [message.params[name] for name in template.params]
    except KeyError as missing:
        raise NotSent(f"{message.kind} lacks {missing}", permanent=True) from missing


def _reference(answer: HttpAnswer) -> str:
    """The SerialNo of an accepted message; anything else raises what it means."""
    said: dict[str, Any] = answer.body.get("Response") or {}
    status = next(iter(said.get("SendStatusSet") or ()), None) or said.get("Error") or {}
    code = str(status.get("Code", ""))
    if code == "Ok":
        return str(status.get("SerialNo", ""))
    reason = f"{code or answer.status}: {status.get('Message', '')}"
    if code.startswith(_EVERYBODY):
        raise NotNow(reason)
    for prefix, wait in _THIS_NUMBER:
        if code.startswith(prefix):
            raise NotSent(reason, permanent=False, wait=wait)
    if not code or code.startswith("InternalError") or answer.status >= SERVER_ERROR:
        raise MaybeSent(reason)
    raise NotSent(reason, permanent=True)
