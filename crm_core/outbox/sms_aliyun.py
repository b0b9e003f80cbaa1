"""SMS through Aliyun (Dysmsapi SendSms, 2017-05-25). Rule: SendSms does not remove doubles, so an
answer that is lost after the request went out is MaybeSent; only a stated refusal is NotSent.

Texts are templates approved by the provider: `templates` names one for each kind of message.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
from yarl import URL

from crm_core.outbox.aliyun_signature import authorization, canonical_query, digest
from crm_core.outbox.ports import MaybeSent, Message, NotSent

_SERVER_ERROR = 500
# Refusals that another time, a corrected setting or a paid bill may end.
_TEMPORARY = (
    "Throttling",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "SignatureNonceUsed",
    "InvalidAccessKeyId",
    "InvalidTimeStamp",
    "Forbidden",
    "isp.",
    "isv.BUSINESS_LIMIT_CONTROL",
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.OUT_OF_SERVICE",
    "isv.ACCOUNT_ABNORMAL",
    "isv.PRODUCT_UN_SUBSCRIPT",
)


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
    removes_doubles = False

    def __init__(self, account: AliyunAccount, *, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: Message) -> str:
        """Returns the provider's BizId. Raises NotSent, MaybeSent."""
        template = self._account.templates.get(message.kind)
        if template is None:
            raise NotSent(f"no SMS template is set for {message.kind}", permanent=True)
        query = canonical_query(
            {
                "PhoneNumbers": message.recipient,
                "SignName": self._account.sign_name,
                "TemplateCode": template,
                "TemplateParam": json.dumps(dict(message.params), ensure_ascii=False),
                "OutId": message.token,
            }
        )
        return _reference(*await self._post(query))

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def _post(self, query: str) -> tuple[int, str]:
        """Status and body of the answer."""
        url = URL(f"{self._account.endpoint.rstrip('/')}/?{query}", encoded=True)
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._account.timeout_s)
            self._session = aiohttp.ClientSession(timeout=timeout)
        try:
            async with self._session.post(url, headers=self._headers(url, query)) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectorError as error:
            raise NotSent(
                f"the SMS provider cannot be reached: {error}", permanent=False
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise MaybeSent(f"the SMS provider's answer was lost: {error!r}") from error

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


def _reference(status: int, body: str) -> str:
    """The BizId of an accepted message; anything else raises what it means."""
    try:
        answer: dict[str, Any] = json.loads(body)
        code = str(answer["Code"])
    except (ValueError, KeyError, TypeError) as error:
        raise MaybeSent(f"the SMS provider answered {status} without a code") from error
    if code == "OK":
        return str(answer.get("BizId", ""))
    reason = f"{code}: {answer.get('Message', '')}"
    if code.startswith(_TEMPORARY):
        raise NotSent(reason, permanent=False)
    if status >= _SERVER_ERROR:
        raise MaybeSent(reason)
    raise NotSent(reason, permanent=True)
