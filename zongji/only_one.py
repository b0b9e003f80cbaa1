"""One daemon per folder of data. Rule: a second one started by mistake refuses and says who runs."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from zongji.platform.errors import PlatformError


class OnlyOne:
    """Holds `<folder>/daemon.lock` while the daemon lives; the kernel lets go when it dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "daemon.lock"
        self._file = -1

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode().strip() or "another process"
            os.close(self._file)
            raise PlatformError(
                f"A Zongji daemon (process {holder}) already serves {self._path.parent}: "
                "stop it first, or set another `var` folder."
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)
