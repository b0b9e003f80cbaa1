"""`zongji user …` and `zongji token …` as people run them, and the key that seals secrets."""

import asyncio
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acd.rows import CallRow, StepRow, encode, split
from acd.store import AcdStore
from crm_core.db import Database
from crm_core.people.accounts import AccountService
from crm_core.people.tokens import TokenService
from crm_core.people.totp import steps
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM, Hold, Right
from crm_core.seeds import seed_roles
from tests.crm_core.crm_core_support import Clock, quick_passwords
from tests.zongji.command import Said, refused, zongji
from zongji.installation import Installation
from zongji.platform.postgres import EmbeddedPostgres
from zongji.settings import Settings, SettingsError, load

GOOD = "correct horse 47"
KEY = b"a key of 32 bytes for the tests."


@pytest.fixture(scope="module")
async def settings(
    database: Database, pg_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    async with database.begin() as session:
        await seed_roles(session)
    installation = Installation(var=tmp_path_factory.mktemp("cli"))
    installation.write_settings(pg_server.url(str(database._engine.url.database)))
    return installation.settings_file


@pytest.fixture
def accounts(database: Database) -> AccountService:
    return AccountService(database, passwords=quick_passwords(), secrets_key=KEY)


async def run(settings: Path, *arguments: str) -> Said:
    return await asyncio.to_thread(zongji, *arguments, settings=settings)


async def someone(accounts: AccountService, login: str, role: str = "agent") -> int:
    new = NewUser(login=login, name=login, role=role)
    return (await accounts.create_user(SYSTEM, new, GOOD)).id


async def test_a_password_shown_once_is_to_be_changed(settings: Path, accounts: AccountService):
    said = await run(settings, "user", "add", "wang", "--name", "王芳")
    opened = await accounts.log_in("wang", said.out.split()[-1], "127.0.0.1")
    assert opened.principal.hold is Hold.PASSWORD
    said = await run(settings, "user", "password", "wang")
    opened = await accounts.log_in("wang", said.out.split()[-1], "127.0.0.1")
    assert opened.principal.hold is Hold.PASSWORD


async def test_a_password_shown_once_is_as_long_as_the_settings_ask_for(
    settings: Path, accounts: AccountService, tmp_path: Path
):
    stricter = tmp_path / "zongji.toml"
    stricter.write_text(settings.read_text() + "\n[accounts]\nshortest_password = 40\n")
    said = await run(stricter, "user", "add", "feng", "--name", "冯")
    await accounts.log_in("feng", said.out.split()[-1], "127.0.0.1")
    await run(stricter, "user", "password", "feng")
    await run(settings, "user", "password", "feng")


async def test_sessions_are_listed_and_ended(settings: Path, accounts: AccountService):
    await someone(accounts, "li")
    opened = [
        await accounts.log_in("li", GOOD, f"192.0.2.{n}", user_agent=f"[b]x{n}") for n in range(2)
    ]
    listed = (await run(settings, "user", "sessions", "li")).out.splitlines()
    assert [line.split()[1] for line in listed] == ["192.0.2.1", "192.0.2.0"]
    assert "[b]x1" in listed[0]
    assert (await run(settings, "user", "end-sessions", "li")).out == "2 sessions of li ended\n"
    assert [await accounts.session(each.token) for each in opened] == [None, None]
    assert (await run(settings, "user", "sessions", "li")).out == ""


async def test_a_second_factor_is_reset(settings: Path, accounts: AccountService):
    await someone(accounts, "zhao")
    clock = Clock()
    accounts.second_factor._clock = clock
    opened = await accounts.log_in("zhao", GOOD, "192.0.2.1")
    offered = await accounts.second_factor.begin(opened.principal)
    code = next(c for n in range(10**6) if steps(offered.secret, c := f"{n:06}", clock()))
    await accounts.second_factor.confirm(opened.principal, code)
    assert (await run(settings, "user", "reset-second-factor", "zhao")).code == 0
    await accounts.log_in("zhao", GOOD, "192.0.2.1")
    assert "no authenticator" in refused(await run(settings, "user", "reset-second-factor", "zhao"))


async def test_a_token_is_made_listed_and_revoked(
    settings: Path, accounts: AccountService, database: Database
):
    user_id = await someone(accounts, "qian")
    create = ("token", "create", "erp", "--for", "qian", "--right", "order.view", "--days", "30")
    said = await run(settings, *create)
    token = said.out.split()[-1]
    tokens = TokenService(database)
    who = await tokens.principal(token)
    assert who is not None
    assert (who.user_id, who.rights, who.token) == (user_id, {Right.ORDER_VIEW}, "erp")
    listed = (await run(settings, "token", "list")).out
    assert token not in listed
    assert listed.split() == ["erp", f"{token[:10]}…", "qian", "active", "order.view"]
    assert (await run(settings, "token", "revoke", "erp")).code == 0
    assert await tokens.principal(token) is None
    assert "revoked" in (await run(settings, "token", "list")).out


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "sessions", "nobody"),
        ("user", "end-sessions", "nobody"),
        ("user", "reset-second-factor", "nobody"),
        ("token", "create", "t", "--for", "nobody", "--right", "order.view"),
        ("token", "create", "t", "--for", "sun", "--right", "no.right"),
        ("token", "create", "t", "--for", "sun", "--right", "audit.view"),
        ("token", "create", "", "--for", "sun", "--right", "order.view"),
        ("token", "revoke", "nothing"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    settings: Path, accounts: AccountService, arguments: tuple[str, ...]
):
    if "sun" not in {each.login for each in await accounts.users(SYSTEM)}:
        await someone(accounts, "sun")
    assert refused(await run(settings, *arguments))


