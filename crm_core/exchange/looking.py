"""A first look at a file that somebody hands in, in a process of its own.

Rule: whatever a file unpacks to, only that process holds it, and it may take so much memory and time and no
more; the daemon reads nothing but what it says of the file.
"""

import asyncio
import hashlib
import json
import resource
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from crm_core.errors import Invalid
from crm_core.exchange.sheets import read_sheet
from crm_core.exchange.values import text

MOST_MEMORY = 3 * 1024**3
_MOST_CPU_S = 120
_PREVIEW = 5


@dataclass(frozen=True, slots=True)
class Looked:
    """The columns' names, how many rows there are at most, and the first ones as text."""

    headers: tuple[str, ...]
    total: int
    rows: tuple[tuple[str, ...], ...]


async def look(path: Path, *, most_memory: int = MOST_MEMORY) -> Looked:
    """Raises Invalid when the file is no table, has no header row, or unpacks to too much."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(path), str(most_memory),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise Invalid(
            "The file takes too much memory or time when it is unpacked: save only the sheet that is"
            " wanted, without empty rows and columns, or cut it into several.",
            fields={"body": "too large unpacked"},
        )
    found = json.loads(said)
    if "refused" in found:
        raise Invalid(found["refused"])
    return Looked(
        tuple(found["headers"]), found["total"], tuple(tuple(each) for each in found["rows"])
    )


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _answer(path: Path) -> dict[str, object]:
    try:
        sheet = read_sheet(path)
        rows = [[text(cell) or "" for cell in row.cells] for row in islice(sheet.rows(), _PREVIEW)]
    except Invalid as error:
        return {"refused": error.message}
    return {"headers": sheet.headers, "total": sheet.total, "rows": rows}


def main() -> None:
    """The process itself: its arguments are the file and the bytes it may take, its answer is JSON."""
    most = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_S, _MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(_answer(Path(sys.argv[1])), sys.stdout)


if __name__ == "__main__":
    main()
