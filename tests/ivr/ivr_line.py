"""The order line of these tests: the real ACD, records and FastAGI, and Asterisk's side of a call."""

import asyncio
import contextlib
import ipaddress
import itertools
import shlex
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import text

from acd.familiar import FamiliarAgents
from acd.journal import Journal
from acd.rows import CallRow, StepRow, decode, only, split
from acd.service import AcdService
from acd.store import AcdStore
from acd.surveys import Surveys
from acd.tickets import KeptPlace
from ami_bridge.agi import LISTENING_MS
from ami_bridge.agi_framing import AgiEnvironment
from ami_bridge.fastagi import FastAgiServer
from crm_core.blacklist.live import LiveBlacklist
from crm_core.blacklist.policy import BlacklistRules
from crm_core.bus import Bus
from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.errors import DomainError
from crm_core.notices.service import NoticeService
from crm_core.pins.service import PinService
from crm_core.places.finder import Places
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_channel, seed_roles
from dialer.do_not_call.service import DoNotCallService
from dialer.law import Law
from ivr.call import Line
from ivr.capacity import Capacity
from ivr.house import House
from ivr.line.live import LiveLine
from ivr.menu import Menus
from ivr.outside import OutsideCalls
from ivr.prompts import PromptLibrary
from ivr.recording import Recorder
from ivr.self_service.counter import Terms
from orders.sales.assortment import Span
from orders.services import Trade
from tests.crm_core.crm_core_support import quick_passwords

LINE_FILE = Path("asterisk-conf/line.yaml")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
KNOWN = "13800138000"
DID = "4006001001"
_numbers = itertools.count(1)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


@dataclass
class HandSetClock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Promises:
    """Whoever calls people back; `refusal` is raised when there is one."""

    made: list[tuple[str, str]] = field(default_factory=list)
    refusal: DomainError | None = None
    kept: KeptPlace | None = None

    async def kept_place(self, number: str) -> KeptPlace | None:
        return self.kept

    async def request(
        self,
        number: str,
        queue: str,
        *,
        source: str,
        customer_id: int | None = None,
        call_id: str | None = None,
    ) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.made.append((number, queue))


