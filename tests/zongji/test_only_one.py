"""One daemon per folder, whatever becomes of the process that had it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zongji.only_one import OnlyOne
from zongji.platform.errors import PlatformError

HOLDER = """\
import sys
from pathlib import Path
from zongji.only_one import OnlyOne
with OnlyOne(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_one_refuses_and_says_who_runs(tmp_path: Path):
    with holder(tmp_path) as first:
        with pytest.raises(PlatformError, match=rf"process {first.pid}\) already serves"):
            OnlyOne(tmp_path).__enter__()
        first.kill()


def test_a_killed_one_leaves_the_folder_free(tmp_path: Path):
    with holder(tmp_path) as first:
        os.kill(first.pid, signal.SIGKILL)

    with OnlyOne(tmp_path):
        assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"


def test_after_a_proper_end_the_next_one_starts(tmp_path: Path):
    with OnlyOne(tmp_path):
        pass
    with OnlyOne(tmp_path):
        pass


def test_two_folders_are_two_daemons(tmp_path: Path):
    with OnlyOne(tmp_path / "one"), OnlyOne(tmp_path / "two"):
        pass
