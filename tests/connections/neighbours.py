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
    """K/3 Cloud: sessions that end, orders known by FBillNo, states Z A B C D; those that are `shipped` stay as they are.

    `filters`: of `changed` it tells what it is asked for, else all.
    """

    sessions: set[str] = field(default_factory=set)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    stock: list[list[Any]] = field(default_factory=list)
    changed: list[list[Any]] = field(default_factory=list)
    filters: bool = False
    logins: int = 0
    known: set[str] = field(default_factory=set)
    shipped: set[str] = field(default_factory=set)

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
        there = self.orders.get(number)
        if there is not None and (model["FID"] != 1 or there["state"] not in "ADZ"):
            return _refused(f"单据编号 {number} 已经存在")
        codes = {entry["FMaterialId"]["FNumber"] for entry in model["FSaleOrderEntry"]}
        if self.known and not codes <= self.known:
            return _refused(f"物料 {min(codes - self.known)} 不存在")
        self.orders[number] = {"state": "A", "model": model}
        return _done(number)

    def _submit(self, content: dict[str, Any]) -> dict[str, Any]:
        (number,) = content["data"]["Numbers"]
        return self._step(content, "D" if self.orders[number]["state"] == "D" else "A", "B")

    def _audit(self, content: dict[str, Any]) -> dict[str, Any]:
        return self._step(content, "B", "C")

    def _unaudit(self, content: dict[str, Any]) -> dict[str, Any]:
        return self._step(content, "C", "D")

    def _cancelassign(self, content: dict[str, Any]) -> dict[str, Any]:
        return self._step(content, "B", "D")

    def _excuteoperation(self, content: dict[str, Any]) -> dict[str, Any]:
        assert content["opNumber"] == "Cancel"
        (number,) = content["data"]["Numbers"]
        if self.orders[number]["state"] not in "ADZ":
            return _refused("已审核的单据不能作废")
        self.orders[number]["void"] = True
        return _done(number)

    def _step(self, content: dict[str, Any], origin: str, to: str) -> dict[str, Any]:
        (number,) = content["data"]["Numbers"]
        if number in self.shipped:
            return _refused("存在下游单据,不能反审核")
        if self.orders[number]["state"] != origin:
            return _refused("单据状态不正确")
        self.orders[number]["state"] = to
        return _done(number)

    def _executebillquery(self, content: dict[str, Any]) -> list[list[Any]]:
        query = content["data"]
        start, end = query["StartRow"], query["StartRow"] + query["Limit"]
        if query["FormId"] == "STK_Inventory":
            wanted = query["FilterString"].split("'")[1::2]
            return [row for row in self.stock if row[0] in wanted][start:end]
        if query["FilterString"].startswith("FBillNo"):
            number = query["FilterString"].split("'")[1]
            found = self.orders.get(number)
            return [[1, number, found["state"], "AB"["void" in found]]] if found else []
        assert query["OrderString"].startswith("FModifyDate ASC")
        since = query["FilterString"].split("'")[1].replace(" ", "T")
        found = [row for row in self.changed if row[3] >= since or not self.filters]
        return sorted(found, key=lambda row: row[3])[start:end]


@dataclass
class Yonyou(Neighbour):
    """YonBIP: signed token requests, tokens that end; a key that came before enters nothing, whatever became of its
    order; those that are `shipped` stay as they are. `filters` as with Kingdee.
    """

    tokens: set[str] = field(default_factory=set)
    given: int = 0
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    stock: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    filters: bool = False
    saves: int = 0
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    shipped: set[str] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("getAccessToken"):
            return web.json_response(self._token(dict(request.query)))
        if request.query.get("access_token") not in self.tokens:
            return web.json_response({"code": "310036", "message": "非法token"})
        content = await request.json()
        self.asked.append((request.path, content))
        if request.path.endswith("singleSave"):
            return web.json_response(self._save(content["data"]))
        if (action := request.path.rpartition("/")[2]) in ("batchunaudit", "delete"):
            return web.json_response(getattr(self, f"_{action}")(content["data"]))
        if request.path.endswith("QueryCurrentStocksByCondition"):
            return web.json_response({"code": "200", "data": self.stock})
        first = (content["pageIndex"] - 1) * content["pageSize"]
        rows = sorted(self.changed, key=lambda row: row["pubts"])
        if self.filters and "simpleVOs" in content:
            rows = [row for row in rows if row["pubts"] >= content["simpleVOs"][0]["value1"]]
        rows = rows[first : first + content["pageSize"]]
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
        assert len(data["resubmitCheckKey"]) <= 32
        if data["resubmitCheckKey"] not in self.keys:
            code = data["code"]
            self.orders[code] = {"id": f"id-{self.saves}", "code": code, "status": 0, "body": data}
        found = self.keys.setdefault(data["resubmitCheckKey"], self.orders.get(data["code"], {}))
        return {"code": "200", "message": "操作成功", "data": found}

    def _batchunaudit(self, data: list[dict[str, Any]]) -> dict[str, Any]:
        (found,) = [each for each in self.orders.values() if each["id"] == data[0]["id"]]
        if found["code"] in self.shipped:
            told = {"count": 1, "failCount": 1, "messages": ["存在下游单据"]}
            return {"code": "200", "message": "操作成功", "data": told}
        found["status"] = 0
        return {"code": "200", "message": "操作成功", "data": {"count": 1, "failCount": 0}}

    def _delete(self, data: dict[str, Any]) -> dict[str, Any]:
        (code,) = data["code"]
        assert [self.orders[code]["id"]] == data["id"]
        if self.orders[code]["status"]:
            told = {"count": 1, "failCount": 1, "messages": ["已审核,删除失败"]}
            return {"code": "200", "message": "操作成功", "data": told}
        del self.orders[code]
        return {"code": "200", "message": "操作成功", "data": {"count": 1, "failCount": 0}}


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