class Channel:
    """One channel in Asterisk which runs AGI: it presses `keys` (None is silence) and is hung up.

    `says`: the lengths of what is recorded, in seconds; afterwards the caller speaks without end. `dials` are the outcomes of Dial in turn (after the last one Dial rings for ever), `endless` the
    prompts that play until they are interrupted, `hang_up_at` the command at which the caller goes. `listens`: AGI does
    nothing but listen, while the daemon is busy.
    """

    def __init__(
        self,
        *,
        keys: Iterable[str | None] = (),
        dials: Iterable[tuple[str, int]] = (),
        endless: Sequence[str] = (),
        says: Iterable[float] = (),
        hang_up_at: int | None = None,
        caller: str = KNOWN,
        script: str = "inbound",
        refuses: str | None = None,
        call_id: str | None = None,
        **query: str,
    ) -> None:
        self.call_id = call_id or uuid.uuid4().hex
        self.name = f"PJSIP/trunk-{next(_numbers):08x}"
        self.variables: dict[str, str] = {}
        self.commands: list[str] = []
        self.played: list[str] = []
        self.executed: list[tuple[str, ...]] = []
        self._keys = list(keys)
        self._dials = list(dials)
        self._says = list(says)
        self._endless = endless
        self._hang_up_at = hang_up_at
        self._refuses = refuses
        self._woken = asyncio.Event()
        self._gone = asyncio.Event()
        self.listens = False
        self._coming: asyncio.Future[bytes] = asyncio.get_event_loop().create_future()
        self._headers = {
            "agi_network": "yes",
            "agi_network_script": f"{script}?{urlencode(self._query(query))}",
            "agi_request": f"agi://127.0.0.1/{script}",
            "agi_channel": self.name,
            "agi_uniqueid": f"{next(_numbers)}.1",
            "agi_callerid": caller,
            "agi_enhanced": "0.0",
        }

    def _query(self, more: dict[str, str]) -> dict[str, str]:
        return {"node": "pbx1", "call": self.call_id, "did": DID, "place": ""} | more

    def press(self, key: str) -> None:
        """A key outside the script: it ends what listens now."""
        self._keys.append(key)
        self._woken.set()

    def interrupt(self) -> None:
        """AMI presses D."""
        self.press("D")

    def hang_up(self) -> None:
        self._gone.set()

    async def run(self, port: int) -> None:
        """From the AGI application's start to its end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            head = "".join(f"{name}: {value}\n" for name, value in self._headers.items())
            writer.write(f"{head}\n".encode())
            self._coming = asyncio.ensure_future(reader.readline())
            while line := await self._next():
                self._coming = asyncio.ensure_future(reader.readline())
                self.commands.append(line.decode().strip())
                reply = await self._carry_out(self.commands[-1])
                if self._gone.is_set():
                    writer.write(b"HANGUP\n200 result=-1\n")
                    return
                writer.write(f"{reply}\n".encode())
            if self._gone.is_set():
                writer.write(b"HANGUP\n")
        except ConnectionError:
            return
        finally:
            self._coming.cancel()
            writer.close()

    async def _next(self) -> bytes:
        """The next command; none after a hang-up while the daemon asks nothing."""
        gone = asyncio.ensure_future(self._gone.wait())
        await asyncio.wait((self._coming, gone), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        return self._coming.result() if self._coming.done() else b""

    async def _carry_out(self, command: str) -> str:
        words = shlex.split(command, posix=True)
        if len(self.commands) == self._hang_up_at:
            self._gone.set()
        if self._refuses is not None and self._refuses in command:
            return "510 Invalid or unknown command"
        verb, _, _ = command.partition(' "')
        return f"200 result={await self._result(verb, words)}"

    async def _result(self, verb: str, words: list[str]) -> int | str:
        match verb:
            case "STREAM FILE":
                return await self._stream(Path(words[2]).name, words[3])
            case "WAIT FOR DIGIT":
                return await self._wait(int(words[3]))
            case "EXEC":
                return await self._execute(words[1], words[2])
            case "GET VARIABLE":
                value = self.variables.get(words[2])
                return 0 if value is None else f"1 ({value})"
            case "SET VARIABLE":
                self.variables[words[2]] = words[3]
        return 6 if verb == "CHANNEL STATUS" else 0

    async def _stream(self, prompt: str, escapes: str) -> int:
        self.played.append(prompt)
        while True:
            if self._keys and self._keys[0] is not None and self._keys[0] in escapes:
                return ord(str(self._keys.pop(0)))
            if prompt not in self._endless or self._gone.is_set():
                return 0
            await self._something()

    async def _wait(self, milliseconds: int) -> int:
        if milliseconds == LISTENING_MS:
            return await self._overhear()
        if not self._keys:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(milliseconds / 1000, 0.02)):
                    await self._something()
        key = self._keys.pop(0) if self._keys else None
        return 0 if key is None else ord(key)

    async def _overhear(self) -> int:
        """A key outside the script, unless the next command comes before."""
        self._woken.clear()
        something = asyncio.ensure_future(self._something())
        self.listens = True
        await asyncio.wait((something, self._coming), return_when=asyncio.FIRST_COMPLETED)
        self.listens = False
        something.cancel()
        return ord(str(self._keys.pop())) if self._woken.is_set() else 1

    async def _something(self) -> None:
        """A key outside the script, or the hang-up."""
        self._woken.clear()
        waits = [asyncio.ensure_future(event.wait()) for event in (self._woken, self._gone)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _record(self, file: Path) -> int:
        """The caller says something `says` seconds long and presses #; without more the caller goes on speaking."""
        seconds = self._says.pop(0) if self._says else None
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(44) + b"\1\2" * int(8_000 * (3 if seconds is None else seconds)))
        if seconds is None:
            await self._gone.wait()
            return -1
        self.variables["RECORD_STATUS"] = "DTMF"
        return 0

    async def _execute(self, application: str, options: str) -> int:
        self.executed.append((application, *options.split(",")))
        if application == "MixMonitor":
            self.variables["MIXMONITOR_FILENAME"] = options.split(",", maxsplit=1)[0]
        if application == "Record":
            return await self._record(Path(options.split(",", maxsplit=1)[0]))
        if application == "Dial":
            if not self._dials:
                await self._gone.wait()
                return -1
            status, seconds = self._dials.pop(0)
            self.variables |= {"DIALSTATUS": status, "ANSWEREDTIME": str(seconds)}
        return 0


