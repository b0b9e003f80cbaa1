"""Other programs, over real sockets: they speak the documented protocol, check what is sent to them, and
misbehave when they are told to. Rule: what they check they work out themselves, from the documents.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.test_utils import TestServer

APP_KEY, APP_SECRET = "app-1", "a secret of eight or more"
_CHINA = ZoneInfo("Asia/Shanghai")
_QIMEN = ("method", "timestamp", "format", "app_key", "v", "sign_method", "customerId")


def signed_query(method: str, body: bytes, at: datetime, **more: str) -> dict[str, str]:
    query = {
        "method": method,
        "timestamp": f"{at.astimezone(_CHINA):%Y-%m-%d %H:%M:%S}",
        "format": "xml",
        "app_key": APP_KEY,
        "v": "2.0",
        "sign_method": "md5",
        "customerId": "shop",
    } | more
    return query | {"sign": _qimen_sign(query, body)}


def _qimen_sign(query: dict[str, str], body: bytes) -> str:
    """奇门, API签名算法: MD5 of the secret, keys and values in the keys' order, the body, and the secret; upper case."""
    named = "".join(chain.from_iterable(sorted(query.items())))
    return (
        hashlib.md5(f"{APP_SECRET}{named}{body.decode()}{APP_SECRET}".encode()).hexdigest().upper()
    )


