"""Providers for tests, over real sockets: a mail server, and SMS services and WeCom that check signatures, times
and limits the way the providers' documentation says, by code of their own.
"""

import asyncio
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self
from urllib.parse import quote

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope

SECRET = "test-secret"
Clock = Callable[[], datetime]


@dataclass
class MailBox:
    """What the server does with the next messages (`answers`), and what it accepted."""

    accepted: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    cut_after_data: bool = False

    async def handle_RCPT(self, server, session, envelope: Envelope, address, options):  # noqa: N802
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope: Envelope):  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.accepted.append(message_from_bytes(envelope.content, policy=policy.default))
        if self.cut_after_data:
            server.transport.abort()
        return answer


class MailServer:
    def __init__(self) -> None:
        self.box = MailBox()
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self.box, enable_SMTPUTF8=False, loop=loop), "127.0.0.1", 0
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()
        await self._server.wait_closed()


class HttpServer:
    """`answers` are for the next requests, in the provider's own terms; None cuts the line after the message was
    accepted. While `held` is set, answers wait.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.accepted: list[Any] = []
        self.answers: list[Any] = []
        self.held: asyncio.Event | None = None
        self.reached = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._reached)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        await self._runner.cleanup()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _reached(self, request: web.Request) -> web.Response:
        self.reached.set()
        return await self._handle(request)

    async def _handle(self, request: web.Request) -> web.Response:
        raise NotImplementedError

    async def _answer(self, request: web.Request, accepted: Any, usual: Any) -> Any:
        """The next answer; the message is accepted when it is the usual one, or when the line is cut."""
        answer = self.answers.pop(0) if self.answers else usual
        if answer is None or answer == usual:
            self.accepted.append(accepted)
        if self.held:
            await self.held.wait()
        if answer is None:
            request.transport.abort()
        return answer

    def _late(self, at: datetime, most: timedelta) -> bool:
        return abs(self.clock() - at) > most


class SmsServer(HttpServer):
    """Dysmsapi's SendSms. `answers` are (status, code)."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.nonces: set[str] = set()

    async def _handle(self, request: web.Request) -> web.Response:
        if refusal := self._wrong(request):
            return web.json_response({"Code": refusal, "Message": refusal}, status=400)
        answer = await self._answer(request, dict(request.query), (200, "OK"))
        if answer is None:
            return web.Response()
        status, code = answer
        body = {"Code": code, "Message": code, "BizId": f"biz-{len(self.accepted)}"}
        return web.json_response(body, status=status)

    def _wrong(self, request: web.Request) -> str | None:
        headers = request.headers
        scheme, _, rest = headers["Authorization"].partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(","))
        names = parts["SignedHeaders"].split(";")
        query = "&".join(
            f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(request.query.items())
        )
        lines = ["POST", "/", query, *(f"{n}:{headers[n]}" for n in names), "", ";".join(names)]
        canonical = "\n".join([*lines, hashlib.sha256(b"").hexdigest()])
        text = f"{scheme}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        right = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        if scheme != "ACS3-HMAC-SHA256" or parts["Signature"] != right:
            return "SignatureDoesNotMatch"
        if not {"host", "x-acs-action", "x-acs-date", "x-acs-signature-nonce"} <= set(names):
            return "IncompleteSignature"
        if self._late(datetime.fromisoformat(headers["x-acs-date"]), timedelta(minutes=15)):
            return "InvalidTimeStamp.Expired"
        if headers["x-acs-signature-nonce"] in self.nonces:
            return "SignatureNonceUsed"
        self.nonces.add(headers["x-acs-signature-nonce"])
        if (headers["x-acs-action"], headers["x-acs-version"]) != ("SendSms", "2017-05-25"):
            return "InvalidAction.NotFound"
        json.loads(request.query["TemplateParam"])
        return None


