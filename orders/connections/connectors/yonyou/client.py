"""Asking Yonyou. Rule: an order is looked for by its number before it is saved, and is saved under a key of
its own; so it may be sent again whatever became of the first answer. One that changed is taken back, deleted and
entered anew.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from orders.connections.asking import ask_json, member
from orders.connections.connectors.yonyou import errors, mapping
from orders.connections.connectors.yonyou.settings import Secrets, Settings
from orders.connections.errors import ConnectorError
from orders.connections.outgoing import Outgoing
from orders.connections.papers import Changes, LeavingOrder, OutsideCount, Place
from orders.connections.ports import SendsNothingHere

_TOKEN = "/open-auth/selfAppAuth/getAccessToken"  # noqa: S105
_SAVE = "/yonbip/sd/voucherorder/singleSave"
_LIST = "/yonbip/sd/voucherorder/list"
_DELETE = "/yonbip/sd/voucherorder/delete"
_TAKE_BACK = {
    "1": "/yonbip/sd/voucherorder/batchunaudit",
    "3": "/yonbip/sd/voucherorder/batchunsubmit",
}
_STOCK = "/yonbip/scm/stock/QueryCurrentStocksByCondition"
_EARLY = timedelta(minutes=1)


def signature(secret: str, parameters: dict[str, str]) -> str:
    """Base64 of the HMAC-SHA256 of names and values in the order of the names (用友开放平台, 自建应用获取token)."""
    content = "".join(name + parameters[name] for name in sorted(parameters))
    digest = hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class YonyouClient(SendsNothingHere):
    """Fetches a token with its first question, and again when it is over."""

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        outgoing: Outgoing,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._outgoing = outgoing
        self._clock = clock
        self._token: tuple[str, datetime] | None = None

    async def send(self, order: LeavingOrder) -> str:
        there = await self._there(order.number)
        replaced = None
        if there is not None:
            replaced = str(member(there, "id") or order.number)
            if not order.changed:
                return replaced
            await self._remove(there)
        answer = await self._ask(_SAVE, mapping.save(self._settings, order, replaced))
        return str(member(answer, "data", "id") or order.number)

    async def cancel(self, number: str) -> bool:
        there = await self._there(number)
        if there is not None:
            await self._remove(there)
        return there is not None

    async def states(self, place: Place) -> Changes:
        rows = mapping.records(await self._ask(_LIST, mapping.changed_from(place)))
        return mapping.changes(self._settings, rows, place)

    async def counts(self, codes: Sequence[str]) -> Sequence[OutsideCount]:
        if not codes:
            return ()
        return mapping.counts(await self._ask(_STOCK, mapping.stock_of(self._settings, codes)))

    async def _there(self, number: str) -> Any:
        """None: it is not there."""
        found = mapping.records(await self._ask(_LIST, mapping.by_number(number)))
        return found[0] if found else None

    async def _remove(self, there: Any) -> None:
        """Taken back until it may be deleted."""
        back = _TAKE_BACK.get(str(member(there, "status")))
        if back is not None:
            await self._do(back, mapping.named(there))
        await self._do(_DELETE, mapping.deleted(there))

    async def _do(self, path: str, content: dict[str, Any]) -> None:
        if (refused := errors.failed(await self._ask(path, content))) is not None:
            raise refused

    async def _ask(self, path: str, content: dict[str, Any]) -> Any:
        answer = await self._call(path, content, await self._access())
        refused = errors.refusal(answer)
        if refused is not None and refused.code == errors.TOKEN_OVER:
            self._token = None
            answer = await self._call(path, content, await self._access())
            refused = errors.refusal(answer)
        if refused is not None:
            raise refused
        return answer

    async def _call(self, path: str, content: dict[str, Any], token: str) -> Any:
        url = f"{self._settings.gateway_url.rstrip('/')}{path}?{urlencode({'access_token': token})}"
        answer, _ = await ask_json(self._outgoing, "POST", url, content)
        return answer

    async def _access(self) -> str:
        now = self._clock()
        if self._token is not None and now < self._token[1]:
            return self._token[0]
        wanted = {
            "appKey": self._secrets.app_key,
            "timestamp": str(int(now.timestamp() * 1000)),
        }
        signed = wanted | {"signature": signature(self._secrets.app_secret, wanted)}
        query = urlencode(signed, quote_via=quote)
        url = f"{self._settings.token_url.rstrip('/')}{_TOKEN}?{query}"
        answer, _ = await ask_json(self._outgoing, "GET", url)
        if (refused := errors.refusal(answer)) is not None:
            raise ConnectorError("yonyou_token", refused.reason, permanent=refused.permanent)
        token, seconds = member(answer, "data", "access_token"), member(answer, "data", "expire")
        if not isinstance(token, str) or not isinstance(seconds, int):
            raise ConnectorError("yonyou_answer", "the answer has no token", permanent=False)
        self._token = token, now + timedelta(seconds=min(seconds, 86_400)) - _EARLY
        return token
