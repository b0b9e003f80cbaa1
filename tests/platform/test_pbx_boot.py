"""The configuration that is shipped: it boots without a complaint and opens nothing it should not."""

import re
from pathlib import Path

import pytest

from tests.platform.exchange import Exchange
from zongji.platform.asterisk import AsteriskFiles, AsteriskProcess
from zongji.platform.errors import PlatformError

# pjproject says so when two modules start at the same moment; nothing is wrong then
HARMLESS = re.compile(r"pjproject: .*registered during operation")


def complaints(log: Path) -> list[str]:
    booted = log.read_text().split("built by")[1]
    return [
        line
        for line in booted.splitlines()
        if re.search(r" (WARNING|ERROR)\[", line) and not HARMLESS.search(line)
    ]


async def test_the_carrier_boots_without_a_complaint(pbx: Exchange):
    assert complaints(pbx.installation.var / "carrier" / "run" / "log" / "messages") == []


async def test_the_pbx_boots_without_a_complaint(running_exchange: Exchange):
    boot = running_exchange.installation.pbx.run / "log" / "messages"

    complained = complaints(boot)

    assert [line for line in complained if "res_agi" not in line] == []


@pytest.mark.parametrize(
    "module",
    [
        "res_pjsip_endpoint_identifier_anonymous",
        "app_system",
        "app_originate",
        "func_shell",
        "pbx_spool",
        "res_ari",
        "chan_iax2",
    ],
)
async def test_what_would_be_dangerous_is_not_loaded(pbx: Exchange, module: str):
    shown = await pbx.pbx.console(f"module show like {module}")

    assert "0 modules loaded" in shown


@pytest.mark.parametrize("module", ["res_agi", "app_queue", "app_mixmonitor", "chan_pjsip"])
async def test_what_is_needed_is_loaded(pbx: Exchange, module: str):
    assert "Running" in await pbx.pbx.console(f"module show like {module}.so")


async def test_everything_listens_on_loopback_only(pbx: Exchange):
    assert pbx.pbx.pid is not None

    waiting = listening(pbx.pbx.pid)

    assert (pbx.installation.pbx_address, pbx.installation.ports.sip) in waiting
    assert [place for place in waiting if not place[0].startswith("127.")] == []


def listening(pid: int) -> set[tuple[str, int]]:
    """The addresses and ports on which a process waits, by the kernel's tables.

    Not the UDP sockets with which pjproject's resolver asks name servers: the kernel chose their ports.
    """
    chosen_by_kernel = range(
        *map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    )
    own = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = set()
    for table, waiting in (("tcp", "0A"), ("udp", "07")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == waiting and f"socket:[{fields[9]}]" in own:
                number, _, port = fields[1].partition(":")
                octets = [str(octet) for octet in reversed(bytes.fromhex(number))]
                if table == "tcp" or int(port, 16) not in chosen_by_kernel:
                    found.add((".".join(octets), int(port, 16)))
    return found


async def test_secrets_are_for_their_owner_only(pbx: Exchange):
    etc = pbx.installation.pbx.etc

    assert all(path.stat().st_mode & 0o077 == 0 for path in (etc, *etc.iterdir()))


async def test_the_goodbye_of_a_fresh_site_exists(pbx: Exchange):
    sounds = pbx.installation.pbx.english("tt-allbusy", "please-try-call-later").split("&")

    assert len(sounds) == 2
    assert all(Path(sound).with_suffix(".gsm").exists() for sound in sounds)


async def test_an_asterisk_that_cannot_start_says_why(pbx: Exchange, tmp_path: Path):
    working = pbx.installation.pbx
    broken = AsteriskFiles(working.prefix, tmp_path)
    broken.etc.mkdir()
    (broken.run / "log").mkdir(parents=True)
    for path in working.etc.iterdir():
        text = path.read_text().replace(str(working.folder), str(tmp_path))
        (broken.etc / path.name).write_text(text.replace("/asterisk/modules", "/nowhere"))

    with pytest.raises(PlatformError, match="Unable to open modules directory"):
        await AsteriskProcess(broken).start()
