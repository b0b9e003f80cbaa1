"""The `zongji` command as people run it: a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


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
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZONGJI_")}
    done = subprocess.run(
        [sys.executable, "-m", "zongji", *arguments],
        env={
            **kept,
            "COLUMNS": "200",
            "ZONGJI_SETTINGS": str(settings or "/nowhere/zongji.toml"),
            **environment,
        },
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def refused(said: Said) -> str:
    """The one sentence of a command that was refused."""
    assert said.code == 1, said
    assert "Traceback" not in said.err
    marked = [line for line in said.err.splitlines() if line.startswith("✗ ")]
    assert len(marked) == 1, said.err
    return said.err.strip().removeprefix("✗ ")
