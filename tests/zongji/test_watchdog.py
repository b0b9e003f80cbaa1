"""The watchdog ends a daemon that no longer beats, and ends with one that does."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zongji.watchdog import Heart, notify_systemd

BEATING = """\
import asyncio, sys
from zongji.watchdog import Heart
async def main():
    heart = Heart(float(sys.argv[1]))
    heart.start()
    print(heart._process.pid, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await heart.stop()
asyncio.run(main())
"""

HANGING = """\
import asyncio, sys, time
from zongji.watchdog import Heart
async def main():
    Heart(float(sys.argv[1])).start()
    time.sleep(600)
asyncio.run(main())
"""


@contextlib.contextmanager
def beating(limit_s: float) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process whose heart beats, and the watchdog's process id."""
    with subprocess.Popen(
        [sys.executable, "-c", BEATING, str(limit_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


async def gone(pid: int) -> None:
    """Wait until the process has ended."""
    async with asyncio.timeout(30):
        while True:
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                return
            if state == "Z":
                return
            await asyncio.sleep(0.02)


async def test_a_frozen_daemon_is_killed():
    with beating(0.5) as (daemon, watchdog):
        os.kill(daemon.pid, signal.SIGSTOP)

        assert await asyncio.to_thread(daemon.wait, 30) == -signal.SIGKILL
        assert daemon.stderr is not None
        assert "no sign of life for 0.5 s" in daemon.stderr.read()
        await gone(watchdog)


async def test_a_daemon_whose_loop_hangs_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, "0.5"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as daemon:
        assert await asyncio.to_thread(daemon.wait, 30) == -signal.SIGKILL


async def test_a_daemon_that_beats_lives_and_takes_the_watchdog_with_it():
    with beating(0.5) as (daemon, watchdog):
        with pytest.raises(subprocess.TimeoutExpired):
            await asyncio.to_thread(daemon.wait, 0.8)
        assert daemon.stdin is not None
        daemon.stdin.write("\n")
        daemon.stdin.flush()

        assert await asyncio.to_thread(daemon.wait, 30) == 0
        await gone(watchdog)


async def test_the_watchdog_of_a_killed_daemon_ends_by_itself():
    with beating(60) as (daemon, watchdog):
        daemon.kill()

        await gone(watchdog)


async def test_a_watchdog_that_was_killed_is_started_again():
    heart = Heart(0.4)
    heart.start()
    assert heart._process is not None
    first = heart._process.pid
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(30):
        while heart._process.pid == first:
            await asyncio.sleep(0.02)
    await heart.stop()

    assert heart._process.returncode == 0


async def test_systemd_hears_that_the_service_is_ready_and_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        heart = Heart(5)
        heart.start()

        said = {(await asyncio.to_thread(systemd.recv, 100)).decode() for _ in range(2)}
        await heart.stop()

    assert said == {"READY=1", "WATCHDOG=1"}


def test_systemd_s_abstract_socket_is_understood(monkeypatch: pytest.MonkeyPatch):
    name = f"zongji-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name)
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        notify_systemd("READY=1")

        assert systemd.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    notify_systemd("READY=1")
