"""Everything on one machine: database, PBX, carrier, mailbox, payment gateway and daemon, started and stopped together.

Rule: each part is a process of its own, owned by this object and stopped by its process id, in the
reverse order of starting; any of them may be killed and started again while the others run.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

import aiohttp

from crm_core import schema
from crm_core.db import Database
from crm_core.demo import seed_demo
from orders import demo as orders_demo
from orders.payments.sandbox.keys import SandboxKeys
from orders.payments.sandbox.server import SandboxGateway
from zongji.core import now
from zongji.demo.callers import Callers
from zongji.demo.mailbox import Mailbox
from zongji.installation import Installation
from zongji.platform.asterisk import AsteriskProcess, require_free, write_pbx
from zongji.platform.carrier import CarrierProcess, write_carrier
from zongji.platform.errors import PlatformError
from zongji.platform.postgres import EmbeddedPostgres
from zongji.platform.site import AgentPhone

EXTENSIONS = tuple(str(number) for number in range(1001, 1007))

Tell = Callable[[str], None]


class DaemonProcess:
    """`zongji serve` as a child process."""

    def __init__(self, installation: Installation, address: str) -> None:
        self._installation = installation
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and running else None

    async def start(self, *, program: Sequence[str] = ("-m", "zongji", "serve")) -> None:
        """Start and wait until it answers. Raises PlatformError with its last words."""
        log = self._installation.var / "daemon.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [sys.executable, *program],
                env=os.environ | {"ZONGJI_SETTINGS": str(self._installation.settings_file)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        async with aiohttp.ClientSession() as http, asyncio.timeout(60):
            while not await _answers(http, f"{self._address}/api/health"):
                if self._process.poll() is not None:
                    last = log.read_text(errors="replace").strip().splitlines()[-1:]
                    raise PlatformError(f"The daemon ended while starting: {' '.join(last)}")
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not listen."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, 15)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """The crash: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait)


class Stack:
    """The parts by name. `phones` are the agents' extensions."""

    def __init__(
        self, installation: Installation, *, extensions: Sequence[str] = EXTENSIONS
    ) -> None:
        self.installation = installation
        self.address = f"http://127.0.0.1:{installation.ports.web}"
        self.daemon = DaemonProcess(installation, self.address)
        self.mailbox = Mailbox(installation.var / "mail", installation.ports.smtp)
        self.gateway: SandboxGateway | None = None
        self.pbx = AsteriskProcess(installation.pbx)
        self._extensions = extensions
        self._postgres: EmbeddedPostgres | None = None
        self._carrier: CarrierProcess | None = None
        self._stops: list[Callable[[], object]] = []

    @property
    def postgres(self) -> EmbeddedPostgres:
        assert self._postgres is not None
        return self._postgres

    @property
    def carrier(self) -> CarrierProcess:
        assert self._carrier is not None
        return self._carrier

    def password(self, login: str) -> str:
        """The demonstration's passwords, made at installation."""
        return self.installation.secrets[f"password-{login}"]

    def callers(self) -> Callers:
        return Callers(
            self.installation.carrier_ports.manager_port, self.installation.secrets["carrier"]
        )

    async def start(self, tell: Tell, *, postgres_settings: dict[str, str] | None = None) -> None:
        """Start every part. Raises PlatformError; what has started is stopped by `stop`."""
        self._check_ports()
        tell("starting PostgreSQL")
        await self._start_database(postgres_settings)
        tell("filling the demonstration's data")
        await self._fill()
        tell("starting Asterisk, the carrier and the telephones")
        await self._start_asterisk()
        self.mailbox.start()
        self._stops.append(self.mailbox.stop)
        await self._start_gateway()
        tell("starting the daemon")
        await self.daemon.start()
        self._stops.append(self.daemon.stop)

    async def stop(self) -> None:
        """Stop what was started, last first."""
        while self._stops:
            done = self._stops.pop()()
            if asyncio.iscoroutine(done):
                with contextlib.suppress(TimeoutError):
                    await done

    def _check_ports(self) -> None:
        ports, pbx = self.installation.ports, self.installation.pbx_address
        for port, what in (
            (ports.web, "the pages"),
            (ports.agi, "FastAGI"),
            (ports.postgres, "PostgreSQL"),
            (ports.smtp, "the mailbox"),
            (ports.gateway, "the sandbox gateway"),
            (ports.manager, "Asterisk's manager"),
            (ports.carrier_manager, "the carrier's manager"),
        ):
            require_free("127.0.0.1", port, what)
        require_free(pbx, ports.http, "WebRTC phones")
        require_free(pbx, ports.sip, "SIP", datagram=True)
        carrier = self.installation.carrier_address
        require_free(carrier, ports.carrier_sip, "the carrier's SIP", datagram=True)

    async def _start_database(self, settings: dict[str, str] | None) -> None:
        folder = self.installation.var / "postgres"
        self._postgres = await asyncio.to_thread(
            EmbeddedPostgres.prepare, folder, port=self.installation.ports.postgres
        )
        await asyncio.to_thread(lambda: self.postgres.start(settings=settings))
        self._stops.append(self.postgres.stop)
        url = self.postgres.url()
        await schema.upgrade(url)
        address = f"http://127.0.0.1:{self.installation.ports.gateway}"
        keys = await asyncio.to_thread(SandboxKeys.in_folder, self.installation.gateway_keys)
        chosen = keys.settings(address, f"{self.address}/api/gateway/wechat")
        self.installation.write_settings(url, mail=True, wechat_pay=chosen)

    async def _start_gateway(self) -> None:
        keys = SandboxKeys.in_folder(self.installation.gateway_keys)
        gateway = SandboxGateway(keys, port=self.installation.ports.gateway)
        self.gateway = await gateway.start()
        self._stops.append(gateway.close)

    async def _fill(self) -> None:
        database = Database(self.postgres.url())
        try:
            await seed_demo(database, self.password)
            await orders_demo.fill(database, clock=now)
        finally:
            await database.close()

    async def _start_asterisk(self) -> None:
        installation, site = self.installation, self.installation.site()
        kept = installation.secrets
        phones = [AgentPhone(each, each, kept[f"phone-{each}"]) for each in self._extensions]
        write_pbx(installation.pbx, site, kept, phones, "pbx1")
        carrier = write_carrier(
            installation.prefix,
            installation.var / "carrier",
            site,
            installation.carrier_ports,
            secrets=kept,
            phones=phones,
        )
        self._carrier = CarrierProcess(carrier)
        self._stops += [self.pbx.stop, self._carrier.stop]
        await asyncio.gather(self.pbx.start(), self._carrier.start())
        async with asyncio.timeout(30):
            while await self._carrier.registered() < len(phones):
                await asyncio.sleep(0.05)


async def _answers(http: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with http.get(address) as answer:
            return answer.status == 200  # noqa: PLR2004
    except aiohttp.ClientError:
        return False
