"""The sandbox gateway by itself, for trials of a service that is not the demonstration."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import tomli_w
import typer

from orders.payments.sandbox.faults import Fault
from zongji.cli.options import Var, installation
from zongji.cli.progress import console

if TYPE_CHECKING:
    from orders.payments.sandbox.keys import SandboxKeys


def sandbox_gateway(
    *,
    notify_url: Annotated[
        str, typer.Option(help="Where the daemon takes call-backs.")
    ] = "http://127.0.0.1:8080/api/gateway/wechat",
    port: Annotated[int, typer.Option(min=1, max=65535, help="On loopback.")] = 8027,
    fault: Annotated[
        list[Fault] | None, typer.Option(help="Misbehave so with every payment; may be repeated.")
    ] = None,
    var: Var = None,
) -> None:
    """Be a payment gateway that speaks WeChat Pay's API v3, with keys of its own and no real money.

    It prints the settings that the daemon needs; customers pay on the page that a payment's `pay_url` names,
    where single payments can be given a fault.
    """
    from orders.payments.sandbox.keys import SandboxKeys

    keys = SandboxKeys.in_folder(installation(var).gateway_keys)
    chosen = keys.settings(f"http://127.0.0.1:{port}", notify_url)
    console.print(tomli_w.dumps({"wechat_pay": chosen}), markup=False, soft_wrap=True)
    asyncio.run(_serve(keys, port, fault or ()))


async def _serve(keys: "SandboxKeys", port: int, faults: list[Fault] | tuple[()]) -> None:
    from orders.payments.sandbox.server import SandboxGateway

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    gateway = await SandboxGateway(keys, port=port, faults=faults).start()
    console.print(f"The sandbox gateway answers on {gateway.address}; Ctrl-C stops it.")
    try:
        await stop.wait()
    finally:
        await gateway.close()