class TencentServer(HttpServer):
    """SendSms of Tencent Cloud. `answers` are codes of the one number's status, or of an error (`!code`)."""

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if refusal := self._wrong(request, body):
            return self._error(refusal)
        answer = await self._answer(request, json.loads(body), "Ok")
        if answer is None:
            return web.Response()
        if answer.startswith("!"):
            return self._error(answer[1:])
        status = {"Code": answer, "Message": answer, "SerialNo": f"serial-{len(self.accepted)}"}
        return web.json_response({"Response": {"SendStatusSet": [status], "RequestId": "r"}})

    @staticmethod
    def _error(code: str) -> web.Response:
        error = {"Code": code, "Message": code}
        return web.json_response({"Response": {"Error": error, "RequestId": "r"}})

    def _wrong(self, request: web.Request, body: bytes) -> str | None:
        headers = request.headers
        scheme, _, rest = headers["Authorization"].partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(", "))
        key_id, day, service, end = parts["Credential"].split("/")
        if key_id != "test-id":
            return "AuthFailure.SecretIdNotFound"
        at = datetime.fromtimestamp(int(headers["X-TC-Timestamp"]), UTC)
        if self._late(at, timedelta(minutes=5)) or day != f"{at:%Y-%m-%d}":
            return "AuthFailure.SignatureExpire"
        names = parts["SignedHeaders"].split(";")
        if (service, end) != ("sms", "tc3_request") or not {"content-type", "host"} <= set(names):
            return "AuthFailure.InvalidAuthorization"
        signed = "".join(f"{name}:{headers[name].lower()}\n" for name in names)
        payload = hashlib.sha256(body).hexdigest()
        canonical = f"POST\n/\n\n{signed}\n{';'.join(names)}\n{payload}"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{scheme}\n{headers['X-TC-Timestamp']}\n{day}/sms/tc3_request\n{hashed}"
        key = ("TC3" + SECRET).encode()
        for part in (day, "sms", "tc3_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        if parts["Signature"] != hmac.digest(key, text.encode(), "sha256").hex():
            return "AuthFailure.SignatureFailure"
        if (headers["X-TC-Action"], headers["X-TC-Version"]) != ("SendSms", "2021-01-11"):
            return "InvalidAction"
        return None


class WeComServer(HttpServer):
    """WeCom: robots of groups, and an application. `answers` are (errcode, errmsg) for the next messages."""

    ROBOT = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
    USERS = ("zhangsan", "lisi")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.tokens: dict[str, datetime] = {}
        self.asked_for_tokens = 0
        self.removed = 0
        self._robot_times: dict[str, list[datetime]] = defaultdict(list)
        self._told: dict[tuple[str, str], datetime] = {}

    async def _handle(self, request: web.Request) -> web.Response:
        way = {
            "/cgi-bin/webhook/send": self._robot,
            "/cgi-bin/gettoken": self._gettoken,
            "/cgi-bin/message/send": self._application,
        }[request.path]
        return await way(request)

    async def _robot(self, request: web.Request) -> web.Response:
        body = await request.json()
        if request.query["key"] != self.ROBOT:
            return _said(93000, "invalid webhook url")
        if len(body["text"]["content"].encode()) > 2048:
            return _said(40058, "content exceed max length")
        now, times = self.clock(), self._robot_times[request.query["key"]]
        times[:] = [at for at in times if now - at < timedelta(minutes=1)]
        if len(times) >= 20:
            return _said(45009, "api freq out of limit")
        times.append(now)
        return await self._take(request, body)

    async def _gettoken(self, request: web.Request) -> web.Response:
        if (request.query["corpid"], request.query["corpsecret"]) != ("corp", SECRET):
            return _said(40001, "invalid credential")
        self.asked_for_tokens += 1
        token = f"token-{self.asked_for_tokens}"
        self.tokens[token] = self.clock() + timedelta(seconds=7200)
        return web.json_response(
            {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200}
        )

    async def _application(self, request: web.Request) -> web.Response:
        until = self.tokens.get(request.query["access_token"])
        if until is None or self.clock() >= until:
            return _said(42001 if until else 40014, "access_token expired")
        body = await request.json()
        if body["touser"] not in self.USERS:
            return web.json_response({"errcode": 0, "errmsg": "ok", "invaliduser": body["touser"]})
        told = (body["touser"], body["text"]["content"])
        within = timedelta(seconds=body["duplicate_check_interval"])
        before = self._told.get(told)
        if body["enable_duplicate_check"] and before and self.clock() - before < within:
            self.removed += 1
            return _said(0, "ok", msgid="again")
        self._told[told] = self.clock()
        return await self._take(request, body)

    async def _take(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        answer = await self._answer(request, body, (0, "ok"))
        if answer is None:
            return web.Response()
        return _said(*answer, msgid=f"msg-{len(self.accepted)}")


def _said(code: int, text: str, **more: str) -> web.Response:
    return web.json_response({"errcode": code, "errmsg": text, **more})
