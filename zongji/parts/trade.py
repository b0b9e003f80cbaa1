"""The services of orders, with the payment gateway when there is one."""

from collections.abc import Sequence

from crm_core.people.login_limits import Allowance
from orders.payments.wechat.client import WechatAccount, WechatGateway
from orders.payments.wechat.signing import private_key, public_key
from orders.services import Trade
from zongji.core import link_terms, now, pin_rules, secrets_key, sender
from zongji.parts.ground import Ground
from zongji.settings import Settings


def trade_of(ground: Ground, channels: Sequence[str]) -> Trade:
    """`channels`: the ways in which customers can be told. Raises OSError, ValueError for keys that cannot be read."""
    settings = ground.settings
    gateway = _gateway(settings)
    if gateway is not None:
        ground.stack.push_async_callback(gateway.close)
    rules = pin_rules(settings)
    trade = Trade.of(
        ground.database,
        ground.bus,
        clock=now,
        channels=channels,
        zone=settings.zone,
        sender=sender(settings),
        font=settings.paper_font,
        gateway=gateway,
        debit_merchant=settings.debit_merchant,
        links=link_terms(settings),
        secrets_key=secrets_key(settings),
        callable_networks=settings.connections.networks,
        inquiry_limit=Allowance.locking(rules.tries, rules.lock),
    )
    ground.stack.push_async_callback(trade.connections.outgoing.close)
    return trade


def _gateway(settings: Settings) -> WechatGateway | None:
    chosen = settings.wechat_pay
    if chosen is None:
        return None
    account = WechatAccount(
        endpoint=chosen.endpoint,
        app_id=chosen.app_id,
        merchant=chosen.merchant,
        serial=chosen.serial,
        key=private_key(chosen.key_file.read_bytes()),
        platform_serial=chosen.platform_serial,
        platform_key=public_key(chosen.platform_key_file.read_bytes()),
        api_key=chosen.api_key.get_secret_value().encode(),
        notify_url=chosen.notify_url,
    )
    return WechatGateway(account, clock=now)