def loaded(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ZONGJI_SETTINGS", str(installation.settings_file))
    return load()


def test_an_installation_has_a_key_of_its_own_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url = "postgresql://u:p@127.0.0.1/zongji"
    one, two = Installation(var=tmp_path / "one"), Installation(var=tmp_path / "two")
    for each in (one, two):
        each.var.mkdir()
        each.write_settings(url)
    keys = {loaded(each, monkeypatch).secrets_key for each in (one, two)}
    assert len(keys) == 2
    assert None not in keys
    before = one.settings_file.read_text()
    one.write_settings(url)
    assert one.settings_file.read_text() == before
    assert tomllib.loads(before)["secrets_key"] == one.secrets["secrets-key"]


def test_a_key_that_people_set_is_kept_and_a_short_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url = "postgresql://u:p@127.0.0.1/zongji"
    place = Installation(var=tmp_path)
    place.write_settings(url)
    made = place.secrets["secrets-key"]
    text = place.settings_file.read_text()
    place.settings_file.write_text(text.replace(made, "k" * 40))
    place.write_settings(url)
    key = loaded(place, monkeypatch).secrets_key
    assert key is not None
    assert key.get_secret_value() == "k" * 40
    place.settings_file.write_text(text.replace(made, "k" * 31))
    with pytest.raises(SettingsError, match="secrets_key"):
        loaded(place, monkeypatch)


async def test_who_stands_in_for_somebody_is_said_and_shown(
    settings: Path, accounts: AccountService
):
    for login in ("seller", "first", "second"):
        await someone(accounts, login)
    said = await run(settings, "user", "deputies", "seller")
    assert said.out == "nobody stands in for seller\n"
    days = ("--from", "2026-03-01", "--until", "2026-03-07")
    said = await run(settings, "user", "deputies", "seller", "second", "first", *days)
    assert [line.split() for line in said.out.splitlines()] == [
        [login, "2026-03-01", "–", "2026-03-07"] for login in ("second", "first")
    ]
    assert await run(settings, "user", "deputies", "seller") == said
    backwards = ("--from", "2026-03-08", "--until", "2026-03-07")
    wrong = await run(settings, "user", "deputies", "seller", "first", *backwards)
    assert "exchange the two days" in refused(wrong)
    assert "nobody" in refused(await run(settings, "user", "deputies", "seller", "nowhere"))
    said = await run(settings, "user", "deputies", "seller", "--nobody")
    assert said.out == "nobody stands in for seller\n"


async def test_why_a_call_went_where_it_went_is_told_by_its_id_or_its_number(
    settings: Path, database: Database
):
    at = datetime(2026, 3, 2, 4, tzinfo=UTC)
    row = CallRow(
        id="c" * 32, node="pbx1", linkedid="1.1", direction="inbound", caller="13800138000",
        did="4006001001", started_at=at, steps=1, line_version=3,
    )  # fmt: skip
    routed = {"queue": "north", "priority": 5, "decided_by": "area_north", "menu_path": []}
    steps = [
        StepRow(row.id, n, at, *each)
        for n, each in enumerate((("started", {}), ("routed", routed)))
    ]
    await AcdStore(database).write([split(encode(each)) for each in (row, *steps)])
    for named in (row.id, "+86 138 0013 8000"):
        said = await run(settings, "calls", "why", named, "--language", "en")
        assert said.code == 0, said
        assert "version 3 of the line" in said.out
        assert "to queue north, priority 5, decided by area_north" in said.out
    assert "进入队列 north" in (await run(settings, "calls", "why", row.id)).out
    assert "no call 10086" in refused(await run(settings, "calls", "why", "10086"))
