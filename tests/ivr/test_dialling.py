"""How far an agent's telephone may dial."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ami_bridge.fastagi import FastAgiServer
from crm_core.db import Database
from crm_core.people.accounts import AccountService
from crm_core.people.users import NewUser, UserChange
from crm_core.places.finder import Places
from crm_core.places.reach import right_to_dial
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_roles
from ivr.dialling import AgentDialling
from ivr.prompts import PromptLibrary
from tests.crm_core.crm_core_support import quick_passwords
from tests.ivr.ivr_line import Channel

AGENT, OPERATIONS, SUPERVISOR, ENGLISH = "1001", "1002", "1003", "1004"
NEAR, FAR, ABROAD = "02288881234", "01088881234", "0085221234567"
_PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
async def accounts(database: Database) -> AccountService:
    found = AccountService(database, passwords=quick_passwords())
    async with database.begin() as session:
        await seed_roles(session)
    roles = {AGENT: "agent", OPERATIONS: "operations", SUPERVISOR: "supervisor"}
    for extension, role in (roles | {ENGLISH: "operations"}).items():
        new = NewUser(login=f"u{extension}", name=role, role=role, extension=extension)
        await found.create_user(SYSTEM, new, _PASSWORD)
    return found


@pytest.fixture
async def asking(accounts: AccountService, tmp_path: Path) -> AsyncIterator[FastAgiServer]:
    async with _asking(accounts, tmp_path) as server:
        yield server


@contextlib.asynccontextmanager
async def _asking(accounts: AccountService, folder: Path) -> AsyncIterator[FastAgiServer]:
    places = Places()
    dialling = AgentDialling(
        accounts,
        lambda number: right_to_dial(number, places, "022"),
        prompts=PromptLibrary(folder),
        language="zh",
    )

    async def nothing(_: object) -> None: ...

    server = FastAgiServer(
        dialling.enter,
        host="127.0.0.1",
        port=0,
        allowed=[ipaddress.ip_network("127.0.0.0/8")],
        interrupt=nothing,
    )
    await server.start()
    yield server
    await server.close()


async def dial(server: FastAgiServer, phone: str, number: str) -> Channel:
    channel = Channel(script="dial", phone=phone, number=number)
    async with asyncio.timeout(10):
        await channel.run(server.port)
    return channel


@pytest.mark.parametrize(
    ("phone", "reached"),
    [
        (AGENT, [NEAR, FAR]),
        (SUPERVISOR, [NEAR, FAR, ABROAD]),
        (OPERATIONS, []),
        ("1999", []),
        ("", []),
    ],
)
async def test_a_telephone_dials_as_far_as_the_rights_of_its_agent(
    asking: FastAgiServer, phone: str, reached: list[str]
) -> None:
    for number in (NEAR, FAR, ABROAD, "", "anonymous"):
        channel = await dial(asking, phone, number)
        allowed = channel.variables.get("ZJ_MAY_DIAL") == "1"
        assert (number in reached) == allowed
        assert channel.played == ([] if allowed else ["dialling_refused"])


async def test_who_has_left_or_must_change_the_password_dials_nobody(
    asking: FastAgiServer, accounts: AccountService
) -> None:
    users = [
        await accounts.create_user(
            SYSTEM,
            NewUser(login=f"u{extension}", name="x", role="agent", extension=extension),
            _PASSWORD,
            must_change=must_change,
        )
        for extension, must_change in (("1005", False), ("1006", True))
    ]
    gone = UserChange(version=users[0].version, active=False)
    await accounts.update_user(SYSTEM, users[0].id, gone)
    for user in users:
        channel = await dial(asking, user.extension or "", NEAR)
        assert "ZJ_MAY_DIAL" not in channel.variables


async def test_while_rights_cannot_be_looked_up_nothing_is_dialled(tmp_path: Path) -> None:
    away = AccountService(Database("postgresql://nobody@127.0.0.1:1/none"))
    async with _asking(away, tmp_path) as server:
        channel = await dial(server, AGENT, NEAR)
    assert "ZJ_MAY_DIAL" not in channel.variables
    assert channel.played == ["dialling_not_now"]
