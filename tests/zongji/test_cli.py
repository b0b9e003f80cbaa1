"""The command line: helps itself, and says in one sentence what a person can mend."""

import asyncio
import secrets
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from crm_core.errors import DomainError
from crm_core.people.accounts import AccountService
from tests.databases import database_at
from tests.ivr.line_files import PLAN, TWO_MENUS
from tests.ivr.test_menu_checks import LINE as TIMED_LINE
from tests.ports import free_port
from tests.zongji.command import refused, zongji
from zongji.cli.app import app
from zongji.installation import Installation
from zongji.only_one import OnlyOne
from zongji.platform.asterisk import music_classes
from zongji.platform.postgres import EmbeddedPostgres


def commands(group: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    for name, command in getattr(group, "commands", {}).items():
        found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize("path", commands(typer.main.get_command(app)), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]):
    said = CliRunner().invoke(app, [*path, "--help"])

    assert said.exit_code == 0
    assert "Usage:" in said.output
    assert len(said.output.split()) > 10


@pytest.mark.parametrize("keys", ["12", "1,12", "x", "1;2", "1,Ａ"])
def test_keys_that_no_telephone_has_are_refused(keys: str):
    said = zongji("call", "--from", "02223456789", "--keys", keys)

    assert refused(said) == "--keys takes single keys with commas between them, such as 1,1."


def test_a_caller_needs_the_carrier_to_be_there():
    said = zongji("call", "--from", "02223456789", "--port-offset", "14000")

    assert refused(said) == (
        "The simulated carrier does not answer: start it with `zongji run` first."
    )


def test_an_unknown_command_is_a_usage_error():
    assert zongji("cal").code == 2


def test_the_shipped_line_file_is_in_order():
    said = zongji("menu", "check")

    assert said.code == 0
    assert "6 menus, 5 queues, 4 numbers" in said.out


def test_music_without_a_class_in_the_pbx_s_configuration_is_named(tmp_path: Path):
    file = tmp_path / "line.yaml"
    file.write_text(
        PLAN.replace("label_en: North}", "label_en: North, music: guzheng}") + TWO_MENUS
    )

    said = zongji("menu", "check", "--file", str(file))

    assert said.code == 0
    assert "! line 2: musiconhold.conf has no class “guzheng”" in said.out
    assert music_classes() == ("default",)
    assert music_classes(tmp_path) == ()


def test_every_fault_of_a_line_file_is_a_line_of_its_own(tmp_path: Path):
    file = tmp_path / "broken.yaml"
    file.write_text(PLAN + TWO_MENUS.replace("menu: wholesale", "menu: holesale"))

    said = zongji("menu", "check", "--file", str(file))

    assert said.code == 1
    assert said.err.splitlines() == [
        "✗ broken.yaml:11: there is no menu “holesale”",
        "✗ broken.yaml:17: no number and no key leads to this menu",
        "✗ broken.yaml:22: no keys lead to the choice “1-1”",
    ]


def test_a_line_file_that_is_not_there_is_named():
    said = zongji("menu", "check", "--file", "/nowhere/elsewhere.yaml")

    assert "elsewhere.yaml:1: cannot be read" in refused(said)


def test_the_menus_are_drawn_as_a_tree(tmp_path: Path):
    file = tmp_path / "line.yaml"
    file.write_text(PLAN + TWO_MENUS)

    said = zongji("menu", "show", "--file", str(file))

    assert (said.code, said.err) == (0, "")
    assert "├─ 1 menu wholesale" in said.out


def test_a_menu_is_walked_without_a_telephone(tmp_path: Path):
    file = tmp_path / "line.yaml"
    file.write_text(PLAN + TWO_MENUS)

    said = zongji("menu", "try", "4006001001", "--file", str(file), "--keys", "7,1,1")

    assert (said.code, said.err) == (0, "")
    heard = [
        "批发请按一，零售请按二。",
        "对不起，没有这个选项。",
        "批发请按一，零售请按二。",
        "华北请按一。",
    ]
    assert [line.strip() for line in said.out.splitlines()][:4] == heard
    assert "→ queue north" in said.out


