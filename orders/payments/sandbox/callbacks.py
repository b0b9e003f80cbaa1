"""Call-backs of the sandbox gateway: sealed, encrypted, repeated until they are taken, and faulty on request."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp

from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.keys import SandboxKeys
from orders.payments.wechat.signing import ALGORITHM, TOLERANCE_S, encrypt, sign

_MULTIPLE = 300


class Callbacks:
    """`statuses` are the answers, in their order; None where there was none."""

    def __init__(
        self,
        keys: SandboxKeys,
        clock: Callable[[], datetime],
        retry_after_s: Sequence[float],
        delay_s: float,
    ) -> None:
        self.statuses: list[int | None] = []
        self._keys = keys
        self._clock = clock
        self._retry_after_s = tuple(retry_after_s)
        self._delay_s = delay_s
        self._late: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def seal(self, body: str, *, age: timedelta = timedelta(0)) -> dict[str, str]:
        """The headers that make an answer or a call-back the gateway's."""
        stamp, nonce = str(int((self._clock() - age).timestamp())), secrets.token_hex(16)
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self._keys.platform_serial,
            "Wechatpay-Signature": sign(self._keys.platform_key, stamp, nonce, body),
        }

    async def tell(
        self, url: str, event: str, content: dict[str, Any], faults: Collection[Fault]
    ) -> None:
        if Fault.LOST in faults:
            return
        body = self.body(event, content)
        if Fault.DELAY in faults:
            self._later(self._delay_s, url, body, faults)
            return
        for _ in range(3 if Fault.DUPLICATE in faults else 1):
            await self._deliver(url, body, faults)

    def body(self, event: str, content: dict[str, Any]) -> str:
        """A call-back's JSON with the content encrypted."""
        kind = "transaction" if event.startswith("TRANSACTION") else "refund"
        nonce = secrets.token_hex(6)
        plain = json.dumps(content).encode()
        return json.dumps(
            {
                "id": str(uuid4()),
                "create_time": self._clock().replace(microsecond=0).isoformat(),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": event,
                "resource": {
                    "original_type": kind,
                    "algorithm": ALGORITHM,
                    "ciphertext": encrypt(self._keys.api_key.encode(), nonce, kind, plain),
                    "associated_data": kind,
                    "nonce": nonce,
                },
            }
        )

    async def post(self, url: str, body: str, headers: dict[str, str]) -> int | None:
        """The answer's status, None when there is none."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        status = None
        sent = {**headers, "Content-Type": "application/json"}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._http.post(url, data=body.encode(), headers=sent) as answer:
                await answer.read()
                status = answer.status
        self.statuses.append(status)
        return status

    async def close(self) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _deliver(
        self, url: str, body: str, faults: Collection[Fault], attempt: int = 0
    ) -> None:
        old = timedelta(seconds=2 * TOLERANCE_S) if Fault.OLD in faults else timedelta(0)
        headers = self.seal(body, age=old)
        if Fault.BAD_SIGNATURE in faults:
            headers["Wechatpay-Signature"] = self.seal("another body")["Wechatpay-Signature"]
        status = await self.post(url, body, headers)
        if (status is None or status >= _MULTIPLE) and attempt < len(self._retry_after_s):
            self._later(self._retry_after_s[attempt], url, body, faults, attempt + 1)

    def _later(
        self, wait_s: float, url: str, body: str, faults: Collection[Fault], attempt: int = 0
    ) -> None:
        async def wait() -> None:
            await asyncio.sleep(wait_s)
            await self._deliver(url, body, faults, attempt)

        task = asyncio.create_task(wait(), name="sandbox-callback")
        self._late.add(task)
        task.add_done_callback(self._late.discard)
