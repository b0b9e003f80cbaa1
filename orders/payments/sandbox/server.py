"""A payment gateway to try things with: it speaks WeChat Pay's API v3 over HTTP, with keys of its own, lets a
person pay on a page, and misbehaves when it is asked to. Rule: no real money, nothing leaves the machine.
"""

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any, Self

import structlog
from aiohttp import web

from orders.payments.sandbox.callbacks import Callbacks
from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.keys import APP_ID, MERCHANT, SandboxKeys
from orders.payments.sandbox.ledger import Charge, Ledger, Refund, Refusal
from orders.payments.wechat.signing import SCHEME, BadSeal, verify

log = structlog.get_logger(__name__)

_PART = re.compile(r'(\w+)="([^"]*)"')
_NO_CONTENT = 204
_PAGE = """<!doctype html><meta charset="utf-8"><title>沙箱支付 Sandbox</title>
<h1>沙箱支付 Sandbox payment</h1><p>{token}: CNY {yuan:.2f} ({state})</p>
<form method="post"><button>付款 Pay</button> <select name="fault"><option value="">-</option>{faults}</select></form>"""


class SandboxGateway:
    """Listens on loopback; `faults` count for every payment. Close it at the end.

    While `answering` is cleared it does what it is asked for and keeps its answers.
    """

    def __init__(
        self,
        keys: SandboxKeys,
        *,
        port: int = 0,
        faults: Collection[Fault] = (),
        retry_after_s: Sequence[float] = (15, 15, 30, 180),
        delay_s: float = 20,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.ledger = Ledger()
        self.faults = set(faults)
        self.requests: list[str] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self._keys = keys
        self._port = port
        self._clock = clock
        self.callbacks = Callbacks(keys, clock, retry_after_s, delay_s)
        self._nonces: set[str] = set()
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> Self:
        app = web.Application(middlewares=(self._sealed,))
        orders = "/v3/pay/transactions/out-trade-no/{token}"
        app.router.add_post("/v3/pay/transactions/native", self._charge)
        app.router.add_get(orders, self._find)
        app.router.add_post(f"{orders}/close", self._close)
        app.router.add_post("/v3/refund/domestic/refunds", self._refund)
        app.router.add_get("/v3/refund/domestic/refunds/{token}", self._find_refund)
        app.router.add_get("/v3/bill/tradebill", self._bill)
        app.router.add_get("/v3/billdownload/{day}", self._download)
        app.router.add_get("/pay/{token}", self._page)
        app.router.add_post("/pay/{token}", self._paid)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def close(self) -> None:
        await self.callbacks.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def pay(self, token: str, faults: Collection[Fault] = ()) -> Charge:
        """The customer pays; returns when call-backs that are neither late nor repeated are out.

        Raises Refusal.
        """
        faults = self.faults | set(faults)
        wrong = self.ledger.found(token).total + 1 if Fault.WRONG_AMOUNT in faults else None
        currency = "USD" if Fault.WRONG_CURRENCY in faults else "CNY"
        charge = self.ledger.pay(token, self._clock(), amount=wrong, currency=currency)
        content = charge_content(charge)
        if Fault.STRANGER in faults:
            content |= {"out_trade_no": "0" * 32, "transaction_id": f"{charge.transaction[:-1]}X"}
        await self.callbacks.tell(charge.notify_url, "TRANSACTION.SUCCESS", content, faults)
        return charge

    async def finish_refund(self, token: str, faults: Collection[Fault] = ()) -> Refund:
        """A refund that was begun comes to its end, and the merchant is told."""
        refund = self.ledger.found_refund(token)
        refund.state = "SUCCESS"
        content = refund_content(refund, "refund_status")
        await self.callbacks.tell(
            refund.charge.notify_url, "REFUND.SUCCESS", content, self.faults | set(faults)
        )
        return refund

    @web.middleware
    async def _sealed(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Requests of the merchant are checked, and answered with the gateway's seal."""
        if not request.path.startswith("/v3/"):
            return await handler(request)
        try:
            await self._check(request)
            if request.path.startswith("/v3/billdownload/"):
                return await handler(request)
            answer = await handler(request)
            status, body = answer.status, getattr(answer, "text", None) or ""
        except Refusal as error:
            status, body = error.status, json.dumps({"code": error.code, "message": error.code})
        except (KeyError, TypeError, ValueError) as error:
            status, body = 400, json.dumps({"code": "PARAM_ERROR", "message": str(error)})
        self.requests.append(f"{request.method} {request.path}")
        await self.answering.wait()
        if Fault.ANSWER_LOST in self.faults and request.transport is not None:
            request.transport.abort()
        headers = self.callbacks.seal(body)
        return web.Response(text=body, status=status, headers=headers, content_type=_JSON)

    async def _check(self, request: web.Request) -> None:
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        said = dict(_PART.findall(rest))
        try:
            if scheme != SCHEME or said["mchid"] != MERCHANT:
                raise Refusal(401, "SIGN_ERROR")
            if said["serial_no"] != self._keys.merchant_serial or said["nonce_str"] in self._nonces:
                raise Refusal(401, "SIGN_ERROR")
            verify(
                self._keys.merchant_key.public_key(),
                said["signature"],
                request.method,
                request.raw_path,
                said["timestamp"],
                said["nonce_str"],
                await request.text(),
            )
        except (KeyError, BadSeal) as error:
            raise Refusal(401, "SIGN_ERROR") from error
        self._nonces.add(said["nonce_str"])

    async def _charge(self, request: web.Request) -> web.Response:
        body = await request.json()
        if (body["appid"], body["mchid"]) != (APP_ID, MERCHANT):
            raise Refusal(400, "APPID_MCHID_NOT_MATCH")
        return _json({"code_url": self.ledger.charge(body, self.address).code_url})

    async def _find(self, request: web.Request) -> web.Response:
        if request.query.get("mchid") != MERCHANT:
            raise Refusal(400, "PARAM_ERROR")
        return _json(charge_content(self.ledger.found(request.match_info["token"])))

    async def _close(self, request: web.Request) -> web.Response:
        self.ledger.close(request.match_info["token"])
        return web.Response(status=_NO_CONTENT)

    async def _refund(self, request: web.Request) -> web.Response:
        state = "PROCESSING" if Fault.REFUND_LATER in self.faults else "SUCCESS"
        refund = self.ledger.refund(await request.json(), self._clock(), state)
        return _json(refund_content(refund, "status"))

    async def _find_refund(self, request: web.Request) -> web.Response:
        refund = self.ledger.found_refund(request.match_info["token"])
        return _json(refund_content(refund, "status"))

    async def _bill(self, request: web.Request) -> web.Response:
        day = date.fromisoformat(request.query["bill_date"])
        digest = hashlib.sha1(self.ledger.bill(day)).hexdigest()  # noqa: S324 - as documented
        address = f"{self.address}/v3/billdownload/{day.isoformat()}"
        return _json({"hash_type": "SHA1", "hash_value": digest, "download_url": address})

    async def _download(self, request: web.Request) -> web.Response:
        day = date.fromisoformat(request.match_info["day"])
        return web.Response(body=self.ledger.bill(day), content_type="text/csv")

    async def _page(self, request: web.Request) -> web.Response:
        """Where the customer's telephone would show the amount."""
        try:
            charge = self.ledger.found(request.match_info["token"])
        except Refusal:
            raise web.HTTPNotFound from None
        faults = "".join(f"<option>{each}</option>" for each in Fault)
        text = _PAGE.format(
            token=charge.token, yuan=charge.total / 100, state=charge.state, faults=faults
        )
        return web.Response(text=text, content_type="text/html")

    async def _paid(self, request: web.Request) -> web.Response:
        form = await request.post()
        with contextlib.suppress(Refusal, ValueError):
            fault = str(form.get("fault") or "")
            await self.pay(request.match_info["token"], {Fault(fault)} if fault else ())
        raise web.HTTPSeeOther(request.path)


_JSON = "application/json"


def charge_content(charge: Charge) -> dict[str, Any]:
    """A charge as answers and call-backs tell of it."""
    said: dict[str, Any] = {
        "appid": APP_ID,
        "mchid": MERCHANT,
        "out_trade_no": charge.token,
        "trade_state": charge.state,
        "trade_state_desc": charge.state,
    }
    if charge.paid_at is not None:
        said |= {
            "transaction_id": charge.transaction,
            "trade_type": "NATIVE",
            "bank_type": "OTHERS",
            "success_time": charge.paid_at.replace(microsecond=0).isoformat(),
            "payer": {"openid": "oSandbox"},
            "amount": {
                "total": charge.paid,
                "payer_total": charge.paid,
                "currency": charge.currency,
                "payer_currency": charge.currency,
            },
        }
    return said


def refund_content(refund: Refund, state: str) -> dict[str, Any]:
    """A refund; `state` is the name its state has there."""
    return {
        "mchid": MERCHANT,
        "refund_id": refund.reference,
        "out_refund_no": refund.token,
        "transaction_id": refund.charge.transaction,
        "out_trade_no": refund.charge.token,
        state: refund.state,
        "success_time": refund.at.replace(microsecond=0).isoformat(),
        "amount": {"total": refund.charge.paid, "refund": refund.amount, "currency": "CNY"},
    }


def _json(content: dict[str, Any]) -> web.Response:
    return web.Response(text=json.dumps(content), content_type=_JSON)
