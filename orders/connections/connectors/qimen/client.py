"""Qimen's signature, its papers in and confirmations out.

Rule: a request is taken when its signature is right, its time near ours, and it did not come before.
The signature is the upper-case MD5 of the secret, the sorted parameters' names and values, the body, and
the secret again; the protocol has no other.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from orders.connections.connectors.qimen import mapping
from orders.connections.connectors.qimen.errors import refusal
from orders.connections.connectors.qimen.settings import Secrets, Settings
from orders.connections.errors import ConnectorError, SignatureRefused
from orders.connections.outgoing import NoAnswer, Outgoing
from orders.connections.papers import Changes, LeavingOrder, OutsideCount, Place
from orders.connections.ports import Received, Signed

CHINA = ZoneInfo("Asia/Shanghai")
WINDOW = timedelta(minutes=10)
_TIME = "%Y-%m-%d %H:%M:%S"
_OK = 200


def sign(parameters: Mapping[str, str], body: bytes, secret: str) -> str:
    named = "".join(name + parameters[name] for name in sorted(parameters) if name != "sign")
    content = secret.encode() + named.encode() + body + secret.encode()
    return hashlib.md5(content).hexdigest().upper()  # noqa: S324 - the protocol's


class QimenClient:
    """One shop."""

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

    async def receive(self, request: Signed, now: datetime) -> Received:
        """Raises SignatureRefused, ConnectorError."""
        given = request.query
        wanted = sign(given, request.body, self._secrets.app_secret)
        if not hmac.compare_digest(given.get("sign", "").encode(), wanted.encode()):
            raise SignatureRefused("the signature is wrong")
        if given.get("app_key") != self._secrets.app_key:
            raise SignatureRefused("the app_key is another one")
        try:
            at = datetime.strptime(given.get("timestamp", ""), _TIME).replace(tzinfo=CHINA)
        except ValueError as error:
            raise SignatureRefused("the timestamp has another form") from error
        if abs(now - at) > WINDOW:
            raise SignatureRefused("the time is too far away: it may be a replay")
        paper = mapping.read(given.get("method", ""), request.body, int(at.timestamp()))
        return Received(wanted, paper)

    def answer(self, error: str | None) -> tuple[str, bytes]:
        return "text/xml", mapping.reply(error)

    async def send(self, order: LeavingOrder) -> str:
        """The confirmation of an order of this shop; `outBizCode` lets it know a second one."""
        if self._settings.url is None:
            raise ConnectorError("no_url", "the shop's settings have no url", permanent=True)
        if order.outside_key is None:
            raise ConnectorError("not_theirs", "this order is not the shop's", permanent=True)
        now = self._clock().astimezone(CHINA)
        body = mapping.confirm(self._settings, order, now)
        query = {
            "method": mapping.CONFIRM,
            "timestamp": now.strftime(_TIME),
            "format": "xml",
            "app_key": self._secrets.app_key,
            "v": "2.0",
            "sign_method": "md5",
            "customerId": self._settings.customer,
        }
        query["sign"] = sign(query, body, self._secrets.app_secret)
        url = f"{self._settings.url}?{urlencode(query)}"
        try:
            headers = {"Content-Type": "text/xml; charset=utf-8"}
            answer = await self._outgoing.ask("POST", url, body=body, headers=headers)
        except NoAnswer as error:
            raise ConnectorError("unreachable", error.reason, permanent=error.refused) from error
        if answer.status != _OK:
            raise ConnectorError("http", f"answered {answer.status}", permanent=False)
        taken, code, message = mapping.read_reply(answer.body)
        if not taken:
            raise refusal(code, message)
        return order.outside_key

    async def cancel(self, number: str) -> bool:
        del number
        return False

    async def states(self, place: Place) -> Changes:
        del place
        return Changes(())

    async def counts(self, codes: Sequence[str]) -> Sequence[OutsideCount]:
        del codes
        return ()