@dataclass
class Neighbour:
    """`faults` are taken before anything else: a status, "slow" (no answer), or "lost" (done, not answered)."""

    faults: deque[int | str] = field(default_factory=deque)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Neighbour"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        self.url = str(server.make_url("")).rstrip("/")
        yield self
        await server.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else None
        if isinstance(fault, int):
            return web.Response(status=fault, headers=self.fault_headers())
        if fault == "slow":
            await asyncio.sleep(0)
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        answer = await self.answer(request)
        if fault == "lost":
            assert request.transport is not None
            request.transport.abort()
        return answer

    def fault_headers(self) -> dict[str, str]:
        return {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        raise NotImplementedError


@dataclass
class Receiver(Neighbour):
    """A receiver of webhooks that keeps, of each subject, what came with the highest sequence."""

    key: str = ""
    now: Any = None
    state: dict[str, tuple[int, Any]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    refused: int = 0
    retry_after: str | None = None

    def fault_headers(self) -> dict[str, str]:
        return {"Retry-After": self.retry_after} if self.retry_after else {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if not self._genuine(request.headers, body):
            self.refused += 1
            return web.Response(status=400)
        self.ids.append(request.headers["webhook-id"])
        self.take(json.loads(body))
        return web.Response(status=204)

    def _genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        """As docs/webhooks.md tells receivers to look."""
        if "webhook-signature" not in headers:
            return False
        key = base64.b64decode(self.key.removeprefix("whsec_"))
        stamp = headers["webhook-timestamp"]
        signed = b".".join([headers["webhook-id"].encode(), stamp.encode(), body])
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        fresh = abs(self.now().timestamp() - int(stamp)) < 300
        return fresh and wanted in headers["webhook-signature"].split(" ")

    def take(self, told: dict[str, Any]) -> None:
        self.asked.append((told["type"], told))
        if told["type"] != "ping":
            subject = f"{told['subject']['type']} {told['subject']['id']}"
            if told["sequence"] > self.state.get(subject, (0, None))[0]:
                self.state[subject] = told["sequence"], told["data"]


@dataclass
class Kingdee(Neighbour):
    """K/3 Cloud: sessions that end, orders known by FBillNo, states Z A B C."""

    sessions: set[str] = field(default_factory=set)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    stock: list[list[Any]] = field(default_factory=list)
    changed: list[list[Any]] = field(default_factory=list)
    logins: int = 0
    known: set[str] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        content = await request.json()
        service = request.path.rpartition("/")[2].split(".")[-3]
        self.asked.append((service, content))
        if service == "LoginByAppSecret":
            return web.json_response(self._login(content))
        if request.headers.get("kdservice-sessionid") not in self.sessions:
            lost = _refused("会话信息已丢失", code=1)
            return web.json_response([[lost]] if service == "ExecuteBillQuery" else lost)
        return web.json_response(getattr(self, f"_{service.lower()}")(content))

    def _login(self, content: dict[str, Any]) -> dict[str, Any]:
        if (content["appId"], content["appSecret"]) != (APP_KEY, APP_SECRET):
            return {"LoginResultType": 0, "Message": "应用未授权"}
        self.logins += 1
        self.sessions.add(f"session-{self.logins}")
        return {"LoginResultType": 1, "KDSVCSessionId": f"session-{self.logins}"}

    def _save(self, content: dict[str, Any]) -> dict[str, Any]:
        model = content["data"]["Model"]
        number = model["FBillNo"]
        if number in self.orders:
            return _refused(f"单据编号 {number} 已经存在")
        codes = {entry["FMaterialId"]["FNumber"] for entry in model["FSaleOrderEntry"]}
        if self.known and not codes <= self.known:
            return _refused(f"物料 {min(codes - self.known)} 不存在")
        self.orders[number] = {"state": "A", "model": model}
        return _done(number)

    def _submit(self, content: dict[str, Any]) -> dict[str, Any]:
        return self._step(content, "A", "B")

    def _audit(self, content: dict[str, Any]) -> dict[str, Any]:
        return self._step(content, "B", "C")

    def _step(self, content: dict[str, Any], origin: str, to: str) -> dict[str, Any]:
        (number,) = content["data"]["Numbers"]
        if self.orders[number]["state"] != origin:
            return _refused("单据状态不正确")
        self.orders[number]["state"] = to
        return _done(number)

    def _executebillquery(self, content: dict[str, Any]) -> list[list[Any]]:
        query = content["data"]
        if query["FormId"] == "STK_Inventory":
            return self.stock
        if query["FilterString"].startswith("FBillNo"):
            number = query["FilterString"].split("'")[1]
            found = self.orders.get(number)
            return [[1, number, found["state"], "A", "2026-03-02T10:00:00"]] if found else []
        return self.changed


@dataclass
class Yonyou(Neighbour):
    """YonBIP: signed token requests, tokens that end, orders known by their key."""

    tokens: set[str] = field(default_factory=set)
    given: int = 0
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    stock: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    saves: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("getAccessToken"):
            return web.json_response(self._token(dict(request.query)))
        if request.query.get("access_token") not in self.tokens:
            return web.json_response({"code": "310036", "message": "非法token"})
        content = await request.json()
        self.asked.append((request.path, content))
        if request.path.endswith("singleSave"):
            return web.json_response(self._save(content["data"]))
        if request.path.endswith("QueryCurrentStocksByCondition"):
            return web.json_response({"code": "200", "data": self.stock})
        rows = self.changed
        if "code" in content:
            rows = [self.orders[content["code"]]] if content["code"] in self.orders else []
        return web.json_response({"code": "200", "data": {"recordList": rows}})

    def _token(self, query: dict[str, str]) -> dict[str, Any]:
        """用友开放平台, 自建应用获取token: Base64 of HmacSHA256 over appKey and timestamp with their names."""
        signed = f"appKey{APP_KEY}timestamp{query['timestamp']}".encode()
        digest = hmac.new(APP_SECRET.encode(), signed, hashlib.sha256).digest()
        in_ms = len(query["timestamp"]) == 13 and query["timestamp"].isdigit()
        if not in_ms or query["signature"] != base64.b64encode(digest).decode():
            return {"code": "50000", "message": "签名错误"}
        self.given += 1
        self.tokens.add(f"token-{self.given}")
        data = {"access_token": f"token-{self.given}", "expire": 7200}
        return {"code": "00000", "message": "成功!", "data": data}

    def _save(self, data: dict[str, Any]) -> dict[str, Any]:
        self.saves += 1
        if data["agentId"] == "unknown":
            return {"code": "999", "message": "客户档案不存在"}
        found = self.orders.setdefault(
            data["code"], {"id": f"id-{data['code']}", "code": data["code"], "body": data}
        )
        return {"code": "200", "message": "操作成功", "data": found}


@dataclass
class QimenRouter(Neighbour):
    """Takes confirmations, checks their signature, knows a second one by outBizCode."""

    confirmed: dict[str, str] = field(default_factory=dict)
    answers: deque[tuple[str, str, str]] = field(default_factory=deque)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body, query = await request.read(), dict(request.query)
        given = query.pop("sign")
        if set(query) != set(_QIMEN) or given != _qimen_sign(query, body):
            return self._reply("failure", "isv.invalid-signature", "签名错误")
        if self.answers:
            return self._reply(*self.answers.popleft())
        root = ET.fromstring(body)
        head = root.find("deliveryOrder")
        assert head is not None
        code = head.findtext("outBizCode") or ""
        self.confirmed.setdefault(code, head.findtext("deliveryOrderCode") or "")
        return self._reply("success", "0", "ok")

    def _reply(self, flag: str, code: str, message: str) -> web.Response:
        body = f"<response><flag>{flag}</flag><code>{code}</code><message>{message}</message></response>"
        return web.Response(text=body, content_type="text/xml")


def _refused(message: str, code: int = 0) -> dict[str, Any]:
    status = {"IsSuccess": False, "MsgCode": code, "Errors": [{"Message": message}]}
    return {"Result": {"ResponseStatus": status}}


def _done(number: str) -> dict[str, Any]:
    status = {"IsSuccess": True, "Errors": [], "SuccessEntitys": [{"Id": 1, "Number": number}]}
    return {"Result": {"ResponseStatus": status, "Number": number}}
