"""SMS through Aliyun (Dysmsapi SendSms, 2017-05-25). Rule: SendSms does not remove doubles, so an
answer that is lost after the request went out is MaybeSent; only a stated refusal is NotSent or NotNow.

Texts are templates approved by the provider: `templates` names one for each kind of message.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from yarl import URL

from crm_core.outbox.aliyun_signature import authorization, canonical_query, digest
from crm_core.outbox.http_provider import SERVER_ERROR, HttpAnswer, HttpProvider
from crm_core.outbox.ports import NEVER, MaybeSent, Message, NotNow, NotSent
from crm_core.outbox.sms_template import template_for

# Refusals of everything we send: another time, a corrected setting or a paid bill ends them.
_EVERYBODY = (
    "Throttling",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "SignatureNonceUsed",
    "InvalidAccessKeyId",
    "InvalidTimeStamp",
    "Forbidden",
    "isp.",
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.OUT_OF_SERVICE",
    "isv.ACCOUNT_",
    "isv.PRODUCT_UN_SUBSCRIPT",
    "isv.DAY_LIMIT_CONTROL",
)
_THIS_NUMBER = ("isv.BUSINESS_LIMIT_CONTROL",)


@dataclass(frozen=True, slots=True)
class AliyunAccount:
    """`endpoint` is an http(s) address without a path, such as https://dysmsapi.aliyuncs.com."""

    endpoint: str
    key_id: str
    key_secret: str = field(repr=False)
    sign_name: str
    templates: Mapping[str, str]
    timeout_s: float = 15.0


class AliyunSms:
    """Keeps one HTTP session; close it at the end."""

    channel = "sms"
    removes_doubles_within = NEVER

    def __init__(self, account: AliyunAccount, *, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._clock = clock
        self._provider = HttpProvider("the SMS provider", timeout_s=account.timeout_s)

    async def send(self, message: Message) -> str:
        """Returns the provider's BizId. Raises NotSent, NotNow, MaybeSent."""
        query = canonical_query(
            {
                "PhoneNumbers": message.recipient,
                "SignName": self._account.sign_name,
                "TemplateCode": template_for(message, self._account.templates),
                "TemplateParam": json.dumps(dict(message.params), ensure_ascii=False),
                "OutId": message.token,
            }
        )
        url = URL(f"{self._account.endpoint.rstrip('/')}/?{query}", encoded=True)
        return _reference(await self._provider.post(url, headers=self._headers(url, query)))

    async def close(self) -> None:
        await self._provider.close()

    def _headers(self, url: URL, query: str) -> dict[str, str]:
        headers = {
            "host": url.authority,
            "x-acs-action": "SendSms",
            "x-acs-version": "2017-05-25",
            "x-acs-date": f"{self._clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": uuid4().hex,
            "x-acs-content-sha256": digest(b""),
        }
        account = self._account
        signed = authorization(account.key_id, account.key_secret, "POST", query, headers)
        return {**headers, "Authorization": signed}


def _reference(answer: HttpAnswer) -> str:
    """The BizId of an accepted message; anything else raises what it means."""
    code = str(answer.body.get("Code", ""))
    if code == "OK":
        return str(answer.body.get("BizId", ""))
    reason = f"{code or answer.status}: {answer.body.get('Message', '')}"
    if code.startswith(_EVERYBODY):
        raise NotNow(reason)
    if code.startswith(_THIS_NUMBER):
        raise NotSent(reason, permanent=False)
    if not code or answer.status >= SERVER_ERROR:
        raise MaybeSent(reason)
    raise NotSent(reason, permanent=True)