@dataclass
class OrderLine:
    """Everything of the daemon that a call needs, behind a real FastAGI server."""

    house: House
    bus: Bus
    folder: Path
    promises: Promises
    clock: HandSetClock
    heard: list[object] = field(default_factory=list)
    channels: dict[str, Channel] = field(default_factory=dict)
    server: FastAgiServer | None = None
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def acd(self) -> AcdService:
        return self.house.acd

    def pass_time(self, seconds: float) -> None:
        self.clock.now += timedelta(seconds=seconds)
        self.acd.tick()

    async def open(self) -> None:
        """Begin to answer."""
        self.server = FastAgiServer(
            Line(self.house),
            host="127.0.0.1",
            port=0,
            allowed=[ipaddress.ip_network("127.0.0.0/8")],
            interrupt=self._interrupt,
        )
        await self.server.start()

    async def close(self) -> None:
        """The daemon stops; callers stay."""
        assert self.server is not None
        await self.server.close()

    async def reopen(self) -> None:
        """Answer with the house as it is now."""
        await self.close()
        await self.open()

    async def ring(self, channel: Channel) -> None:
        """A whole call."""
        await self.begin(channel)
        await self.over()

    async def begin(self, channel: Channel) -> None:
        assert self.server is not None
        self.channels[channel.name] = channel
        self._running.append(asyncio.create_task(channel.run(self.server.port)))

    async def over(self) -> None:
        """Wait until every call has ended, on both sides."""
        async with asyncio.timeout(20):
            await asyncio.gather(*self._running)
        self._running.clear()
        server = self.server
        await until(lambda: server is None or server.connections == 0)

    async def agent(self, agent_id: int = 1, *queues: str) -> None:
        """An agent at work in these queues (north)."""
        queues = queues or ("north",)
        await self.acd.log_in(agent_id, f"agent {agent_id}", f"100{agent_id}", queues)

    def last(self, kind: type) -> object:
        return next(event for event in reversed(self.heard) if isinstance(event, kind))

    def rows(self) -> tuple[list[CallRow], list[StepRow]]:
        """What the journal holds: the calls, latest state each, and all steps."""
        found = [
            decode(split(line))
            for file in sorted((self.folder / "journal").glob("*.journal"))
            for line in file.read_bytes().splitlines(keepends=True)
        ]
        return list({row.id: row for row in only(CallRow, found)}.values()), only(StepRow, found)

    def row(self, channel: Channel) -> CallRow:
        return next(row for row in self.rows()[0] if row.id == channel.call_id)

    def steps(self, channel: Channel) -> list[str]:
        """Kinds of the call's steps, in order."""
        return [step.kind for step in self.rows()[1] if step.call_id == channel.call_id]

    async def _interrupt(self, env: AgiEnvironment) -> None:
        self.channels[env.channel].interrupt()


@contextlib.asynccontextmanager
async def order_line(database: Database, folder: Path) -> AsyncIterator[OrderLine]:
    """The shipped line file, one known customer, nobody at work."""
    live = await _live(database, folder)
    bus, promises, clock = Bus(), Promises(), HandSetClock()
    customers, places = CustomerService(database, identify_deadline_s=5), Places()
    await places.load(database)
    blacklist = LiveBlacklist(
        database,
        BlacklistRules(protected=("national",)),
        kept=folder / "blacklist.json",
        clock=clock,
    )
    await blacklist.first()
    acd = AcdService(
        live.now.plan,
        bus=bus,
        store=AcdStore(database),
        journal=Journal(folder / "journal"),
        zone=ZoneInfo("Asia/Shanghai"),
        clock=clock,
        steady=lambda: clock().timestamp(),
    )
    house = House(
        acd=acd,
        line=live,
        prompts=PromptLibrary(folder / "prompts"),
        customers=customers,
        familiar=FamiliarAgents(database, clock=clock, zone=ZoneInfo("Asia/Shanghai")),
        places=places,
        trade=Trade.of(database, bus, clock=clock, zone=ZoneInfo("Asia/Shanghai")),
        notices=NoticeService(
            database, clock=clock, zone=ZoneInfo("Asia/Shanghai"), channels=("email",)
        ),
        pins=PinService(database, clock=clock, passwords=quick_passwords()),
        terms=Terms(best_sellers=Span(30, 5), new_products=Span(60, 5)),
        callbacks=promises,
        refusals=DoNotCallService(database, bus, clock=clock, law=Law()),
        surveys=Surveys(database, zone=ZoneInfo("Asia/Shanghai")),
        recorder=Recorder(folder / "recordings"),
        blacklist=blacklist,
        language="zh",
        clock=clock,
        zone=ZoneInfo("Asia/Shanghai"),
        outside=OutsideCalls("4006001001"),
        capacity=Capacity(words=50, music=50),
        called_waits_s=0.5,
    )
    line = OrderLine(house, bus, folder, promises, clock)
    bus.subscribe(line.heard.append, object)
    await acd.start()
    await line.open()
    yield line
    await line.close()
    await customers.close()
    await acd.close()


async def _live(database: Database, folder: Path) -> LiveLine:
    """The shipped line; nothing is spoken."""

    async def silent(_: Menus) -> None: ...

    return LiveLine(
        database,
        shipped=LINE_FILE,
        kept=folder / "line.yaml",
        prepare=silent,
        today=NOON.date,
    )


async def furnish(database: Database) -> None:
    """The one known customer, and nothing of earlier tests."""
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        await session.execute(
            text(
                "TRUNCATE calls, call_steps, agent_states, survey_answers, blacklist_entries CASCADE"
            )
        )
        if await session.scalar(text("SELECT count(*) FROM customers")):
            return
    known = NewCustomer(name="滨海商贸", phones=(KNOWN,), level_code="city", language="en")
    await CustomerService(database).create(SYSTEM, known)
