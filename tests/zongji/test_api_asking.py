"""`zongji api …` against a running daemon, as people and scripts call it."""

import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from typer.testing import CliRunner, Result

from crm_core.db import Database
from crm_core.people.tokens import NewToken
from crm_core.rights import SYSTEM, Right
from tests.ports import free_port
from tests.webui.web_house import House, open_house
from tests.zongji.command import Said, refused, zongji, zongji_anew
from webui.server import Tls
from zongji.cli.api.errors import NotAsked, Refused, Unreachable
from zongji.cli.app import app


@pytest.fixture(scope="module")
async def house(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    async with open_house(database, tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def token(house: House) -> str:
    """An administrator's, with every right."""
    new = NewToken(name="everything", rights=frozenset(Right))
    _, token = await house.services.crm.tokens.create(SYSTEM, new, maker_id=house.ids["admin"])
    return token


async def run(
    house: House, token: str | None, *arguments: str, typed: str = "", **environment: str
) -> Said:
    """In a process of its own."""
    known = {"ZONGJI_TOKEN": token} if token else {}
    return await asyncio.to_thread(
        zongji,
        "api",
        *arguments,
        typed=typed,
        **{"ZONGJI_SERVER": house.server.address, **known, **environment},
    )


async def ask(house: House, token: str | None, *arguments: str, typed: str = "") -> Result:
    """In this process, which is quicker."""
    runner = CliRunner(env={"ZONGJI_SERVER": house.server.address, "ZONGJI_TOKEN": token or ""})
    return await asyncio.to_thread(runner.invoke, app, ["api", *arguments], input=typed)


async def answer(house: House, token: str, *arguments: str, typed: str = "") -> dict:
    result = await ask(house, token, *arguments, "--json", typed=typed)
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout.splitlines()[-1])  # the daemon in this process logs above


async def test_a_record_is_entered_listed_and_shown(house: House, token: str):
    made = await run(
        house,
        token,
        *("todos", "create", "--title", "回电 [red]", "--priority", "high"),
        *("--due-at", "2030-07-31T09:00+08:00", "--customer-id", str(house.customer_id), "--json"),
    )
    assert made.code == 0, made.err
    todo = json.loads(made.out)["todo"]
    assert (todo["title"], todo["priority"]) == ("回电 [red]", "high")

    listed = await ask(house, token, "todos", "list")
    assert ["id", "title"] in [line.split()[:2] for line in listed.stdout.splitlines()]
    assert "回电 [red]" in listed.stdout
    assert "2030-07-31 01:00Z" in listed.stdout

    shown = await ask(house, token, "todos", "show", str(todo["id"]))
    assert "title" in shown.stdout
    assert "回电 [red]" in shown.stdout
    assert "completion_note" in shown.stdout


async def test_only_what_is_given_is_changed(house: House, token: str):
    made = await answer(
        house,
        token,
        "customers",
        "create",
        "--name=海河酒行",
        "--note=n",
        "--city=天津",
        "--phones=02223456780",
    )
    customer = made["customer"]

    given = ("--version", str(customer["version"]), "--city", "北京", "--clear", "note")
    changed = await answer(house, token, "customers", "change", str(customer["id"]), *given)

    assert {name: changed["customer"][name] for name in ("name", "city", "note")} == {
        "name": "海河酒行",
        "city": "北京",
        "note": None,
    }


async def test_an_order_is_placed_once_for_its_key(house: House, token: str):
    body = json.dumps({"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 2}]})

    first = await ask(house, token, "orders", "create", "--body", "-", typed=body)
    assert first.exit_code == 0, first.exception
    key = first.stderr.split("--idempotency-key=")[1].split()[0]
    nested = ("--customer-id", str(house.customer_id), "--lines", '{"sku": "A1", "quantity": 2}')
    second = await answer(house, token, "orders", "create", *nested, "--idempotency-key", key)

    assert second["order"]["number"] in first.stdout


async def test_a_refusal_names_the_options_and_is_code_1(house: House, token: str):
    wrong = ("todos", "create", "--title", "x", "--due-at", "2030-07-31T09:00+08:00")
    said = await run(house, token, *wrong, "--assignee-id", "99999")

    assert "(" in refused(said)
    assert said.out == ""

    result = await ask(house, token, "customers", "show", "99999", "--json")
    assert isinstance(result.exception, Refused)
    assert json.loads(result.stdout.splitlines()[-1])["error"]["code"] == "not_found"

    again = ("customers", "create", "--name", "海河")
    result = await ask(house, token, *again)
    assert "\n  --phones: " in str(result.exception)


async def test_what_is_wrong_is_said_before_anything_is_sent(house: House, token: str):
    result = await ask(house, token, "todos", "create", "--due-at", "tomorrow")

    assert isinstance(result.exception, NotAsked)
    assert [line.strip().split()[0] for line in str(result.exception).splitlines()] == [
        "--title",
        "--due-at:",
    ]


async def test_without_a_token_it_is_said_how_to_make_one(house: House):
    said = str((await ask(house, None, "todos", "list")).exception)

    assert "`zongji token create NAME --for LOGIN --right todo.work`" in said
    assert "ZONGJI_TOKEN" in said


async def test_what_anyone_may_ask_needs_no_token(house: House):
    result = await ask(house, None, "health", "show")

    assert result.exit_code == 0, result.exception


async def test_a_token_is_read_from_a_file_and_a_wrong_one_is_refused(
    house: House, token: str, tmp_path: Path
):
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    right = await ask(house, None, "levels", "list", "--token-file", str(file))
    assert right.exit_code == 0, right.exception

    file.write_text("zj_wrong\n")
    wrong = await ask(house, token, "levels", "list", "--token-file", str(file))
    assert "unknown, revoked or over" in str(wrong.exception)
    assert "zongji token create" in str(wrong.exception)

    file.write_text("two words\r\nX-Header: 1")
    assert isinstance(
        (await ask(house, None, "levels", "list", "--token-file", str(file))).exception, NotAsked
    )


async def test_a_token_without_the_right_says_which_it_lacks(house: House):
    new = NewToken(name="orders only", rights=frozenset({Right.ORDER_VIEW}))
    _, poor = await house.services.crm.tokens.create(SYSTEM, new, maker_id=house.ids["admin"])

    result = await ask(house, poor, "todos", "list")

    assert "`--right todo.work`" in str(result.exception)


async def test_a_file_goes_up_and_its_refused_rows_come_down(
    house: House, token: str, tmp_path: Path
):
    file, refusals = tmp_path / "客户.csv", tmp_path / "refused.xlsx"
    file.write_text("客户名称,电话\n渤海商行,02287654321\n,1\n", encoding="utf-8")

    handed_in = await answer(house, token, "imports", "create", str(file))
    job = handed_in["job"]
    assert (job["filename"], handed_in["headers"]) == ("客户.csv", ["客户名称", "电话"])
    await answer(house, token, "imports", "start", str(job["id"]))
    await house.services.crm.imports.run(job["id"])
    said = await ask(house, token, "imports", "refused", str(job["id"]), "--out", str(refusals))

    assert said.exit_code == 0, said.exception
    assert f"bytes are in {refusals}" in said.stderr.replace("\n", "")
    assert refusals.read_bytes()[:2] == b"PK"
    assert refusals.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


async def test_a_refused_file_leaves_nothing_behind(house: House, token: str, tmp_path: Path):
    out = tmp_path / "sound.wav"
    result = await ask(house, token, "calls", "recording", "0" * 32, "--out", str(out))

    assert isinstance(result.exception, Refused)
    assert list(tmp_path.iterdir()) == []

    nowhere = str(tmp_path / "no" / "folder")
    result = await ask(house, token, "openapi", "show", "--out", nowhere)
    assert "--out" in str(result.exception)


async def test_a_file_may_go_to_standard_output(
    house: House, token: str, capfd: pytest.CaptureFixture[str]
):
    said = await ask(house, token, "openapi", "show", "--out", "-")

    assert said.exit_code == 0, said.exception
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["openapi"] == "3.1.0"


async def test_nothing_to_answer_is_said_in_a_word(house: House, token: str):
    put = ("levels", "change", "kiosk", "--name-zh", "报亭", "--name-en", "Kiosk", "--rank", "9")
    result = await ask(house, token, *put)

    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines()[-1] == "Done."


def test_a_daemon_that_is_not_there_is_one_sentence():
    address = f"http://127.0.0.1:{free_port()}"
    result = CliRunner().invoke(app, ["api", "health", "show", "--server", address])

    assert isinstance(result.exception, Unreachable)
    assert str(result.exception).startswith(f"The daemon does not answer at {address}: start it")


@contextlib.asynccontextmanager
async def somebody_else(
    answer: Callable[[web.Request], Awaitable[web.Response]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """The address of a server that is not the daemon."""
    other = web.Application()
    other.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(other)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_port(), ssl_context=tls).start()
    yield f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
    await runner.cleanup()


async def test_what_is_not_zongji_is_not_believed_and_is_asked_once():
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path.endswith("levels"):
            raise web.HTTPFound("/elsewhere")
        if request.path.endswith("units") and request.transport is not None:
            request.transport.abort()
        return web.Response(text="<html>", status=502)

    async with somebody_else(elsewhere) as address:
        runner = CliRunner(env={"ZONGJI_SERVER": address, "ZONGJI_TOKEN": "zj_1"})
        said = [
            (await asyncio.to_thread(runner.invoke, app, ["api", resource, "list"])).exception
            for resource in ("levels", "roles", "units")
        ]

    assert asked == ["/api/levels", "/api/roles", "/api/units"]
    assert [type(each) for each in said] == [Refused, Refused, Unreachable]
    assert "status 302" in str(said[0])
    assert "whether it was done is not known" in str(said[2])


async def test_a_token_goes_only_to_a_server_whose_certificate_is_known(tmp_path: Path):
    tls = Tls(tmp_path / "cert.pem", tmp_path / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=zongji"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(tls.key), "-out", str(tls.certificate)),
        ],
        check=True,
        capture_output=True,
    )
    tokens: list[str] = []

    async def levels(request: web.Request) -> web.Response:
        tokens.append(request.headers["Authorization"])
        return web.json_response({"items": []})

    async with somebody_else(levels, tls.context()) as address:
        command = ("api", "levels", "list", "--server", address)
        runner = CliRunner(env={"ZONGJI_TOKEN": "zj_1"})
        stranger = await asyncio.to_thread(runner.invoke, app, command)
        assert "The certificate of https://127.0.0.1" in str(stranger.exception)
        assert tokens == []
        own = {"ZONGJI_TOKEN": "zj_1", "SSL_CERT_FILE": str(tls.certificate)}
        known = await asyncio.to_thread(zongji_anew, *command, **own)

    assert (known.out, tokens) == ("Nothing found.\n", ["Bearer zj_1"])


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ("http://line.shop.example", "begins with https://"),
        ("line.shop.example", "takes an address"),
        ("ftp://127.0.0.1", "takes an address"),
        ("https://wang:pw@line.shop.example", "takes an address"),
        ("http://127.0.0.1:x", "takes an address"),
    ],
)
def test_an_address_that_will_not_do_is_one_sentence(server: str, sentence: str):
    result = CliRunner(env={"ZONGJI_TOKEN": "zj_1"}).invoke(
        app, ["api", "todos", "list", "--server", server]
    )

    assert isinstance(result.exception, NotAsked)
    assert sentence in str(result.exception)


def test_the_web_world_is_imported_only_for_the_api():
    program = (
        "import sys, contextlib, typer.testing\n"
        "from zongji.cli.app import app\n"
        "said = typer.testing.CliRunner().invoke(app, ['--help'])\n"
        "assert ' api ' in said.output, said.output\n"
        "print([each for each in ('webui', 'aiohttp') if each in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("zongji api complai", "complaints"),
        ("zongji api todos reo", "reopen"),
        ("zongji api todos create --prio", "--priority"),
        ("zongji api todos create --priority h", "high"),
        ("zongji api roles create --rights order.v", "order.view"),
    ],
)
def test_the_shell_completes_resources_commands_options_and_words(words: str, wanted: str):
    typed = words.split()
    environment = {
        "_ZONGJI_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(typed) - 1),
    }
    result = CliRunner(env=environment).invoke(app, [], prog_name="zongji")

    assert wanted in result.stdout.split()
