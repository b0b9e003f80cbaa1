"""A PBX and a carrier as operations would deploy them, and a daemon that tests can play themselves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from ami_bridge.agi import AgiSession, NotPlayed
from ami_bridge.client import AmiClient
from ami_bridge.events import AsteriskEvent, BridgeEntered, ChannelCreated, ChannelHungUp, LinkUp
from ami_bridge.fastagi import FastAgiServer
from ami_bridge.node import NodeSettings
from tests.ports import free_port
from zongji.demo.callers import CallerReport, Callers
from zongji.installation import Installation, Ports
from zongji.platform.asterisk import AsteriskProcess, write_pbx
from zongji.platform.carrier import CarrierProcess, write_carrier
from zongji.platform.site import AgentPhone

DID = "4006001001"
EXTENSIONS = ("1001", "1002")
PATIENCE_S = 20.0

Handler = Callable[[AgiSession], Awaitable[None]]


class Ear:
    """What one Asterisk told; tests wait until it told something."""

    def __init__(self) -> None:
        self.events: list[AsteriskEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: AsteriskEvent) -> None:
        self.events.append(event)
        self._news.set()

    def forget(self) -> None:
        self.events.clear()

    async def hears(self, wanted: Callable[[AsteriskEvent], bool]) -> AsteriskEvent:
        """The first such event since `forget`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self._news.clear()
                for event in self.events:
                    if wanted(event):
                        return event
                await self._news.wait()

    async def bridged(self, device: str) -> None:
        """The device talks with somebody."""
        await self.hears(
            lambda event: isinstance(event, BridgeEntered) and event.channel.startswith(device)
        )

    async def hung_up(self, device: str) -> ChannelHungUp:
        found = await self.hears(
            lambda event: isinstance(event, ChannelHungUp) and event.channel.startswith(device)
        )
        assert isinstance(found, ChannelHungUp)
        return found


@dataclass
class Exchange:
    """The running pair. `desk` plays the daemon for as long as its block lasts."""

    installation: Installation
    pbx: AsteriskProcess
    carrier: CarrierProcess
    ami: AmiClient
    ear: Ear
    carrier_ear: Ear
    callers: Callers
    calls: list[CallerReport] = field(default_factory=list)

    async def call(
        self, number: str = "13800138000", did: str = DID, *, keys: tuple[str, ...] = ()
    ) -> CallerReport:
        """Somebody calls; `clear` hangs up."""
        report = await self.callers.call(number, did, keys=keys, pause_s=0.2)
        self.calls.append(report)
        return report

    async def agent_hangs_up(self, extension: str) -> None:
        """The agent puts the telephone down."""
        ringing = await self.carrier_ear.hears(
            lambda event: isinstance(event, ChannelCreated) and event.exten == extension
        )
        assert isinstance(ringing, ChannelCreated)
        await self.carrier.console(f"channel request hangup {ringing.channel}")

    def log(self) -> str:
        """What the PBX complained about."""
        return (self.installation.pbx.run / "log" / "messages").read_text()

    @asynccontextmanager
    async def desk(
        self, handler: Handler, *, not_played: NotPlayed = lambda _: None
    ) -> AsyncIterator[FastAgiServer]:
        """A daemon that does with each call what `handler` does."""

        async def nothing(channel: str) -> None:
            raise AssertionError(channel)

        server = FastAgiServer(
            handler,
            host="127.0.0.1",
            port=self.installation.ports.agi,
            allowed=[ip_network("127.0.0.0/8")],
            interrupt=nothing,
            not_played=not_played,
        )
        await server.start()
        try:
            yield server
        finally:
            await server.close()

    async def clear(self) -> None:
        """No call, no queue member, telephones that answer at once."""
        for call in self.calls:
            if call.invited_at and not call.over.is_set():
                await self.callers.hang_up(call)
        self.calls.clear()
        for extension in EXTENSIONS:
            await self.pbx.console(f"queue remove member PJSIP/{extension} from fallback")
            await self.carrier.set_phone(extension, ring_s=0)
        async with asyncio.timeout(PATIENCE_S):
            while "0 active channels" not in await self.pbx.console("core show channels count"):
                await self.pbx.console("channel request hangup all")
        self.ear.forget()
        self.carrier_ear.forget()


@asynccontextmanager
async def exchange(folder: Path, addresses: tuple[str, str]) -> AsyncIterator[Exchange]:
    """PBX and carrier on two loopback addresses; the daemon's absence is noticed quickly."""
    pbx_address, carrier_address = addresses
    ports = Ports(agi=free_port(), manager=free_port(), carrier_manager=free_port())
    installation = Installation(
        var=folder, ports=ports, pbx_address=pbx_address, carrier_address=carrier_address
    )
    shipped = installation.site()
    site = shipped.model_copy(
        update={
            "daemon": shipped.daemon.model_copy(
                update={
                    "tries": 1,
                    "fallback_s": 1,
                    "give_up_s": 1,
                    "sorry": installation.pbx.english("beep"),
                }
            ),
            "trunk": shipped.trunk.model_copy(update={"calls_at_once": 1}),
        }
    )
    secrets = installation.secrets
    phones = [AgentPhone(each, each, secrets[f"phone-{each}"]) for each in EXTENSIONS]
    write_pbx(installation.pbx, site, secrets, phones, "pbx1")
    carrier = CarrierProcess(
        write_carrier(
            installation.prefix,
            folder / "carrier",
            site,
            installation.carrier_ports,
            secrets=secrets,
            phones=phones,
        )
    )
    pbx = AsteriskProcess(installation.pbx)
    try:
        await asyncio.gather(pbx.start(), carrier.start())
        async with asyncio.timeout(PATIENCE_S):
            while await carrier.registered() < len(phones):
                await asyncio.sleep(0.05)
        ear, carrier_ear = Ear(), Ear()
        ami = _client("zongji", ports.manager, secrets["manager"], ear)
        watcher = _client("carrier", ports.carrier_manager, secrets["carrier"], carrier_ear)
        async with Callers(ports.carrier_manager, secrets["carrier"]) as callers:
            await ami.start()
            await watcher.start()
            for each in (ear, carrier_ear):
                await each.hears(lambda event: isinstance(event, LinkUp))
            yield Exchange(installation, pbx, carrier, ami, ear, carrier_ear, callers)
            await watcher.close()
            await ami.close()
    finally:
        await pbx.stop()
        await carrier.stop()


def _client(username: str, port: int, secret: str, ear: Ear) -> AmiClient:
    node = NodeSettings(
        name=username, host="127.0.0.1", port=port, username=username, secret=secret
    )
    return AmiClient(node, on_event=ear)
