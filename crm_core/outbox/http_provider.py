"""A provider that is spoken to over HTTP. Rule: what happens before the request went out is `NotNow`; a
request whose answer is lost is `MaybeSent`, because the provider may have acted on it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from yarl import URL

from crm_core.outbox.ports import MaybeSent, NotNow

SERVER_ERROR = 500
TOO_MANY = 429
UNAVAILABLE = 503
# Shorter than providers keep idle connections, so that none is closed under a request that sets out.
_KEEPALIVE_S = 3.0
_CONNECT_S = 5.0
_LONGEST_PAUSE_S = 3600


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """`body` is empty when it was no JSON object."""

    status: int
    body: Mapping[str, Any]


class HttpProvider:
    """Keeps one HTTP session; close it at the end. `name` is what reasons call the provider."""

    def __init__(self, name: str, *, timeout_s: float) -> None:
        self.name = name
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_S)
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: URL, *, data: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Raises NotNow (nobody was reached, or too many requests), MaybeSent (the answer was lost)."""
        return await self._ask("POST", url, data, headers)

    async def get(self, url: URL) -> HttpAnswer:
        """Raises as `post` does."""
        return await self._ask("GET", url, b"", None)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def _ask(
        self, method: str, url: URL, data: bytes, headers: Mapping[str, str] | None
    ) -> HttpAnswer:
        try:
            async with self._open().request(method, url, data=data, headers=headers) as answer:
                if answer.status in (TOO_MANY, UNAVAILABLE):
                    reason = f"{self.name} answered {answer.status}"
                    raise NotNow(reason, wait=_pause(answer.headers.get("Retry-After")))
                return HttpAnswer(answer.status, _object(await answer.text()))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotNow(f"{self.name} cannot be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise MaybeSent(f"the answer of {self.name} was lost: {error!r}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(keepalive_timeout=_KEEPALIVE_S)
            self._session = aiohttp.ClientSession(timeout=self._timeout, connector=connector)
        return self._session


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _pause(retry_after: str | None) -> timedelta | None:
    """Seconds only; a date is not worth the trouble of clocks that differ."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return timedelta(seconds=min(int(retry_after[:9]), _LONGEST_PAUSE_S))