@pytest.mark.parametrize(
    ("did", "at", "keys", "expected"),
    [
        (
            "4006001002",
            "2026-03-02 10:00",
            "1",
            [
                "2026-03-02 10:00 open: always, office",
                "欢迎",
                "一",
                "→ queue north, priority 0",
                "pressed 1",
                "rule operator did not hold — menu_choice is 1, wanted 5",
                "rule day held and decided the queue — pressed 1; within the hours office",
                "rule night did not hold — time is always, office, wanted closed office",
                "rule papers did not hold — menu_choice is 1, wanted 3-1",
                "rule default held, but came too late — day had decided",
                "to queue north, priority 0, decided by day — pressed 1; within the hours office",
            ],
        ),
        (
            "4006001002",
            "2026-02-17 10:00",
            "",
            [
                "2026-02-17 10:00 open: always; holiday: spring_festival",
                "欢迎",
                "春节好",
                "感谢您的来电，再见。",
                "→ the call ends",
            ],
        ),
        (
            "4006001002",
            "2026-03-02 20:00",
            "8,0,0,1",
            [
                "2026-03-02 20:00 open: always",
                "欢迎",
                "已下班",
                "二",
                "→ whoever is logged in at extension 8001, in the line where they serve",
            ],
        ),
        (
            "4006001001",
            "2026-03-02 10:00",
            "4,0",
            [
                "2026-03-02 10:00 open: always, office",
                "一",
                "请拨分机号，按井号键结束。",
                "→ queue east, priority 0",
                "pressed 0",
                "rule operator held and decided the queue — pressed 5",
                "rule day did not hold — menu_choice is 5, wanted 1",
                "rule night did not hold — menu_choice is 5, wanted 1",
                "rule papers did not hold — did is 4006001001, wanted 4006001002",
                "rule default held, but came too late — operator had decided",
                "to queue east, priority 0, decided by operator — pressed 5",
            ],
        ),
    ],
)
def test_a_menu_is_walked_at_a_time(
    tmp_path: Path, did: str, at: str, keys: str, expected: list[str]
):
    file = tmp_path / "line.yaml"
    file.write_text(TIMED_LINE)

    said = zongji("menu", "try", did, "--file", str(file), "--at", at, "--keys", keys or "1")

    assert (said.code, said.err) == (0, "")
    assert [line.strip() for line in said.out.splitlines()] == expected


def test_a_number_that_is_none_of_ours_cannot_be_tried(tmp_path: Path):
    file = tmp_path / "line.yaml"
    file.write_text(PLAN + TWO_MENUS)

    said = zongji("menu", "try", "4009999999", "--file", str(file))

    assert "none of our numbers: 4006001001" in refused(said)


def test_missing_prompts_are_listed_and_the_exit_code_says_so(tmp_path: Path):
    said = zongji("prompts", "check", "--var", str(tmp_path))

    assert said.code == 1
    assert "zh/menu_main: missing; run `zongji prompts build`" in said.out


def test_serving_without_settings_names_what_is_missing():
    said = refused(zongji("serve"))

    assert said.startswith("/nowhere/zongji.toml: ")
    assert "database_url: Field required" in said


def test_a_database_that_is_away_is_one_sentence(tmp_path: Path):
    installation = Installation(var=tmp_path)
    installation.write_settings(f"postgresql://zongji:pw@127.0.0.1:{free_port()}/zongji")

    for command in (("user", "list"), ("db", "upgrade"), ("db", "status"), ("asterisk", "render")):
        assert refused(zongji(*command, settings=installation.settings_file))


def test_a_database_that_does_not_let_us_in_is_one_sentence(settings: Path, tmp_path: Path):
    url = tomllib.loads(settings.read_text())["database_url"]
    head, _, tail = url.rpartition("@")
    installation = Installation(var=tmp_path)
    for wrong in (f"{head}x@{tail}", f"{url}_of_nobody"):
        installation.write_settings(wrong)
        said = refused(zongji("db", "upgrade", settings=installation.settings_file))
        assert said.startswith("PostgreSQL does not let us in: ")


