"""The embedded PostgreSQL: asks for its password, keeps its data, stops by its own process id."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.folders import enterable
from tests.ports import free_port
from zongji.platform.errors import PlatformError
from zongji.platform.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    folder = enterable(tmp_path_factory.mktemp("postgres"))
    made = EmbeddedPostgres.prepare(folder / "server", port=free_port())
    made.start()
    yield made
    made.stop()


async def connect(server: EmbeddedPostgres, **more: object) -> asyncpg.Connection:
    options = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "database": "zongji"}
    return await asyncpg.connect(**options | more)


async def test_it_answers_with_its_password(server: EmbeddedPostgres):
    connection = await asyncpg.connect(server.url())
    assert await connection.fetchval("SELECT current_database()") == "zongji"
    await connection.close()


@pytest.mark.parametrize("password", ["", "postgres", "wrong"])
async def test_nobody_enters_without_it(server: EmbeddedPostgres, password: str):
    with pytest.raises(
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)
    ):
        await connect(server, password=password)


async def test_it_listens_on_loopback_only(server: EmbeddedPostgres):
    assert server.execute("SHOW listen_addresses").strip() == "127.0.0.1"
    assert server.execute("SHOW unix_socket_directories").strip() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")
def test_root_s_own_folder_that_nobody_else_may_enter_is_no_obstacle(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres.prepare(closed / "server", port=free_port())
    try:
        server.start()
        assert server.execute("SELECT 1").strip() == "1"
    finally:
        server.stop()
        shutil.rmtree(server.folder)
    assert not (closed / "server").exists()


def test_its_password_is_for_its_owner_only(server: EmbeddedPostgres):
    assert (server.folder / "password").stat().st_mode & 0o077 == 0
    assert (server.folder / "data").stat().st_mode & 0o077 == 0
    assert len(server.password) >= 32


def test_data_outlives_a_stop_a_second_preparation_and_a_crash(server: EmbeddedPostgres):
    server.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
    password = server.password
    server.stop()
    assert server.pid is None

    again = EmbeddedPostgres.prepare(server.folder, port=server.port)
    again.start()
    assert again.password == password
    assert again.execute("SELECT n FROM kept").strip() == "1"

    again.stop(mode="immediate")
    again.start()
    assert again.execute("SELECT n FROM kept").strip() == "1"


def test_stopping_what_does_not_run_is_nothing(tmp_path: Path):
    EmbeddedPostgres(tmp_path, free_port(), None, tmp_path).stop()


def test_a_second_start_in_the_same_folder_is_refused_in_one_sentence(server: EmbeddedPostgres):
    pid = server.pid

    with pytest.raises(
        PlatformError, match=rf"already runs in .* \(process {pid}\): stop it first"
    ):
        server.start()
    assert server.pid == pid


def test_a_process_that_got_the_number_of_a_dead_server_is_not_taken_for_it(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")

    assert EmbeddedPostgres(tmp_path, free_port(), None, tmp_path).pid is None


def test_a_port_in_use_is_refused_with_the_way_to_the_log(
    server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
):
    other = EmbeddedPostgres.prepare(server.folder.parent / "other", port=server.port)

    with pytest.raises(PlatformError, match=r"^PostgreSQL's pg_ctl failed: .*\(see .*log\)\.$"):
        other.start()
    assert other.pid is None


def test_a_statement_that_fails_says_why(server: EmbeddedPostgres):
    with pytest.raises(PlatformError, match=r"psql failed: ERROR: .*nothing. does not exist"):
        server.execute("SELECT * FROM nothing")
