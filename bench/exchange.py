"""A PBX with 100 agents' telephones and callers, all SIPp; a database; and the daemon, for `calls`, `pop`, `ivr`, `surge`.

Rule: what is measured is the product as it is deployed (its own templates, recording on); only the
telephones differ: they stand at fixed addresses and need no log-in. The peers' numbers are in the
dialplan of the same Asterisk, record as the product does, and have the machine without the daemon.
"""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from sqlalchemy import insert

from crm_core import schema
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Database
from crm_core.people.accounts import AccountService
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_channel, seed_roles
from ivr.line_file import load_line
from ivr.prompts import PromptLibrary
from zongji.cli.line import speech
from zongji.cli.options import line_file
from zongji.core import now
from zongji.demo.agent import DemoAgent
from zongji.installation import Installation, Ports
from zongji.platform.asterisk import AsteriskProcess, write_pbx
from zongji.platform.postgres import EmbeddedPostgres
from zongji.settings import ROOT
from zongji.stack import DaemonProcess

AGENTS = tuple(range(2001, 2101))
ZONGJI, QUEUE, DIAL = "4008000001", "4008000002", "4008000003"
MENUS = "4008000004"
LEVELS = ("bench_one", "bench_two", "bench_three")
CUSTOMERS = 20_000
PASSWORD = "a-benchmark-needs-1-too"
DATA = ROOT / "bench" / "data"
_PHONES = "127.30.0.3"
_QUEUE = "\n[bench]\n"
_WITHIN_MS = 500.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Step:
    """Callers at one rate: how many came, how many were answered in time, and what it cost.

    `cpu_s`: processor seconds of Asterisk, the daemon and PostgreSQL.
    """

    rate: int
    seconds: float
    called: int
    answered: int
    in_time: int
    cpu_s: tuple[float, float, float]

    @property
    def per_second(self) -> float:
        """Calls answered within half a second, per second."""
        return self.in_time / self.seconds

    @property
    def cpu_ms(self) -> tuple[float, ...]:
        """The same for each call, in milliseconds."""
        return tuple(1000 * part / max(self.answered, 1) for part in self.cpu_s)


class Exchange:
    """The running parts."""

    def __init__(self, installation: Installation, postgres: EmbeddedPostgres) -> None:
        self.installation = installation
        self.postgres = postgres
        self.address = f"http://127.0.0.1:{installation.ports.web}"
        self.daemon = DaemonProcess(installation, self.address)
        self.pbx = AsteriskProcess(installation.pbx)
        self.numbers = installation.var / "numbers.csv"
        self.messages = installation.var / "messages"

    def agent(self, extension: int) -> DemoAgent:
        return DemoAgent(self.address, f"agent{extension}", PASSWORD)

    def sipp(self, scenario: str, address: str, *arguments: str) -> list[str]:
        """The command line of SIPp with a scenario of `bench/data`, at an address of its own."""
        where = ["-sf", str(DATA / f"{scenario}.xml"), "-i", address, "-mi", address, "-nostdin"]
        return self.installation.prefix.command("usr/bin/sipp", *where, *arguments)

    async def settled(self) -> None:
        """Wait until the daemon has worked out its customers, as it does once after an installation."""
        left = "SELECT count(*) FROM insight_queue"
        while int(await asyncio.to_thread(self.postgres.execute, left)):
            await asyncio.sleep(1)

    async def set_autofill(self, *, on: bool) -> None:
        """Whether the peer's queue serves its callers side by side, or one after the other."""
        queues = self.installation.pbx.etc / "queues.conf"
        general, bench = queues.read_text().split(_QUEUE)
        bench = re.sub(
            r"^autofill = .*", f"autofill = {'yes' if on else 'no'}", bench, flags=re.MULTILINE
        )
        queues.write_text(general + _QUEUE + bench)
        await self.pbx.console("queue reload all")

    async def callers(
        self,
        did: str,
        rate: int,
        seconds: float,
        *,
        scenario: str = "caller",
        within_ms: float = _WITHIN_MS,
    ) -> Step:
        """`rate` callers a second for so long; returns when the last has hung up. What the scenario takes the time of
        is to take no more than `within_ms`.
        """
        folder = Path(tempfile.mkdtemp(dir=self.installation.var))
        count = round(rate * seconds)
        pbx = f"{self.installation.pbx_address}:{self.installation.ports.sip}"
        command = self.sipp(
            scenario,
            self.installation.carrier_address,
            *("-s", did, "-inf", str(self.numbers), "-m", str(count), "-r", str(rate)),
            *("-l", "20000", "-trace_rtt", "-rtt_freq", "1", "-timeout", "60", pbx),
        )
        before = self._cpu_s()
        await _run(command, folder)
        rows = "".join(path.read_text() for path in folder.glob("*_rtt.csv")).splitlines()
        waits = [float(row.split(";")[1]) for row in rows if row[:1].isdigit()]
        shutil.rmtree(folder)
        in_time = sum(wait <= within_ms for wait in waits)
        asterisk, daemon, postgres = (
            after - earlier for after, earlier in zip(self._cpu_s(), before, strict=True)
        )
        return Step(rate, seconds, count, len(waits), in_time, (asterisk, daemon, postgres))

    async def run(self, command: Sequence[str]) -> None:
        """Callers, until the last is gone."""
        folder = Path(tempfile.mkdtemp(dir=self.installation.var))
        await _run(command, folder)
        shutil.rmtree(folder)

    def _cpu_s(self) -> tuple[float, float, float]:
        """Processor seconds so far of Asterisk, the daemon, and PostgreSQL with its servers."""
        first = self.postgres.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        servers = sum(_cpu_s(int(pid)) for pid in (first or 0, *children))
        return _cpu_s(self.pbx.pid), _cpu_s(self.daemon.pid), servers


