"""Providers for tests, over real sockets: a mail server, and an SMS service that checks signatures the
way the provider's documentation says, by code of its own.
"""

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self
from urllib.parse import quote

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope

SECRET = "test-secret"


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


class SmsServer:
    """Dysmsapi's SendSms. `answers` are (status, code) for the next requests; None cuts the line."""

    def __init__(self) -> None:
        self.accepted: list[dict[str, str]] = []
        self.answers: list[tuple[int, str] | None] = []
        self.nonces: set[str] = set()
        self.held: asyncio.Event | None = None
        self.reached = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/", self._handle)
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

    async def _handle(self, request: web.Request) -> web.Response:
        self.reached.set()
        if refusal := self._wrong(request):
            return web.json_response({"Code": refusal, "Message": refusal}, status=400)
        answer = self.answers.pop(0) if self.answers else (200, "OK")
        if answer is None or answer[1] == "OK":
            self.accepted.append(dict(request.query))
        if self.held:
            await self.held.wait()
        if answer is None:
            request.transport.abort()
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
        if headers["x-acs-signature-nonce"] in self.nonces:
            return "SignatureNonceUsed"
        self.nonces.add(headers["x-acs-signature-nonce"])
        if (headers["x-acs-action"], headers["x-acs-version"]) != ("SendSms", "2017-05-25"):
            return "InvalidAction.NotFound"
        json.loads(request.query["TemplateParam"])
        return None
