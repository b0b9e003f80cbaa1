"""The watchdog outside the event loop: ends a daemon that no longer beats.

A frozen daemon is worse than a dead one: the kernel goes on accepting its FastAGI connections, and
callers hang in silence. Killed, it refuses in a fraction of a millisecond and the dialplan goes its
fallback way. Rule: this process does nothing but read a pipe and, when it is silent, send SIGKILL.
"""

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys

import structlog

log = structlog.get_logger(__name__)


def guard(pid: int, pipe: int, limit_s: float) -> None:
    """Wait for beats on `pipe`; kill `pid` after `limit_s` seconds of silence; end with the daemon."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = os.pidfd_open(pid)
    while True:
        readable, _, _ = select.select([pipe, process], [], [], limit_s)
        if process in readable or (pipe in readable and not os.read(pipe, 4096)):
            return
        if not readable:
            print(f"zongji: no sign of life for {limit_s:g} s, ending it", file=sys.stderr)  # noqa: T201
            signal.pidfd_send_signal(process, signal.SIGKILL)
            return


class Heart:
    """Beats for the watchdog process, and for systemd when it asks (`WatchdogSec`)."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._task: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1

    def start(self) -> None:
        """Start the watchdog process and the beat; call from inside the running loop."""
        self._spawn()
        self._task = asyncio.create_task(self._beat(), name="heart")
        notify_systemd("READY=1")

    def _spawn(self) -> None:
        reading, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(os.getpid()), str(reading), str(self._limit_s)],
            pass_fds=[reading],
            start_new_session=True,
        )
        os.close(reading)

    async def stop(self) -> None:
        """Stop beating; the watchdog sees the closed pipe and ends."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._process is not None:
            os.close(self._pipe)
            await asyncio.to_thread(self._process.wait)

    async def _beat(self) -> None:
        while True:
            try:
                os.write(self._pipe, b".")
            except BlockingIOError:
                log.warning("watchdog_slow")
            except BrokenPipeError:
                log.warning("watchdog_died_and_is_started_again")
                os.close(self._pipe)
                self._spawn()
            notify_systemd("WATCHDOG=1")
            await asyncio.sleep(self._limit_s / 4)


def notify_systemd(state: str) -> None:
    """Tell systemd about the service's state (sd_notify(3)); without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
            to_systemd.sendto(state.encode(), address.replace("@", "\0", 1))


if __name__ == "__main__":
    guard(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