@pytest.fixture(scope="module")
def settings(pg_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings of an installation with an empty database."""
    name = f"cli_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    installation = Installation(var=tmp_path_factory.mktemp("cli"))
    installation.write_settings(pg_server.url(name))
    assert zongji("db", "upgrade", settings=installation.settings_file).code == 0
    return installation.settings_file


def test_a_service_is_configured_with_a_password_made_once(
    settings: Path, tmp_path: Path, pg_server: EmbeddedPostgres
):
    url = tomllib.loads(settings.read_text())["database_url"]
    password = tmp_path / "secret" / "password"
    password.parent.mkdir()
    arguments = (
        "configure",
        f"--database={url.replace(pg_server.password, '').replace(':@', '@')}",
        f"--password-file={password}",
        f"--var={tmp_path / 'var'}",
    )
    assert zongji(*arguments).code == 0
    made = password.read_text()
    assert len(made) >= 32
    assert password.stat().st_mode & 0o077 == 0

    password.write_text(pg_server.password)
    assert zongji(*arguments).code == 0
    assert password.read_text() == pg_server.password
    assert zongji("db", "status", settings=tmp_path / "var" / "zongji.toml").code == 0


@pytest.mark.parametrize(
    ("database", "password_file"),
    [
        ("nonsense", "password"),
        ("postgresql://zongji:secret@db/zongji", "password"),
        ("postgresql://zongji@db/zongji", "no/such/folder"),
    ],
)
def test_a_service_that_cannot_be_configured_is_one_sentence(
    tmp_path: Path, database: str, password_file: str
):
    said = zongji(
        "configure",
        f"--database={database}",
        f"--password-file={tmp_path / password_file}",
        f"--var={tmp_path}",
    )

    assert "secret" not in refused(said)
    assert not (tmp_path / "zongji.toml").exists()


def test_an_upgraded_database_agrees_with_the_code_and_may_be_upgraded_again(settings: Path):
    assert zongji("db", "status", settings=settings).code == 0
    assert zongji("db", "upgrade", settings=settings).code == 0


async def test_somebody_who_was_added_can_log_in_with_the_password_shown(
    settings: Path, pg_server: EmbeddedPostgres
):
    said = await asyncio.to_thread(
        zongji, "user", "add", "wang", "--name", "王芳", "--extension", "1001", settings=settings
    )
    first = said.out.split()[-1]
    assert await _may_log_in(settings, "wang", first)

    said = await asyncio.to_thread(zongji, "user", "password", "wang", settings=settings)
    second = said.out.split()[-1]
    assert second != first
    assert not await _may_log_in(settings, "wang", first)
    assert await _may_log_in(settings, "wang", second)

    listed = await asyncio.to_thread(zongji, "user", "list", settings=settings)
    assert [line.split() for line in listed.out.splitlines()] == [["wang", "agent", "1001", "王芳"]]

    await asyncio.to_thread(zongji, "user", "deactivate", "wang", settings=settings)
    assert not await _may_log_in(settings, "wang", second)


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "li", "--name", "李", "--role", "emperor"),
        ("add", "", "--name", "李"),
        ("add", "li", "--name", ""),
        ("add", "li", "--name", "李", "--extension", "10a1"),
        ("password", "nobody"),
        ("deactivate", "nobody"),
    ],
)
def test_what_cannot_be_done_to_people_is_one_sentence(settings: Path, arguments: tuple[str, ...]):
    assert refused(zongji("user", *arguments, settings=settings))


def test_one_log_in_name_is_one_person(settings: Path):
    assert zongji("user", "add", "zhao", "--name", "赵", settings=settings).code == 0

    assert refused(zongji("user", "add", "zhao", "--name", "赵", settings=settings))


def test_what_the_settings_say_is_used_when_nothing_is_given(settings: Path, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("menus: {}\n")

    said = zongji("menu", "check", settings=settings, ZONGJI_LINE_FILE=str(file))
    assert "mine.yaml:" in said.err

    said = zongji("prompts", "check", settings=settings)
    assert "zh/menu_main: missing" in said.out


def test_the_pbx_is_rendered_for_the_agents_of_the_database(settings: Path, tmp_path: Path):
    added = zongji("user", "add", "qian", "--name", "钱", "--extension", "1007", settings=settings)
    assert added.code == 0

    said = zongji("asterisk", "render", "--var", str(tmp_path), settings=settings)

    assert said.code == 0, said.err
    assert "[1007](phone)" in (tmp_path / "pbx" / "etc" / "pjsip_agents.conf").read_text()
    again = zongji("asterisk", "render", "--var", str(tmp_path), settings=settings)
    assert "0 files changed" in again.out


def test_a_wrong_site_file_is_one_sentence(settings: Path, tmp_path: Path):
    said = zongji(
        "asterisk",
        "render",
        "--site",
        str(tmp_path / "site.toml"),
        "--var",
        str(tmp_path),
        settings=settings,
    )

    assert "site.toml cannot be read" in refused(said)


def test_a_second_daemon_in_the_same_folder_is_refused(settings: Path):
    with OnlyOne(settings.parent):
        assert "already serves" in refused(zongji("serve", settings=settings))


async def _may_log_in(settings: Path, login: str, password: str) -> bool:
    database = database_at(tomllib.loads(settings.read_text())["database_url"])
    try:
        await AccountService(database).log_in(login, password, "127.0.0.1")
    except DomainError:
        return False
    finally:
        await database.close()
    return True
