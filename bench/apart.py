"""The daemon before the others that want the processor, as services (`CPUWeight=`) and containers (`cpu_shares`) of their own have it:
Linux then shares it between them, whatever number of threads each has.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_SHARES, _WEIGHT, _PBX_NICE = 4096, 400, 15


@contextlib.contextmanager
def daemon_first(daemon: int | None, pbx: int | None) -> Iterator[None]:
    """In control groups; where these may not be made, Asterisk is made nice."""
    made: list[Path] = []
    try:
        try:
            for name, pid in (("pbx", pbx), ("daemon", daemon)):
                group = _groups() / f"zongji-bench-{os.getpid()}-{name}"
                group.mkdir()
                made.append(group)
                (group / "cgroup.procs").write_text(str(pid))
            _prefer(made[-1])
        except OSError:
            for thread in Path(f"/proc/{pbx}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), _PBX_NICE)
        yield
    finally:
        for group in made:
            for each in (group / "cgroup.procs").read_text().split():
                (group.parent / "cgroup.procs").write_text(each)
            group.rmdir()


def _groups() -> Path:
    """Where groups for the processor are made, of version 1 or 2."""
    first = _CGROUPS / "cpu"
    if first.is_dir():
        return first
    (_CGROUPS / "cgroup.subtree_control").write_text("+cpu")
    return _CGROUPS


def _prefer(group: Path) -> None:
    first = group / "cpu.shares"
    if first.exists():
        first.write_text(str(_SHARES))
    else:
        (group / "cpu.weight").write_text(str(_WEIGHT))
