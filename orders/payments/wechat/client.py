"""WeChat Pay (API v3, Native) as a gateway. Rule: our token is the merchant's order number, so a charge asked for
twice is one charge; an answer whose signature is not WeChat Pay's was not given.

Source: WeChat Pay merchant documentation, Native orders (`/v3/pay/transactions/native`), refunds
(`/v3/refund/domestic/refunds`) and trade bills (`/v3/bill/tradebill`). Amounts go over the wire in fen.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from yarl import URL

from orders.payments.ports import (
    Charge,
    Fact,
    Notice,
    Refused,
    Repayment,
    Statement,
    Unclear,
)
from orders.payments.wechat import bill, facts, notices
from orders.payments.wechat.signing import BadSeal, Stamp, authorization, verify

_OK, _NOT_FOUND, _SERVER_ERROR, _MULTIPLE = 200, 404, 500, 300
_MOST_BYTES = 64 * 1024 * 1024
_UNKNOWN = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
# Stated refusals that another time may end: too many requests, a clock or key that is set wrongly.
_TEMPORARY = frozenset({"SYSTEM_ERROR", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SIGN_ERROR"})


@dataclass(frozen=True, slots=True)
class WechatAccount:
    """`endpoint` is an address without a path; `notify_url` is where call-backs come in."""

    endpoint: str
    app_id: str
    merchant: str
    serial: str
    key: RSAPrivateKey = field(repr=False)
    platform_serial: str
    platform_key: RSAPublicKey
    api_key: bytes = field(repr=False)
    notify_url: str
    timeout_s: float = 15.0


class WechatGateway:
    """Keeps one HTTP session; close it at the end."""

    name = "wechat"

    def __init__(self, account: WechatAccount, *, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def charge(self, charge: Charge) -> str:
        account = self._account
        answer = await self._ask(
            "POST",
            "/v3/pay/transactions/native",
            {
                "appid": account.app_id,
                "mchid": account.merchant,
                "description": charge.description,
                "out_trade_no": charge.token,
                "time_expire": charge.expires_at.replace(microsecond=0).isoformat(),
                "notify_url": account.notify_url,
                "amount": {"total": facts.fen(charge.amount), "currency": "CNY"},
            },
        )
        url = answer.get("code_url")
        if not isinstance(url, str) or len(url) > facts.LONGEST_URL:
            raise Unclear("the gateway took the charge and named no code_url")
        return url

    async def find_charge(self, token: str) -> Fact | None:
        query = f"?mchid={self._account.merchant}"
        answer = await self._look(f"/v3/pay/transactions/out-trade-no/{token}{query}")
        return None if answer is None else facts.of_charge(answer)

    async def close_charge(self, token: str) -> None:
        body = {"mchid": self._account.merchant}
        await self._ask("POST", f"/v3/pay/transactions/out-trade-no/{token}/close", body)

    async def repay(self, repayment: Repayment) -> Fact:
        answer = await self._ask(
            "POST",
            "/v3/refund/domestic/refunds",
            {
                "out_trade_no": repayment.charge_token,
                "out_refund_no": repayment.token,
                "reason": repayment.reason,
                "notify_url": self._account.notify_url,
                "amount": {
                    "refund": facts.fen(repayment.amount),
                    "total": facts.fen(repayment.total),
                    "currency": "CNY",
                },
            },
        )
        return facts.of_repayment(answer)

    async def find_repayment(self, token: str) -> Fact | None:
        answer = await self._look(f"/v3/refund/domestic/refunds/{token}")
        return None if answer is None else facts.of_repayment(answer)

    async def statement(self, day: date) -> bytes:
        path = f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL"
        answer = await self._ask("GET", path)
        address = answer.get("download_url")
        if not isinstance(address, str):
            raise Unclear("the gateway named no download_url")
        status, _, content = await self._send("GET", URL(address).raw_path_qs, "")
        # The documentation signs no downloads: the hash in the signed answer vouches for them.
        if status != _OK or hashlib.sha1(content).hexdigest() != answer.get("hash_value"):  # noqa: S324
            raise Unclear("the statement is not the one that was announced")
        return content

    def read_statement(self, content: bytes) -> Statement:
        return bill.read(content)

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        account = self._account
        keys = notices.Keys(account.platform_serial, account.platform_key, account.api_key)
        return notices.read(keys, account.merchant, headers, body, now)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def _look(self, path: str) -> dict[str, Any] | None:
        status, headers, content = await self._send("GET", path, "")
        if status == _NOT_FOUND and _code(_object(status, content)) in _UNKNOWN:
            return None
        return self._understood(status, headers, content)

    async def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        sent = "" if body is None else json.dumps(body, ensure_ascii=False)
        return self._understood(*await self._send(method, path, sent))

    async def _send(
        self, method: str, path: str, body: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer. Raises Unclear."""
        account = self._account
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=account.timeout_s)
            self._session = aiohttp.ClientSession(timeout=timeout)
        stamp = Stamp(int(self._clock().timestamp()), secrets.token_hex(16))
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": authorization(
                account.key, account.merchant, account.serial, stamp, (method, path, body)
            ),
        }
        url = URL(f"{account.endpoint.rstrip('/')}{path}", encoded=True)
        try:
            async with self._session.request(
                method, url, data=body.encode() or None, headers=headers, allow_redirects=False
            ) as answer:
                content = await answer.content.read(_MOST_BYTES + 1)
                while len(content) <= _MOST_BYTES and (more := await answer.content.readany()):
                    content += more
                return answer.status, answer.headers, content
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unclear(f"the gateway did not answer: {error!r}") from error

    def _understood(
        self, status: int, headers: Mapping[str, str], content: bytes
    ) -> dict[str, Any]:
        """What the gateway did. Refusals are not sealed, as documented. Raises Refused, Unclear."""
        if status >= _MULTIPLE:
            answer = _object(status, content)
            code = _code(answer)
            said = f"{code}: {answer.get('message', '')}"[:300]
            if status >= _SERVER_ERROR or not code or code in _TEMPORARY:
                raise Unclear(said)
            raise Refused(said)
        try:
            self._check_seal(headers, content)
        except (BadSeal, UnicodeDecodeError) as error:
            raise Unclear(f"the gateway's answer cannot be trusted: {error}") from error
        return _object(status, content) if content else {}

    def _check_seal(self, headers: Mapping[str, str], content: bytes) -> None:
        if headers.get("Wechatpay-Serial") != self._account.platform_serial:
            raise BadSeal("it is sealed with a key we do not have")
        verify(
            self._account.platform_key,
            headers.get("Wechatpay-Signature", ""),
            headers.get("Wechatpay-Timestamp", ""),
            headers.get("Wechatpay-Nonce", ""),
            content.decode(),
        )


def _object(status: int, content: bytes) -> dict[str, Any]:
    """Raises Unclear for what is no JSON object."""
    try:
        answer: Any = json.loads(content)
    except ValueError as error:
        raise Unclear(f"the gateway's answer ({status}) cannot be read") from error
    if not isinstance(answer, dict):
        raise Unclear(f"the gateway's answer ({status}) makes no sense")
    return answer


def _code(answer: Mapping[str, Any]) -> str:
    return str(answer.get("code", ""))