def _cpu_s(pid: int | None) -> float:
    """Nothing for a process that does not run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def _run(command: Sequence[str], folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=os.environ | {"TZ": "UTC", "TERM": "dumb"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode not in (0, 1):  # 1: some call was not answered
        raise SystemExit(f"SIPp ended with {process.returncode}: {said.decode()[-500:]}")


@asynccontextmanager
async def exchange(
    *,
    trace: bool = False,
    phone: str = "phone",
    customers: int = CUSTOMERS,
    agents: Sequence[int] = AGENTS,
    prepare: Callable[[Installation, EmbeddedPostgres], None] = lambda _, __: None,
) -> AsyncIterator[Exchange]:
    """PBX, telephones and database, started; the daemon is not.

    `trace`: the telephones write down what they receive and when; `phone` is their scenario. `prepare` has the last word
    on the PBX's files.
    """
    folder = Path(tempfile.mkdtemp(prefix="zj-", dir="/tmp"))
    folder.chmod(0o755)
    installation = Installation(
        var=folder,
        ports=Ports().shifted(15_000),
        pbx_address="127.30.0.1",
        carrier_address="127.30.0.2",
    )
    postgres = EmbeddedPostgres.prepare(folder / "postgres", port=installation.ports.postgres)
    made = Exchange(installation, postgres)
    phones: subprocess.Popen[bytes] | None = None
    try:
        postgres.start()
        await _fill(made, customers, agents)
        _write_line(installation)
        _write_pbx(installation)
        prepare(installation, postgres)
        await made.pbx.start()
        phones = _start_phones(made, phone, trace=trace)
        yield made
    finally:
        await made.daemon.stop()
        if phones is not None:
            phones.kill()
            phones.wait()
        await made.pbx.stop()
        postgres.stop()
        shutil.rmtree(postgres.folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _start_phones(made: Exchange, phone: str, *, trace: bool) -> "subprocess.Popen[bytes]":
    traced = ("-trace_msg", "-message_file", str(made.messages)) if trace else ()
    return subprocess.Popen(
        made.sipp(phone, _PHONES, "-p", "5060", "-l", "20000", *traced),
        cwd=made.installation.var,
        env=os.environ | {"TZ": "UTC", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


async def _fill(made: Exchange, customers: int, agents: Sequence[int]) -> None:
    """Agents and customers. Every caller is a customer."""
    url = made.postgres.url()
    await schema.upgrade(url)
    made.installation.write_settings(url)
    database = Database(url)
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        for chunk in range(0, customers, 5_000):
            rows = range(chunk, min(chunk + 5_000, customers))
            names = [
                {"name": _number(n), "level_code": "retailer", "price_policy_code": "list"}
                for n in rows
            ]
            made_ids = await session.scalars(
                insert(Customer).returning(Customer.id, sort_by_parameter_order=True), names
            )
            await session.execute(
                insert(CustomerPhone),
                [
                    {"number": _number(n), "customer_id": id_, "is_main": True}
                    for n, id_ in zip(rows, made_ids, strict=True)
                ],
            )
    accounts = AccountService(database, clock=now)
    for extension in agents:
        new = NewUser(
            login=f"agent{extension}",
            name=f"座席{extension}",
            role="agent",
            extension=str(extension),
        )
        await accounts.create_user(SYSTEM, new, PASSWORD)
    await database.close()
    made.postgres.execute("VACUUM ANALYZE")
    numbers = "\n".join(_number(n) for n in range(customers))
    made.numbers.write_text(f"SEQUENTIAL\n{numbers}\n")


def _number(n: int) -> str:
    """A landline of Tianjin."""
    return f"0222{n:07d}"


def _write_line(installation: Installation) -> None:
    """The shipped line with two more numbers: one leads straight to the agents, one into three menus and to an end."""
    line = yaml.safe_load(line_file().read_text(encoding="utf-8"))
    line["queues"]["bench"] = {
        "label_zh": "测试",
        "label_en": "Benchmark",
        "ring_s": 5,
        "wrap_up_s": 0,
    }
    line["dids"][ZONGJI] = {"medium": "测试", "queue": "bench"}
    line["dids"][MENUS] = {"medium": "测试", "menu": LEVELS[0]}
    for key, (name, then) in enumerate(zip(LEVELS, (*LEVELS[1:], None), strict=True), 1):
        action = {"hang_up": True} if then is None else {"menu": then}
        line["menus"][name] = {
            "say": {"zh": f"请按{'一二三'[key - 1]}。", "en": f"Press {key}."},
            "keys": {str(key): action},
            "otherwise": "hang_up",
        }
    file = installation.var / "line.yaml"
    file.write_text(yaml.safe_dump(line, allow_unicode=True, sort_keys=False), encoding="utf-8")
    settings = installation.settings_file
    settings.write_text(f'line_file = "{file}"\n{settings.read_text()}')
    PromptLibrary(installation.prompts).compile(
        load_line(file)[1], speech(installation.prefix), lambda _: None
    )


def _write_pbx(installation: Installation) -> None:
    pbx = installation.pbx
    write_pbx(pbx, installation.site(), installation.secrets, [], "pbx1")
    (pbx.etc / "pjsip_agents.conf").write_text(
        "".join(
            f"[{extension}](phone)\naors = {extension}\n"
            f"[{extension}]\ntype = aor\ncontact = sip:{extension}@{_PHONES}:5060\n\n"
            for extension in AGENTS
        )
    )
    with (pbx.etc / "queues.conf").open("a") as queues:
        queues.write(
            f"{_QUEUE}strategy = leastrecent\nautofill = no\nringinuse = no\ntimeout = 5\n"
        )
        queues.writelines(f"member = PJSIP/{extension}\n" for extension in AGENTS)
    record = f"MixMonitor({installation.var}/peers/${{UNIQUEID}}.raw,bD)"
    peers = (
        f"[from-trunk]\nexten => {QUEUE},1,{record}\n same => n,Queue(bench,cC,,,20)\n"
        f" same => n,Hangup()\nexten => {DIAL},1,{record}\n"
        f" same => n,Dial(PJSIP/${{RAND({AGENTS[0]},{AGENTS[-1]})}},20)\n same => n,Hangup()\n\n"
    )
    extensions = pbx.etc / "extensions.conf"
    extensions.write_text(
        re.sub(r"^\[from-trunk\]\n", lambda _: peers, extensions.read_text(), flags=re.MULTILINE)
    )
