"""Who is not the carrier, an agent's telephone or the daemon gets nowhere."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from ami_bridge.agi import AgiSession
from tests.platform.exchange import DID, Exchange

STRANGER = "127.72.0.9"
INVITE = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="stranger">
<send><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:@who@@[local_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:@who@@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv response="401"/>
</scenario>
"""


@pytest.mark.parametrize("who", ["trunk", "1001", "nobody"])
async def test_a_stranger_is_asked_for_a_password_whatever_name_he_uses(
    pbx: Exchange, tmp_path: Path, who: str
):
    scenario = tmp_path / "stranger.xml"
    scenario.write_text(INVITE.replace("@who@", who))
    entered: list[str] = []

    async def take(session: AgiSession) -> None:
        entered.append(session.env.request)

    address = f"{pbx.installation.pbx_address}:{pbx.installation.ports.sip}"
    arguments = ["-sf", str(scenario), "-i", STRANGER, "-s", DID, "-m", "1", "-nostdin"]
    async with pbx.desk(take):
        done = await asyncio.to_thread(
            subprocess.run,
            pbx.installation.prefix.command("usr/bin/sipp", address, *arguments, "-timeout", "5"),
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-800:]
    assert entered == []


class Manager:
    """A manager client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, pbx: Exchange, *, address: str = "127.0.0.1") -> "Manager":
        port = pbx.installation.ports.manager
        pair = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        await pair[0].readline()
        return cls(*pair)

    async def ask(self, action: str, **headers: str) -> str:
        """The response to an action."""
        lines = [f"Action: {action}", *(f"{name}: {value}" for name, value in headers.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        while not (block := await self.block()).startswith("Response:"):
            pass
        return block

    async def block(self) -> str:
        async with asyncio.timeout(10):
            return (await self._reader.readuntil(b"\r\n\r\n")).decode()

    def close(self) -> None:
        self._writer.close()


def login(pbx: Exchange) -> dict[str, str]:
    return {"Username": "zongji", "Secret": pbx.installation.secrets["manager"]}


async def test_the_manager_listens_to_the_daemons_address_only(pbx: Exchange):
    stranger = await Manager.open(pbx, address=STRANGER)

    assert "Response: Error" in await stranger.ask("Login", **login(pbx))
    stranger.close()


@pytest.mark.parametrize(
    ("action", "headers"),
    [
        ("Command", {"Command": "core show version"}),
        ("UpdateConfig", {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"}),
        ("GetConfig", {"Filename": "manager.conf"}),
        ("Reload", {}),
        ("ModuleLoad", {"Module": "app_system.so", "LoadType": "load"}),
        ("MixMonitor", {"Channel": "none", "File": "x.wav", "Command": "true"}),
    ],
)
async def test_the_daemons_manager_user_has_no_console_and_no_hand_on_the_configuration(
    pbx: Exchange, action: str, headers: dict[str, str]
):
    manager = await Manager.open(pbx)
    assert "Response: Success" in await manager.ask("Login", **login(pbx))

    assert "Message: Permission denied" in await manager.ask(action, **headers)
    manager.close()


async def test_the_manager_tells_only_what_the_daemon_listens_to(pbx: Exchange):
    allowed = set(
        re.findall(
            r"^eventfilter\(action\(include\),name\((\w+)\)",
            (pbx.installation.pbx.etc / "manager.conf").read_text(),
            re.MULTILINE,
        )
    )
    manager = await Manager.open(pbx)
    await manager.ask("Login", **login(pbx))
    await pbx.pbx.console("queue add member PJSIP/1001 to fallback")
    await pbx.call()

    told: set[str] = set()
    while "BridgeEnter" not in told:
        told.add((await manager.block()).splitlines()[0].removeprefix("Event: "))

    manager.close()
    assert told <= allowed
    assert {"Newchannel", "Newstate", "DialBegin", "DialEnd"} <= told
