"""`zongji serve` with a clock that is set at SIGUSR1: ahead of the machine's by so many seconds as a file says.

Usage: python -m tests.integration.clocked FILE. Steady time goes on as it does.
"""

import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

from zongji.cli import main


def serve(file: Path) -> None:
    clock = time_machine.travel(datetime.now(UTC)).start()
    ahead = timedelta()

    def set_clock(*_: object) -> None:
        nonlocal ahead
        wanted = timedelta(seconds=float(file.read_text()))
        clock.shift(wanted - ahead)
        ahead = wanted

    signal.signal(signal.SIGUSR1, set_clock)
    sys.argv[1:] = ["serve"]
    main()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
