"""HTTP to addresses that people entered. Rule: no redirect is followed, no proxy of the environment is
used, an answer is read only so far, and every connection is to an address that was checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from orders.connections.addresses import AddressRefused, Networks, guarded_socket

MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """It could not be asked, or the answer was lost. `refused`: it may not be asked at all."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


class Outgoing:
    """`allowed` are the networks that may be called besides the internet, also over plain HTTP."""

    def __init__(self, allowed: Networks = (), *, timeout_s: float = 15.0) -> None:
        self._allowed = tuple(allowed)
        self._timeout_s = timeout_s
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def ask(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        most: int = MOST_BYTES,
    ) -> Answer:
        """Raises NoAnswer."""
        address = URL(url, encoded=True)
        session = self._session(address.scheme)
        try:
            async with session.request(
                method, address, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return Answer(answer.status, dict(answer.headers), await _read(answer, most))
        except aiohttp.ClientConnectorError as error:
            if _is_refused(error):
                raise NoAnswer(
                    "this address may not be called: it is not on the internet, or not https",
                    refused=True,
                ) from error
            raise NoAnswer(f"cannot be reached: {error.strerror or error}") from error
        except aiohttp.InvalidURL as error:
            raise NoAnswer("this is no address that may be called", refused=True) from error
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswer(f"the answer was lost: {type(error).__name__}") from error

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        found = self._sessions.get(scheme)
        if found is None or found.closed:
            guard = guarded_socket(self._allowed, public=scheme == "https")
            found = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    socket_factory=guard, use_dns_cache=False, limit_per_host=10
                ),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                headers={"User-Agent": "Zongji"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._sessions[scheme] = found
        return found


def _is_refused(error: aiohttp.ClientConnectorError) -> bool:
    cause: BaseException | None = error.os_error
    return isinstance(cause, AddressRefused) or "may be called" in str(cause)


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    body = await answer.content.read(most)
    while chunk := await answer.content.read(most - len(body)) if len(body) < most else b"":
        body += chunk
    return body
