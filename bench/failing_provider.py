"""A provider that fails for one request in five, in a process of its own: refuses, breaks, cuts the line before or
after it took the message, or answers too late. WeCom's application removes the doubles of messages that ask for it, as
its document says (发送应用消息: enable_duplicate_check, duplicate_check_interval); Tencent's SMS removes none.

Rule: it alone knows what really arrived, and says so at /arrived.
"""

import asyncio
import json
import math
import random
import sys
import time
from collections import Counter

from aiohttp import web

LATE_S = 3.0
SECRET = "bench"
_USUAL_CHECK_S, _LONGEST_CHECK_S = 1800, 4 * 3600


class Provider:
    def __init__(self) -> None:
        self.arrived: dict[str, Counter[str]] = {"wecom": Counter(), "sms": Counter()}
        self._taken: dict[str, float] = {}
        self._chosen = random.Random(1)

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/cgi-bin/gettoken", self._token)
        app.router.add_post("/cgi-bin/message/send", self._wecom)
        app.router.add_post("/", self._sms)
        app.router.add_get("/arrived", self._tell)
        return app

    async def _token(self, _request: web.Request) -> web.Response:
        return web.json_response({"errcode": 0, "access_token": "t", "expires_in": 7200})

    async def _wecom(self, request: web.Request) -> web.Response:
        body = await request.json()
        interval = min(body.get("duplicate_check_interval", _USUAL_CHECK_S), _LONGEST_CHECK_S)
        checked_s = interval if body.get("enable_duplicate_check") == 1 else 0
        told = self.arrived["wecom"]
        answer = {"errcode": 0, "errmsg": "ok", "msgid": "m"}
        return await self._fail_or(
            request, told, body["text"]["content"], answer, checked_s=checked_s
        )

    async def _sms(self, request: web.Request) -> web.Response:
        token = (await request.json())["SessionContext"]
        answer = {"Response": {"SendStatusSet": [{"Code": "Ok", "SerialNo": "s"}]}}
        return await self._fail_or(request, self.arrived["sms"], token, answer)

    async def _fail_or(
        self,
        request: web.Request,
        told: Counter[str],
        message: str,
        answer: object,
        *,
        checked_s: float = 0,
    ) -> web.Response:
        way = self._chosen.random()
        if way < 0.05:
            return web.Response(status=503)
        if way < 0.09:
            return web.Response(status=500, text="broken")
        if way < 0.13:
            return self._cut(request)
        now = time.monotonic()
        if now - self._taken.get(message, -math.inf) >= checked_s:
            told[message] += 1
            self._taken[message] = now
        if way < 0.17:
            return self._cut(request)
        if way < 0.20:
            await asyncio.sleep(LATE_S)
        return web.json_response(answer)

    def _cut(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _tell(self, _request: web.Request) -> web.Response:
        return web.json_response(self.arrived)


async def main() -> None:
    runner = web.AppRunner(Provider().application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    json.dump({"address": site.name, "port": runner.addresses[0][1]}, sys.stdout)
    print(flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
