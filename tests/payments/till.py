"""A shop with a payment gateway: the sandbox over real sockets, call-backs over HTTP, one clock for both sides."""

import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

from aiohttp import web
from sqlalchemy import text

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.rights import SYSTEM
from orders.payments.commands import StartPayment
from orders.payments.errors import NoticeRefused
from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.keys import APP_ID, MERCHANT, SandboxKeys
from orders.payments.sandbox.server import SandboxGateway
from orders.payments.views import OrderMoney, PaymentView
from orders.payments.watch import OverpaidWatch, PaymentWatch
from orders.payments.wechat.client import WechatAccount, WechatGateway
from orders.services import Trade
from tests.orders.order_shop import Clock, Shop, open_shop

_numbers = itertools.count()


@dataclass
class Till:
    shop: Shop
    sandbox: SandboxGateway
    keys: SandboxKeys
    wechat: WechatGateway
    watch: PaymentWatch
    overpaid: OverpaidWatch
    heard: list[str] = field(default_factory=list)

    async def order(self, amount: str = "100.00", **rest) -> int:
        """A new order for this amount of a customer with credit."""
        sku = await self.shop.product(on_hand=5, price=amount)
        customer = await self.shop.customer("付款客户")
        placed = await self.shop.place((sku, 1), customer=customer, payment="prepaid", **rest)
        return placed.order.id

    async def start(self, order_id: int, **wanted) -> PaymentView:
        key = wanted.pop("key", f"pay-key-{next(_numbers)}")
        return await self.shop.trade.gateway.start(SYSTEM, order_id, StartPayment(**wanted), key)

    async def pay(self, order_id: int, *faults: Fault) -> PaymentView:
        """Ask for a payment and pay it."""
        payment = await self.start(order_id)
        await self.sandbox.pay(await self.token(payment.id), faults)
        return await self.shop.trade.payments.get(SYSTEM, payment.id)

    async def token(self, payment_id: int) -> str:
        return await self.shop.scalar("SELECT token FROM payments WHERE id = :id", id=payment_id)

    async def money(self, order_id: int) -> OrderMoney:
        return await self.shop.trade.payments.of_order(SYSTEM, order_id)

    async def paid(self, order_id: int) -> Decimal:
        return (await self.money(order_id)).paid

    async def used(self, order_id: int) -> Decimal:
        """The credit that the order's customer uses."""
        return await self.shop.scalar(
            "SELECT credit_used FROM customers c JOIN orders o ON o.customer_id = c.id"
            " WHERE o.id = :id",
            id=order_id,
        )

    async def differences(self, order_id: int | None) -> list[tuple[str, str]]:
        """Kind and state of each difference of an order, the oldest first."""
        async with self.shop.database.begin() as session:
            rows = await session.execute(
                text(
                    "SELECT kind, state FROM payment_differences"
                    " WHERE order_id IS NOT DISTINCT FROM :id ORDER BY id"
                ),
                {"id": order_id},
            )
            return [tuple(row) for row in rows]


def account(keys: SandboxKeys, endpoint: str, notify_url: str, **other) -> WechatAccount:
    """The merchant's account at the sandbox."""
    values = {
        "endpoint": endpoint,
        "app_id": APP_ID,
        "merchant": MERCHANT,
        "serial": keys.merchant_serial,
        "key": keys.merchant_key,
        "platform_serial": keys.platform_serial,
        "platform_key": keys.platform_key.public_key(),
        "api_key": keys.api_key.encode(),
        "notify_url": notify_url,
    }
    return WechatAccount(**values | {"timeout_s": 5.0} | other)


@asynccontextmanager
async def open_till(database: Database, keys: SandboxKeys, shop: Shop | None = None):
    """With `shop` another till of the same shop, which reaches PostgreSQL by `database`."""
    clock = shop.clock if shop else Clock()
    sandbox = await SandboxGateway(keys, clock=clock, retry_after_s=(), delay_s=3600).start()
    app, opened = web.Application(), {}

    async def hear(request: web.Request) -> web.Response:
        till = opened["till"]
        try:
            outcome = await till.shop.trade.gateway.hear(request.headers, await request.read())
        except NoticeRefused as error:
            till.heard.append(error.code)
            return web.Response(status=401)
        except DatabaseUnavailable:
            return web.Response(status=503)
        till.heard.append(str(outcome))
        return web.Response(status=204)

    app.router.add_post("/notices", hear)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    notify = f"http://127.0.0.1:{runner.addresses[0][1]}/notices"
    wechat = WechatGateway(account(keys, sandbox.address, notify), clock=clock)
    if shop is None:
        shop = await open_shop(database, clock, wechat)
    else:
        trade = Trade.of(database, shop.bus, clock=clock, channels=("email",), gateway=wechat)
        shop = replace(shop, database=database, trade=trade)
    watch = PaymentWatch(database, shop.trade.gateway, clock=clock)
    till = Till(shop, sandbox, keys, wechat, watch, OverpaidWatch(database, clock=clock))
    opened["till"] = till
    yield till
    await wechat.close()
    await sandbox.close()
    await runner.cleanup()
