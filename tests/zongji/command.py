"""The `zongji` command as people run it: a process of its own.

Rule: it is forked from a process that has imported everything, because to import it for each of some hundred commands
takes minutes.
"""

import multiprocessing
import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from zongji import cli

_TIMEOUT_S = 60
_WIDTH = {"COLUMNS": "200"}
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [
        "zongji.bootstrap",
        *(found.name for found in pkgutil.walk_packages(cli.__path__, f"{cli.__name__}.")),
    ]
)


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def zongji(
    *arguments: str, settings: Path | None = None, typed: str = "", **environment: str
) -> Said:
    """Run a command; `settings` is the settings file in use (by default one that is not there), `typed` its
    standard input.
    """
    environment = _environment(settings, environment)
    with tempfile.TemporaryDirectory() as folder:
        streams = tuple(Path(folder) / name for name in ("in", "out", "err"))
        streams[0].write_text(typed, encoding="utf-8")
        process = _FORKING.Process(target=_run, args=(arguments, environment, Path.cwd(), streams))
        with patch.dict(os.environ, _WIDTH):  # what was imported has looked at it
            process.start()
        process.join(_TIMEOUT_S)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
            raise TimeoutError(f"zongji {' '.join(arguments)} did not end")
        return Said(code, streams[1].read_text("utf-8"), streams[2].read_text("utf-8"))


def zongji_anew(*arguments: str, **environment: str) -> Said:
    """Run a command in a process that imports everything by itself, in this environment."""
    done = subprocess.run(
        [sys.executable, "-m", "zongji", *arguments],
        env=_environment(None, environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def _environment(settings: Path | None, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZONGJI_")}
    given = {"ZONGJI_SETTINGS": str(settings or "/nowhere/zongji.toml")}
    return kept | _WIDTH | given | dict(more)


def _run(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    folder: Path,
    streams: tuple[Path, Path, Path],
) -> None:
    """In the process of the command."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["zongji", *arguments]
    with ExitStack() as opened:
        for number, (path, mode) in enumerate(zip(streams, ("rb", "wb", "wb"), strict=True)):
            os.dup2(opened.enter_context(path.open(mode)).fileno(), number)
        sys.stdin = opened.enter_context(open(0, encoding="utf-8", closefd=False))
        sys.stdout = opened.enter_context(open(1, "w", encoding="utf-8", closefd=False))
        sys.stderr = opened.enter_context(open(2, "w", encoding="utf-8", closefd=False))
        runpy.run_module("zongji", run_name="__main__", alter_sys=True)


def refused(said: Said) -> str:
    """The one sentence of a command that was refused."""
    assert said.code == 1, said
    assert "Traceback" not in said.err
    marked = [line for line in said.err.splitlines() if line.startswith("✗ ")]
    assert len(marked) == 1, said.err
    return said.err.strip().removeprefix("✗ ")
