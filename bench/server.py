"""A PostgreSQL server of one benchmark's own, gone when it ends."""

import importlib
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from crm_core.db import Base, Database
from zongji.platform.postgres import EmbeddedPostgres

_PACKAGES = ("crm_core", "acd", "orders", "dialer", "ivr")


@contextmanager
def database_server(settings: Mapping[str, str]) -> Iterator[tuple[EmbeddedPostgres, Path]]:
    """A started server with these settings, and a folder that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="zongji-bench-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres.prepare(folder / "server", port=_free_port())
    server.start(settings=dict(settings))
    try:
        yield server, folder
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


async def make_schema(database: Database) -> None:
    """Every table, in an empty database."""
    for package in _PACKAGES:
        importlib.import_module(f"{package}.tables")
    async with database.begin() as session:
        await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
